//! `poort audit search`: who consulted whom, when, and why.

use super::{
    Fault, access,
    meant::{Meant, Opened, Which},
};
use crate::{
    audit::search::{Found, Wanted, row, search},
    cli::{complain, count, say},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    meant: Meant,
    /// Why you look; it is written down.
    #[arg(long)]
    reason: Option<String>,
}

pub(super) fn obey(arguments: &Arguments) -> Result<(), Fault> {
    let opened = arguments.which.open()?;
    let wanted = arguments.meant.wanted(&opened.pseudonyms)?;
    let found = find(&opened, &wanted)?;
    let shown = found.consultations.len();
    let described = arguments.meant.described(&wanted);
    access::record(&opened, "audit search", arguments.reason.as_deref(), described, shown)?;
    if shown > 0 {
        say(row::table(&found.consultations));
    }
    complain(count(shown, "consultation"));
    retired(&found);
    doubts(&found)
}

/// Searches a record.
pub(super) fn find(opened: &Opened, wanted: &Wanted) -> Result<Found, Fault> {
    search(&opened.directory, wanted, opened.evidence.as_ref()).map_err(|fault| (fault.to_string(), 1))
}

/// Says what cannot be found any more.
pub(super) fn retired(found: &Found) {
    if found.retired > 0 {
        complain(format_args!(
            "{} of that time retired: what they said is not known any more",
            count(usize::try_from(found.retired).unwrap_or(usize::MAX), "record")
        ));
    }
}

/// What was found is not all there is if lines cannot be read.
pub(super) fn doubts(found: &Found) -> Result<(), Fault> {
    if found.doubts.is_empty() {
        return Ok(());
    }
    let doubts: Vec<_> = found.doubts.iter().map(ToString::to_string).collect();
    Err((
        format!("{}\n{} of the record, which proves nothing", doubts.join("\n"), count(doubts.len(), "line")),
        1,
    ))
}
