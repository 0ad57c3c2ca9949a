//! Bytes that have no place in a prompt, whatever it says.

use memchr::{memchr_iter, memmem};

use crate::prompt::format::Format;
use crate::prompt::report::Report;

/// Special tokens that people write out.
const SPECIAL: &[&str] = &[
    "<s>",
    "</s>",
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|endoftext|>",
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<bos>",
    "<eos>",
    "[INST]",
    "[/INST]",
];

pub(super) fn check(format: &Format, report: &mut Report<'_>) {
    let text = report.text;
    if text.starts_with('\u{feff}') {
        report
            .add(
                "byte-order-mark",
                0..3,
                "the text starts with a byte order mark",
            )
            .fix("delete it")
            .edit(0..3, "");
    }
    carriage_returns(report);
    if format.is_limarp() {
        trailing_blanks(report);
        control_characters(report);
        special_tokens(report);
    }
}

fn carriage_returns(report: &mut Report<'_>) {
    let text = report.text;
    let mut returns = memchr_iter(b'\r', text.as_bytes());
    let Some(first) = returns.next() else {
        return;
    };
    let count = 1 + returns.count();
    let what = if count == 1 {
        "a carriage return".to_owned()
    } else {
        format!("{count} carriage returns, the first")
    };
    report
        .add("carriage-return", first..first + 1, format!("{what} here"))
        .fix("end lines with a line feed alone");
    for at in memchr_iter(b'\r', text.as_bytes()) {
        let lone = text.as_bytes().get(at + 1) != Some(&b'\n');
        report.edit(at..at + 1, if lone { "\n" } else { "" });
    }
}

fn trailing_blanks(report: &mut Report<'_>) {
    let text = report.text;
    let bytes = text.as_bytes();
    for end in memchr_iter(b'\n', bytes).chain([text.len()]) {
        let line_end = if end > 0 && bytes[end - 1] == b'\r' && end < text.len() {
            end - 1
        } else {
            end
        };
        if line_end == 0 || !matches!(bytes[line_end - 1], b' ' | b'\t') {
            continue;
        }
        let blanks = bytes[..line_end]
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let span = line_end - blanks..line_end;
        // A blank after the colon of the open turn is a graver matter, and has its own rule.
        if end == text.len() && text[..span.start].ends_with(':') {
            continue;
        }
        let what = if blanks == 1 {
            "a blank ends the line".to_owned()
        } else {
            format!("{blanks} blanks end the line")
        };
        report
            .add("trailing-space", span.clone(), what)
            .fix("delete it")
            .edit(span, "");
    }
}

fn control_characters(report: &mut Report<'_>) {
    let text = report.text;
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 9 | 11 | 12 | 14..=31 | 127);
    let mut from = 0;
    while let Some(at) = text.as_bytes()[from..]
        .iter()
        .position(is_control)
        .map(|at| from + at)
    {
        let byte = text.as_bytes()[at];
        let (what, instead) = if byte == b'\t' {
            ("a tab".to_owned(), " ")
        } else {
            (format!("the control character U+{byte:04X}"), "")
        };
        report
            .add("control-character", at..at + 1, what)
            .fix("delete it")
            .edit(at..at + 1, instead);
        from = at + 1;
    }
}

fn special_tokens(report: &mut Report<'_>) {
    let text = report.text;
    for token in SPECIAL {
        for at in memmem::find_iter(text.as_bytes(), token) {
            let span = at..at + token.len();
            let what = if at == 0 && *token == "<s>" {
                "`<s>` is written out: the tokenizer adds it, so the model would see two".to_owned()
            } else {
                format!("the special token `{token}` is written out")
            };
            report
                .add("special-token", span.clone(), what)
                .fix("delete it")
                .edit(span, "");
        }
    }
}
