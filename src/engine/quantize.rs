//! Models in fewer bits, by llama.cpp itself, so that a file is the one its own tool writes.
//!
//! What it would do is asked first, in a run that writes nothing: that gives the exact size, and it finds what would
//! otherwise end in an assertion of llama.cpp, which ends the process.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::ptr;

use llama_cpp_sys_2 as sys;

use super::llama;
use crate::weights::gguf::{self, Gguf, Metadata, Tensor};
use crate::weights::{FileType, Importance, Parts, TensorType, Watch};
use crate::{Error, Kind, Result, file};

/// Memory for the rows that are worked on at once.
const BUFFER: usize = 256 << 20;

/// How to quantize.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The mixture of types. `None` copies all tensors, which makes one file of a model in several. Default: Q4_0.
    pub kind: Option<FileType>,
    /// CPU threads. Default: one per physical core.
    pub threads: Option<usize>,
    /// All matrices in the main type of the mixture, none in a better one. Default: false.
    pub pure: bool,
    /// Quantize again what is quantized already, and loses more by it. Default: false.
    pub requantize: bool,
    /// Leave the output matrix as it is. Default: false.
    pub keep_output: bool,
    /// The type of the output matrix. Default: what the mixture has.
    pub output: Option<TensorType>,
    /// The type of the token embeddings. Default: what the mixture has.
    pub embedding: Option<TensorType>,
    /// Which columns matter. Default: all the same.
    pub importance: Option<Importance>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kind: Some(FileType::Q4_0),
            threads: None,
            pure: false,
            requantize: false,
            keep_output: false,
            output: None,
            embedding: None,
            importance: None,
        }
    }
}

/// What becomes of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The tensors, with the type that each will have.
    pub tensors: Vec<Change>,
    /// The bytes of the model's file or files now.
    pub before: u64,
    /// The bytes of the new file.
    pub after: u64,
}

/// What becomes of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The tensor as it is.
    pub tensor: Tensor,
    /// The type that it will have.
    pub to: TensorType,
    /// The bytes that it will take.
    pub size: u64,
}

impl Change {
    fn is_change(&self) -> bool {
        self.tensor.kind != self.to
    }
}

/// Tells what [`quantize`] would do, without doing it.
///
/// # Errors
///
/// As [`quantize`], but for the writing.
pub fn plan(from: &Path, options: &Options) -> Result<Plan> {
    let parts = Parts::open(from)?;
    let plan = ask(from, &parts, options)?;
    check(&plan, options).map_err(|e| e.at(from.display().to_string()))?;
    Ok(plan)
}

/// Quantizes the model `from` to the file `to`, which appears when it is complete. `watch` is told the bytes of `from` that
/// are done.
///
/// # Errors
///
/// [`Kind::Model`] when `from` is no model that llama.cpp knows; [`Kind::Usage`] when it is quantized already and
/// [`Options::requantize`] is off, or a type needs an importance matrix that is not there; [`Kind::File`] when a file cannot
/// be read or written.
pub fn quantize(from: &Path, to: &Path, options: &Options, watch: &mut Watch<'_>) -> Result<Plan> {
    let plan = plan(from, options)?;
    let sizes = plan.sizes();
    let total = sizes.values().sum();
    let mut done = 0;
    watch(done, total);
    file::write_by_path(to, |temporary| {
        let told = run(from, temporary, options, false, &mut |line| {
            // A line is whole when its tensor is done.
            if let Some(name) = tensor(line) {
                done += sizes.get(name).copied().unwrap_or_default();
                watch(done, total);
            }
        });
        told.map_err(|e| reason(e, temporary, to))?;
        // A full disk or a bad day of llama.cpp's would show here.
        let written = fs::metadata(temporary).map_err(|e| Error::file("write", to, e))?;
        if written.len() != plan.after {
            let message = format!(
                "llama.cpp wrote {} bytes instead of {}",
                written.len(),
                plan.after
            );
            return Err(Error::new(Kind::Engine, message).at(to.display().to_string()));
        }
        Gguf::open(temporary).map(drop)
    })?;
    watch(total, total);
    Ok(plan)
}

/// Writes the model `from` to the file `to` with all its matrices in one type: for models of our own, of which nothing has to
/// be asked first.
pub(super) fn pack(from: &Path, to: &Path, kind: FileType) -> Result<()> {
    let options = Options {
        kind: Some(kind),
        pure: true,
        ..Options::default()
    };
    run(from, to, &options, false, &mut |_| {})
}

