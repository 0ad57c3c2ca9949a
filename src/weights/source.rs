//! Bytes out of the middle of a model file, for tools that stream tensor by tensor.

use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::gguf::{Metadata, Tensor, Writer};
use crate::{Error, Result, file};

/// Who is told how many bytes of how many are done.
pub type Watch<'a> = dyn FnMut(u64, u64) + 'a;

/// How much is copied at once, 4 MiB.
const CHUNK: u64 = 4 << 20;

/// Writes the GGUF file `to`, whose data comes from `fill`; it appears when it is complete.
pub(crate) fn write(
    to: &Path,
    metadata: &Metadata,
    tensors: Vec<Tensor>,
    fill: impl FnOnce(&mut Writer<BufWriter<&mut File>>) -> Result<()>,
) -> Result<()> {
    file::write_with(to, |out| {
        let mut writer = Writer::start(BufWriter::new(out), metadata, tensors)?;
        fill(&mut writer)?;
        writer.finish().map(drop)
    })
    .map_err(|error| match error.place() {
        // The writer does not know what it writes to.
        None => error.at(to.display().to_string()),
        Some(_) => error,
    })
}

/// An open model file.
pub(crate) struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::file("open", path, e))?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// The bytes of `range`, which the caller knows to be in the file.
    pub(crate) fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(range.start))
            .and_then(|_| {
                (&self.file)
                    .take(range.end - range.start)
                    .read_to_end(&mut bytes)
            })
            .map_err(|e| Error::file("read", &self.path, e))?;
        if bytes.len() as u64 != range.end - range.start {
            return Err(Error::file(
                "read",
                &self.path,
                std::io::ErrorKind::UnexpectedEof.into(),
            ));
        }
        Ok(bytes)
    }

    /// Copies `range` to `writer` in pieces, and says after each how many bytes it had.
    pub(super) fn copy<W: Write>(
        &mut self,
        range: Range<u64>,
        writer: &mut Writer<W>,
        mut copied: impl FnMut(u64),
    ) -> Result<()> {
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + CHUNK);
            writer.data(&self.read(at..end)?)?;
            copied(end - at);
            at = end;
        }
        Ok(())
    }
}
