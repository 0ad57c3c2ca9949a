//! What front-ends send and what they read from the answer.
//!
//! The bodies in `fixtures/serve/sillytavern` are what SillyTavern 1.19.0 sends, with its default settings and with
//! those of LimaRP.

use cardwright::engine::Request;
use cardwright::sampling::Step;
use serde_json::{Value, json};

use super::Server;

const REPLY: &[&str] = &["\"Come", " in,\"", " he said.", "\n<<HUMAN>>", " no"];

fn fixture(name: &str) -> Value {
    let path = format!("tests/fixtures/serve/sillytavern/{name}.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the LimaRP settings of each type become.
fn is_limarp(request: &Request) {
    let settings = &request.settings;
    assert_eq!(settings.temperature, 0.7);
    assert_eq!(settings.tail_free, 0.85);
    assert_eq!(settings.repetition_penalty, 1.1);
    assert_eq!(settings.repetition_range, 2048);
    assert_eq!(settings.seed, Some(7));
    assert_eq!((settings.top_k, settings.top_p), (0, 1.0));
    assert!(settings.order.contains(&Step::TailFree));
    assert_eq!(request.max_tokens, 300);
    assert!(request.stop.contains(&"\n<<HUMAN>>".to_owned()));
    assert!(request.prompt.ends_with("<<AIBOT>>\nLucian:"));
}

#[test]
fn sillytavern_reads_a_reply_of_llama_cpp() {
    let (server, script) = Server::script(&[REPLY]);
    let answer = server.post("/completion", &fixture("llamacpp-limarp"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(json["content"], "\"Come in,\" he said.");
    assert_eq!(
        (&json["stop"], &json["stop_type"]),
        (&json!(true), &json!("word"))
    );
    assert_eq!(json["stopping_word"], "\n<<HUMAN>>");
    assert_eq!(json["generation_settings"]["tfs_z"], 0.85);
    let request = &script.requests()[0];
    is_limarp(request);
    assert!(request.settings.ban_end_of_text);
    assert_eq!(answer.header("cardwright-ignored"), None);
    assert!(server.log().is_empty(), "{:?}", server.log());
}

#[test]
fn sillytavern_reads_a_stream_of_llama_cpp() {
    let (server, _) = Server::script(&[REPLY]);
    let mut body = fixture("llamacpp-limarp");
    body["stream"] = true.into();
    let answer = server.post("/completion", &body);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events = answer.events();
    let text: String = events
        .iter()
        .filter_map(|event| event["content"].as_str())
        .collect();
    assert_eq!(text, "\"Come in,\" he said.");
    let last = events.last().unwrap();
    assert_eq!(last["stop"], true);
    assert!(
        events[..events.len() - 1]
            .iter()
            .all(|event| event["stop"] == false)
    );
}

#[test]
fn sillytavern_reads_a_reply_of_text_generation_webui() {
    let (server, script) = Server::script(&[REPLY]);
    let answer = server.post("/v1/completions", &fixture("ooba-limarp"));
    let json = answer.json();
    assert_eq!(json["choices"][0]["text"], "\"Come in,\" he said.");
    assert_eq!(json["choices"][0]["finish_reason"], "stop");
    let request = &script.requests()[0];
    is_limarp(request);
    assert_eq!(request.settings.order.last(), Some(&Step::Temperature));
    assert!(server.log().is_empty(), "{:?}", server.log());
}

#[test]
fn a_range_of_0_is_the_whole_context_for_text_generation_webui_alone() {
    let (server, script) = Server::script(&[&["a"], &["b"]]);
    server.post("/v1/completions", &fixture("ooba-default"));
    server.post("/completion", &fixture("llamacpp-default"));
    let ranges: Vec<i32> = script
        .requests()
        .iter()
        .map(|request| request.settings.repetition_range)
        .collect();
    assert_eq!(ranges, [-1, 0]);
}

#[test]
fn sillytavern_reads_a_stream_of_koboldcpp() {
    let (server, script) = Server::script(&[REPLY]);
    let mut body = fixture("koboldcpp-limarp");
    body["stream"] = true.into();
    let answer = server.post("/v1/completions", &body);
    assert_eq!(answer.data().last(), Some(&"[DONE]"));
    let events = answer.events();
    let choices: Vec<&Value> = events.iter().map(|event| &event["choices"][0]).collect();
    let text: String = choices
        .iter()
        .filter_map(|choice| choice["text"].as_str())
        .collect();
    assert_eq!(text, "\"Come in,\" he said.");
    assert_eq!(choices.last().unwrap()["finish_reason"], "stop");
    is_limarp(&script.requests()[0]);
    assert_eq!(script.requests()[0].settings.order, Step::DEFAULT_ORDER);
}

#[test]
fn sillytavern_reads_a_reply_and_a_stream_of_koboldai() {
    let (server, script) = Server::script(&[REPLY, REPLY]);
    let answer = server.post("/api/v1/generate", &fixture("kobold-limarp"));
    assert_eq!(answer.json()["results"][0]["text"], "\"Come in,\" he said.");
    is_limarp(&script.requests()[0]);
    let answer = server.post("/api/extra/generate/stream", &fixture("kobold-limarp"));
    assert!(
        answer.body.starts_with("event: message\ndata: "),
        "{answer:?}"
    );
    let events = answer.events();
    let text: String = events
        .iter()
        .filter_map(|event| event["token"].as_str())
        .collect();
    assert_eq!(text, "\"Come in,\" he said.");
    assert_eq!(events.last().unwrap()["finish_reason"], "stop");
}

#[test]
fn every_status_that_sillytavern_asks_for_is_answered() {
    let (server, _) = Server::script(&[]);
    let models = server.get("/v1/models").json();
    assert_eq!(models["data"][0]["id"], "script");
    assert_eq!(
        server.get("/v1/internal/model/info").json()["model_name"],
        "script"
    );
    let props = server.get("/props?model=script").json();
    assert!(props["chat_template"].is_string());
    assert_eq!(props["default_generation_settings"]["n_ctx"], 4096);
    assert_eq!(props["total_slots"], 4);
    assert_eq!(server.get("/health").json()["status"], "ok");
    assert_eq!(server.get("/slots").json().as_array().unwrap().len(), 4);
    assert_eq!(server.get("/api/v1/info/version").json()["result"], "1.2.5");
    assert_eq!(
        server.get("/api/extra/version").json()["result"],
        "KoboldCpp"
    );
    assert_eq!(server.get("/api/v1/model").json()["result"], "script");
    assert_eq!(
        server.get("/api/v1/config/max_context_length").json()["value"],
        4096
    );
    assert_eq!(
        server.get("/api/extra/true_max_context_length").json()["value"],
        4096
    );
    assert!(server.get("/api/v1/config/soft_prompts_list").json()["values"].is_array());
    assert_eq!(server.get("/api/extra/perf").json()["idle"], 1);
    let nothing = server.get("/v1/nothing");
    assert_eq!(
        (nothing.status, &nothing.json()["error"]["code"]),
        (404, &json!(404))
    );
    assert_eq!(server.get("/v1/completions").status, 405);
}

#[test]
fn four_families_count_the_same_tokens() {
    let (server, _) = Server::script(&[]);
    let text = "Good evening, old friend.";
    let tokens = server
        .post("/tokenize", &json!({"model": "", "content": text}))
        .json();
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 4);
    let encoded = server
        .post("/v1/internal/encode", &json!({"text": text}))
        .json();
    assert_eq!(
        (&encoded["length"], &encoded["tokens"]),
        (&json!(4), &tokens["tokens"])
    );
    let counted = server.post(
        "/api/extra/tokencount",
        &json!({"prompt": text, "special": false}),
    );
    assert_eq!(counted.json(), json!({"value": 4, "ids": tokens["tokens"]}));
    let old = server
        .post("/api/v1/token-count", &json!({"prompt": text}))
        .json();
    assert_eq!(old["results"][0]["tokens"], 4);
    let back = server
        .post("/detokenize", &json!({"tokens": tokens["tokens"]}))
        .json();
    assert_eq!(back["content"], text);
    let back = server
        .post("/v1/internal/decode", &json!({"tokens": tokens["tokens"]}))
        .json();
    assert_eq!(back["text"], text);
    let unknown = server.post("/detokenize", &json!({"tokens": [99]}));
    assert_eq!(unknown.status, 400);
}

#[test]
fn swipes_are_choices_with_seeds_of_their_own() {
    let replies: &[&[&str]] = &[&["one"], &["two"], &["three"], &["four"]];
    let (server, script) = Server::script(replies);
    let body = json!({"prompt": "Once", "n": "2", "seed": 5});
    let answer = server.post("/v1/completions", &body).json();
    let texts: Vec<&Value> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| &choice["text"])
        .collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(answer["usage"]["completion_tokens"], 2);
    let seeds: Vec<_> = script.requests().iter().map(|r| r.settings.seed).collect();
    assert_eq!(seeds, [Some(5), Some(6)]);
    let body = json!({"prompt": "Once", "n": 2, "stream": true});
    let answer = server.post("/completion", &body);
    let second: Vec<Value> = answer
        .events()
        .into_iter()
        .filter(|event| event["index"] == 1)
        .collect();
    assert_eq!(second[0]["content"], "four");
    assert_eq!(
        server
            .post("/v1/completions", &json!({"prompt": "", "n": 99}))
            .status,
        400
    );
}

#[test]
fn what_is_not_done_is_said_once_in_the_log_and_each_time_in_a_header() {
    let (server, _) = Server::script(&[&["a"], &["b"]]);
    let body =
        json!({"prompt": "Once", "guidance_scale": 1.5, "dry_multiplier": 0.8, "quite_new": "x"});
    for _ in 0..2 {
        let answer = server.post("/completion", &body);
        assert_eq!(
            answer.header("cardwright-ignored"),
            Some("guidance_scale, quite_new")
        );
    }
    assert_eq!(server.log(), ["ignored: guidance_scale, quite_new"]);
}

#[test]
fn numbers_may_be_texts_and_what_makes_no_sense_is_refused_by_name() {
    let (server, script) = Server::script(&[&["a"]]);
    let body = json!({"prompt": "Once", "temperature": "0.5", "top_k": -1, "max_tokens": "-1",
        "stop": null, "grammar": null, "seed": -1, "logprobs": null});
    assert_eq!(server.post("/v1/completions", &body).status, 200);
    let request = &script.requests()[0];
    assert_eq!(request.settings.temperature, 0.5);
    assert_eq!((request.settings.top_k, request.settings.seed), (0, None));
    assert_eq!(request.max_tokens, 4096);
    for (field, value) in [
        ("temperature", json!("warm")),
        ("temperature", json!(50)),
        ("top_p", json!(1.5)),
        ("stop", json!([1])),
        ("stream", json!([])),
        ("prompt", json!({})),
        ("prompt", json!([])),
    ] {
        let mut body = json!({"prompt": "Once"});
        body[field] = value;
        let answer = server.post("/v1/completions", &body);
        let message = answer.json()["error"]["message"].to_string();
        assert_eq!(answer.status, 400, "{message}");
        assert!(message.contains(field), "{message}");
    }
    for body in ["{", "[]", "\"x\"", "\u{0}"] {
        assert_eq!(server.ask("POST", "/v1/completions", &[], body).status, 400);
    }
    assert_eq!(server.ask("POST", "/api/v1/generate", &[], "{").status, 400);
}

#[test]
fn a_chat_is_written_in_limarp_where_the_model_has_no_template() {
    let (server, script) = Server::script(&[&[" Do", " come in."], &["x"]]);
    let body = json!({"model": "any", "messages": [
        {"role": "system", "content": "Lucian is a patient lighthouse keeper."},
        {"role": "user", "name": "Mara", "content": [{"type": "text", "text": "Is anybody there?"}]},
    ], "char": "Lucian"});
    let answer = server.post("/v1/chat/completions", &body).json();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], " Do come in.");
    let request = &script.requests()[0];
    assert!(
        request
            .prompt
            .contains("Lucian's Persona: Lucian is a patient"),
        "{}",
        request.prompt
    );
    assert!(request.prompt.ends_with("Lucian:"), "{}", request.prompt);
    assert!(!request.special_tokens && !request.stop.is_empty());
    let prompt = server.post("/apply-template", &body).json();
    assert_eq!(prompt["prompt"], request.prompt.as_str());
    let mut body = body;
    body["stream"] = true.into();
    body["stream_options"] = json!({"include_usage": true});
    let answer = server.post("/v1/chat/completions", &body);
    let events = answer.events();
    assert_eq!(
        events[0]["choices"][0]["delta"],
        json!({"content": "", "role": "assistant"})
    );
    assert_eq!(events[1]["choices"][0]["delta"], json!({"content": "x"}));
    assert_eq!(events[2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[3]["usage"]["completion_tokens"], 1);
    assert_eq!(answer.data().last(), Some(&"[DONE]"));
}
