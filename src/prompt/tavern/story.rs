//! The story string: a Handlebars template over the card's fields, then macros.

use std::collections::BTreeMap;

use handlebars::{
    BlockContext, Context as Data, Handlebars, Helper, HelperDef, HelperResult, Output,
    RenderContext, RenderErrorReason, Renderable as _, no_escape,
};
use serde_json::Value;

use super::{Cast, Tavern};
use crate::{Error, Kind, Result};

/// The longest text that a story string may make, 16 MiB: far beyond any context.
const MAX_STORY: usize = 16 << 20;

/// What a story string can show, by name.
pub(in crate::prompt) type Values<'a> = BTreeMap<&'static str, &'a str>;

/// `{{trim}}` acts later, with the macros.
fn trim(
    _: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Data,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    out.write("{{trim}}")?;
    Ok(())
}

/// Names that are no field are macros for later; their arguments are lost, as in SillyTavern.
fn missing(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Data,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    out.write("{{")?;
    out.write(helper.name())?;
    out.write("}}")?;
    Ok(())
}

/// `{{#field}}…{{/field}}`: what is inside, where the field is not empty. `{{^field}}` is written as its other branch.
struct BlockMissing;

impl HelperDef for BlockMissing {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        data: &'rc Data,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let value = data.data().get(helper.name());
        let is_set = match value {
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Bool(is_set)) => *is_set,
            None | Some(Value::Null) => false,
            Some(_) => true,
        };
        let branch = if is_set {
            helper.template()
        } else {
            helper.inverse()
        };
        let Some(branch) = branch else { return Ok(()) };
        if is_set {
            let mut block = BlockContext::new();
            if let Some(value) = value {
                block.set_base_value(value.clone());
            }
            render.push_block(block);
            let result = branch.render(registry, data, render, out);
            render.pop_block();
            return result.map_err(|e| RenderErrorReason::Other(e.to_string()).into());
        }
        branch.render(registry, data, render, out)
    }
}

/// A template that is compiled by nobody yet, made fit for Rust's Handlebars: `{{^x}}` is a block of its own there, and
/// macros with arguments or comments are no expressions. Each of those becomes a mark, which is turned back afterwards.
fn prepared(template: &str) -> (String, Vec<String>) {
    let mut out = String::with_capacity(template.len());
    let mut kept = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let inside = &rest[at + 2..];
        let Some(end) = inside.find("}}") else {
            out.push_str(&rest[at..]);
            return (out, kept);
        };
        let body = &inside[..end];
        let name = body.trim();
        let first = name.chars().next().unwrap_or(' ');
        if first == '^' && name.len() > 1 {
            let field = name[1..].trim();
            out.push_str(&format!("{{{{#unless {field}}}}}"));
            open.push(field.to_owned());
        } else if first == '/' && open.last().is_some_and(|field| field == name[1..].trim()) {
            out.push_str("{{/unless}}");
            open.pop();
        } else if first == '/' && name.starts_with("//")
            || !matches!(first, '#' | '/' | '!' | '>' | '{' | '~' | '&')
                && !name.starts_with("else")
                && name.contains([':', ',', '.', '$', '?', '[', '(', '@', '"', '\''])
        {
            out.push_str(&format!("\u{f0000}{}\u{f0001}", kept.len()));
            kept.push(format!("{{{{{body}}}}}"));
        } else {
            out.push_str(&rest[at..at + end + 4]);
            // A third brace belongs to the tag.
            if first == '{' && inside[end + 2..].starts_with('}') {
                out.push('}');
                rest = &inside[end + 3..];
                continue;
            }
        }
        rest = &inside[end + 2..];
    }
    out.push_str(rest);
    (out, kept)
}

fn restored(mut text: String, kept: &[String]) -> String {
    for (at, original) in kept.iter().enumerate() {
        text = text.replace(&format!("\u{f0000}{at}\u{f0001}"), original);
    }
    text
}

fn registry() -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.register_escape_fn(no_escape);
    registry.register_helper("trim", Box::new(trim));
    registry.register_helper("helperMissing", Box::new(missing));
    registry.register_helper("blockHelperMissing", Box::new(BlockMissing));
    registry
}

/// Makes sure that a template is one.
pub(super) fn check(template: &str) -> Result<()> {
    let (prepared, _) = prepared(template);
    registry()
        .register_template_string("story", prepared)
        .map_err(|e| Error::new(Kind::Format, format!("story string: {e}")).source(e))
}

impl Tavern {
    /// The story string over `values`, with its prefix and suffix; empty when it says nothing.
    ///
    /// # Errors
    ///
    /// [`Kind::Format`] when the template is wrong.
    pub(in crate::prompt) fn story(&self, values: &Values<'_>, cast: Cast<'_>) -> Result<String> {
        let wrong = |e: handlebars::RenderError| {
            Error::new(Kind::Format, format!("story string: {e}")).source(e)
        };
        let (template, kept) = prepared(&self.context.story_string);
        let text = registry()
            .render_template(&template, values)
            .map_err(wrong)?;
        let text = restored(text, &kept);
        if text.len() > MAX_STORY {
            return Err(Error::new(
                Kind::Limit,
                "story string makes too long a text",
            ));
        }
        let text = (cast.expand)(&text);
        let mut text = text.trim_start_matches('\n').to_owned();
        let set = &self.instruct;
        let in_chat = self.context.in_chat.is_some();
        if !text.is_empty()
            && !text.ends_with('\n')
            && !in_chat
            && set.wrap
            && set.story_string_suffix.is_empty()
        {
            text.push('\n');
        }
        if text.is_empty() || in_chat {
            return Ok(text);
        }
        if !set.story_string_prefix.is_empty() {
            let prefix =
                super::turns::with_name(&(cast.expand)(&set.story_string_prefix), "System");
            text = format!("{prefix}{}{text}", if set.wrap { "\n" } else { "" });
        }
        if !set.story_string_suffix.is_empty() {
            text.push_str(&(cast.expand)(&set.story_string_suffix));
        }
        Ok(text)
    }

    /// The system prompt as the story string gets it: up to SillyTavern 1.12 it had a prefix and a suffix of its own.
    pub(in crate::prompt) fn system(&self, prompt: &str) -> String {
        let set = &self.instruct;
        let parts = [
            set.system_sequence_prefix.as_str(),
            prompt,
            &set.system_sequence_suffix,
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(if set.wrap { "\n" } else { "" })
    }
}
