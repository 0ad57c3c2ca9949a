//! What the servers of the field call things: where they say what they are, and how a request looks for each.

use serde_json::{Map, Value, json};

use super::super::Request;
use crate::sampling::{Range, SAMPLERS, Settings};

/// Which kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// llama.cpp's llama-server, and our own.
    LlamaCpp,
    /// vLLM; since 0.11 constraints have one field.
    Vllm { structured: bool },
    /// `SGLang`.
    Sglang,
    /// Anything else that knows OpenAI's completions.
    OpenAi,
}

/// OpenAI takes no more stop strings.
const OPENAI_STOPS: usize = 4;

impl Dialect {
    /// The kind of a server by what it says of its models' owner.
    pub(super) fn of(owner: &str) -> Self {
        match owner {
            "llamacpp" | "cardwright" => Self::LlamaCpp,
            "vllm" => Self::Vllm { structured: true },
            "sglang" => Self::Sglang,
            _ => Self::OpenAi,
        }
    }

    /// A request as the body of `/v1/completions`.
    pub(super) fn body(self, model: &str, request: &Request) -> Value {
        let settings = &request.settings;
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| {
            body.insert(name.to_owned(), value);
        };
        put("model", json!(model));
        put("prompt", json!(request.prompt));
        put("max_tokens", json!(request.max_tokens));
        put("stream", json!(true));
        put("stream_options", json!({ "include_usage": true }));
        let mut stop = request.stop.clone();
        if self == Self::OpenAi {
            // Those that are left out are looked for here.
            stop.truncate(OPENAI_STOPS);
        }
        if !stop.is_empty() {
            put("stop", json!(stop));
        }
        if let Some(seed) = settings.seed {
            // Most servers take 32 bits.
            put("seed", json!(seed & 0x7fff_ffff));
        }
        let known: &[&str] = match self {
            Self::LlamaCpp => {
                for row in SAMPLERS {
                    let value = row.get(settings);
                    let is_idle = (value - row.neutral).abs() < 1e-9;
                    // Not every server knows the samplers that llama.cpp has not, nor takes the values that switch others
                    // off or reach over the whole context.
                    let may_be_unknown = row.names.llama_cpp.is_empty()
                        || row.names.llama_cpp == "tfs_z"
                        || row.names.llama_cpp == "top_n_sigma";
                    if (is_idle && may_be_unknown) || value < 0.0 || is_off(settings, row.name) {
                        continue;
                    }
                    let name = match row.names.llama_cpp {
                        "" => row.name,
                        name => name,
                    };
                    put(name, number(row.range, value));
                }
                put("cache_prompt", json!(true));
                if let Some(grammar) = &request.grammar {
                    put("grammar", json!(grammar));
                }
                if let Some(schema) = &request.json_schema {
                    put("json_schema", parsed(schema));
                }
                return body.into();
            }
            Self::Vllm { .. } | Self::Sglang => &[
                "temperature",
                "top_p",
                "top_k",
                "min_p",
                "repetition_penalty",
                "presence_penalty",
                "frequency_penalty",
            ],
            Self::OpenAi => &[
                "temperature",
                "top_p",
                "presence_penalty",
                "frequency_penalty",
            ],
        };
        for name in known {
            if let Some(row) = SAMPLERS.iter().find(|row| row.answers_to(name)) {
                let value = row.get(settings);
                // vLLM spells "all" as -1.
                let is_all = *name == "top_k" && value == 0.0;
                put(
                    name,
                    if is_all {
                        json!(-1)
                    } else {
                        number(row.range, value)
                    },
                );
            }
        }
        if self != Self::OpenAi {
            put(
                "ignore_eos",
                json!(settings.ban_end_of_text && request.grammar.is_none()),
            );
        }
        match self {
            Self::Vllm { structured } => {
                let (field, value) = match (&request.grammar, &request.json_schema) {
                    (Some(grammar), _) => ("grammar", json!(grammar)),
                    (None, Some(schema)) => ("json", parsed(schema)),
                    (None, None) => return body.into(),
                };
                if structured {
                    put("structured_outputs", json!({ field: value }));
                } else {
                    put(&format!("guided_{field}"), value);
                }
            }
            Self::Sglang => {
                if let Some(grammar) = &request.grammar {
                    put("ebnf", json!(grammar));
                }
                if let Some(schema) = &request.json_schema {
                    put("json_schema", json!(schema));
                }
            }
            Self::LlamaCpp | Self::OpenAi => {}
        }
        body.into()
    }
}

