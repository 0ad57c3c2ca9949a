//! The word that was probably meant.

/// The number of letters to insert, delete or replace to make `a` into `b`. Both are short.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replace = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// The word of `known` that `word` was probably meant to be; `None` when nothing is near. Of equally near words the first
/// wins.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word: String = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let length = word.chars().count();
    let near = |known: &'k str| {
        // Two letters that changed places are one slip.
        let is_shuffled = letters(&word) == letters(known);
        let distance = if is_shuffled {
            1
        } else {
            distance(&word, known)
        };
        let begun = length >= 2 && known.starts_with(&word);
        (distance <= (length / 3).max(1) || begun).then_some((distance, known))
    };
    known
        .into_iter()
        .filter_map(near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let words = ["temperature", "tail_free", "top_k", "top_p"];
        assert_eq!(nearest("temprature", words), Some("temperature"));
        assert_eq!(nearest("Tail_Free", words), Some("tail_free"));
        assert_eq!(nearest("tpo_k", words), Some("top_k"));
        assert_eq!(nearest("temp", words), Some("temperature"));
        assert_eq!(nearest("top_q", words), Some("top_k"));
        assert_eq!(nearest("banana", words), None);
        assert_eq!(nearest("", words), None);
    }
}
