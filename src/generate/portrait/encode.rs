//! Pixels to PNG bytes: at most 256 colours, which flat art hardly notices, and a third of the size.

use std::collections::HashMap;

use crate::{Error, Kind, Result};

/// Colours in an indexed PNG.
const PALETTE: usize = 256;

/// Encodes `pixels`, `width` to a row.
pub(super) fn png(pixels: &[[u8; 3]], width: u32, height: u32) -> Result<Vec<u8>> {
    let (palette, indices) = index(pixels);
    let mut bytes = Vec::with_capacity(64 * 1024);
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    // Grain leaves little to be found; deeper searches take three times as long to save a third.
    encoder.set_deflate_compression(png::DeflateCompression::Level(1));
    // Indices are labels, not amounts: differences between them mean nothing.
    encoder.set_filter(png::Filter::NoFilter);
    let failed = |e: png::EncodingError| {
        Error::new(Kind::File, format!("cannot encode the portrait: {e}")).source(e)
    };
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&indices).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// A palette of at most 256 colours and the index of each pixel.
fn index(pixels: &[[u8; 3]]) -> (Vec<[u8; 3]>, Vec<u8>) {
    let mut slots: HashMap<[u8; 3], usize> = HashMap::new();
    let mut colours: Vec<([u8; 3], u32)> = Vec::new();
    // Grain makes colours alternate: a small cache of the last ones saves most look-ups.
    let mut recent = [([0, 0, 0], usize::MAX); 256];
    let places: Vec<usize> = pixels
        .iter()
        .map(|&pixel| {
            let [r, g, b] = pixel.map(usize::from);
            let cached = &mut recent[(r * 5 + g * 17 + b * 43) % 256];
            if cached.1 == usize::MAX || cached.0 != pixel {
                let slot = *slots.entry(pixel).or_insert_with(|| {
                    colours.push((pixel, 0));
                    colours.len() - 1
                });
                *cached = (pixel, slot);
            }
            colours[cached.1].1 += 1;
            cached.1
        })
        .collect();
    let (palette, map) = reduce(&colours);
    (palette, places.iter().map(|&place| map[place]).collect())
}

/// Median cut: the box with the largest spread is split until there are enough; a box is shown by its commonest colour, so
/// that flat inks stay exactly what they were.
fn reduce(colours: &[([u8; 3], u32)]) -> (Vec<[u8; 3]>, Vec<u8>) {
    let mut boxes: Vec<Vec<usize>> = vec![(0..colours.len()).collect()];
    let spread = |members: &[usize]| -> (f64, usize) {
        let mut worst = (0.0, 0);
        for channel in 0..3 {
            let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for &i in members {
                // A square root, so that a large flat area does not take all slots from the edges.
                let w = f64::from(colours[i].1).sqrt();
                let v = f64::from(colours[i].0[channel]);
                weight += w;
                sum += w * v;
                squares += w * v * v;
            }
            let variance = squares - sum * sum / weight.max(1.0);
            if variance > worst.0 {
                worst = (variance, channel);
            }
        }
        worst
    };
    let mut spreads = vec![spread(&boxes[0])];
    while boxes.len() < PALETTE.min(colours.len()) {
        let Some((at, &(amount, channel))) = spreads
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.0.total_cmp(&b.1.0))
        else {
            break;
        };
        if amount <= 0.0 {
            break;
        }
        let mut members = std::mem::take(&mut boxes[at]);
        members.sort_by_key(|&i| (colours[i].0[channel], colours[i].0));
        let mean = {
            let (mut weight, mut sum) = (0.0, 0.0);
            for &i in &members {
                let w = f64::from(colours[i].1).sqrt();
                weight += w;
                sum += w * f64::from(colours[i].0[channel]);
            }
            sum / weight
        };
        let cut = members
            .partition_point(|&i| f64::from(colours[i].0[channel]) <= mean)
            .clamp(1, members.len() - 1);
        let upper = members.split_off(cut);
        spreads[at] = spread(&members);
        spreads.push(spread(&upper));
        boxes[at] = members;
        boxes.push(upper);
    }
    let mut map = vec![0; colours.len()];
    let mut palette = Vec::with_capacity(boxes.len());
    for (slot, members) in boxes.iter().enumerate() {
        let commonest = members
            .iter()
            .max_by_key(|&&i| (colours[i].1, colours[i].0))
            .map_or([0, 0, 0], |&i| colours[i].0);
        palette.push(commonest);
        for &i in members {
            map[i] = slot as u8;
        }
    }
    (palette, map)
}
