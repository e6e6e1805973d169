//! `poort audit export`: consultations for whoever may ask for them, as a table and as a report.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{
    Fault, access,
    meant::{Meant, Which},
    report, search,
};
use crate::cli::{WRONG, complain, count, say};

/// The files of an export.
const TABLE: &str = "consultations.csv";
const REPORT: &str = "report.html";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    meant: Meant,
    /// Why, such as the number of the request that you answer; it is written down, and in the report.
    #[arg(long)]
    reason: String,
    /// A directory to make for the table and the report.
    #[arg(long)]
    output: PathBuf,
}

pub(super) fn obey(arguments: &Arguments) -> Result<(), Fault> {
    let opened = arguments.which.open()?;
    let wanted = arguments.meant.wanted(&opened.pseudonyms)?;
    if arguments.output.exists() {
        let fault = format!("`{}` exists; name a directory that does not", arguments.output.display());
        return Err((fault, WRONG));
    }
    let found = search::find(&opened, &wanted)?;
    // What leaves the house is whole, or nothing leaves.
    search::doubts(&found)?;
    let described = arguments.meant.described(&wanted);
    let shown = found.consultations.len();
    let output = &arguments.output;
    let unmade = |cause: io::Error| (format!("{}: {cause}", output.display()), 1);
    DirBuilder::new().mode(0o700).create(output).map_err(unmade)?;
    // An export that could not be made is not in the record for one; and what cannot be recorded leaves nothing behind.
    let recorded = access::record(&opened, "audit export", Some(&arguments.reason), described.clone(), shown);
    if recorded.is_err() {
        let _ = fs::remove_dir(output);
    }
    recorded?;
    let untold = search::untold(&found);
    let report = report::Report {
        reason: &arguments.reason,
        wanted: &described,
        consultations: &found.consultations,
        untold: &untold,
        evidence: opened.evidence.as_ref(),
    };
    write(output, &report).map_err(unmade)?;
    untold.iter().for_each(complain);
    say(format_args!("{} in {}", count(shown, "consultation"), output.join(REPORT).display()));
    Ok(())
}

/// For its owner alone: it is personal data.
fn write(directory: &Path, report: &report::Report<'_>) -> io::Result<()> {
    let file = |name, bytes: &[u8]| {
        let path = directory.join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
    };
    file(TABLE, &report.csv()?)?;
    file(REPORT, report.html().as_bytes())
}
