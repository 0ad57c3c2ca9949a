//! Plain numbers, and blocks of 32 with one scale and perhaps a minimum.
//!
//! A block of 32 keeps number j and number j + 16 in the two halves of byte j. The casts round towards zero and stay in
//! range, as the additions of one half before them intend.

use half::{bf16, f16};

use super::half_at;

pub(super) fn f32_from(block: &[u8], out: &mut [f32]) {
    out[0] = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
}

pub(super) fn f32_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(numbers[0].to_le_bytes());
}

pub(super) fn f16_from(block: &[u8], out: &mut [f32]) {
    out[0] = half_at(block, 0);
}

pub(super) fn f16_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(f16::from_f32(numbers[0]).to_le_bytes());
}

pub(super) fn bf16_from(block: &[u8], out: &mut [f32]) {
    out[0] = bf16::from_le_bytes([block[0], block[1]]).to_f32();
}

pub(super) fn bf16_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(bf16::from_f32(numbers[0]).to_le_bytes());
}

pub(super) fn q4_0_from(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0);
    for (j, byte) in block[2..18].iter().enumerate() {
        out[j] = f32::from((byte & 15) as i8 - 8) * scale;
        out[j + 16] = f32::from((byte >> 4) as i8 - 8) * scale;
    }
}

pub(super) fn q4_0_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    let scale = extreme(numbers) / -8.0;
    let inverse = inverse(scale);
    put_half(bytes, scale);
    for j in 0..16 {
        let nibble = |x: f32| ((x * inverse + 8.5) as i8 as u8).min(15);
        bytes.push(nibble(numbers[j]) | nibble(numbers[j + 16]) << 4);
    }
}

pub(super) fn q4_1_from(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half_at(block, 0), half_at(block, 2));
    for (j, byte) in block[4..20].iter().enumerate() {
        out[j] = f32::from(byte & 15) * scale + least;
        out[j + 16] = f32::from(byte >> 4) * scale + least;
    }
}

pub(super) fn q4_1_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    let (least, most) = bounds(numbers);
    let scale = (most - least) / 15.0;
    let inverse = inverse(scale);
    put_half(bytes, scale);
    put_half(bytes, least);
    for j in 0..16 {
        let nibble = |x: f32| (((x - least) * inverse + 0.5) as i8 as u8).min(15);
        bytes.push(nibble(numbers[j]) | nibble(numbers[j + 16]) << 4);
    }
}

/// The five bits of the numbers j and j + 16: the low four from byte j, the fifth from the bits that stand together.
fn fives(block: &[u8], low: usize) -> impl Iterator<Item = (u8, u8)> {
    let high = u32::from_le_bytes([
        block[low - 4],
        block[low - 3],
        block[low - 2],
        block[low - 1],
    ]);
    block[low..low + 16]
        .iter()
        .enumerate()
        .map(move |(j, byte)| {
            let bit = |at: usize| ((high >> at) as u8 & 1) << 4;
            ((byte & 15) | bit(j), (byte >> 4) | bit(j + 16))
        })
}

fn put_fives(bytes: &mut Vec<u8>, numbers: &[f32], five: impl Fn(f32) -> u8) {
    let mut high = 0_u32;
    let mut low = [0_u8; 16];
    for j in 0..16 {
        let (a, b) = (five(numbers[j]), five(numbers[j + 16]));
        low[j] = (a & 15) | (b & 15) << 4;
        high |= u32::from(a >> 4 & 1) << j | u32::from(b >> 4 & 1) << (j + 16);
    }
    bytes.extend(high.to_le_bytes());
    bytes.extend(low);
}

pub(super) fn q5_0_from(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0);
    for (j, (a, b)) in fives(block, 6).enumerate() {
        out[j] = f32::from(a as i8 - 16) * scale;
        out[j + 16] = f32::from(b as i8 - 16) * scale;
    }
}

pub(super) fn q5_0_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    let scale = extreme(numbers) / -16.0;
    let inverse = inverse(scale);
    put_half(bytes, scale);
    put_fives(bytes, numbers, |x| {
        ((x * inverse + 16.5) as i8 as u8).min(31)
    });
}

pub(super) fn q5_1_from(block: &[u8], out: &mut [f32]) {
    let (scale, least) = (half_at(block, 0), half_at(block, 2));
    for (j, (a, b)) in fives(block, 8).enumerate() {
        out[j] = f32::from(a) * scale + least;
        out[j + 16] = f32::from(b) * scale + least;
    }
}

pub(super) fn q5_1_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    let (least, most) = bounds(numbers);
    let scale = (most - least) / 31.0;
    let inverse = inverse(scale);
    put_half(bytes, scale);
    put_half(bytes, least);
    put_fives(bytes, numbers, |x| ((x - least) * inverse + 0.5) as u8);
}

pub(super) fn q8_0_from(block: &[u8], out: &mut [f32]) {
    let scale = half_at(block, 0);
    for (out, byte) in out.iter_mut().zip(&block[2..34]) {
        *out = f32::from(*byte as i8) * scale;
    }
}

pub(super) fn q8_0_to(numbers: &[f32], bytes: &mut Vec<u8>) {
    let most = numbers.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let scale = most / 127.0;
    let inverse = inverse(scale);
    put_half(bytes, scale);
    bytes.extend(numbers.iter().map(|x| (x * inverse).round() as i8 as u8));
}

/// The number that is farthest from zero, the first of several.
fn extreme(numbers: &[f32]) -> f32 {
    let (mut most, mut extreme) = (0.0, 0.0);
    for &x in numbers {
        if most < x.abs() {
            most = x.abs();
            extreme = x;
        }
    }
    extreme
}

fn bounds(numbers: &[f32]) -> (f32, f32) {
    numbers
        .iter()
        .fold((f32::MAX, f32::MIN), |(least, most), &x| {
            (
                if x < least { x } else { least },
                if x > most { x } else { most },
            )
        })
}

fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

fn put_half(bytes: &mut Vec<u8>, number: f32) {
    bytes.extend(f16::from_f32(number).to_le_bytes());
}
