//! PyTorch's `.bin`: a zip archive of numbers and a pickle that says what they are.
//!
//! A pickle is a program, and an unpickler that runs it runs whatever it was given. This one knows just enough of the
//! language to describe tensors: dictionaries, tuples, numbers, texts, and four functions by name. Anything else is an
//! error, nothing is ever called, and values refer to each other by number, so that no pickle can
//! grow beyond its own size.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;

use zip::ZipArchive;

use super::{Array, Arrays};
use crate::weights::TensorType;
use crate::{Error, Kind, Result};

/// The largest pickle read, 16 MiB: an adapter's is below one.
const MAX_PICKLE: u64 = 16 << 20;

/// Entries of an archive looked at.
const MAX_ENTRIES: usize = 1 << 20;

/// Extents of a tensor; an adapter's have one or two.
const MAX_EXTENTS: usize = 8;

/// How many times its packed size an entry may have: PyTorch does not pack at all.
const MAX_RATIO: u64 = 20;

/// An open `.bin` file.
pub(super) struct Checkpoint {
    archive: ZipArchive<File>,
    /// The folder inside the archive, with its slash.
    folder: String,
    arrays: Vec<Array>,
    places: Vec<Place>,
}

/// Where an array's numbers are.
#[derive(Clone)]
struct Place {
    storage: String,
    start: u64,
    size: u64,
}

impl Checkpoint {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
        let mut archive = ZipArchive::new(file).map_err(|e| {
            wrong(format!("not a file of PyTorch 1.6 or newer: {e}"))
                .source(e)
                .hint("load and save it with a newer PyTorch, or get the safetensors file")
        })?;
        let mut folder = None;
        for index in 0..archive.len().min(MAX_ENTRIES) {
            let entry = archive.by_index_raw(index).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?;
            if let Some(start) = name.strip_suffix("data.pkl")
                && (start.is_empty() || start.ends_with('/'))
            {
                folder = Some(start.to_owned());
                break;
            }
        }
        let folder =
            folder.ok_or_else(|| wrong("there is no `data.pkl` in this archive".into()))?;
        if let Ok(order) = read(&mut archive, &format!("{folder}byteorder"), 0..MAX_PICKLE)
            && order == b"big"
        {
            return Err(wrong("the file is of a big-endian machine".into()));
        }
        let program = read(&mut archive, &format!("{folder}data.pkl"), 0..MAX_PICKLE)?;
        let (mut arrays, mut places) = (Vec::new(), Vec::new());
        for (name, tensor) in Machine::run(&program)? {
            let (array, place) = tensor.resolve(name)?;
            arrays.push(array);
            places.push(place);
        }
        Ok(Self {
            archive,
            folder,
            arrays,
            places,
        })
    }
}

impl Arrays for Checkpoint {
    fn list(&self) -> &[Array] {
        &self.arrays
    }

    fn data(&mut self, index: usize) -> Result<Vec<u8>> {
        let place = self.places[index].clone();
        let name = format!("{}data/{}", self.folder, place.storage);
        let bytes = read(
            &mut self.archive,
            &name,
            place.start..place.start + place.size,
        )?;
        if bytes.len() as u64 != place.size {
            return Err(wrong(format!("`{name}` is shorter than its numbers")));
        }
        Ok(bytes)
    }
}

/// The bytes of an entry in `range`, fewer where it ends before.
fn read(
    archive: &mut ZipArchive<File>,
    name: &str,
    range: std::ops::Range<u64>,
) -> Result<Vec<u8>> {
    let mut entry = archive.by_name(name).map_err(damaged)?;
    if entry.size() > entry.compressed_size().saturating_mul(MAX_RATIO) {
        return Err(Error::new(
            Kind::Limit,
            format!("`{name}` would unpack to more than {MAX_RATIO} times its packed size"),
        ));
    }
    let io = |e: std::io::Error| wrong(format!("`{name}` is damaged: {e}")).source(e);
    std::io::copy(&mut (&mut entry).take(range.start), &mut std::io::sink()).map_err(io)?;
    let mut bytes = Vec::new();
    entry
        .take(range.end - range.start)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    Ok(bytes)
}

