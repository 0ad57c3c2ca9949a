//! Reads the head of a GGUF file without believing it.

use std::collections::HashSet;
use std::io::Read;

use super::super::cursor::{Cursor, INCOMPLETE};
use super::{
    ALIGNMENT, Gguf, MAGIC, MAX_EXTENTS, Metadata, Tensor, TensorType, Texts, Value, ValueType,
};
use crate::{Error, Kind, Result};

/// The most bytes of metadata and tensor descriptions, 256 MiB: vocabularies of 260,000 tokens with their merges stay
/// below 20 MiB.
const MAX_HEAD: u64 = 256 << 20;

/// The most metadata values, elements of lists included: ten times what the largest vocabulary needs. A value takes 32
/// bytes of memory, so this bounds it to 256 MiB.
const MAX_VALUES: u64 = 8 << 20;

/// Elements of a list for which there is room before they have come: beyond that it grows with them.
const ROOM_AT_ONCE: u64 = 1 << 16;

/// The longest metadata key, as the format says.
const MAX_KEY: u64 = 65_535;

/// How deep lists may nest; no known file nests them at all.
const MAX_DEPTH: usize = 4;

/// The largest alignment believed, 1 MiB.
const MAX_ALIGNMENT: u64 = 1 << 20;

impl Gguf {
    /// Reads the head of a file of `length` bytes.
    ///
    /// # Errors
    ///
    /// As [`Gguf::open`], without the path.
    pub fn read(reader: impl Read, length: u64) -> Result<Self> {
        let mut head = Head {
            at: Cursor::new(reader, length, MAX_HEAD),
            values: 0,
        };
        head.magic()?;
        let version = head.version()?;
        let tensor_count = head.at.u64("the number of tensors")?;
        let key_count = head.at.u64("the number of metadata keys")?;
        // A key takes at least its length, one byte, a type and a value; a tensor its length, counts, type and offset.
        head.at
            .expect_room(key_count, 8 + 1 + 4 + 1, "metadata keys")?;
        head.at
            .expect_room(tensor_count, 8 + 4 + 4 + 8, "tensors")?;

        let metadata = head.metadata(key_count)?;
        let alignment = alignment(&metadata)?;
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        for _ in 0..tensor_count {
            let at = head.at.position;
            let tensor = head.tensor()?;
            if !names.insert(tensor.name.clone()) {
                return Err(wrong(format!(
                    "tensor `{}` appears a second time at byte {at}",
                    tensor.name
                )));
            }
            tensors.push(tensor);
        }
        let data_start = head.at.position.next_multiple_of(alignment);
        check_places(&tensors, alignment, data_start, length)?;
        Ok(Self {
            version,
            metadata,
            tensors,
            alignment,
            data_start,
        })
    }
}

/// The head of a file while it is read.
struct Head<R> {
    at: Cursor<R>,
    values: u64,
}

impl<R: Read> Head<R> {
    fn magic(&mut self) -> Result<()> {
        if self.at.length == 0 {
            return Err(wrong("the file is empty").hint(INCOMPLETE));
        }
        let magic: [u8; 4] = self.at.array("the magic number")?;
        if magic == MAGIC {
            return Ok(());
        }
        let error = wrong(format!(
            "not a GGUF file: it starts with the bytes `{}` and not with `GGUF`",
            magic.escape_ascii()
        ));
        Err(match &magic {
            b"lmgg" | b"fmgg" | b"tjgg" => error.hint(
                "this is a model of the time before GGUF: `cardwright model convert` makes it one",
            ),
            b"algg" => {
                error.hint("this is an adapter of 2023: `cardwright model convert` makes it GGUF")
            }
            b"PK\x03\x04" => {
                error.hint("this is a zip archive or a PyTorch file, not a model for llama.cpp")
            }
            b"<!DO" | b"<htm" | b"<HTM" => {
                error.hint("this is a web page: a download went wrong, get the file again")
            }
            b"vers" => {
                error.hint("this is a Git LFS pointer: get the file itself, as with `git lfs pull`")
            }
            _ => error.hint("models for llama.cpp have names that end in `.gguf`"),
        })
    }

