//! Metadata of a GGUF file: keys and typed values, in the order of the file.
//!
//! Texts are kept as bytes: tokens of some vocabularies are no UTF-8, and a file that is copied keeps them.

use std::borrow::Cow;

use serde_json::{Number, json};

/// The type of a [`Value`], by its id in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ValueType {
    /// An unsigned byte.
    U8 = 0,
    /// A signed byte.
    I8 = 1,
    /// 16 bits, unsigned.
    U16 = 2,
    /// 16 bits, signed.
    I16 = 3,
    /// 32 bits, unsigned.
    U32 = 4,
    /// 32 bits, signed.
    I32 = 5,
    /// 32-bit floating point.
    F32 = 6,
    /// One byte, 0 or 1.
    Bool = 7,
    /// Text, mostly UTF-8.
    Text = 8,
    /// A list of values of one type.
    Array = 9,
    /// 64 bits, unsigned.
    U64 = 10,
    /// 64 bits, signed.
    I64 = 11,
    /// 64-bit floating point.
    F64 = 12,
}

impl ValueType {
    const ALL: [Self; 13] = [
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::F32,
        Self::Bool,
        Self::Text,
        Self::Array,
        Self::U64,
        Self::I64,
        Self::F64,
    ];

    /// The type with this id.
    #[must_use]
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(id).ok()?).copied()
    }

    /// The fewest bytes that a value of this type takes in a file.
    pub(super) fn least_bytes(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 | Self::Text => 8,
            Self::Array => 12,
        }
    }
}

/// One metadata value.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The variants are those of `ValueType`.
pub enum Value {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(Vec<u8>),
    /// The type of the elements, which an empty list has too, and the elements. Texts are in a [`Value::Texts`] instead.
    Array(ValueType, Vec<Value>),
    /// A list of texts.
    Texts(Texts),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A list of texts: one after the other in one piece of memory, for the tokens and merges of a vocabulary are a hundred
/// thousand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    ends: Vec<usize>,
}

impl Texts {
    /// The number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Text number `at`, from 0.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// Text number `at`; bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self, at: usize) -> Option<Cow<'_, str>> {
        self.get(at).map(String::from_utf8_lossy)
    }

    /// All texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// A list with room for `count` texts.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(count),
        }
    }

    /// Adds a text that `write` appends to the bytes of the others.
    pub(super) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        write(&mut self.bytes)?;
        self.ends.push(self.bytes.len());
        Ok(())
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut list = Self::default();
        for text in texts {
            list.bytes.extend_from_slice(text.as_ref());
            list.ends.push(list.bytes.len());
        }
        list
    }
}

impl Value {
    /// A list of texts.
    pub fn texts<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::Texts(texts.into_iter().collect())
    }

    /// A list of 32-bit floating point numbers.
    pub fn floats(numbers: impl IntoIterator<Item = f32>) -> Self {
        Self::Array(ValueType::F32, numbers.into_iter().map(Self::F32).collect())
    }

    /// A list of signed 32-bit numbers.
    pub fn integers(numbers: impl IntoIterator<Item = i32>) -> Self {
        Self::Array(ValueType::I32, numbers.into_iter().map(Self::I32).collect())
    }

    /// The type.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::U8(_) => ValueType::U8,
            Self::I8(_) => ValueType::I8,
            Self::U16(_) => ValueType::U16,
            Self::I16(_) => ValueType::I16,
            Self::U32(_) => ValueType::U32,
            Self::I32(_) => ValueType::I32,
            Self::F32(_) => ValueType::F32,
            Self::Bool(_) => ValueType::Bool,
            Self::Text(_) => ValueType::Text,
            Self::Array(..) | Self::Texts(_) => ValueType::Array,
            Self::U64(_) => ValueType::U64,
            Self::I64(_) => ValueType::I64,
            Self::F64(_) => ValueType::F64,
        }
    }

    /// The text; bytes that are no UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// The number, where it is a whole one and not negative.
    #[must_use]
    pub fn integer(&self) -> Option<u64> {
        match *self {
            Self::U8(n) => Some(n.into()),
            Self::U16(n) => Some(n.into()),
            Self::U32(n) => Some(n.into()),
            Self::U64(n) => Some(n),
            Self::I8(n) => n.try_into().ok(),
            Self::I16(n) => n.try_into().ok(),
            Self::I32(n) => n.try_into().ok(),
            Self::I64(n) => n.try_into().ok(),
            _ => None,
        }
    }

    /// The number, where it is a floating point one.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match *self {
            Self::F32(n) => Some(n.into()),
            Self::F64(n) => Some(n),
            _ => None,
        }
    }

    /// The elements of a list of anything but texts.
    #[must_use]
    pub fn array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(_, values) => Some(values),
            _ => None,
        }
    }

    /// The elements of a list of texts.
    #[must_use]
    pub fn as_texts(&self) -> Option<&Texts> {
        match self {
            Self::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// The value as JSON; a number that JSON lacks (infinite, not a number) becomes null.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(flag) => json!(flag),
            Self::Text(bytes) => json!(String::from_utf8_lossy(bytes)),
            Self::Array(_, values) => values.iter().map(Self::to_json).collect(),
            Self::Texts(texts) => texts.iter().map(String::from_utf8_lossy).collect(),
            // Through its own shortest spelling, so that 0.1 is not printed as 0.10000000149.
            Self::F32(n) => n
                .to_string()
                .parse::<f64>()
                .ok()
                .and_then(Number::from_f64)
                .map_or(serde_json::Value::Null, Into::into),
            Self::F64(n) => json!(n),
            Self::I8(n) => json!(n),
            Self::I16(n) => json!(n),
            Self::I32(n) => json!(n),
            Self::I64(n) => json!(n),
            Self::U8(_) | Self::U16(_) | Self::U32(_) | Self::U64(_) => json!(self.integer()),
        }
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::U32(number)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::F32(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into_bytes())
    }
}

/// Keys and values, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata(Vec<(String, Value)>);

impl Metadata {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value)
    }

    /// The text at `key`.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.get(key)?.text()
    }

    /// The whole number at `key`.
    #[must_use]
    pub fn integer(&self, key: &str) -> Option<u64> {
        self.get(key)?.integer()
    }

    /// The floating point number at `key`.
    #[must_use]
    pub fn float(&self, key: &str) -> Option<f64> {
        self.get(key)?.float()
    }

    /// Sets `key`, in its place where it exists, else at the end.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let key = key.into();
        let value = value.into();
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes `key` out, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k != key);
    }

    /// The keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Adds a key that is known to be new.
    pub(super) fn push(&mut self, key: String, value: Value) {
        self.0.push((key, value));
    }
}
