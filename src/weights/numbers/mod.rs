//! Numbers in the tensor types of ggml: every common type is read, and the simple ones are written.
//!
//! The arithmetic is that of ggml's reference code, step by step and in single precision, so that what is written here is
//! what llama.cpp would have written. Types that need a search for good scales (the K and IQ families) are written by
//! llama.cpp itself.

mod plain;
mod super_blocks;

use super::TensorType;
use crate::{Error, Kind, Result};

/// Whether [`decode`] knows `kind`.
#[must_use]
pub fn can_decode(kind: TensorType) -> bool {
    decoder(kind).is_some()
}

/// Whether [`encode`] knows `kind`.
#[must_use]
pub fn can_encode(kind: TensorType) -> bool {
    encoder(kind).is_some()
}

/// The numbers that `bytes` hold, whole blocks of `kind`.
///
/// # Errors
///
/// [`Kind::Model`] when `kind` cannot be decoded or `bytes` are not whole blocks.
///
/// ```
/// use cardwright::weights::{TensorType, numbers};
///
/// let numbers = numbers::decode(TensorType::F16, &[0x00, 0x3c, 0x00, 0xc0])?;
/// assert_eq!(numbers, [1.0, -2.0]);
/// # Ok::<(), cardwright::Error>(())
/// ```
pub fn decode(kind: TensorType, bytes: &[u8]) -> Result<Vec<f32>> {
    let decode = decoder(kind).ok_or_else(|| {
        Error::new(
            Kind::Model,
            format!("numbers of type {kind} cannot be read"),
        )
        .hint("use a model in F16, Q8_0 or a K quantization")
    })?;
    let size = kind.block_bytes() as usize;
    let elements = kind.block_elements() as usize;
    if !bytes.len().is_multiple_of(size) {
        return Err(Error::new(
            Kind::Model,
            format!("{} bytes are not whole blocks of {kind}", bytes.len()),
        ));
    }
    let mut numbers = vec![0.0; bytes.len() / size * elements];
    for (block, out) in bytes
        .chunks_exact(size)
        .zip(numbers.chunks_exact_mut(elements))
    {
        decode(block, out);
    }
    Ok(numbers)
}

/// `numbers` as bytes of `kind`, which are whole blocks.
///
/// # Errors
///
/// [`Kind::Model`] when `kind` cannot be encoded or the numbers do not fill whole blocks.
pub fn encode(kind: TensorType, numbers: &[f32]) -> Result<Vec<u8>> {
    let encode = encoder(kind).ok_or_else(|| {
        Error::new(
            Kind::Model,
            format!("numbers of type {kind} cannot be written"),
        )
        .hint("write F16 and quantize that")
    })?;
    let elements = kind.block_elements() as usize;
    if !numbers.len().is_multiple_of(elements) {
        return Err(Error::new(
            Kind::Model,
            format!("{} numbers are not whole blocks of {kind}", numbers.len()),
        ));
    }
    let mut bytes = Vec::with_capacity(numbers.len() / elements * kind.block_bytes() as usize);
    for block in numbers.chunks_exact(elements) {
        encode(block, &mut bytes);
    }
    Ok(bytes)
}

/// Reads one block.
type Decode = fn(&[u8], &mut [f32]);

/// Writes one block.
type Encode = fn(&[f32], &mut Vec<u8>);

fn decoder(kind: TensorType) -> Option<Decode> {
    Some(match kind {
        TensorType::F32 => plain::f32_from,
        TensorType::F16 => plain::f16_from,
        TensorType::BF16 => plain::bf16_from,
        TensorType::Q4_0 => plain::q4_0_from,
        TensorType::Q4_1 => plain::q4_1_from,
        TensorType::Q5_0 => plain::q5_0_from,
        TensorType::Q5_1 => plain::q5_1_from,
        TensorType::Q8_0 => plain::q8_0_from,
        TensorType::Q2_K => super_blocks::q2_k_from,
        TensorType::Q3_K => super_blocks::q3_k_from,
        TensorType::Q4_K => super_blocks::q4_k_from,
        TensorType::Q5_K => super_blocks::q5_k_from,
        TensorType::Q6_K => super_blocks::q6_k_from,
        _ => return None,
    })
}

