//! Example dialogues: blocks of text, each after a `<START>` in any case of its letters.

/// The blocks of `text`.
pub(super) fn blocks(text: &str) -> Vec<String> {
    const START: &str = "<START>";
    let text = text.trim();
    // Upper case changes no byte's place here: only ASCII letters are changed.
    let upper = text.to_ascii_uppercase();
    let mut blocks = Vec::new();
    let mut at = if upper.starts_with(START) {
        START.len()
    } else {
        0
    };
    loop {
        let end = upper[at..]
            .find(START)
            .map_or(text.len(), |found| at + found);
        let block = text[at..end].trim();
        if !block.is_empty() {
            blocks.push(block.to_owned());
        }
        if end == text.len() {
            return blocks;
        }
        at = end + START.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_begin_at_a_start_in_any_case() {
        assert_eq!(blocks("<START>\na: b\n<start>c"), ["a: b", "c"]);
        assert_eq!(blocks("a: b\n<START>\n\n<START>"), ["a: b"]);
        assert!(blocks("<START>").is_empty());
        assert!(blocks("").is_empty());
    }
}
