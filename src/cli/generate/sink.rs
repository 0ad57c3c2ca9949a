//! Where finished characters go: cards in a folder, lines in a file, texts on standard output.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::{card, output};
use super::progress::Progress;
use super::{GenerateArgs, To};
use crate::card::{Card, Container, write_png};
use crate::generate::manifest::Manifest;
use crate::generate::{Character, Record, Section};
use crate::{Error, Kind, Result, file};

/// The name of a file of lines in a folder.
const LINES: &str = "characters.jsonl";

/// Where finished characters go.
pub(super) struct Sink<'a> {
    arguments: &'a GenerateArgs,
    to: To,
    targets: Vec<Option<PathBuf>>,
    manifest: Option<Manifest>,
    lines: Option<(PathBuf, File)>,
}

impl<'a> Sink<'a> {
    /// The folder that is written to; `None` for standard output.
    pub(super) fn folder(arguments: &GenerateArgs) -> Result<Option<PathBuf>> {
        let to = arguments.to();
        let folder = match &arguments.output {
            Some(path) if path == Path::new("-") => {
                if !matches!(to, To::Jsonl | To::Text) {
                    return Err(Error::new(
                        Kind::Usage,
                        "standard output takes `--to jsonl` and `--to text` only",
                    ));
                }
                return Ok(None);
            }
            Some(path) if is_lines(arguments, path) => file::folder_of(path).to_owned(),
            Some(path) => path.clone(),
            None if matches!(to, To::Jsonl | To::Text) => return Ok(None),
            None => PathBuf::from("."),
        };
        fs::create_dir_all(&folder).map_err(|e| Error::file("create the folder", &folder, e))?;
        Ok(Some(folder))
    }

    /// Opens what is written to, and puts back what the manifest has of `done` and the folder has not: after a kill or a
    /// lost file nothing is written by the model twice.
    pub(super) fn open(
        arguments: &'a GenerateArgs,
        folder: Option<&Path>,
        targets: Vec<Option<PathBuf>>,
        manifest: Option<Manifest>,
        done: &[Record],
    ) -> Result<Self> {
        let to = arguments.to();
        let lines = match (folder, &arguments.output) {
            (Some(folder), Some(path)) if to == To::Jsonl => {
                let path = if is_lines(arguments, path) {
                    path.clone()
                } else {
                    folder.join(LINES)
                };
                if !arguments.resume {
                    card::keep_existing(&path, arguments.force)?;
                }
                let mut all = String::new();
                for record in done {
                    all.push_str(&line(&record.character().card()?)?);
                }
                file::write(&path, all.as_bytes())?;
                let file = OpenOptions::new().append(true).open(&path);
                let file = file.map_err(|e| Error::file("open", &path, e))?;
                Some((path, file))
            }
            _ => None,
        };
        let sink = Self {
            arguments,
            to,
            targets,
            manifest,
            lines,
        };
        sink.restore(done)?;
        Ok(sink)
    }

    /// Puts back the cards that are missing in the folder.
    fn restore(&self, done: &[Record]) -> Result<()> {
        for record in done {
            let Some(Some(path)) = self.targets.get(record.index) else {
                continue;
            };
            if !path.exists() {
                let bytes = self.bytes(record.index, &record.character())?;
                file::write(path, &bytes)?;
                output::note(&format!("{}: put back", path.display()));
            }
        }
        Ok(())
    }

    /// Writes a character, and then its line in the manifest.
    pub(super) fn write(
        &mut self,
        index: usize,
        character: &Character,
        progress: &Progress,
    ) -> Result<Record> {
        let mut name = None;
        let said = match (self.to, self.targets.get(index)) {
            (To::Text, _) => self.text(character),
            (To::Jsonl, _) => {
                let line = line(&character.card()?)?;
                match &mut self.lines {
                    Some((path, file)) => {
                        let written = file.write_all(line.as_bytes());
                        written
                            .and_then(|()| file.sync_data())
                            .map_err(|e| Error::file("write", path, e))?;
                        String::new()
                    }
                    None => line,
                }
            }
            (_, Some(Some(path))) => {
                file::write(path, &self.bytes(index, character)?)?;
                name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                format!("{}\n", path.display())
            }
            _ => String::new(),
        };
        let record = Record::of(index, character, name);
        if let Some(manifest) = &mut self.manifest {
            manifest.add(&record)?;
        }
        progress.finished(&record, &said)?;
        Ok(record)
    }

    /// The card as a file.
    fn bytes(&self, index: usize, character: &Character) -> Result<Vec<u8>> {
        if let Some(source) = self.arguments.from.get(index) {
            return self.completed(source, index, character);
        }
        let card = character.card()?;
        if self.to == To::Json {
            return Ok(card.json().as_bytes().to_vec());
        }
        let portrait = character.portrait()?;
        let row = |extension: &str| {
            Container::by_extension(extension).ok_or_else(|| {
                let message = format!("cards are not written as .{extension}");
                Error::new(Kind::Usage, message)
            })
        };
        if self.to == To::Charx {
            let source = (row("json")?, card.json().as_bytes());
            return card::write(row("charx")?, &card, Some(&portrait), Some(source));
        }
        write_png(&portrait, &card)
    }

    /// An existing card with what was missing.
    fn completed(&self, source: &Path, index: usize, character: &Character) -> Result<Vec<u8>> {
        let bytes = file::read(source)?;
        let place = |error: Error| error.at(source.display().to_string());
        let reading = Card::from_bytes(&bytes).map_err(place)?;
        let mut card = reading.card;
        character
            .fill(&mut card, &character.written)
            .map_err(place)?;
        let target = self.targets[index].as_deref().unwrap_or(source);
        let container = card::container_for(target).unwrap_or(reading.container);
        card::write(container, &card, None, Some((reading.container, &bytes)))
    }

    /// What was asked for, for people.
    fn text(&self, character: &Character) -> String {
        let sections = self.arguments.sections();
        if let [section] = sections[..]
            && self.targets.len() == 1
        {
            return format!("{}\n", character.text(section));
        }
        let mut text = String::new();
        for section in sections {
            let said = character.text(section);
            if said.is_empty() {
                continue;
            }
            let label = match section {
                Section::Persona => format!("{}'s Persona", character.name),
                Section::UserPersona => format!("{}'s Persona", character.user),
                Section::Scenario => "Scenario".to_owned(),
                Section::Greeting => character.name.clone(),
                Section::Examples => "Examples".to_owned(),
                Section::Lorebook => "Lorebook".to_owned(),
            };
            let gap = if said.contains('\n') && section > Section::Greeting {
                "\n"
            } else {
                " "
            };
            text.push_str(&format!("{label}:{gap}{said}\n\n"));
        }
        text
    }
}

/// Whether the output is a file of lines and no folder.
fn is_lines(arguments: &GenerateArgs, path: &Path) -> bool {
    arguments.to() == To::Jsonl
        && path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
}

/// A card on one line.
fn line(card: &Card) -> Result<String> {
    let value: serde_json::Value = serde_json::from_str(card.json())
        .map_err(|e| Error::new(Kind::Card, "a new card is no JSON").source(e))?;
    Ok(format!("{value}\n"))
}
