//! Cards as YAML: the characters of text-generation-webui, and any card's fields written so.
//!
//! The text is kept as it was: an edit finds where a value stands and puts another there, so that comments, order and
//! the look of everything else stay. What is written anew is text-generation-webui's own layout, which SillyTavern reads
//! too, or the whole card of a version.

mod emit;

use std::ops::Range;

use emit::{emit, yaml_key};
use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};
use serde_saphyr::{DuplicateKeyPolicy, MergeKeyPolicy, Options};

use super::document::Document;
use super::payload::{self, MAX_TEXT, note};
use super::scan::MAX_DEPTH;
use super::spec::V1_FIELDS;
use super::{
    Card, Container, Difference, Path, Reading, Step, diff_values, foreign, no_place, shape,
};
use crate::{Error, Finding, Kind, Place, Result, Severity};

/// Whether bytes look like YAML: text whose first line of substance has a key.
pub(super) fn sniff(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(4096)]).or_else(|e| {
        // The window may end inside a character.
        std::str::from_utf8(&bytes[..e.valid_up_to().max(1).min(bytes.len())])
    }) else {
        return false;
    };
    let lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_end);
    let mut lines =
        lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '%']) && *line != "---");
    lines.next().is_some_and(|line| {
        let line = line.strip_prefix("--- ").unwrap_or(line);
        let key = line
            .split_once(':')
            .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
        key.is_some_and(|(key, _)| {
            let key = key.trim_matches(['"', '\'']);
            !key.is_empty()
                && key.len() <= 40
                && key
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '<' | '|' | '>'))
        })
    })
}

/// The values of a YAML text.
fn parse(text: &str) -> Result<Value> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_documents: 1,
            max_total_scalar_bytes: MAX_TEXT,
        },
    };
    from_str(text, options).map_err(|error| {
        Error::new(Kind::Card, format!("YAML is broken: {error}"))
            .hint("`cardwright show` reads YAML of one document with plain values")
    })
}

fn from_str(text: &str, options: Options) -> std::result::Result<Value, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, options)
}

/// The text of a file, its values as a document.
fn document(bytes: &[u8], findings: &mut Vec<Finding>) -> Result<(String, Document)> {
    payload::check_size(bytes)?;
    let text = payload::decode_text(bytes, &Place::Bytes(0..bytes.len()), findings);
    let value = parse(&text)?;
    if !value.is_object() {
        return Err(Error::new(
            Kind::Card,
            "YAML is no character card: it holds no fields",
        ));
    }
    Ok((text, Document::of(&value)))
}

/// The card in a YAML text.
pub(super) fn read(bytes: &[u8], container: &'static Container) -> Result<Reading> {
    let mut findings = Vec::new();
    let (_, document) = document(bytes, &mut findings)?;
    let (card, more) = shape::read(document).map_err(|error| {
        let message = error.message().replacen("JSON is", "YAML is", 1);
        let hint = error.next_step().map(str::to_owned);
        let error = Error::new(error.kind(), message);
        hint.into_iter().fold(error, Error::hint)
    })?;
    findings.extend(more);
    Ok(Reading {
        card,
        container,
        findings,
        payload: bytes.to_vec(),
    })
}

/// The text with the values that stand for the card's fields changed; with no text a new one in
/// text-generation-webui's layout for a V2 or V3 card.
pub(super) fn write(card: &Card, source: Option<&[u8]>) -> Result<Vec<u8>> {
    let Some(source) = source else {
        return Ok(flat(card).into_bytes());
    };
    let (text, old) = document(source, &mut Vec::new())?;
    let new = match foreign::of(&old) {
        Some(foreign) => foreign.write(&old, card)?,
        None => card.json().to_owned(),
    };
    let new = Document::parse(new).map_err(|(text, fault)| fault.error(&text))?;
    let value = |document: &Document| document.value(document.root());
    let mut edited = text;
    for difference in diff_values(&value(&old), &value(&new)) {
        edited = edit(&edited, &difference)?;
    }
    // Nobody's YAML is trusted to be as simple as it looks: what was meant must be what is read.
    match parse(&edited)
        .ok()
        .filter(|now| diff_values(now, &value(&new)).is_empty())
    {
        Some(_) => Ok(edited.into_bytes()),
        None => Err(Error::new(
            Kind::Usage,
            "this YAML is too intricate to be edited where it stands",
        )
        .hint("write the card as JSON: `cardwright convert IN -o OUT.json`")),
    }
}

/// A value in a YAML text.
struct Node {
    span: Range<usize>,
    /// Whether it stands in brackets, where indentation means nothing.
    is_flow: bool,
    /// Members with where their keys begin, or items.
    children: Vec<(Step, usize, Node)>,
}

