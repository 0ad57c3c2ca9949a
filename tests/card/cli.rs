//! `show`, `convert` and `edit` as a user types them.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

use super::png::{end, header, pixels, png};
use cardwright::card::{Card, write_png};

/// Runs the command in `folder`: exit code, standard output, standard error.
pub(super) fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("cardwright")
        .unwrap()
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("CARDWRIGHT_MODELS", folder)
        .env_remove("CARDWRIGHT_MODEL")
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn folder_with_card() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = png(&[header(), pixels(), end()]);
    fs::write(folder.path().join("image.png"), &image).unwrap();
    let written = write_png(&image, &Card::new("Carina")).unwrap();
    fs::write(folder.path().join("carina.png"), written).unwrap();
    folder
}

#[test]
fn an_edit_in_place_is_seen_by_show() {
    let folder = folder_with_card();
    fs::write(folder.path().join("greeting.txt"), "\"Ahoy,\" she said.\n").unwrap();
    let edit = [
        "edit",
        "carina.png",
        "--set",
        "tags[0]=sea",
        "--set",
        "first_mes=@greeting.txt",
    ];
    assert_eq!(run(folder.path(), &edit), (0, String::new(), String::new()));
    let (code, out, err) = run(folder.path(), &["show", "carina.png"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out, @r#"
    Carina  V3 in PNG, carina.png
    Tags      sea
    Tokens    0 permanent, 5 temporary (a guess: four characters each, there is no model to count with)

    Greeting  18 characters
      "Ahoy," she said.
    "#);
}

#[test]
fn a_hostile_card_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.json"),
        r#"{"name":"\u001b[31mRed\u202e","scenario":"x\u0007\u0000y","tags":["\u009b2J"]}"#,
    )
    .unwrap();
    let (code, out, _) = run(folder.path(), &["show", "a.json"]);
    assert_eq!(code, 0);
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
    assert!(out.contains(r"\u{1b}[31mRed\u{202e}"), "{out}");
}

#[test]
fn no_file_is_written_over_unasked() {
    let folder = folder_with_card();
    let convert = ["convert", "carina.png", "-o", "carina.json"];
    assert_eq!(run(folder.path(), &convert).0, 0);
    fs::write(folder.path().join("carina.json"), "mine").unwrap();
    let (code, _, err) = run(folder.path(), &convert);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "error: carina.json: this file is there already\nhint: `--force` writes over it\n"
    );
    let edit = ["edit", "carina.png", "--set", "name=X", "-o", "carina.json"];
    assert_eq!(run(folder.path(), &edit).0, 2);
    assert_eq!(
        fs::read(folder.path().join("carina.json")).unwrap(),
        b"mine"
    );
    assert_eq!(
        run(folder.path(), &[&convert[..], &["--force"]].concat()).0,
        0
    );
}

#[test]
fn a_failed_edit_leaves_the_file() {
    let folder = folder_with_card();
    let before = fs::read(folder.path().join("carina.png")).unwrap();
    for arguments in [
        &["edit", "carina.png"][..],
        &["edit", "carina.png", "--set", "name"],
        &["edit", "carina.png", "--set", "name.x=1"],
        &["edit", "carina.png", "--unset", "nowhere"],
        &[
            "edit",
            "carina.png",
            "--set",
            "name=X",
            "--image",
            "missing.png",
        ],
        &["edit", "-", "--set", "name=X"],
    ] {
        assert_eq!(run(folder.path(), arguments).0, 2, "{arguments:?}");
    }
    assert_eq!(fs::read(folder.path().join("carina.png")).unwrap(), before);
}

#[test]
fn a_card_goes_there_and_back() {
    let folder = folder_with_card();
    let convert = |arguments: &[&str]| {
        let (code, out, err) = run(folder.path(), &[&["convert"], arguments].concat());
        assert_eq!(code, 0, "{err}");
        out
    };
    convert(&["carina.png", "-o", "carina.json"]);
    convert(&["carina.json", "--image", "image.png", "-o", "again.png"]);
    assert_eq!(
        fs::read(folder.path().join("again.png")).unwrap(),
        fs::read(folder.path().join("carina.png")).unwrap()
    );
    let v1 = convert(&["carina.png", "--to", "v1", "-o", "-"]);
    assert!(v1.starts_with(r#"{"name":"Carina","#), "{v1}");
    convert(&["carina.json", "again.png", "--as", "json", "-o", "out"]);
    assert_eq!(
        fs::read(folder.path().join("out/again.json")).unwrap(),
        fs::read(folder.path().join("carina.json")).unwrap()
    );
}

#[cfg(feature = "pictures")]
/// A picture of 4 by 6 pixels, in another format than PNG.
fn picture(format: image::ImageFormat) -> Vec<u8> {
    let mut pixels = image::RgbImage::new(4, 6);
    for (x, y, pixel) in pixels.enumerate_pixels_mut() {
        *pixel = image::Rgb([x as u8 * 60, y as u8 * 40, 128]);
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[cfg(feature = "pictures")]
#[test]
fn an_avatar_may_be_a_png_jpeg_or_webp() {
    use image::ImageFormat::{Jpeg, Png, WebP};
    let folder = folder_with_card();
    let path = |name: &str| folder.path().join(name);
    let card = Card::open(&path("carina.png")).unwrap().card;
    for (name, format) in [("a.png", Png), ("a.jpg", Jpeg), ("a.webp", WebP)] {
        let bytes = picture(format);
        fs::write(path(name), &bytes).unwrap();
        let edit = ["edit", "carina.png", "--image", name];
        assert_eq!(run(folder.path(), &edit), (0, String::new(), String::new()));
        let written = fs::read(path("carina.png")).unwrap();
        assert_eq!(Card::from_bytes(&written).unwrap().card, card, "{name}");
        let (after, before) = (
            image::load_from_memory(&written),
            image::load_from_memory(&bytes),
        );
        assert_eq!(
            after.unwrap().to_rgb8(),
            before.unwrap().to_rgb8(),
            "{name}"
        );
        if format == Png {
            // A PNG goes in chunk by chunk: nothing of it is encoded anew.
            let image = write_png(&bytes, &card).unwrap();
            assert_eq!(written, image);
        }
    }
    // A photo that lies on its side is turned, for PNG readers do not look at the camera's data.
    let mut turned = picture(Jpeg);
    let exif =
        b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    turned.splice(2..2, exif.iter().copied());
    fs::write(path("turned.jpg"), turned).unwrap();
    assert_eq!(
        run(
            folder.path(),
            &["edit", "carina.png", "--image", "turned.jpg"]
        )
        .0,
        0
    );
    let written = image::load_from_memory(&fs::read(path("carina.png")).unwrap()).unwrap();
    assert_eq!((written.width(), written.height()), (6, 4));
    let before = fs::read(path("carina.png")).unwrap();
    for (name, bytes, said) in [
        (
            "b.gif",
            &b"GIF89a\x01\0\x01\0\0\0\0;"[..],
            "the picture is no PNG, JPEG or WEBP",
        ),
        (
            "b.jpg",
            &picture(Jpeg)[..40],
            "the picture cannot be decoded",
        ),
    ] {
        fs::write(path(name), bytes).unwrap();
        let (code, _, err) = run(folder.path(), &["edit", "carina.png", "--image", name]);
        assert_eq!(code, 2);
        assert!(err.contains(said) && err.contains(name), "{err}");
    }
    assert_eq!(fs::read(path("carina.png")).unwrap(), before);
}
