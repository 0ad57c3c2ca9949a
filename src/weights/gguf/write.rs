//! Writes a GGUF file: the head at once, then the data of the tensors in order, in pieces of any size.

use std::collections::HashSet;
use std::io::Write;

use super::{ALIGNMENT, MAGIC, Metadata, Tensor, Value, ValueType};
use crate::{Error, Kind, Result};

/// A GGUF file that is being written.
///
/// The tensors' places are laid out by [`Writer::start`]; their data follows through [`Writer::data`] in the same order,
/// and the padding between them is added where it belongs.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    tensors: Vec<Tensor>,
    alignment: u64,
    /// The tensor that is written now.
    current: usize,
    /// How much of it there is.
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the head. `general.alignment` of the metadata is honoured; whatever `offset` the tensors had is replaced.
    ///
    /// # Errors
    ///
    /// [`Kind::Model`] for a doubled tensor name, a list whose elements are not of its type, or an alignment that is no
    /// power of two; [`Kind::File`] when `out` fails.
    pub fn start(mut out: W, metadata: &Metadata, mut tensors: Vec<Tensor>) -> Result<Self> {
        let Head {
            bytes, alignment, ..
        } = Head::new(metadata, &mut tensors)?;
        out.write_all(&bytes).map_err(failed)?;
        let mut writer = Self {
            out,
            tensors,
            alignment,
            current: 0,
            written: 0,
        };
        writer.step()?;
        Ok(writer)
    }

    /// The tensor whose data is expected next; `None` when all is written.
    pub fn next(&self) -> Option<&Tensor> {
        self.tensors.get(self.current)
    }

    /// Writes the next bytes of tensor data, which may end one tensor and begin another.
    ///
    /// # Errors
    ///
    /// [`Kind::Model`] when there is more data than the tensors hold; [`Kind::File`] when the output fails.
    pub fn data(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let Some(tensor) = self.tensors.get(self.current) else {
                return Err(Error::new(
                    Kind::Model,
                    format!("{} bytes more than the tensors hold", bytes.len()),
                ));
            };
            let room = tensor.size - self.written;
            let take = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(take);
            self.out.write_all(now).map_err(failed)?;
            self.written += take as u64;
            bytes = later;
            self.step()?;
        }
        Ok(())
    }

    /// Ends the file and returns the output.
    ///
    /// # Errors
    ///
    /// [`Kind::Model`] when data is missing; [`Kind::File`] when the output fails.
    pub fn finish(mut self) -> Result<W> {
        if let Some(tensor) = self.next() {
            return Err(Error::new(
                Kind::Model,
                format!(
                    "tensor `{}` has {} of its {} bytes",
                    tensor.name, self.written, tensor.size
                ),
            ));
        }
        self.out.flush().map_err(failed)?;
        Ok(self.out)
    }

    /// Pads what is complete and goes on to the next tensor that wants data.
    fn step(&mut self) -> Result<()> {
        while let Some(tensor) = self.tensors.get(self.current) {
            if self.written < tensor.size {
                break;
            }
            let padding = tensor.size.next_multiple_of(self.alignment) - tensor.size;
            self.out
                .write_all(&vec![0; padding as usize])
                .map_err(failed)?;
            self.current += 1;
            self.written = 0;
        }
        Ok(())
    }
}

/// The bytes of the file that [`Writer`] makes of this.
///
/// # Errors
///
/// As [`Writer::start`].
pub fn size(metadata: &Metadata, mut tensors: Vec<Tensor>) -> Result<u64> {
    let head = Head::new(metadata, &mut tensors)?;
    Ok(head.bytes.len() as u64 + head.data)
}

/// What comes before the data.
struct Head {
    bytes: Vec<u8>,
    alignment: u64,
    /// The bytes of the data that follow.
    data: u64,
}

impl Head {
    /// Lays out `tensors`.
    fn new(metadata: &Metadata, tensors: &mut [Tensor]) -> Result<Self> {
        let alignment = match metadata.get("general.alignment") {
            None => ALIGNMENT,
            Some(&Value::U32(n)) if n.is_power_of_two() => n.into(),
            Some(other) => {
                return Err(Error::new(
                    Kind::Model,
                    format!(
                        "`general.alignment` is {} and not a power of two",
                        other.to_json()
                    ),
                ));
            }
        };
        let mut head = Vec::new();
        head.extend(MAGIC);
        head.extend(3_u32.to_le_bytes());
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend((metadata.iter().len() as u64).to_le_bytes());
        for (key, value) in metadata.iter() {
            put_text(&mut head, key.as_bytes());
            head.extend((value.value_type() as u32).to_le_bytes());
            put_value(&mut head, key, value)?;
        }
        let mut names = HashSet::new();
        let mut offset = 0_u64;
        for tensor in &mut *tensors {
            if !names.insert(tensor.name.clone()) {
                return Err(Error::new(
                    Kind::Model,
                    format!("there are two tensors called `{}`", tensor.name),
                ));
            }
            tensor.offset = offset;
            put_text(&mut head, tensor.name.as_bytes());
            head.extend((tensor.shape.len() as u32).to_le_bytes());
            for extent in &tensor.shape {
                head.extend(extent.to_le_bytes());
            }
            head.extend(tensor.kind.id().to_le_bytes());
            head.extend(offset.to_le_bytes());
            offset = offset
                .checked_add(tensor.size)
                .and_then(|end| end.checked_next_multiple_of(alignment))
                .ok_or_else(|| Error::new(Kind::Limit, "the tensors are larger than any disk"))?;
        }
        head.resize(head.len().next_multiple_of(alignment as usize), 0);
        Ok(Self {
            bytes: head,
            alignment,
            data: offset,
        })
    }
}

fn put_text(head: &mut Vec<u8>, text: &[u8]) {
    head.extend((text.len() as u64).to_le_bytes());
    head.extend(text);
}

fn put_value(head: &mut Vec<u8>, key: &str, value: &Value) -> Result<()> {
    match value {
        Value::U8(n) => head.extend(n.to_le_bytes()),
        Value::I8(n) => head.extend(n.to_le_bytes()),
        Value::U16(n) => head.extend(n.to_le_bytes()),
        Value::I16(n) => head.extend(n.to_le_bytes()),
        Value::U32(n) => head.extend(n.to_le_bytes()),
        Value::I32(n) => head.extend(n.to_le_bytes()),
        Value::F32(n) => head.extend(n.to_le_bytes()),
        Value::U64(n) => head.extend(n.to_le_bytes()),
        Value::I64(n) => head.extend(n.to_le_bytes()),
        Value::F64(n) => head.extend(n.to_le_bytes()),
        Value::Bool(flag) => head.push(u8::from(*flag)),
        Value::Text(text) => put_text(head, text),
        Value::Texts(texts) => {
            head.extend((ValueType::Text as u32).to_le_bytes());
            head.extend((texts.len() as u64).to_le_bytes());
            for text in texts.iter() {
                put_text(head, text);
            }
        }
        Value::Array(element, values) => {
            head.extend((*element as u32).to_le_bytes());
            head.extend((values.len() as u64).to_le_bytes());
            for value in values {
                if value.value_type() != *element {
                    return Err(Error::new(
                        Kind::Model,
                        format!("the list `{key}` of {element:?} holds another type"),
                    ));
                }
                put_value(head, key, value)?;
            }
        }
    }
    Ok(())
}

fn failed(error: std::io::Error) -> Error {
    Error::system("write the model", error)
}
