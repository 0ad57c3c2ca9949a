//! The folder of cards, with guests who mean no good.

use std::fs;

use serde_json::json;

use super::Server;

#[test]
fn cards_are_listed_and_read_by_name() {
    let server = Server::of_cards("cards".as_ref());
    let listed = server.get("/api/cards").json();
    let names: Vec<_> = listed["cards"]
        .as_array()
        .unwrap()
        .iter()
        .map(|card| card["file"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"anselm.png") && !names.contains(&"README.md"),
        "{names:?}"
    );
    assert_eq!(
        (&listed["unreadable"], &listed["complete"]),
        (&json!([]), &json!(true))
    );
    let card = server.get("/api/cards/anselm.png").json();
    assert_eq!(card["name"], card["card"]["data"]["name"]);
    assert_eq!(server.get("/api/cards/nobody.png").status, 404);
    let (without, _) = Server::script(&[]);
    assert_eq!(without.get("/api/cards").status, 404);
}

#[test]
fn hostile_cards_hurt_nobody_and_nothing_outside_the_folder_is_opened() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.json");
    fs::write(
        &secret,
        r#"{"spec":"chara_card_v2","data":{"name":"Secret"}}"#,
    )
    .unwrap();
    let folder = outside.path().join("cards");
    fs::create_dir(&folder).unwrap();
    let markup = r#"{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"<script>alert(1)</script>","tags":["\u001b[2J"]}}"#;
    fs::write(folder.join("markup.json"), markup).unwrap();
    fs::write(folder.join("deep.json"), "[".repeat(1 << 20)).unwrap();
    fs::write(folder.join("empty.png"), "").unwrap();
    fs::write(
        folder.join("cut.png"),
        b"\x89PNG\r\n\x1a\n\x7f\xff\xff\xfftEXtchara",
    )
    .unwrap();
    fs::create_dir(folder.join("folder.json")).unwrap();
    fs::File::create(folder.join("huge.png"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.join("link.json")).unwrap();
    let server = Server::of_cards(&folder);
    let answer = server.get("/api/cards");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let listed = answer.json();
    assert_eq!(listed["cards"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["cards"][0]["name"], "<script>alert(1)</script>");
    let unreadable = listed["unreadable"].as_array().unwrap();
    let files: Vec<_> = unreadable
        .iter()
        .map(|card| card["file"].as_str().unwrap())
        .collect();
    assert_eq!(files, ["cut.png", "deep.json", "empty.png", "huge.png"]);
    let place = outside.path().to_str().unwrap();
    assert!(!answer.body.contains(place), "{}", answer.body);
    for name in [
        "link.json",
        "folder.json",
        "..%2Fsecret.json",
        "%2e%2e%2fsecret.json",
        "..%5Csecret.json",
        "%2Fetc%2Fpasswd",
        "cards%2F..%2F..%2Fsecret.json",
        "markup.json%00.png",
        "markup.json%2F",
        ".",
        "%FF",
    ] {
        let answer = server.get(&format!("/api/cards/{name}"));
        assert!(matches!(answer.status, 400 | 404), "{name}: {answer:?}");
        assert!(
            !answer.body.contains("Secret") && !answer.body.contains(place),
            "{answer:?}"
        );
    }
    assert_eq!(server.get("/api/cards/cut.png").status, 400);
    let link = format!("/api/cards/{}", secret.to_str().unwrap());
    assert_eq!(server.get(&link).status, 404);
}
