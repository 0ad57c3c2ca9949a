//! The hash and the random generator that `{{pick}}` is defined by: cyrb53, and ARC4 as the `seedrandom` package seeds it.
//!
//! Both are kept bit for bit, so that a card picks the same words here as in SillyTavern.

/// cyrb53 with seed 0 over the UTF-16 units of `text`: a number of 53 bits.
pub(in crate::prompt) fn cyrb53(text: &str) -> u64 {
    let (mut low, mut high) = (0xdead_beef_u32, 0x41c6_ce57_u32);
    for unit in text.encode_utf16() {
        low = (low ^ u32::from(unit)).wrapping_mul(2_654_435_761);
        high = (high ^ u32::from(unit)).wrapping_mul(1_597_334_677);
    }
    low = (low ^ (low >> 16)).wrapping_mul(2_246_822_507)
        ^ (high ^ (high >> 13)).wrapping_mul(3_266_489_909);
    high = (high ^ (high >> 16)).wrapping_mul(2_246_822_507)
        ^ (low ^ (low >> 13)).wrapping_mul(3_266_489_909);
    (u64::from(high & 0x1f_ffff) << 32) | u64::from(low)
}

/// A stream of numbers from a text.
#[derive(Debug, Clone)]
pub(in crate::prompt) struct Random {
    state: [u8; 256],
    i: u8,
    j: u8,
}

impl Random {
    pub(in crate::prompt) fn new(seed: &str) -> Self {
        let key = key(seed);
        let mut state: [u8; 256] = std::array::from_fn(|index| index as u8);
        let mut j = 0_u8;
        for i in 0..256 {
            let taken = state[i];
            j = j.wrapping_add(key[i % key.len()]).wrapping_add(taken);
            state[i] = state[usize::from(j)];
            state[usize::from(j)] = taken;
        }
        let mut random = Self { state, i: 0, j: 0 };
        // The first bytes of ARC4 say too much about the key.
        for _ in 0..256 {
            random.byte();
        }
        random
    }

    fn byte(&mut self) -> u8 {
        self.i = self.i.wrapping_add(1);
        let taken = self.state[usize::from(self.i)];
        self.j = self.j.wrapping_add(taken);
        let other = self.state[usize::from(self.j)];
        self.state[usize::from(self.i)] = other;
        self.state[usize::from(self.j)] = taken;
        self.state[usize::from(other.wrapping_add(taken))]
    }

    /// A number from 0 up to but not including 1, with 52 random bits or more.
    pub(in crate::prompt) fn number(&mut self) -> f64 {
        let mut numerator = (0..6).fold(0.0, |sum, _| sum * 256.0 + f64::from(self.byte()));
        let mut denominator = 2_f64.powi(48);
        let mut last = 0_u8;
        while numerator < 2_f64.powi(52) {
            numerator = (numerator + f64::from(last)) * 256.0;
            denominator *= 256.0;
            last = self.byte();
        }
        while numerator >= 2_f64.powi(53) {
            numerator /= 2.0;
            denominator /= 2.0;
            last >>= 1;
        }
        (numerator + f64::from(last)) / denominator
    }

    /// A whole number below `count`, which is at least 1.
    pub(super) fn below(&mut self, count: f64) -> f64 {
        (self.number() * count).floor()
    }
}

/// The bytes a text stirs into the key, at most 256 of them.
fn key(seed: &str) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut smear = 0_u32;
    for (index, unit) in seed.encode_utf16().enumerate() {
        let index = index & 255;
        smear ^= key.get(index).map_or(0, |byte| u32::from(*byte) * 19);
        let byte = smear.wrapping_add(u32::from(unit)) as u8;
        match key.get_mut(index) {
            Some(place) => *place = byte,
            None => key.push(byte),
        }
    }
    if key.is_empty() {
        key.push(0);
    }
    key
}
