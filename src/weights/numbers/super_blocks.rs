//! The K family: super-blocks of 256 numbers, whose parts have scales and minima that are quantized themselves.

use super::half_at;

pub(super) fn q2_k_from(block: &[u8], out: &mut [f32]) {
    let (scales, quants) = (&block[..16], &block[16..80]);
    let (scale, least) = (half_at(block, 80), half_at(block, 82));
    for (part, out) in out.chunks_exact_mut(16).enumerate() {
        let (packed, shift) = (two_bits(quants, part), part / 2 % 4 * 2);
        let d = scale * f32::from(scales[part] & 15);
        let m = least * f32::from(scales[part] >> 4);
        for (out, byte) in out.iter_mut().zip(packed) {
            *out = d * f32::from(byte >> shift & 3) - m;
        }
    }
}

pub(super) fn q3_k_from(block: &[u8], out: &mut [f32]) {
    let (high, quants, scales) = (&block[..32], &block[32..96], &block[96..108]);
    let scale = half_at(block, 108);
    for (part, out) in out.chunks_exact_mut(16).enumerate() {
        let (packed, shift) = (two_bits(quants, part), part / 2 % 4 * 2);
        // Six bits: four in one of eight bytes, the low half before the high one, and two in one of the last four.
        let four = scales[part % 8] >> (part / 8 * 4) & 15;
        let two = scales[8 + part % 4] >> (part / 4 * 2) & 3;
        let d = scale * f32::from((four | two << 4) as i8 - 32);
        let bits = &high[part % 2 * 16..][..16];
        for ((out, byte), bits) in out.iter_mut().zip(packed).zip(bits) {
            let third = if bits >> (part / 2) & 1 == 1 { 0 } else { 4 };
            *out = d * f32::from((byte >> shift & 3) as i8 - third);
        }
    }
}

/// The 16 bytes that hold part `part` of 16 in two bits each: eight parts share 32 bytes, four to a byte.
fn two_bits(quants: &[u8], part: usize) -> &[u8] {
    &quants[part / 8 * 32 + part % 2 * 16..][..16]
}

pub(super) fn q4_k_from(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half_at(block, 0), half_at(block, 2));
    let (scales, quants) = (&block[4..16], &block[16..144]);
    for (part, out) in out.chunks_exact_mut(32).enumerate() {
        let (s, m) = scale_and_least(scales, part);
        let (d, m) = (scale * f32::from(s), least * f32::from(m));
        let packed = &quants[part / 2 * 32..][..32];
        for (out, byte) in out.iter_mut().zip(packed) {
            *out = d * f32::from(byte >> (part % 2 * 4) & 15) - m;
        }
    }
}

pub(super) fn q5_k_from(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half_at(block, 0), half_at(block, 2));
    let (scales, high, quants) = (&block[4..16], &block[16..48], &block[48..176]);
    for (part, out) in out.chunks_exact_mut(32).enumerate() {
        let (s, m) = scale_and_least(scales, part);
        let (d, m) = (scale * f32::from(s), least * f32::from(m));
        let packed = &quants[part / 2 * 32..][..32];
        for ((out, byte), bits) in out.iter_mut().zip(packed).zip(high) {
            let five = (byte >> (part % 2 * 4) & 15) + (bits >> part & 1) * 16;
            *out = d * f32::from(five) - m;
        }
    }
}

/// The six-bit scale and minimum of part `part` of eight.
fn scale_and_least(scales: &[u8], part: usize) -> (u8, u8) {
    if part < 4 {
        return (scales[part] & 63, scales[part + 4] & 63);
    }
    let low = scales[part + 4];
    (
        (low & 15) | scales[part - 4] >> 6 << 4,
        (low >> 4) | scales[part] >> 6 << 4,
    )
}

pub(super) fn q6_k_from(block: &[u8], out: &mut [f32]) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half_at(block, 208);
    for (part, out) in out.chunks_exact_mut(32).enumerate() {
        // Four parts of 32 share 64 bytes of low halves and 32 bytes of high pairs.
        let (group, within) = (part / 4, part % 4);
        let low = &low[group * 64 + within % 2 * 32..][..32];
        let high = &high[group * 32..][..32];
        for (l, out) in out.iter_mut().enumerate() {
            let four = low[l] >> (within / 2 * 4) & 15;
            let two = high[l] >> (within * 2) & 3;
            let d = scale * f32::from(scales[group * 8 + within * 2 + l / 16] as i8);
            *out = d * f32::from((four | two << 4) as i8 - 32);
        }
    }
}