/// A tensor as a pickle describes it.
#[derive(Debug, Clone, PartialEq)]
struct Described {
    kind: TensorType,
    storage: Rc<str>,
    offset: u64,
    shape: Vec<u64>,
    strides: Vec<u64>,
}

impl Described {
    fn resolve(self, name: String) -> Result<(Array, Place)> {
        let mut expected = 1_u64;
        for (extent, stride) in self.shape.iter().zip(&self.strides).rev() {
            // The stride of an extent of one is never used.
            if *extent != 1 && *stride != expected {
                return Err(wrong(format!("`{name}` does not lie in one piece"))
                    .hint("save the adapter as safetensors"));
            }
            expected = expected.saturating_mul(*extent);
        }
        let size = self.kind.size(&self.shape);
        let start = self.offset.checked_mul(self.kind.block_bytes());
        let (Some(size), Some(start)) = (size, start) else {
            return Err(wrong(format!("`{name}` is impossibly large")));
        };
        if start.checked_add(size).is_none() || self.shape.len() != self.strides.len() {
            return Err(wrong(format!("`{name}` is impossibly large")));
        }
        let place = Place {
            storage: self.storage.to_string(),
            start,
            size,
        };
        let array = Array {
            name,
            shape: self.shape,
            kind: self.kind,
        };
        Ok((array, place))
    }
}

/// A value of the little language; those inside others are indices.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    None,
    Number(i64),
    Text(Rc<str>),
    Tuple(Vec<usize>),
    List(Vec<usize>),
    Dictionary(Vec<(usize, usize)>),
    /// A module and a name in it.
    Global(Rc<str>, Rc<str>),
    Storage(TensorType, Rc<str>),
    Tensor(Described),
    /// What is of no use here, such as a floating point number.
    Other,
}

struct Machine<'a> {
    program: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<usize>,
    marks: Vec<usize>,
    memo: HashMap<u32, usize>,
}

impl<'a> Machine<'a> {
    /// The tensors of the dictionary that the program makes.
    fn run(program: &'a [u8]) -> Result<Vec<(String, Described)>> {
        let mut machine = Machine {
            program,
            at: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        };
        while machine.step()? {}
        let top = machine.pop()?;
        let Node::Dictionary(entries) = &machine.nodes[top] else {
            return Err(wrong("the pickle is no dictionary of tensors".into()));
        };
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        for (key, value) in entries {
            match (&machine.nodes[*key], &machine.nodes[*value]) {
                (Node::Text(name), Node::Tensor(tensor)) => {
                    if !names.insert(Rc::clone(name)) {
                        return Err(wrong(format!("`{name}` is there twice")));
                    }
                    tensors.push((name.to_string(), tensor.clone()));
                }
                (Node::Text(name), _) => return Err(wrong(format!("`{name}` is no tensor"))),
                _ => return Err(wrong("the pickle has a key that is no name".into())),
            }
        }
        Ok(tensors)
    }

