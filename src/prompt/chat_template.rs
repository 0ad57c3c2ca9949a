//! The chat template that a model file carries: a Jinja program of the model's makers that turns messages into its prompt.
//!
//! Templates come from strangers, so they run on limited fuel and see nothing but the messages. They are written for
//! Python's Jinja: trimmed blocks, string methods and a few functions of the `transformers` library are provided.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, context};

use super::layout::template_error;
use crate::{Error, Kind, Result};

/// Steps a template may take; those of models take thousands for a long chat.
const FUEL: u64 = 5_000_000;

/// A message as a template sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Said<'a> {
    /// `system`, `user` or `assistant`.
    pub role: &'a str,
    /// The name of who says it; few templates look at it.
    pub name: Option<&'a str>,
    /// What is said.
    pub content: &'a str,
}

/// The spellings of a model's special tokens; empty where it has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens<'a> {
    /// Begin of text.
    pub begin: &'a str,
    /// End of text.
    pub end: &'a str,
}

/// Renders `messages` with the assistant's turn opened at the end.
///
/// The result holds the model's special tokens as text: complete it with
/// [`Request::special_tokens`](crate::engine::Request::special_tokens). The begin-of-text token is left to the engine,
/// which adds it itself.
///
/// ```
/// use cardwright::prompt::chat_template::{Said, Tokens, render};
///
/// let template = "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content.strip() }}\n{% endfor %}\
///     {% if add_generation_prompt %}<|assistant|>{% endif %}";
/// let said = Said { role: "user", content: " Hello. ", ..Said::default() };
/// let tokens = Tokens { begin: "<s>", end: "</s>" };
/// assert_eq!(render(template, tokens, &[said])?, "<|user|>Hello.\n<|assistant|>");
/// # Ok::<(), cardwright::Error>(())
/// ```
///
/// # Errors
///
/// [`Kind::Format`] when the template is not valid, runs too long, or refuses the messages.
pub fn render(template: &str, tokens: Tokens<'_>, messages: &[Said<'_>]) -> Result<String> {
    render_open(template, tokens, messages, true)
}

/// The same, with or without the assistant's turn opened at the end.
pub(super) fn render_open(
    template: &str,
    tokens: Tokens<'_>,
    messages: &[Said<'_>],
    opens: bool,
) -> Result<String> {
    let messages: Vec<Value> = messages
        .iter()
        .map(|said| {
            let mut fields = vec![
                ("role", Value::from(said.role)),
                ("content", Value::from(said.content)),
            ];
            fields.extend(said.name.map(|name| ("name", Value::from(name))));
            Value::from_pairs(fields)
        })
        .collect();
    let text = environment(template)
        .and_then(|environment| {
            environment.get_template(NAME)?.render(context! {
                messages,
                add_generation_prompt => opens,
                bos_token => tokens.begin,
                eos_token => tokens.end,
            })
        })
        .map_err(|e| {
            Error::new(Kind::Format, template_error(&e).message())
                .at("chat template")
                .hint("the model's own template cannot be used; choose a --format instead")
        })?;
    let begun = text.strip_prefix(tokens.begin).map(str::to_owned);
    Ok(begun.unwrap_or(text))
}

/// The name of the one template in its environment.
const NAME: &str = "chat";

/// A template as the `transformers` library would run it.
fn environment(template: &str) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |reason: String| -> Result<Value, _> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason))
    });
    // minijinja has no such tag; what it marks is of use in training only.
    let template = template
        .replace("{% generation %}", "{% if true %}")
        .replace("{%- generation %}", "{%- if true %}")
        .replace("{%- generation -%}", "{%- if true -%}")
        .replace("{% endgeneration %}", "{% endif %}")
        .replace("{%- endgeneration %}", "{%- endif %}")
        .replace("{%- endgeneration -%}", "{%- endif -%}");
    environment.add_template_owned(NAME, template)?;
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_never_ends_runs_out_of_fuel() {
        let error = render(
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            Tokens::default(),
            &[],
        )
        .unwrap_err();
        assert!(error.to_string().contains("fuel"), "{error}");
    }

    #[test]
    fn a_template_can_refuse_its_messages() {
        let error = render(
            "{{ raise_exception('roles must alternate') }}",
            Tokens::default(),
            &[],
        )
        .unwrap_err();
        assert!(
            error.to_string().contains("roles must alternate"),
            "{error}"
        );
    }

    #[test]
    fn the_template_of_the_default_model_opens_the_turn() {
        let template = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
        let said = |role, content| Said {
            role,
            content,
            name: None,
        };
        let messages = [said("system", "Be brief."), said("user", "Hello.")];
        assert_eq!(
            render(template, Tokens::default(), &messages).unwrap(),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n"
        );
    }
}