    fn version(&mut self) -> Result<u32> {
        let version = self.at.u32("the version")?;
        match version {
            2 | 3 => Ok(version),
            1 => Err(
                wrong("GGUF version 1, which only the first days of August 2023 wrote")
                    .hint("get a newer version of the file"),
            ),
            _ if matches!(version.swap_bytes(), 1..=3) => Err(wrong(
                "a GGUF file for big-endian machines, at byte 4",
            )
            .hint(
                "get the little-endian file, or swap it with gguf_convert_endian.py of llama.cpp",
            )),
            _ => Err(wrong(format!(
                "GGUF version {version} at byte 4; versions 2 and 3 are known"
            ))
            .hint("the file is damaged or newer than this program")),
        }
    }

    fn metadata(&mut self, count: u64) -> Result<Metadata> {
        let mut metadata = Metadata::new();
        let mut keys = HashSet::new();
        for _ in 0..count {
            let at = self.at.position;
            let key = self.name(MAX_KEY, "a metadata key")?;
            if key.is_empty() {
                return Err(wrong(format!("metadata key without a name at byte {at}")));
            }
            if !keys.insert(key.clone()) {
                return Err(wrong(format!(
                    "metadata key `{key}` appears a second time at byte {at}"
                )));
            }
            let kind = self.value_type(&key)?;
            let value = self.value(kind, &key, 0)?;
            metadata.push(key, value);
        }
        Ok(metadata)
    }

    fn value_type(&mut self, key: &str) -> Result<ValueType> {
        let at = self.at.position;
        let id = self.at.u32("a metadata type")?;
        ValueType::from_id(id).ok_or_else(|| {
            wrong(format!(
                "metadata key `{key}` has the unknown type {id} at byte {at}"
            ))
            .hint("the file is damaged or newer than this program")
        })
    }

    fn value(&mut self, kind: ValueType, key: &str, depth: usize) -> Result<Value> {
        self.count_values(1, key)?;
        let what = "a metadata value";
        Ok(match kind {
            ValueType::U8 => Value::U8(u8::from_le_bytes(self.at.array(what)?)),
            ValueType::I8 => Value::I8(i8::from_le_bytes(self.at.array(what)?)),
            ValueType::U16 => Value::U16(u16::from_le_bytes(self.at.array(what)?)),
            ValueType::I16 => Value::I16(i16::from_le_bytes(self.at.array(what)?)),
            ValueType::U32 => Value::U32(self.at.u32(what)?),
            ValueType::I32 => Value::I32(i32::from_le_bytes(self.at.array(what)?)),
            ValueType::F32 => Value::F32(f32::from_le_bytes(self.at.array(what)?)),
            ValueType::U64 => Value::U64(self.at.u64(what)?),
            ValueType::I64 => Value::I64(i64::from_le_bytes(self.at.array(what)?)),
            ValueType::F64 => Value::F64(f64::from_le_bytes(self.at.array(what)?)),
            ValueType::Bool => {
                let at = self.at.position;
                match self.at.array(what)? {
                    [0] => Value::Bool(false),
                    [1] => Value::Bool(true),
                    [other] => {
                        return Err(wrong(format!(
                            "metadata key `{key}` is neither true nor false but {other} at byte {at}"
                        )));
                    }
                }
            }
            ValueType::Text => Value::Text(self.text(MAX_HEAD, what)?),
            ValueType::Array => {
                if depth == MAX_DEPTH {
                    return Err(Error::new(
                        Kind::Limit,
                        format!("lists nest more than {MAX_DEPTH} deep in `{key}`"),
                    ));
                }
                let element = self.value_type(key)?;
                let count = self.at.u64("the length of a list")?;
                self.at
                    .expect_room(count, element.least_bytes(), "elements of a metadata list")?;
                let room = count.min(ROOM_AT_ONCE) as usize;
                if element == ValueType::Text {
                    return Ok(Value::Texts(self.texts(count, room, key)?));
                }
                let mut values = Vec::with_capacity(room);
                for _ in 0..count {
                    values.push(self.value(element, key, depth + 1)?);
                }
                Value::Array(element, values)
            }
        })
    }

