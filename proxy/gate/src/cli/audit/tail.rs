//! `poort audit tail`: decisions as they come.

use std::{thread, time::Duration};

use super::{Fault, access, meant::Which};
use crate::{
    audit::search::{Tail, row},
    cli::say,
};

/// How often the file is looked at.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Print the records themselves, JSON lines, instead of a line for people.
    #[arg(long)]
    json: bool,
}

pub(super) fn obey(arguments: &Arguments) -> Result<(), Fault> {
    let opened = arguments.which.open()?;
    let fault = |fault: crate::audit::search::SearchFault| (fault.to_string(), 1);
    access::record(&opened, "audit tail", None, vec![], 0)?;
    let mut tail = Tail::open(&opened.directory).map_err(fault)?;
    loop {
        while let Some(line) = tail.next().map_err(fault)? {
            match (arguments.json, line.decision()) {
                (true, _) => say(line.text()),
                (false, Some(consultation)) => say(row::columns(&consultation).join("  ")),
                (false, None) => {}
            }
        }
        thread::sleep(PAUSE);
    }
}
