//! A sketch of a text: 256 bytes that tell how much two texts have in common without either.
//!
//! Every run of three words is hashed into one of 64 bins, and each bin keeps its smallest hash (one permutation hashing,
//! Li, Owen and Zhang 2012; empty bins borrow from the next one, Shrivastava and Li 2014). The part of bins in which two
//! sketches agree estimates which part of their runs two texts share, within about 0.06.

/// The bins of a sketch.
pub(super) const BINS: usize = 64;

/// Bins that must agree together for two sketches to be compared at all. Of texts that share 0.7 of their runs, 99 in 100
/// agree in at least one of the 16 bands.
pub(super) const BAND: usize = 4;

/// The fewest runs that make a sketch: below, one changed word is too large a part.
const FEWEST: usize = 16;

/// The sketch of a text; `None` when it is too short.
pub(super) fn sketch<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<[u32; BINS]> {
    let mut bins = [u64::MAX; BINS];
    let mut run = [0_u64; 3];
    let mut words = 0;
    for text in texts {
        let parts = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        for word in parts {
            run = [run[1], run[2], hash(word)];
            words += 1;
            if words < run.len() {
                continue;
            }
            let mixed = mix(run[0] ^ run[1].rotate_left(21) ^ run[2].rotate_left(42));
            let bin = &mut bins[(mixed >> 58) as usize];
            *bin = (*bin).min(mixed & 0xffff_ffff);
        }
    }
    if words < FEWEST + 2 {
        return None;
    }
    Some(std::array::from_fn(|at| {
        let filled = (0..BINS).find(|step| bins[(at + step) % BINS] != u64::MAX);
        let step = filled.unwrap_or(0);
        // How far it was borrowed from is part of the value, or sparse sketches would agree by borrowing alike.
        (bins[(at + step) % BINS] as u32).wrapping_add(0x9e37_79b9_u32.wrapping_mul(step as u32))
    }))
}

/// Which part of two sketches agrees, from 0 to 1.
pub(super) fn likeness(one: &[u8], other: &[u8]) -> f64 {
    let same = one
        .chunks_exact(4)
        .zip(other.chunks_exact(4))
        .filter(|(a, b)| a == b)
        .count();
    same as f64 / BINS as f64
}

/// FNV-1a over the letters in lower case.
fn hash(word: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |byte: u8| {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    };
    if word.is_ascii() {
        word.bytes().for_each(|b| take(b.to_ascii_lowercase()));
    } else {
        let lower = word.chars().flat_map(char::to_lowercase);
        lower.for_each(|c| u32::from(c).to_le_bytes().into_iter().for_each(&mut take));
    }
    hash
}

/// The finaliser of MurmurHash3.
fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let sketch = sketch([text]).unwrap();
        sketch.iter().flat_map(|bin| bin.to_le_bytes()).collect()
    }

    #[test]
    fn likeness_follows_what_texts_share() {
        let words: Vec<String> = (0..400).map(|n| format!("w{n}")).collect();
        let whole = words.join(" ");
        assert_eq!(likeness(&bytes(&whole), &bytes(&whole.to_uppercase())), 1.0);
        // 300 of 500 different runs are shared.
        let half = [&words[..300], &vec!["x".to_owned(); 1], &words[..0]]
            .concat()
            .join(" ");
        let part = likeness(&bytes(&whole), &bytes(&half));
        assert!((0.6..0.9).contains(&part), "{part}");
        let other: Vec<String> = (0..400).map(|n| format!("v{n}")).collect();
        assert!(likeness(&bytes(&whole), &bytes(&other.join(" "))) < 0.1);
        assert_eq!(sketch(["too short to tell"]), None);
    }
}
