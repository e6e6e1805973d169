//! Writing down that somebody looks at the record, before anything of it is shown.

use std::{io, time::SystemTime};

use super::{Fault, meant::Opened};
use crate::{
    audit::{Access, Audit, AuditFault, Record, Unwritable},
    cli::{complain, run::audit_settings},
    control::{self, Answer, Command},
    world::WallClock,
};

/// Has a look written down: by the gate that runs, or else right into the record. What cannot be written down is not shown.
pub(super) fn record(
    opened: &Opened,
    command: &str,
    reason: Option<&str>,
    wanted: Vec<(String, String)>,
    shown: usize,
) -> Result<(), Fault> {
    let Some(deploy) = &opened.own else {
        complain("this is a copy of the record: nothing is written down of your looking at it");
        return Ok(());
    };
    let uid = nix::unistd::Uid::current();
    let user = nix::unistd::User::from_uid(uid).ok().flatten().map(|user| user.name);
    let access = Access {
        time: SystemTime::now(),
        command: command.to_owned(),
        uid: uid.as_raw(),
        user,
        reason: reason.map(str::to_owned),
        wanted,
        shown: u64::try_from(shown).unwrap_or(u64::MAX),
    };
    match control::tell(&deploy.state, &Command::Access { access: access.clone() }) {
        Ok(Answer::Recorded) => Ok(()),
        Ok(Answer::Done(_)) => Err(refused("the gate did something else")),
        Ok(Answer::Refused(why)) => Err(refused(&why)),
        Err(error) if is_nobody(&error) => directly(opened, access).map_err(|why| refused(&why)),
        Err(error) => Err(refused(&error.to_string())),
    }
}

fn refused(why: &str) -> Fault {
    (format!("nothing is shown, since the look at the record cannot be written down: {why}"), 1)
}

/// No gate runs there.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn directly(opened: &Opened, access: Access) -> Result<(), String> {
    let Some(deploy) = &opened.own else { return Ok(()) };
    let fault = |fault: AuditFault| fault.to_string();
    let (audit, _) = Audit::open(audit_settings(&deploy.audit), WallClock).map_err(fault)?;
    let ticket = audit.append(Record::Access(Box::new(access)));
    audit.close();
    let written = ticket.map_or_else(Err, |ticket| ticket.fate().unwrap_or(Err(Unwritable::Closed)));
    written.map_err(|fault: Unwritable| fault.to_string())
}