fn encoder(kind: TensorType) -> Option<Encode> {
    Some(match kind {
        TensorType::F32 => plain::f32_to,
        TensorType::F16 => plain::f16_to,
        TensorType::BF16 => plain::bf16_to,
        TensorType::Q4_0 => plain::q4_0_to,
        TensorType::Q4_1 => plain::q4_1_to,
        TensorType::Q5_0 => plain::q5_0_to,
        TensorType::Q5_1 => plain::q5_1_to,
        TensorType::Q8_0 => plain::q8_0_to,
        _ => return None,
    })
}

/// The 16-bit number at byte `at`.
fn half_at(block: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 37 % 101) as f32 / 50.0 - 1.0) * (1.0 + (i / 32) as f32))
            .collect()
    }

    #[test]
    fn what_is_written_reads_back_as_near_as_the_type_allows() {
        let numbers = wave(256);
        for (kind, share) in [
            (TensorType::F32, 0.0),
            (TensorType::F16, 0.0005),
            (TensorType::BF16, 0.004),
            (TensorType::Q8_0, 0.005),
            (TensorType::Q5_1, 0.04),
            (TensorType::Q5_0, 0.07),
            (TensorType::Q4_1, 0.08),
            (TensorType::Q4_0, 0.13),
        ] {
            let bytes = encode(kind, &numbers).unwrap();
            assert_eq!(Some(bytes.len() as u64), kind.size(&[256]));
            let back = decode(kind, &bytes).unwrap();
            for (i, (a, b)) in numbers.iter().zip(&back).enumerate() {
                let reach = 1.0 + (i / 32) as f32;
                assert!((a - b).abs() <= share * reach, "{kind} {i}: {a} {b}");
            }
        }
    }

    #[test]
    fn blocks_by_hand() {
        // Largest magnitude -8: scale 1, so that every number is its own nibble less eight.
        let mut numbers = [0.0_f32; 32];
        numbers[0] = -8.0;
        numbers[1] = 7.0;
        numbers[16] = 3.0;
        let block = encode(TensorType::Q4_0, &numbers).unwrap();
        assert_eq!(block[..4], [0x00, 0x3c, 0xb0, 0x8f]);
        assert_eq!(decode(TensorType::Q4_0, &block).unwrap(), numbers);
        // Q8_0: scale 1, the bytes themselves.
        numbers[0] = -127.0;
        let block = encode(TensorType::Q8_0, &numbers).unwrap();
        assert_eq!(block[..4], [0x00, 0x3c, 0x81, 0x07]);
        // Q4_K: both scales 1, the first sub-block with scale 2 and minimum 3.
        let mut block = [0_u8; 144];
        block[0..4].copy_from_slice(&[0x00, 0x3c, 0x00, 0x3c]);
        block[4] = 2;
        block[8] = 3;
        block[16] = 0x05;
        let back = decode(TensorType::Q4_K, &block).unwrap();
        assert_eq!(back[..2], [7.0, -3.0]);
        assert_eq!(back[32..], [0.0; 224]);
    }

    #[test]
    fn nothing_panics_on_any_block_or_number() {
        let odd = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            1e-45,
            -0.0,
            0.0,
        ];
        let numbers: Vec<f32> = (0..256).map(|i| odd[i % odd.len()]).collect();
        for id in 0..50 {
            let Some(kind) = TensorType::from_id(id) else {
                continue;
            };
            if can_encode(kind) {
                encode(kind, &numbers).unwrap();
            }
            if can_decode(kind) {
                for fill in [0x00, 0x7f, 0x80, 0xff] {
                    let block = vec![fill; kind.block_bytes() as usize];
                    decode(kind, &block).unwrap();
                }
                assert!(decode(kind, &[0]).is_err());
            }
        }
    }
}