/// The numbers that `bytes` hold, whole blocks of `kind`: every type that llama.cpp reads, for
/// [`crate::weights::merge::Options::decode`].
///
/// # Errors
///
/// [`Kind::Model`] when llama.cpp does not read `kind` either, or `bytes` are not whole blocks.
pub fn decode(kind: TensorType, bytes: &[u8]) -> Result<Vec<f32>> {
    if crate::weights::numbers::can_decode(kind) {
        return crate::weights::numbers::decode(kind, bytes);
    }
    // SAFETY: the id is one of ggml's, and what comes back is a static table.
    let traits = unsafe { sys::ggml_get_type_traits(kind.id()).as_ref() };
    let known = traits.filter(|traits| {
        traits.type_size as u64 == kind.block_bytes()
            && traits.blck_size as u64 == kind.block_elements()
    });
    let Some(to_float) = known.and_then(|traits| traits.to_float) else {
        let message = format!("numbers of type {kind} cannot be read");
        return Err(Error::new(Kind::Model, message));
    };
    let size = kind.block_bytes() as usize;
    if !bytes.len().is_multiple_of(size) {
        let message = format!("{} bytes are not whole blocks of {kind}", bytes.len());
        return Err(Error::new(Kind::Model, message));
    }
    let mut numbers = vec![0.0_f32; bytes.len() / size * kind.block_elements() as usize];
    // Blocks of ggml hold 16-bit numbers, so they are put where such may stand.
    let mut aligned = vec![0_u64; bytes.len().div_ceil(8)];
    // SAFETY: both hold at least that many bytes, and do not overlap.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), aligned.as_mut_ptr().cast(), bytes.len());
    }
    // SAFETY: the blocks are as many as the numbers need, by the sizes that ggml itself gives.
    unsafe {
        to_float(
            aligned.as_ptr().cast(),
            numbers.as_mut_ptr(),
            numbers.len() as i64,
        );
    }
    Ok(numbers)
}

impl Plan {
    /// The bytes that each tensor takes now.
    fn sizes(&self) -> BTreeMap<&str, u64> {
        let tensors = self.tensors.iter();
        tensors
            .map(|change| (change.tensor.name.as_str(), change.tensor.size))
            .collect()
    }
}

/// Asks llama.cpp what it would do.
fn ask(from: &Path, parts: &Parts, options: &Options) -> Result<Plan> {
    let at = |e: Error| e.at(from.display().to_string());
    if parts.first.alignment != gguf::ALIGNMENT {
        let message = format!(
            "the tensors are aligned to {} bytes, which llama.cpp cannot write",
            parts.first.alignment
        );
        return Err(at(Error::new(Kind::Model, message)));
    }
    let mut to: BTreeMap<String, TensorType> = BTreeMap::new();
    run(from, Path::new(""), options, true, &mut |line| {
        if let (Some(name), Some(kind)) = (tensor(line), target(line)) {
            to.insert(name.to_owned(), kind);
        }
    })?;
    let mut tensors = Vec::new();
    let mut changed = Vec::new();
    for tensor in &parts.tensors {
        let Some(&kind) = to.get(&tensor.name) else {
            let message = format!("llama.cpp does not say what becomes of `{}`", tensor.name);
            return Err(at(Error::new(Kind::Engine, message)));
        };
        let new = Tensor::new(tensor.name.clone(), tensor.shape.clone(), kind).map_err(at)?;
        tensors.push(Change {
            size: new.size,
            to: kind,
            tensor: tensor.clone(),
        });
        changed.push(new);
    }
    let mut before = 0;
    for path in &parts.paths {
        before += fs::metadata(path)
            .map_err(|e| Error::file("read", path, e))?
            .len();
    }
    let after = gguf::size(&metadata(&parts.first.metadata, options), changed).map_err(at)?;
    Ok(Plan {
        tensors,
        before,
        after,
    })
}

/// The metadata that llama.cpp writes: only its size matters here.
fn metadata(before: &Metadata, options: &Options) -> Metadata {
    let mut metadata = before.clone();
    metadata.set("general.quantization_version", 2);
    metadata.set("general.file_type", 0);
    for key in ["split.no", "split.count", "split.tensors.count"] {
        metadata.remove(key);
    }
    for (key, value) in notes(options) {
        match value {
            Note::Number(number) => metadata.set(key, number as u32),
            Note::Text(text) => metadata.set(key, text),
        }
    }
    metadata
}

