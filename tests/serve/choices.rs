//! What a request may ask for besides a text: probabilities, shapes, bans, adapters, an invented character.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use cardwright::engine::{
    Adapter, Chosen, Completion, End, Engine, Likelihood, ModelInfo, Reason, Request, Script,
};
use cardwright::{Error, Kind, Result};
use serde_json::{Value, json};

use super::Server;

/// An engine that says two words with their probabilities and has two adapters.
struct Sure {
    model: ModelInfo,
    requests: Mutex<Vec<Request>>,
    scales: Mutex<Vec<f32>>,
}

impl Sure {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            model: ModelInfo {
                name: "sure".into(),
                context: 100,
                slots: 1,
                ..ModelInfo::default()
            },
            requests: Mutex::default(),
            scales: Mutex::new(vec![1.0, 0.5]),
        })
    }
}

impl Engine for Sure {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, text: &str) -> Result<usize> {
        Ok(text.split_whitespace().count())
    }

    fn tokenize(&self, text: &str, _: bool) -> Result<Vec<i32>> {
        Ok(text
            .split_whitespace()
            .map(|word| word.len() as i32)
            .collect())
    }

    fn start(&self, request: Request) -> Result<Completion> {
        let (feed, completion) = Completion::new();
        let likelihood = |text: &str, logprob| Likelihood {
            token: 7,
            bytes: text.as_bytes().to_vec(),
            logprob,
        };
        for (text, logprob) in [("Yes", -0.5), (" ☂", -1.5)] {
            let chosen = request.logprobs.map(|count| Chosen {
                choice: likelihood(text, logprob),
                alternatives: vec![likelihood("No", f32::NEG_INFINITY); count],
            });
            feed.piece_with(text, chosen.into_iter().collect());
        }
        self.requests.lock().unwrap().push(request);
        feed.end(End {
            reason: Reason::EndOfText,
            prompt_tokens: 1,
            reused_tokens: 0,
            reply_tokens: 2,
            dropped_turns: 0,
            rewinds: 0,
            prompt_time: Duration::ZERO,
            reply_time: Duration::ZERO,
        });
        Ok(completion)
    }

    fn adapters(&self) -> Vec<Adapter> {
        let scales = self.scales.lock().unwrap();
        let adapter = |(at, scale): (usize, &f32)| Adapter {
            path: Path::new("/secret").join(format!("{at}.gguf")),
            scale: *scale,
        };
        scales.iter().enumerate().map(adapter).collect()
    }

    fn set_adapters(&self, scales: &[f32]) -> Result<()> {
        if scales.iter().any(|scale| !scale.is_finite()) {
            return Err(Error::new(Kind::Usage, "a scale is not finite"));
        }
        self.scales.lock().unwrap().copy_from_slice(scales);
        Ok(())
    }
}

#[test]
fn each_family_is_told_probabilities_in_its_own_words() {
    let server = Server::new(Sure::new());
    let text = server
        .post("/v1/completions", &json!({"prompt": "x", "logprobs": 1}))
        .json();
    assert_eq!(
        text["choices"][0]["logprobs"],
        json!({
            "tokens": ["Yes", " ☂"], "token_logprobs": [-0.5, -1.5],
            "top_logprobs": [{"No": -9999.0}, {"No": -9999.0}], "text_offset": [0, 3],
        })
    );
    let chat = json!({"messages": [{"role": "user", "content": "x"}], "logprobs": true, "top_logprobs": 2});
    let chat = server.post("/v1/chat/completions", &chat).json();
    let content = &chat["choices"][0]["logprobs"]["content"];
    assert_eq!(content[1]["bytes"], json!([32, 226, 152, 130]));
    assert_eq!(content[0]["top_logprobs"].as_array().unwrap().len(), 2);
    let llama = server
        .post("/completion", &json!({"prompt": "x", "n_probs": 3}))
        .json();
    let first = &llama["completion_probabilities"][0];
    assert_eq!(
        (&first["token"], &first["id"], &first["logprob"]),
        (&json!("Yes"), &json!(7), &json!(-0.5))
    );
    assert_eq!(first["top_logprobs"].as_array().unwrap().len(), 3);
    let stream = server.post(
        "/completion",
        &json!({"prompt": "x", "n_probs": 1, "stream": true}),
    );
    assert_eq!(
        stream.events()[1]["completion_probabilities"][0]["token"],
        " ☂"
    );
    let stream = server.post(
        "/v1/completions",
        &json!({"prompt": "x", "logprobs": 1, "stream": true}),
    );
    assert_eq!(
        stream.events()[1]["choices"][0]["logprobs"]["text_offset"],
        json!([3])
    );
    // Nobody who did not ask is told.
    for (path, body) in [
        ("/v1/completions", json!({"prompt": "x"})),
        ("/completion", json!({"prompt": "x", "n_probs": 0})),
    ] {
        let answer = server.post(path, &body).json();
        assert!(answer.get("completion_probabilities").is_none());
        assert!(answer["choices"][0]["logprobs"].is_null());
    }
    let many = server.post("/v1/completions", &json!({"prompt": "x", "logprobs": 21}));
    assert_eq!(many.status, 400);
}

