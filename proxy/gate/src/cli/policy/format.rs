//! `poort policy format`: one layout for all policies.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use poort_policy::{PolicyFile, workbench::format::formatted};

use crate::{
    cli::{complain, count, say},
    config::{self, Fault, Faults, Place},
};

use super::{Directory, faults, refuse};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Write nothing; the exit code is 1 where a file is not in the layout.
    #[arg(long)]
    check: bool,
}

pub(super) fn format(arguments: &Arguments) -> ExitCode {
    match changed(&arguments.directory.policies) {
        Ok(changed) if arguments.check => {
            for (file, _) in &changed {
                complain(format_args!("{}: not in the layout; run `poort policy format`", file.display()));
            }
            ExitCode::from(u8::from(!changed.is_empty()))
        }
        Ok(changed) => match write(&changed) {
            Ok(()) => {
                say(format_args!("{} written", count(changed.len(), "file")));
                ExitCode::SUCCESS
            }
            Err(faults) => refuse(&faults),
        },
        Err(faults) => refuse(&faults),
    }
}

/// The files that are in another layout, and their texts in the right one. Nothing is written before all of them parse.
fn changed(directory: &Path) -> Result<Vec<(PathBuf, String)>, Faults> {
    let read = config::policies(directory)?;
    let mut wrong = Vec::new();
    let mut changed = Vec::new();
    for file in read.corpus.policies.into_iter().chain(read.properties).chain(read.console) {
        match formatted(&file) {
            Ok(text) if text == file.text => {}
            Ok(text) => changed.push((path(&file), text)),
            Err(found) => wrong.extend(found),
        }
    }
    if wrong.is_empty() { Ok(changed) } else { Err(faults(wrong)) }
}

/// Policies are called by the paths that were typed, so those open them.
fn path(file: &PolicyFile) -> PathBuf {
    PathBuf::from(&file.name)
}

/// Each file is there whole, before and after.
fn write(changed: &[(PathBuf, String)]) -> Result<(), Faults> {
    let one = |(path, text): &(PathBuf, String)| -> io::Result<()> {
        let mut beside = OsString::from(".");
        beside.push(path.file_name().unwrap_or_default());
        let beside = path.with_file_name(beside);
        fs::write(&beside, text)?;
        fs::set_permissions(&beside, fs::metadata(path)?.permissions())?;
        fs::rename(&beside, path)
    };
    for file in changed {
        one(file).map_err(|error| {
            let place = Place { file: file.0.display().to_string().into(), ..Place::default() };
            Faults::new(vec![Fault { place, message: format!("cannot be written: {error}; check its mode") }])
        })?;
    }
    Ok(())
}