/// Samplers of several settings, and the one that switches them on.
const GROUPS: &[(&str, &str)] = &[
    ("dry_", "dry_multiplier"),
    ("xtc_", "xtc_probability"),
    ("dynamic_temperature_", "dynamic_temperature_range"),
    ("mirostat", "mirostat"),
];

/// Whether a setting belongs to a sampler that is off.
fn is_off(settings: &Settings, name: &str) -> bool {
    let group = GROUPS.iter().find(|(prefix, _)| name.starts_with(prefix));
    let switch = group.and_then(|(_, switch)| SAMPLERS.iter().find(|row| row.name == *switch));
    switch.is_some_and(|switch| switch.get(settings) == 0.0)
}

/// A number as its range says: a switch as true or false, a single precision number in its shortest spelling.
fn number(range: Range, value: f64) -> Value {
    match range {
        Range::Switch => json!(value != 0.0),
        Range::Whole(..) => json!(value as i64),
        Range::Real(..) => json!((value as f32).to_string().parse().unwrap_or(value)),
    }
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap_or_else(|_| json!(schema))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        let mut request = Request::new("<<SYSTEM>>\nAnn");
        request.grammar = Some("root ::= \"a\"".into());
        request.settings.seed = Some(7);
        request.stop = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        request
    }

    #[test]
    fn each_server_is_asked_in_its_own_words() {
        let llama = Dialect::LlamaCpp.body("m", &request());
        assert_eq!(llama["grammar"], "root ::= \"a\"");
        assert_eq!(llama["temperature"], 0.7);
        assert_eq!(llama["ignore_eos"], true, "{llama:#}");
        assert_eq!(llama["stop"].as_array().map(Vec::len), Some(5));
        // llama-server refuses the -1 that is the default.
        assert!(llama.get("dry_penalty_last_n").is_none(), "{llama:#}");
        assert_eq!((&llama["top_k"], &llama["top_p"]), (&json!(0), &json!(1.0)));

        let new = Dialect::Vllm { structured: true }.body("m", &request());
        assert_eq!(new["structured_outputs"]["grammar"], "root ::= \"a\"");
        assert_eq!(new["top_k"], -1);
        assert_eq!(new["repetition_penalty"], 1.1);
        let old = Dialect::Vllm { structured: false }.body("m", &request());
        assert_eq!(old["guided_grammar"], "root ::= \"a\"");

        assert_eq!(
            Dialect::Sglang.body("m", &request())["ebnf"],
            "root ::= \"a\""
        );
        let plain = Dialect::OpenAi.body("m", &request());
        assert_eq!(plain["stop"].as_array().map(Vec::len), Some(4));
        assert!(plain.get("grammar").is_none() && plain.get("top_k").is_none());
        for body in [&llama, &new, &old, &plain] {
            assert_eq!((&body["seed"], &body["stream"]), (&json!(7), &json!(true)));
        }
    }

    #[test]
    fn servers_are_told_apart_by_the_owner_of_their_models() {
        assert_eq!(Dialect::of("llamacpp"), Dialect::LlamaCpp);
        assert_eq!(Dialect::of("cardwright"), Dialect::LlamaCpp);
        assert_eq!(Dialect::of("vllm"), Dialect::Vllm { structured: true });
        assert_eq!(Dialect::of("somebody"), Dialect::OpenAi);
    }
}