#[test]
fn a_reply_is_kept_in_shape_as_each_client_asks_for_it() {
    let engine = Sure::new();
    let server = Server::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}}});
    for (path, asked) in [
        (
            "/v1/completions",
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}),
        ),
        (
            "/v1/completions",
            json!({"response_format": {"type": "json_object", "schema": schema}}),
        ),
        ("/completion", json!({"json_schema": schema})),
        ("/completion", json!({"json_schema": schema.to_string()})),
        ("/v1/completions", json!({"guided_json": schema})),
    ] {
        let mut body = asked.clone();
        body["prompt"] = "x".into();
        assert_eq!(server.post(path, &body).status, 200, "{asked}");
        let request = engine.requests.lock().unwrap().pop().unwrap();
        let followed: Value = serde_json::from_str(&request.json_schema.unwrap()).unwrap();
        assert_eq!(
            (followed, request.grammar),
            (schema.clone(), None),
            "{asked}"
        );
    }
    let plain = json!({"prompt": "x", "response_format": {"type": "json_object"}});
    assert_eq!(server.post("/v1/completions", &plain).status, 200);
    let request = engine.requests.lock().unwrap().pop().unwrap();
    assert!(request.grammar.unwrap().starts_with("root ::= object"));
    for wrong in [
        json!({"prompt": "x", "grammar": "root ::= \"a\"", "json_schema": schema}),
        json!({"prompt": "x", "response_format": {"type": "xml"}}),
        json!({"prompt": "x", "response_format": {"type": "json_schema"}}),
        json!({"prompt": "x", "json_schema": [1]}),
    ] {
        assert_eq!(
            server.post("/v1/completions", &wrong).status,
            400,
            "{wrong}"
        );
    }
}

#[test]
fn bans_biases_and_breakers_reach_the_engine_as_sillytavern_sends_them() {
    let engine = Sure::new();
    let server = Server::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let body = json!({
        "prompt": "x", "banned_strings": ["shivers", "shivers", ""], "custom_token_bans": "3,4",
        "logit_bias": {"9": -2.5, "abc": 1}, "dry_sequence_breakers": "[\"\\n\", \"#\"]",
    });
    let answer = server.post("/v1/completions", &body);
    assert_eq!(answer.header("cardwright-ignored"), None);
    let settings = engine.requests.lock().unwrap().pop().unwrap().settings;
    assert_eq!(settings.banned_strings, ["shivers"]);
    assert_eq!(settings.banned_tokens, [3, 4]);
    assert_eq!(
        settings.logit_bias.into_iter().collect::<Vec<_>>(),
        [(3, 1.0), (9, -2.5)]
    );
    assert_eq!(settings.dry_breakers, ["\n", "#"]);
    let pairs = json!({"prompt": "x", "logit_bias": [[5, false], ["word", 3.5]]});
    assert_eq!(server.post("/completion", &pairs).status, 200);
    let settings = engine.requests.lock().unwrap().pop().unwrap().settings;
    assert_eq!(settings.banned_tokens, [5]);
    assert_eq!(settings.logit_bias[&4], 3.5);
    let many = vec!["x"; 129]
        .iter()
        .enumerate()
        .map(|(at, x)| format!("{x}{at}"))
        .collect::<Vec<_>>();
    let many = json!({"prompt": "x", "banned_strings": many});
    assert_eq!(server.post("/v1/completions", &many).status, 400);
}

