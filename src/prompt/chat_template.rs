//! The chat template that a model file carries: a Jinja program of the model's makers that turns messages into its prompt.
//!
//! Templates come from strangers, so they run on limited fuel and see nothing but the messages. They are written for
//! Python's Jinja: trimmed blocks, string methods and a few functions of the `transformers` library are provided.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use super::format::template_error;
use crate::{Error, Kind, Result};

/// Steps a template may take; real ones take a few hundred for each message.
const FUEL: u64 = 1_000_000;

/// Renders `messages`, pairs of a role (`system`, `user`, `assistant`) and what is said, with the assistant's turn opened at
/// the end.
///
/// The result holds the model's special tokens as text: complete it with
/// [`Request::special_tokens`](crate::engine::Request::special_tokens).
///
/// ```
/// use cardwright::prompt::chat_template;
///
/// let template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content.strip() }}\n{% endfor %}\
///     {% if add_generation_prompt %}<|assistant|>{% endif %}";
/// assert_eq!(chat_template::render(template, &[("user", " Hello. ")])?, "<|user|>Hello.\n<|assistant|>");
/// # Ok::<(), cardwright::Error>(())
/// ```
///
/// # Errors
///
/// [`Kind::Format`] when the template is not valid, runs too long, or refuses the messages.
pub fn render(template: &str, messages: &[(&str, &str)]) -> Result<String> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|e| template_error(&e))?;
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function(
        "raise_exception",
        |message: String| -> Result<Value, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        },
    );
    let messages: Vec<Value> = messages
        .iter()
        .map(|(role, content)| {
            Value::from_pairs([
                ("role", Value::from(*role)),
                ("content", Value::from(*content)),
            ])
        })
        .collect();
    let context = Value::from_pairs([
        ("messages", Value::from(messages)),
        ("add_generation_prompt", Value::from(true)),
        // The tokenizer adds the begin-of-text token itself.
        ("bos_token", Value::from("")),
        ("eos_token", Value::from("")),
    ]);
    environment
        .render_str(template, context)
        .map_err(|e| template_error(&e).at("chat template"))
        .map_err(|error| {
            Error::new(Kind::Format, error.to_string())
                .hint("the model's own template cannot be used; choose a --format instead")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_never_ends_runs_out_of_fuel() {
        let error = render(
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            &[],
        )
        .unwrap_err();
        assert!(error.to_string().contains("fuel"), "{error}");
    }

    #[test]
    fn a_template_can_refuse_its_messages() {
        let error = render("{{ raise_exception('roles must alternate') }}", &[]).unwrap_err();
        assert!(
            error.to_string().contains("roles must alternate"),
            "{error}"
        );
    }

    #[test]
    fn the_template_of_the_default_model_opens_the_turn() {
        let template = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
        assert_eq!(
            render(template, &[("system", "Be brief."), ("user", "Hello.")]).unwrap(),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n"
        );
    }
}
