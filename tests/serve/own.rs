//! Prompts that are rendered, checked and watched.

use std::sync::Arc;

use cardwright::engine::Script;
use cardwright::serve::Options;
use serde_json::json;

use super::Server;

#[test]
fn what_the_server_renders_it_finds_nothing_wrong_with() {
    let (server, _) = Server::script(&[]);
    let conversation = json!({
        "char": "Lucian", "user": "Mara",
        "char_persona": "Lucian is a patient lighthouse keeper.",
        "user_persona": "Mara is a sailor.",
        "scenario": "Mara comes ashore in a storm.",
        "length": "average",
        "messages": [
            {"role": "char", "text": "A knock. Lucian looks up."},
            {"role": "user", "text": "\"Is anybody there?\""},
        ],
    });
    let rendered = server.post("/api/prompt/render", &conversation).json();
    let prompt = rendered["prompt"].as_str().unwrap();
    assert!(prompt.ends_with("Lucian:"), "{prompt}");
    assert!(rendered["tokens"].as_u64().unwrap() > 10);
    let checked = server
        .post("/api/prompt/check", &json!({"prompt": prompt}))
        .json();
    assert_eq!(checked["format"], "limarp-v1");
    assert_eq!(checked["findings"], json!([]));
    assert_eq!(checked["fixed"], prompt);
    let unknown = server.post(
        "/api/prompt/check",
        &json!({"prompt": "", "format": "/etc/passwd"}),
    );
    assert_eq!(unknown.status, 400);
    assert!(
        !server
            .get("/api/prompt/formats")
            .json()
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_watched_prompt_has_its_findings_in_the_log_and_in_headers() {
    let script = Arc::new(Script::replies([["a"], ["b"]]));
    let options = Options {
        watch: true,
        ..Options::default()
    };
    let server = Server::with(script, options);
    let good = "<<SYSTEM>>\nLucian's Persona: Lucian is patient.\n\nMara's Persona: Mara is a sailor.\n\nScenario: A storm.\n\nPlay the role of Lucian. You must engage in a roleplaying chat with Mara below this line. Do not write dialogues and narration for Mara. Lucian should respond with messages of average length.\n\n<<AIBOT>>\nLucian: A knock.\n\n<<HUMAN>>\nMara: Hello.\n\n<<AIBOT>>\nLucian:";
    let answer = server.post("/completion", &json!({"prompt": good}));
    assert_eq!(answer.header("cardwright-format"), Some("limarp-v1"));
    assert_eq!(
        answer.header("cardwright-findings"),
        Some("none"),
        "{:?}",
        server.log()
    );
    let bad = good.replace("<<HUMAN>>", "<<Human>>");
    let answer = server.post("/completion", &json!({"prompt": bad}));
    assert_eq!(answer.header("cardwright-findings"), Some("tag-case"));
    let log = server.log();
    assert_eq!(log[0], "prompt in `limarp-v1`: no finding");
    assert!(
        log.iter().any(|line| line.contains("tag-case at byte")),
        "{log:?}"
    );
}

#[test]
fn the_model_s_own_chat_template_is_a_format_too() {
    let script = Script::replies([["a"]]).with_chat_template(crate::prompt::CHATML);
    let options = Options {
        format: Some(cardwright::prompt::Format::named("limarp-v1").unwrap()),
        ..Options::default()
    };
    let script = Arc::new(script);
    let server = Server::with(Arc::clone(&script) as Arc<_>, options);
    let said = json!([{"role": "user", "content": "Hello."}]);
    let answer = server.post(
        "/v1/chat/completions",
        &json!({"messages": said, "format": "model"}),
    );
    assert_eq!(answer.status, 200);
    let asked = &script.requests()[0];
    assert_eq!(
        asked.prompt,
        "<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n"
    );
    let conversation = json!({"char": "Lucian", "user": "Mara", "format": "model",
        "messages": [{"role": "user", "text": "Hello."}]});
    let rendered = server.post("/api/prompt/render", &conversation).json();
    let prompt = rendered["prompt"].as_str().unwrap();
    assert!(
        prompt.ends_with("Hello.<|im_end|>\n<|im_start|>assistant\n"),
        "{prompt}"
    );
    assert_eq!(rendered["special_tokens"], true);
    let checked = server.post(
        "/api/prompt/check",
        &json!({"prompt": prompt, "format": "model"}),
    );
    assert_eq!(checked.status, 400);
    let (without, _) = Server::script(&[]);
    for (path, body) in [
        ("/api/prompt/render", &conversation),
        ("/api/generate", &json!({"format": "model"})),
    ] {
        let refused = without.post(path, body);
        assert_eq!(refused.status, 400, "{path}");
        assert!(refused.json().to_string().contains("has no chat template"));
    }
    let both = server.post("/api/generate", &json!({"format": "model", "shots": 1}));
    assert_eq!(both.status, 400);
}
