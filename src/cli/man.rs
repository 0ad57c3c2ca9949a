//! `man`: the manual pages, made from the same arguments as the help.

use std::path::{Path, PathBuf};

use clap::{Args, Command};

use super::{Answer, output};
use crate::{Error, Kind, Result, file};

/// Print the manual page, or write one for every command into a folder
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The folder to write `cardwright.1`, `cardwright-chat.1` and so on into
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    output: Option<PathBuf>,
}

/// Runs `man`.
pub(super) fn man(arguments: &ManArgs, command: Command) -> Result<Answer> {
    // Commands that are hidden are for the program itself.
    let command = command.disable_help_subcommand(true);
    match &arguments.output {
        None => output::print_raw(&page(command)?)?,
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .map_err(|e| Error::file("create the folder", folder, e))?;
            let mut command = command;
            command.build();
            let count = write(folder, &command, command.get_name())?;
            output::say(&format!("wrote {count} pages to {}", folder.display()));
        }
    }
    Ok(Answer::Yes)
}

/// Writes the page of a command and those of the commands in it; how many there are.
fn write(folder: &Path, command: &Command, name: &str) -> Result<usize> {
    let named = command.clone().name(name.to_owned());
    file::write(&folder.join(format!("{name}.1")), &page(named)?)?;
    let mut count = 1;
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        count += write(folder, inner, &format!("{name}-{}", inner.get_name()))?;
    }
    Ok(count)
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|e| Error::new(Kind::File, format!("cannot write the page: {e}")).source(e))?;
    Ok(page)
}