#[test]
fn adapters_are_told_without_their_place_and_set_for_all_or_for_one() {
    let engine = Sure::new();
    let server = Server::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let listed = server.get("/lora-adapters");
    assert_eq!(
        listed.json(),
        json!([{"id": 0, "path": "0.gguf", "scale": 1.0}, {"id": 1, "path": "1.gguf", "scale": 0.5}])
    );
    let set = server
        .post("/lora-adapters", &json!([{"id": 1, "scale": 0.25}]))
        .json();
    assert_eq!(
        (&set[0]["scale"], &set[1]["scale"]),
        (&json!(0.0), &json!(0.25))
    );
    for wrong in [
        json!({}),
        json!([{"id": 2, "scale": 1}]),
        json!([{"id": 0}]),
        json!("x"),
    ] {
        assert_eq!(server.post("/lora-adapters", &wrong).status, 400, "{wrong}");
    }
    let one = json!({"prompt": "x", "lora": [{"id": 0, "scale": 0.75}]});
    assert_eq!(server.post("/completion", &one).status, 200);
    let request = engine.requests.lock().unwrap().pop().unwrap();
    assert_eq!(request.adapters, Some(vec![0.75, 0.0]));
    let wrong = json!({"prompt": "x", "lora": [{"id": 7, "scale": 1}]});
    assert_eq!(server.post("/completion", &wrong).status, 400);
}

const SECTIONS: [&str; 4] = [
    " keeps the last lamp shop of the old harbour and knows every flame in it by its temper. She is tall, soft-spoken \
     and hard to hurry, wears a coat with too many pockets, and writes down the questions that customers ask. She wants to \
     see the lighthouse lit once more before she sells the shop.",
    " is a travelling inspector of harbours with wet boots and a kind heart. He dislikes forms and likes whoever helps \
     him avoid them.",
    " A storm has put out every light along the quay. Tomas comes to the shop of Carina after midnight because hers is the \
     only window that still glows.",
    " Carina set the lamp on the counter and turned the wick down until the glass stopped humming.\n\n\"The door sticks,\" \
     she said. \"Push it with the shoulder, and mind the cat. Whoever is out in this weather needs a towel first and a light \
     second.\"",
];

#[test]
fn a_character_is_invented_word_by_word_and_comes_as_a_card_s_file() {
    // It speaks of itself.
    let spoken = " keeps the last lamp shop of the old harbour and knows every flame in it by its temper, is tall, soft-spoken \
        and hard to hurry, wears a coat with too many pockets, and writes down the questions that customers ask. I like her.";
    let replies: Vec<[&str; 1]> = [[spoken]]
        .into_iter()
        .chain(SECTIONS.map(|text| [text]))
        .collect();
    let server = Server::new(Arc::new(Script::replies(replies)));
    let wish = json!({"name": "Carina", "user": "Tomas", "seed": 1, "shots": 0, "stream": true});
    let events = server.post("/api/generate", &wish).events();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        &kinds[..6],
        [
            "section", "piece", "rejected", "section", "piece", "written"
        ]
    );
    assert_eq!(events[3]["attempt"], 1);
    let character = events.last().unwrap();
    assert_eq!(character["event"], "character");
    assert_eq!(character["persona"], format!("Carina{}", SECTIONS[0]));
    let file = base64::prelude::BASE64_STANDARD
        .decode(character["data"].as_str().unwrap())
        .unwrap();
    let card = cardwright::card::Card::from_bytes(&file).unwrap().card;
    assert_eq!(card.name(), "Carina");
    // The whole at once, and what makes no sense.
    let server = Server::new(Arc::new(Script::replies(SECTIONS.map(|text| [text]))));
    let wish = json!({"name": "Carina", "user": "Tomas", "seed": 1, "shots": 0});
    assert_eq!(
        server.post("/api/generate", &wish).json()["greeting"],
        SECTIONS[3].trim()
    );
    for wrong in [
        json!({"prompt": "x"}),
        json!({"name": "a\nb"}),
        json!({"name": "x".repeat(101)}),
        json!({"length": "furlong"}),
        json!({"format": "../x"}),
    ] {
        assert_eq!(server.post("/api/generate", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(
        server.post("/api/generate", &json!({"shots": 0})).status,
        500,
        "the script has nothing left to say"
    );
}
