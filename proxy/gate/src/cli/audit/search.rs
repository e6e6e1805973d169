//! `poort audit search`: who consulted whom, when, and why.

use super::{
    Fault, access,
    meant::{Meant, Opened, Which},
};
use crate::{
    audit::{
        search::{Found, Wanted, row, search},
        spill,
    },
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
    untold(&found).iter().for_each(complain);
    if opened.evidence.as_ref().is_some_and(|evidence| evidence.checkpoint().is_none()) {
        complain("the log has no checkpoint yet, so nothing proves yet that these are unchanged");
    }
    doubts(&found)
}

/// Searches a record. What waits in the second directory is not in it yet.
pub(super) fn find(opened: &Opened, wanted: &Wanted) -> Result<Found, Fault> {
    // Looked at first: what is moved meanwhile is then read.
    let waiting = opened.spill.as_deref().map(spill::waiting).transpose();
    let waiting = waiting.map_err(|fault| (fault.to_string(), 1))?.flatten();
    let found = search(&opened.directory, wanted, opened.evidence.as_ref());
    let mut found = found.map_err(|fault| (fault.to_string(), 1))?;
    found.doubts.extend(waiting);
    Ok(found)
}

/// What cannot be told of the time that was searched.
pub(super) fn untold(found: &Found) -> Vec<String> {
    let of =
        |number: u64, what| (number > 0).then(|| count(usize::try_from(number).unwrap_or(usize::MAX), what));
    let retired = of(found.retired, "record")
        .map(|records| format!("{records} of that time retired: what they said is not known any more"));
    let unlisted = of(found.unlisted, "consultation").map(|consultations| {
        format!(
            "{consultations} about more than are listed: whether this one is among the others is not known"
        )
    });
    let unread = of(found.unread, "consultation").map(|consultations| {
        let keys: Vec<_> = found.keys.iter().map(|key| format!("`{key}`")).collect();
        format!(
            "{consultations} about somebody under a key that is not at hand: whether that is this one is not known without {}; \
             add it to the file of keys, below the current one, or name a file that has it with `--pseudonyms`",
            keys.join(", ")
        )
    });
    [retired, unlisted, unread].into_iter().flatten().collect()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_waits_in_the_second_directory_is_missed() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let opened = Opened {
            directory: first.path().to_owned(),
            evidence: None,
            pseudonyms: vec![],
            spill: Some(second.path().to_owned()),
            own: None,
        };
        let look = || find(&opened, &Wanted::default()).unwrap().doubts;
        assert!(look().is_empty());
        fs::write(second.path().join("audit.spill"), "{}\n{}\n{\"torn").unwrap();
        let doubts = look();
        assert!(doubts[0].to_string().contains("audit.spill: 2 records wait here"), "{doubts:?}");
        fs::write(second.path().join("audit.spill"), "").unwrap();
        assert!(look().is_empty());
    }
}
