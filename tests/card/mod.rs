//! Cards: lossless edits, versions, PNG chunks, and the commands about them.

mod archive;
mod byaf;
mod check;
mod cli;
#[cfg(feature = "index")]
mod collection;
mod edit;
mod extract;
mod foreign;
mod lorebooks;
mod png;
mod quirks;
mod rules;
mod samples;
mod version;

/// The files of a folder of fixtures about cards, by name.
fn fixtures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let cards = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cards");
    let mut found: Vec<_> = std::fs::read_dir(cards.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                std::fs::read(entry.path()).unwrap(),
            )
        })
        .collect();
    found.sort();
    found
}