    fn texts(&mut self, count: u64, room: usize, key: &str) -> Result<Texts> {
        self.count_values(count, key)?;
        let mut texts = Texts::with_capacity(room);
        for _ in 0..count {
            let what = "a metadata value";
            let length = self.at.u64(what)?;
            texts.push_with(|bytes| self.at.append(bytes, length, MAX_HEAD, what))?;
        }
        Ok(texts)
    }

    fn count_values(&mut self, count: u64, key: &str) -> Result<()> {
        self.values = self.values.saturating_add(count);
        if self.values > MAX_VALUES {
            return Err(Error::new(
                Kind::Limit,
                format!("more than {MAX_VALUES} metadata values, in `{key}`"),
            ));
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<Tensor> {
        let at = self.at.position;
        let name = self.name(MAX_KEY, "a tensor name")?;
        let extents = self.at.u32("the dimensions of a tensor")?;
        if extents as usize > MAX_EXTENTS {
            return Err(wrong(format!(
                "tensor `{name}` at byte {at} has {extents} dimensions, the most is {MAX_EXTENTS}"
            )));
        }
        let mut shape = Vec::new();
        for _ in 0..extents {
            shape.push(self.at.u64("the shape of a tensor")?);
        }
        let id = self.at.u32("the type of a tensor")?;
        let kind = TensorType::from_id(id).ok_or_else(|| {
            wrong(format!(
                "tensor `{name}` at byte {at} has the unknown type {id}"
            ))
            .hint(match id {
                4 | 5 | 31..=33 | 36..=38 => {
                    "llama.cpp has removed this type: get the model in another quantization"
                }
                _ => "the file is damaged or newer than this program",
            })
        })?;
        let offset = self.at.u64("the place of a tensor")?;
        let mut tensor = Tensor::new(name, shape, kind)
            .map_err(|e| wrong(format!("{} (at byte {at})", e.message())))?;
        tensor.offset = offset;
        Ok(tensor)
    }

    fn name(&mut self, most: u64, what: &str) -> Result<String> {
        let at = self.at.position;
        String::from_utf8(self.text(most, what)?)
            .map_err(|_| wrong(format!("{what} that is no UTF-8 at byte {at}")))
    }

    fn text(&mut self, most: u64, what: &str) -> Result<Vec<u8>> {
        let length = self.at.u64(what)?;
        self.at.bytes(length, most, what)
    }
}

fn alignment(metadata: &Metadata) -> Result<u64> {
    match metadata.get("general.alignment") {
        None => Ok(ALIGNMENT),
        Some(&Value::U32(n)) if n.is_power_of_two() && u64::from(n) <= MAX_ALIGNMENT => {
            Ok(n.into())
        }
        Some(value) => Err(wrong(format!(
            "`general.alignment` is {} and not a power of two up to {MAX_ALIGNMENT}",
            value.to_json()
        ))),
    }
}

/// Checks that every tensor lies in the file, aligned, and shares no byte with another.
fn check_places(tensors: &[Tensor], alignment: u64, start: u64, length: u64) -> Result<()> {
    let mut order: Vec<&Tensor> = tensors.iter().collect();
    order.sort_by_key(|tensor| (tensor.offset, tensor.size));
    let mut free = 0;
    let mut before = "";
    for tensor in order {
        let name = &tensor.name;
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(wrong(format!(
                "the data of tensor `{name}` starts at offset {}, which is no multiple of {alignment}",
                tensor.offset
            )));
        }
        if tensor.offset < free {
            return Err(wrong(format!(
                "the data of tensor `{name}` at offset {} overlaps that of `{before}`",
                tensor.offset
            )));
        }
        let end = tensor
            .offset
            .checked_add(tensor.size)
            .filter(|end| end.checked_add(start).is_some_and(|end| end <= length));
        let Some(end) = end else {
            return Err(wrong(format!(
                "the data of tensor `{name}` ({} bytes from byte {}) lies outside the file, which has {length} bytes",
                tensor.size,
                start.saturating_add(tensor.offset),
            ))
            .hint(INCOMPLETE));
        };
        free = end;
        before = name;
    }
    Ok(())
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Model, message)
}