    /// Does one instruction; false at the end.
    fn step(&mut self) -> Result<bool> {
        let begins = self.at;
        let instruction = self.take(1)?[0];
        match instruction {
            b'.' => return Ok(false),
            // The version, and the length of a frame.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Node::None),
            0x88 | 0x89 => self.push(Node::Number(i64::from(instruction == 0x88))),
            b'K' => {
                let number = self.take(1)?[0];
                self.push(Node::Number(number.into()));
            }
            b'M' => {
                let number = self.number(2)?;
                self.push(Node::Number(number));
            }
            b'J' => {
                let number = self.number(4)? as i32;
                self.push(Node::Number(number.into()));
            }
            0x8a => {
                let length = self.take(1)?[0];
                let number = if length <= 8 {
                    self.number(length.into())?
                } else {
                    return Err(self.foreign(begins));
                };
                // Shorter ones carry their sign in their last bit.
                let unused = 64 - 8 * u32::from(length);
                let number = if unused == 64 {
                    0
                } else {
                    number << unused >> unused
                };
                self.push(Node::Number(number));
            }
            b'G' => {
                self.take(8)?;
                self.push(Node::Other);
            }
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            0x8d => self.text(8)?,
            b'}' => self.push(Node::Dictionary(Vec::new())),
            b']' => self.push(Node::List(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            b't' => {
                let items = self.marked()?;
                self.push(Node::Tuple(items));
            }
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let from = self
                    .stack
                    .len()
                    .checked_sub(count)
                    .ok_or_else(|| self.foreign(begins))?;
                let items = self.stack.split_off(from);
                self.push(Node::Tuple(items));
            }
            b'q' => {
                let key = u32::from(self.take(1)?[0]);
                self.remember(key)?;
            }
            b'r' => {
                let key = self.number(4)? as u32;
                self.remember(key)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let key = u32::from(self.take(1)?[0]);
                self.recall(key)?;
            }
            b'j' => {
                let key = self.number(4)? as u32;
                self.recall(key)?;
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push(Node::Global(module.into(), name.into()));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (&self.nodes[module], &self.nodes[name]) {
                    (Node::Text(module), Node::Text(name)) => {
                        let global = Node::Global(Rc::clone(module), Rc::clone(name));
                        self.push(global);
                    }
                    _ => return Err(self.foreign(begins)),
                }
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            // State is only set on dictionaries here, where it says nothing of tensors.
            b'b' => drop(self.pop()?),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.marked()?;
                self.set(items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.marked()?;
                self.append(items)?;
            }
            _ => return Err(self.foreign(begins)),
        }
        Ok(true)
    }

    fn storage(&mut self) -> Result<()> {
        let reference = self.pop()?;
        let Node::Tuple(items) = &self.nodes[reference] else {
            return Err(wrong(
                "the pickle refers to something that is no storage".into(),
            ));
        };
        let item = |index: usize| items.get(index).map(|item| &self.nodes[*item]);
        let (Some(Node::Text(what)), Some(Node::Global(module, class)), Some(Node::Text(key))) =
            (item(0), item(1), item(2))
        else {
            return Err(wrong(
                "the pickle refers to something that is no storage".into(),
            ));
        };
        let kind = match (&**what, &**module, &**class) {
            ("storage", "torch", "FloatStorage") => TensorType::F32,
            ("storage", "torch", "HalfStorage") => TensorType::F16,
            ("storage", "torch", "BFloat16Storage") => TensorType::BF16,
            _ => {
                return Err(wrong(format!(
                    "numbers of type `{module}.{class}` cannot be converted"
                ))
                .hint("32-bit, 16-bit and bfloat16 numbers can"));
            }
        };
        if key.is_empty() || key.contains(['/', '\\']) {
            return Err(wrong(format!("the storage `{key}` cannot be")));
        }
        let storage = Node::Storage(kind, Rc::clone(key));
        self.push(storage);
        Ok(())
    }

    /// What a call would make, for the few functions that make tensors.
    fn call(&mut self) -> Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Node::Global(module, name), Node::Tuple(arguments)) =
            (&self.nodes[function], &self.nodes[arguments])
        else {
            return Err(wrong("the pickle calls something without a name".into()));
        };
        let argument = |index: usize| arguments.get(index).map(|item| &self.nodes[*item]);
        let made = match (&**module, &**name) {
            ("collections", "OrderedDict") if arguments.is_empty() => Node::Dictionary(Vec::new()),
            ("torch._utils", "_rebuild_parameter") => match argument(0) {
                Some(Node::Tensor(tensor)) => Node::Tensor(tensor.clone()),
                _ => return Err(wrong("a parameter is no tensor".into())),
            },
            ("torch._utils", "_rebuild_tensor_v2") => {
                let (Some(Node::Storage(kind, storage)), Some(Node::Number(offset))) =
                    (argument(0), argument(1))
                else {
                    return Err(wrong("a tensor is described wrongly".into()));
                };
                Node::Tensor(Described {
                    kind: *kind,
                    storage: Rc::clone(storage),
                    offset: u64::try_from(*offset)
                        .map_err(|_| wrong("a tensor begins before its storage".into()))?,
                    shape: self.extents(argument(2))?,
                    strides: self.extents(argument(3))?,
                })
            }
            _ => {
                return Err(wrong(format!(
                    "the pickle calls `{module}.{name}`, which no adapter needs"
                ))
                .hint("do not load this file with PyTorch either, unless you trust who made it"));
            }
        };
        self.push(made);
        Ok(())
    }