/// Refuses what llama.cpp would stop at, perhaps in the middle, perhaps with the whole process.
fn check(plan: &Plan, options: &Options) -> Result<()> {
    for change in plan.tensors.iter().filter(|change| change.is_change()) {
        let Change { tensor, to, .. } = change;
        if tensor.kind.is_quantized() && !options.requantize {
            let message = format!(
                "the model is quantized already: `{}` is {}",
                tensor.name, tensor.kind
            );
            return Err(Error::new(Kind::Usage, message).hint(
                "quantize the F16 or F32 model, or ask for it with `--requantize`, which loses more",
            ));
        }
        let columns = options
            .importance
            .as_ref()
            .and_then(|importance| importance.columns.get(&tensor.name));
        let extent = |index: usize| tensor.shape.get(index).copied().unwrap_or(1);
        let wanted = extent(0).saturating_mul(extent(2));
        match columns {
            Some(columns) if columns.len() as u64 != wanted => {
                let message = format!(
                    "the importance matrix has {} columns for `{}`, the model {wanted}",
                    columns.len(),
                    tensor.name
                );
                return Err(Error::new(Kind::Usage, message)
                    .hint("measure it on this model, or one of the same shape"));
            }
            None if needs_importance(&tensor.name, *to, options) => {
                let message = format!("`{}` in {to} needs an importance matrix", tensor.name);
                let hint = if options.importance.is_some() {
                    "the one given does not tell of it: leave out `--pure`, or choose a larger type"
                } else {
                    "give one with `--imatrix`, or choose a type such as Q2_K or Q4_0"
                };
                return Err(Error::new(Kind::Usage, message).hint(hint));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether llama.cpp refuses to quantize without knowing the columns: for quality, or because it cannot.
fn needs_importance(name: &str, to: TensorType, options: &Options) -> bool {
    let ends = matches!(
        name,
        "token_embd.weight" | "per_layer_token_embd.weight" | "output.weight"
    );
    match to.name() {
        "IQ2_XXS" | "IQ2_XS" | "IQ1_S" => true,
        "IQ3_XXS" | "IQ2_S" | "IQ1_M" => !ends,
        "Q2_K" => !ends && options.kind.is_some_and(|kind| kind.name() == "Q2_K_S"),
        _ => false,
    }
}

/// The tensor that a line of llama.cpp's is about: `[   1/  21] NAME - [ 256, ...], type = ...`.
fn tensor(line: &str) -> Option<&str> {
    let (count, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let (at, of) = count.split_once('/')?;
    at.trim().parse::<u32>().ok()?;
    of.trim().parse::<u32>().ok()?;
    let (name, _) = rest.rsplit_once(" - [")?;
    Some(name.trim())
}

/// The type that a tensor gets by such a line of a run that writes nothing.
fn target(line: &str) -> Option<TensorType> {
    let (_, rest) = line.rsplit_once(" - [")?;
    let (_, rest) = rest.split_once("type =")?;
    let (now, rest) = rest.split_once(',')?;
    let kind = match rest.rsplit_once('(') {
        Some((_, last)) => last.split_once(')')?.0,
        None => now.trim(),
    };
    kind.parse().ok()
}

/// Something that llama.cpp's own tool writes into the metadata.
enum Note {
    Number(u64),
    Text(String),
}

/// What is noted of the importance matrix.
fn notes(options: &Options) -> Vec<(&'static str, Note)> {
    /// The room for a text of an override in llama.h, without its closing zero.
    const MOST: usize = 127;
    let Some(importance) = &options.importance else {
        return Vec::new();
    };
    let text = |text: &str| {
        let end = (0..=text.len().min(MOST)).rev();
        let end = end.into_iter().find(|end| text.is_char_boundary(*end));
        Note::Text(text[..end.unwrap_or_default()].replace('\0', " "))
    };
    let mut notes = vec![("quantize.imatrix.file", text(&importance.file))];
    if let Some(dataset) = &importance.dataset {
        notes.push(("quantize.imatrix.dataset", text(dataset)));
    }
    let entries = importance.columns.len() as u64;
    notes.push(("quantize.imatrix.entries_count", Note::Number(entries)));
    if importance.chunks > 0 {
        let chunks = Note::Number(importance.chunks.into());
        notes.push(("quantize.imatrix.chunks_count", chunks));
    }
    notes
}

/// Why it failed: llama.cpp does not say why a file could not be written, the system does.
fn reason(error: Error, temporary: &Path, to: &Path) -> Error {
    if !error.message().contains("iostream") {
        return error;
    }
    let asked = File::options()
        .append(true)
        .open(temporary)
        .and_then(|mut file| file.write_all(&[0; 1 << 16]).and_then(|()| file.sync_all()));
    match asked {
        Ok(()) => Error::new(Kind::File, "cannot write: the disk may be full")
            .at(to.display().to_string())
            .hint("free some space and run it again"),
        Err(e) => Error::file("write", to, e),
    }
}

/// Runs llama.cpp, which says on its log what it does.
fn run(
    from: &Path,
    to: &Path,
    options: &Options,
    dry: bool,
    line: &mut dyn FnMut(&str),
) -> Result<()> {
    llama::backend()?;
    let text = |path: &Path| {
        CString::new(path.as_os_str().as_encoded_bytes()).map_err(|e| {
            Error::new(Kind::File, "the path contains a zero byte")
                .at(path.display().to_string())
                .source(e)
        })
    };
    let (source, target) = (text(from)?, text(to)?);
    let names: Vec<CString> = columns(options)
        .map(|(name, _)| CString::new(name.replace('\0', " ")).unwrap_or_default())
        .collect();
    let mut importance: Vec<sys::llama_model_imatrix_data> = names
        .iter()
        .zip(columns(options))
        .map(|(name, (_, columns))| sys::llama_model_imatrix_data {
            name: name.as_ptr(),
            data: columns.as_ptr(),
            size: columns.len(),
        })
        .collect();
    importance.push(sys::llama_model_imatrix_data {
        name: ptr::null(),
        data: ptr::null(),
        size: 0,
    });
    let overrides: Vec<sys::llama_model_kv_override> = notes(options)
        .into_iter()
        .map(|(key, value)| overriding(key, &value))
        .chain([overriding("", &Note::Number(0))])
        .collect();
    let threads = options.threads.unwrap_or_else(super::machine::threads);
    // SAFETY: it returns a plain struct.
    let mut params = unsafe { sys::llama_model_quantize_default_params() };
    params.nthread = i32::try_from(threads).unwrap_or(i32::MAX).max(1);
    params.max_buf_size = BUFFER;
    params.dry_run = dry;
    params.pure_ = options.pure;
    params.only_copy = options.kind.is_none();
    if let Some(kind) = options.kind {
        params.ftype = kind.id();
    }
    // What must not be requantized was refused before.
    params.allow_requantize = true;
    params.quantize_output_tensor = !options.keep_output;
    if let Some(kind) = options.output {
        params.output_tensor_type = writable(kind)?;
    }
    if let Some(kind) = options.embedding {
        params.token_embedding_type = writable(kind)?;
    }
    if options.importance.is_some() {
        params.imatrix = importance.as_ptr();
        params.kv_overrides = overrides.as_ptr();
    }
    llama::complaints();
    let status = llama::listening(line, || {
        // SAFETY: paths and names end in a zero, both lists in their terminators, and all live until it returns.
        unsafe { sys::llama_model_quantize(source.as_ptr(), target.as_ptr(), &raw const params) }
    });
    if status == 0 {
        return Ok(());
    }
    let complaint = llama::complaints();
    let complaint = complaint.trim_start_matches("failed to quantize: ");
    let message = format!("cannot quantize the model: {complaint}");
    Err(Error::new(Kind::Model, message).at(from.display().to_string()))
}

fn columns(options: &Options) -> impl Iterator<Item = (&String, &Vec<f32>)> {
    let importance = options.importance.iter();
    importance.flat_map(|importance| &importance.columns)
}

/// The id of a type that llama.cpp can write.
fn writable(kind: TensorType) -> Result<sys::ggml_type> {
    let written = !matches!(
        kind.name(),
        "Q8_1" | "Q8_K" | "I8" | "I16" | "I32" | "I64" | "F64"
    );
    if written {
        return Ok(kind.id());
    }
    let message = format!("a matrix cannot be quantized to {kind}");
    Err(Error::new(Kind::Usage, message).hint("choose a type such as Q6_K, Q8_0 or F16"))
}

fn overriding(key: &str, value: &Note) -> sys::llama_model_kv_override {
    let put = |to: &mut [c_char], text: &str| {
        for (to, byte) in to.iter_mut().zip(text.bytes()) {
            *to = byte as c_char;
        }
    };
    let mut list = sys::llama_model_kv_override {
        tag: sys::LLAMA_KV_OVERRIDE_TYPE_INT,
        key: [0; 128],
        __bindgen_anon_1: sys::llama_model_kv_override__bindgen_ty_1 { val_str: [0; 128] },
    };
    put(&mut list.key, key);
    match value {
        Note::Number(number) => list.__bindgen_anon_1.val_i64 = *number as i64,
        Note::Text(text) => {
            let mut room = [0; 128];
            put(&mut room, text);
            list.tag = sys::LLAMA_KV_OVERRIDE_TYPE_STR;
            list.__bindgen_anon_1.val_str = room;
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_llama_cpp_are_understood() {
        let line = "[   1/  21] blk.0.attn_k.weight                  - [  256,   128,     1,     1], type =    f32, size =     0.12 MiB ->     0.02 MiB (q4_K)\n";
        assert_eq!(tensor(line), Some("blk.0.attn_k.weight"));
        assert_eq!(target(line), Some(TensorType::Q4_K));
        let line = "[  12/ 310] output_norm.weight - [  256,     1,     1,     1], type =    f32, size =    0.001 MiB\n";
        assert_eq!(tensor(line), Some("output_norm.weight"));
        assert_eq!(target(line), Some(TensorType::F32));
        assert_eq!(
            tensor("llama_model_quantize_impl: model size = 3 MiB"),
            None
        );
        assert_eq!(tensor("[a/b] x - [1]"), None);
    }
}
