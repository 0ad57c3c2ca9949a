//! PNG cards: an image with the card in text chunks, read and written without ever looking at a pixel.
//!
//! # What is read
//!
//! `chara` (V1 and V2) and `ccv3` (V3) in `tEXt`, `zTXt` or `iTXt`, in any case, before or after the image data, even after
//! the end of the image; `ccv3` wins when it can be read, else `chara` counts. Image data is skipped, not loaded.
//!
//! # What is written
//!
//! Both, as `tEXt`: `chara` with the card as V2, then `ccv3` with the card as V3, each with all its required fields, and
//! every stale one removed. SillyTavern 1.19 writes the same two in the same order, right before `IEND`, and finds them
//! wherever they stand. Here they keep the place the image had them in; in an image without a card they go before its
//! first text chunk and before `IDAT`, because others are less patient: Pillow's `info` misses text after `IDAT`
//! until the pixels are loaded, and Agnai and TavernAI take the first text chunk of all.

mod chunk;
mod files;
mod inspect;
mod read;
mod write;

pub(super) use chunk::SIGNATURE;
pub(super) use files::{MAX_PATH, files, naidata, picture, with_files};
pub(super) use inspect::{Extra, inspect, pixels, scrub};
pub(super) use read::{read, sniff};
pub(super) use write::with_texts;
pub use write::write;