    fn extents(&self, node: Option<&Node>) -> Result<Vec<u64>> {
        let wrong = || wrong("a tensor has no shape".into());
        let Some(Node::Tuple(items)) = node else {
            return Err(wrong());
        };
        if items.len() > MAX_EXTENTS {
            return Err(wrong());
        }
        items
            .iter()
            .map(|item| match &self.nodes[*item] {
                Node::Number(number) => u64::try_from(*number).map_err(|_| wrong()),
                _ => Err(wrong()),
            })
            .collect()
    }

    fn set(&mut self, items: Vec<usize>) -> Result<()> {
        let top = *self.stack.last().ok_or_else(ends_early)?;
        let Node::Dictionary(entries) = &mut self.nodes[top] else {
            return Err(wrong(
                "the pickle sets an item of what is no dictionary".into(),
            ));
        };
        entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn append(&mut self, items: Vec<usize>) -> Result<()> {
        let top = *self.stack.last().ok_or_else(ends_early)?;
        let Node::List(list) = &mut self.nodes[top] else {
            return Err(wrong("the pickle appends to what is no list".into()));
        };
        list.extend(items);
        Ok(())
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn pop(&mut self) -> Result<usize> {
        // What stands before a mark is not to be had until the mark is gone.
        let floor = self.marks.last().copied().unwrap_or_default();
        if self.stack.len() <= floor {
            return Err(ends_early());
        }
        self.stack.pop().ok_or_else(ends_early)
    }

    fn marked(&mut self) -> Result<Vec<usize>> {
        let mark = self.marks.pop().ok_or_else(ends_early)?;
        if mark > self.stack.len() {
            return Err(ends_early());
        }
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, key: u32) -> Result<()> {
        let top = *self.stack.last().ok_or_else(ends_early)?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<()> {
        let node = *self.memo.get(&key).ok_or_else(ends_early)?;
        self.stack.push(node);
        Ok(())
    }

    fn text(&mut self, length_bytes: usize) -> Result<()> {
        let length = self.number(length_bytes)?;
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let text = String::from_utf8_lossy(bytes);
        self.push(Node::Text(text.into()));
        Ok(())
    }

    fn line(&mut self) -> Result<String> {
        let rest = &self.program[self.at..];
        let length = rest
            .iter()
            .position(|b| *b == b'\n')
            .ok_or_else(ends_early)?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    /// The next little-endian number, of up to eight bytes.
    fn number(&mut self, bytes: usize) -> Result<i64> {
        let bytes = self.take(bytes)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | i64::from(*byte)))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or_else(ends_early)?;
        let bytes = self.program.get(self.at..end).ok_or_else(ends_early)?;
        self.at = end;
        Ok(bytes)
    }

    fn foreign(&self, at: usize) -> Error {
        let instruction = self.program.get(at).copied().unwrap_or_default();
        wrong(format!(
            "the pickle has the instruction 0x{instruction:02x} at byte {at}, which no adapter needs"
        ))
    }
}

fn wrong(message: String) -> Error {
    Error::new(Kind::Model, message)
}

fn ends_early() -> Error {
    wrong("the pickle is damaged".into()).hint("get the file again")
}

fn damaged(error: zip::result::ZipError) -> Error {
    wrong(format!("the archive is damaged: {error}"))
        .source(error)
        .hint("get the file again")
}