/// Where every value of a text stands; `None` where there are anchors, tags and the like.
fn nodes(text: &str) -> Option<Node> {
    let mut parser = Parser::new_from_str(text);
    let mut events = Vec::new();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.ok()?;
        let mut span = span.byte_range()?;
        if let Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) = event {
            // The sign of a block stands before its first line.
            span.start = text[..span.start].rfind(['|', '>'])?;
        }
        let is_node = event.is_node();
        match event.into_sort() {
            Some(sort) => events.push((sort, span)),
            // An alias, an anchor, a tag.
            None if is_node => return None,
            None => {}
        }
    }
    let mut at = events
        .iter()
        .position(|(kind, _)| !matches!(kind, Sort::Frame))?;
    node(&events, &mut at)
}

/// What an event means here.
enum Sort {
    /// Begin and end of streams and documents.
    Frame,
    Scalar(String),
    Open {
        is_map: bool,
        is_flow: bool,
    },
    Close,
}

trait IntoSort {
    fn into_sort(self) -> Option<Sort>;
}

impl IntoSort for Event<'_> {
    fn into_sort(self) -> Option<Sort> {
        use serde_saphyr::granit_parser::StructureStyle::Flow;
        Some(match self {
            Event::Scalar(text, _, 0, None) => Sort::Scalar(text.into_owned()),
            Event::MappingStart(style, 0, None) => Sort::Open {
                is_map: true,
                is_flow: style == Flow,
            },
            Event::SequenceStart(style, 0, None) => Sort::Open {
                is_map: false,
                is_flow: style == Flow,
            },
            Event::MappingEnd | Event::SequenceEnd => Sort::Close,
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd => Sort::Frame,
            _ => return None,
        })
    }
}

fn node(events: &[(Sort, Range<usize>)], at: &mut usize) -> Option<Node> {
    let (sort, span) = events.get(*at)?;
    *at += 1;
    let (is_map, is_flow) = match sort {
        Sort::Scalar(_) => {
            return Some(Node {
                span: span.clone(),
                is_flow: false,
                children: Vec::new(),
            });
        }
        Sort::Open { is_map, is_flow } => (*is_map, *is_flow),
        Sort::Frame | Sort::Close => return None,
    };
    let mut children = Vec::new();
    let start = span.start;
    loop {
        let (sort, span) = events.get(*at)?;
        match sort {
            Sort::Close => {
                *at += 1;
                return Some(Node {
                    span: start..span.end.max(start),
                    is_flow,
                    children,
                });
            }
            Sort::Scalar(key) if is_map => {
                let begins = span.start;
                *at += 1;
                children.push((Step::Key(key.clone()), begins, node(events, at)?));
            }
            _ if is_map => return None,
            _ => {
                let index = children.len();
                children.push((Step::Index(index), span.start, node(events, at)?));
            }
        }
    }
}

/// The text with one difference made.
fn edit(text: &str, difference: &Difference) -> Result<String> {
    let refused = || no_place("this YAML", &difference.path);
    let path: Path = difference.path.parse()?;
    let root = nodes(text).ok_or_else(refused)?;
    let (mut here, mut parent) = (&root, &root);
    let mut depth = 0;
    // Whether it stands in brackets, and whether what it stands in does.
    let (mut flow, mut outer) = (root.is_flow, root.is_flow);
    while let Some((_, _, child)) = path.steps.get(depth).and_then(|step| {
        here.children
            .iter()
            .rev()
            .find(|(known, _, _)| known == step)
    }) {
        parent = here;
        here = child;
        outer = flow;
        flow |= child.is_flow;
        depth += 1;
    }
    let mut edited = text.to_owned();
    match (&difference.after, depth == path.steps.len()) {
        (Some(after), true) => {
            let (span, ending) = trimmed(text, &here.span);
            let gap = if text[..span.start].ends_with(':') {
                " "
            } else {
                ""
            };
            edited.replace_range(span, &format!("{gap}{after}{ending}"));
        }
        // A new field: a line behind the last of its neighbours.
        (Some(after), false) if depth + 1 == path.steps.len() && !flow => {
            let (Step::Key(key), Some((Step::Key(_), first, _))) =
                (&path.steps[depth], here.children.first())
            else {
                return Err(refused());
            };
            let column = first - text[..*first].rfind('\n').map_or(0, |newline| newline + 1);
            let end = end_of(text, here);
            let line_end = text[end..]
                .find('\n')
                .map_or(text.len(), |newline| end + newline);
            let line = format!("\n{}{}: {after}", " ".repeat(column), yaml_key(key));
            edited.insert_str(line_end, &line);
        }
        (None, true) if depth > 0 && !outer && parent.children.len() > 1 => {
            let key = parent
                .children
                .iter()
                .rev()
                .find(|(step, ..)| *step == path.steps[depth - 1])
                .map(|(_, begins, _)| *begins)
                .ok_or_else(refused)?;
            let start = text[..key].rfind('\n').map_or(0, |newline| newline + 1);
            if !text[start..key].trim().is_empty() {
                return Err(refused());
            }
            let end = end_of(text, here);
            let end = text[end..]
                .find('\n')
                .map_or(text.len(), |newline| end + newline + 1);
            edited.replace_range(start..end, "");
        }
        _ => return Err(refused()),
    }
    Ok(edited)
}

