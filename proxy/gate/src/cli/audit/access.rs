//! Writing down that somebody looks at the record, or tries a source in the gate's name, before it is done.

use std::{io, time::SystemTime};

use super::{Fault, meant::Opened};
use crate::{
    audit::{Access, Audit, AuditFault, Looker, Record, Unwritable},
    cli::{complain, run::audit_settings},
    config::checked::Deploy,
    control::{self, Answer, Command},
    world::WallClock,
};

/// Has a look written down. What cannot be written down is not shown.
pub(super) fn record(
    opened: &Opened,
    command: &str,
    reason: Option<&str>,
    wanted: Vec<(String, String)>,
    shown: usize,
) -> Result<(), Fault> {
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    look(opened.own.as_ref(), command, reason, wanted, shown).map_err(|why| (why, 1))
}

/// Has a look at this gate's record written down: by the gate that runs, or else right into the record. Without a gate it is a copy.
pub(in crate::cli) fn look(
    own: Option<&Deploy>,
    command: &str,
    reason: Option<&str>,
    wanted: Vec<(String, String)>,
    shown: u64,
) -> Result<(), String> {
    let Some(deploy) = own else {
        complain("this is a copy of the record: nothing is written down of your looking at it");
        return Ok(());
    };
    let access = Access { shown, ..access(command, reason, wanted) };
    put(deploy, &Command::Access { access: access.clone() }, Record::Access(Box::new(access))).map_err(
        |why| format!("nothing is shown, since the look at the record cannot be written down: {why}"),
    )
}

/// Has it written down that a source is examined, with requests in which the gate vouches for somebody.
pub(in crate::cli) fn examined(
    deploy: &Deploy,
    source: &str,
    reason: Option<&str>,
    wanted: Vec<(String, String)>,
) -> Result<(), String> {
    let access = Access { source: Some(source.to_owned()), ..access("doctor", reason, wanted) };
    put(deploy, &Command::Access { access: access.clone() }, Record::Access(Box::new(access)))
        .map_err(|why| format!("nothing is tried, since it cannot be written down: {why}"))
}

fn access(command: &str, reason: Option<&str>, wanted: Vec<(String, String)>) -> Access {
    Access {
        time: SystemTime::now(),
        command: command.to_owned(),
        by: Looker::here(),
        reason: reason.map(str::to_owned),
        wanted,
        shown: 0,
        refused: false,
        source: None,
    }
}

/// Has something written down: by the gate that runs, or else right into the record.
pub(super) fn put(deploy: &Deploy, command: &Command, record: Record) -> Result<(), String> {
    match control::tell(&deploy.state, command) {
        Ok(Answer::Recorded) => Ok(()),
        Ok(Answer::Done(_) | Answer::Ended(_) | Answer::Listed(_)) => {
            Err("the gate did something else".to_owned())
        }
        Ok(Answer::Refused(why)) => Err(why),
        Err(error) if is_nobody(&error) => directly(deploy, record),
        Err(error) => Err(error.to_string()),
    }
}

/// No gate runs there.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn directly(deploy: &Deploy, record: Record) -> Result<(), String> {
    let fault = |fault: AuditFault| fault.to_string();
    let (audit, _) = Audit::open(audit_settings(&deploy.audit), WallClock).map_err(fault)?;
    let ticket = audit.append(record);
    audit.close();
    let written = ticket.map_or_else(Err, |ticket| ticket.fate().unwrap_or(Err(Unwritable::Closed)));
    written.map_err(|fault: Unwritable| fault.to_string())
}
