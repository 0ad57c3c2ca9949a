//! Models in several files, such as `name-00001-of-00003.gguf`.

use std::path::{Path, PathBuf};

use super::gguf::{Gguf, Tensor};
use crate::{Error, Kind, Result};

/// The files of a model, most often one.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The first file, which has the metadata.
    pub first: Gguf,
    /// Every file.
    pub paths: Vec<PathBuf>,
    /// The tensors of all files.
    pub tensors: Vec<Tensor>,
}

impl Parts {
    /// Reads the heads of the model at `path` and of the files that belong to it.
    ///
    /// # Errors
    ///
    /// As [`Gguf::open`], for any of the files; [`Kind::Model`] when `path` is not the first of several.
    pub fn open(path: &Path) -> Result<Self> {
        let first = Gguf::open(path)?;
        let count = first.metadata.integer("split.count").unwrap_or_default();
        let mut paths = vec![path.to_owned()];
        let mut tensors = first.tensors.clone();
        if count > 1 {
            let stem = stem(path, count).ok_or_else(|| {
                let message = format!("this is not the first of the {count} files of a model");
                Error::new(Kind::Model, message)
                    .at(path.display().to_string())
                    .hint(
                        "name the file that ends in `-00001-of-...gguf`, with the others beside it",
                    )
            })?;
            for number in 2..=count {
                let path = path.with_file_name(format!("{stem}{number:05}-of-{count:05}.gguf"));
                tensors.extend(Gguf::open(&path)?.tensors);
                paths.push(path);
            }
        }
        Ok(Self {
            first,
            paths,
            tensors,
        })
    }
}

/// What the names of all files begin with, from that of the first.
fn stem(path: &Path, count: u64) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(&format!("00001-of-{count:05}.gguf"))?;
    stem.ends_with('-').then(|| stem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_name_tells_the_others() {
        let stem = |name: &str| stem(Path::new(name), 3);
        assert_eq!(stem("a/b-00001-of-00003.gguf").as_deref(), Some("b-"));
        assert_eq!(stem("a/b-00002-of-00003.gguf"), None);
        assert_eq!(stem("a/b.gguf"), None);
        assert_eq!(stem("00001-of-00003.gguf"), None);
    }
}