/// Where the last value inside a node ends.
fn end_of(text: &str, node: &Node) -> usize {
    match node.children.last() {
        Some((_, _, last)) if !node.is_flow => end_of(text, last),
        _ => node.span.start + text[node.span.clone()].trim_end().len(),
    }
}

/// The span of a value without the line ends and blank lines behind it, and the line end that must stay.
fn trimmed(text: &str, span: &Range<usize>) -> (Range<usize>, &'static str) {
    let value = text[span.clone()].trim_end();
    let end = span.start + value.len();
    let ending = if text[end..].starts_with('\n') || text[end..].trim().is_empty() {
        ""
    } else if span.end > end {
        "\n"
    } else {
        ""
    };
    (span.start..end, ending)
}

/// The card as YAML: text-generation-webui's three fields for a V2 or V3 card, a V1 card whole.
fn flat(card: &Card) -> String {
    let mut fields = Map::new();
    fields.insert("name".into(), card.name().into_owned().into());
    fields.insert("greeting".into(), card.first_message().into_owned().into());
    fields.insert("context".into(), context(card).into());
    emit(&Value::Object(fields))
}

/// What text-generation-webui keeps of a character in one text.
fn context(card: &Card) -> String {
    let parts = [
        card.description().into_owned(),
        titled("Personality", &card.personality()),
        titled("Scenario", &card.scenario()),
        card.example_messages().into_owned(),
    ];
    parts
        .iter()
        .map(|part| part.trim())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn titled(title: &str, text: &str) -> String {
    if text.trim().is_empty() {
        String::new()
    } else {
        format!("{title}: {}", text.trim())
    }
}

/// What a card's own text in a YAML of text-generation-webui does not say.
pub(super) fn lost(card: &Card) -> Vec<Finding> {
    let body = card
        .get(&Path {
            absolute: true,
            steps: card.body(),
        })
        .unwrap_or_default();
    body.as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !V1_FIELDS.contains(&key.as_str()) && !super::spec::is_empty(value))
        .map(|(key, _)| {
            note(
                "field-lost",
                Severity::Warning,
                &Place::Path(super::path::write(
                    &[card.body(), vec![Step::Key(key.clone())]].concat(),
                )),
                format!("text-generation-webui's YAML has no place for `{key}`"),
            )
        })
        .collect()
}

/// The whole card as YAML.
pub(super) fn whole(card: &Card) -> String {
    emit(&card.get(&Path::root()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_edit_leaves_comments_and_everything_else() {
        let text = "# mine\nname: 'Ca' # short\ncontext: |\n  One.\n\n  Two.\n\ngreeting: Hi\nlist: [a, b]\n";
        let card = read(text.as_bytes(), super::super::container::row("YAML"))
            .unwrap()
            .card;
        assert_eq!(
            write(&card, Some(text.as_bytes())).unwrap(),
            text.as_bytes()
        );
        let edited = |path: &str, value: Value| {
            let mut card = card.clone();
            card.set(&path.parse().unwrap(), &value).unwrap();
            write(&card, Some(text.as_bytes())).map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(
            edited("name", json!("Carina")).unwrap(),
            text.replace("'Ca'", "\"Carina\"")
        );
        assert_eq!(
            edited("description", json!("a\nb")).unwrap(),
            text.replace("|\n  One.\n\n  Two.", "\"a\\nb\"")
        );
        assert_eq!(
            edited("extensions.text_generation_webui.list[1]", json!("c")).unwrap(),
            text.replace("[a, b]", "[a, \"c\"]")
        );
        let nested = "data: # all\n  name: Ca\n  deep:\n    a: |\n      x\n      y\n# end\n";
        let mut card = read(nested.as_bytes(), super::super::container::row("YAML"))
            .unwrap()
            .card;
        card.set(&"scenario".parse().unwrap(), &json!("Here."))
            .unwrap();
        let written = write(&card, Some(nested.as_bytes())).unwrap();
        assert_eq!(
            String::from_utf8(written).unwrap(),
            nested.replace("# end", "  scenario: \"Here.\"\n# end")
        );
        assert_eq!(
            edited("tags[0]", json!("sea")).unwrap_err().to_string(),
            "text-generation-webui has no place for `tags[0]`"
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = "[ -~éäß\u{1f600}\u{85}\u{2028}\n\t:#]{0,24}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((text, inner), 0..4)
                    .prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(value in value()) {
            let value = json!({ "a": value });
            let text = emit(&value);
            prop_assert_eq!(parse(&text).unwrap(), value, "{}", text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[ -~\n\u{85}é]{0,80}") {
            let _ = read(text.as_bytes(), super::super::container::row("YAML"));
        }
    }
}
