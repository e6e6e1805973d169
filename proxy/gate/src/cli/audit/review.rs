//! `poort audit review`: broken glasses that wait for somebody to look into them, and what was found.

use std::time::SystemTime;

use super::{
    Fault, access,
    meant::{Opened, Which},
};
use crate::{
    audit::{
        Looker, Record, Review,
        ocsf::steers,
        reviews::{self, Waiting},
        search::row,
    },
    cli::{WRONG, complain, count, say},
    control::Command,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The code of a broken glass, or its request's id; without one, all that wait are listed.
    #[arg(requires = "finding", requires = "reviewer")]
    code: Option<String>,
    /// What you found.
    #[arg(long, requires = "code")]
    finding: Option<String>,
    /// Who you are: `issuer|subject`, `subject`, or a name. Not who broke the glass.
    #[arg(long = "as", value_name = "NAME", requires = "code")]
    reviewer: Option<String>,
}

pub(super) fn obey(arguments: &Arguments) -> Result<(), Fault> {
    let opened = arguments.which.open()?;
    let waiting = reviews::waiting(&opened.directory).map_err(|fault| (fault.to_string(), 1))?;
    match (&arguments.code, &arguments.finding, &arguments.reviewer) {
        (Some(code), Some(finding), Some(reviewer)) => close(&opened, &waiting, code, finding, reviewer),
        _ => list(&opened, &waiting),
    }
}

fn list(opened: &Opened, waiting: &[Waiting]) -> Result<(), Fault> {
    access::record(opened, "audit review", None, vec![], waiting.len())?;
    for one in waiting {
        let who = one.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        let device = one.device.as_deref().map_or("-", |device| device.rsplit('/').next().unwrap_or(device));
        say(format_args!(
            "{}  {}  {}{who} on {device}\n    {}, case {}, {} through it\n    {}",
            one.code,
            row::time(one.time),
            one.officer,
            one.source,
            one.case,
            count(usize::try_from(one.uses).unwrap_or(usize::MAX), "request"),
            shown(&one.reason)
        ));
    }
    let glasses = if waiting.len() == 1 { "glass" } else { "glasses" };
    complain(format_args!("{} broken {glasses} to be looked into", waiting.len()));
    Ok(())
}

/// An officer's words, without anything that could steer a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|one| if steers(one) { ' ' } else { one }).collect()
}

fn close(
    opened: &Opened,
    waiting: &[Waiting],
    code: &str,
    finding: &str,
    reviewer: &str,
) -> Result<(), Fault> {
    let Some(deploy) = &opened.own else {
        let fault = "a copy of the record cannot be added to; review where the gate writes it";
        return Err((fault.to_owned(), WRONG));
    };
    let meant: Vec<&Waiting> =
        waiting.iter().filter(|one| one.code.eq_ignore_ascii_case(code) || one.request == code).collect();
    let one = match meant.as_slice() {
        [one] => one,
        [] => return Err((format!("no broken glass called `{code}` waits for a review"), 1)),
        several => {
            let ids: Vec<_> = several.iter().map(|one| one.request.as_str()).collect();
            return Err((format!("`{code}` names several: {}; write one of these", ids.join(", ")), WRONG));
        }
    };
    let (finding, reviewer) = (finding.trim(), reviewer.trim());
    if finding.is_empty() || finding.len() > Review::LIMIT_BYTES || reviewer.is_empty() {
        let fault = format!("write a finding of at most {} bytes, and your name", Review::LIMIT_BYTES);
        return Err((fault, WRONG));
    }
    let by = Looker::here();
    let names = [Some(reviewer), by.called(), by.signed_in()];
    if names.into_iter().flatten().any(|name| one.is_broken_by(name)) {
        let fault = format!("`{}` broke this glass; somebody else reviews it", one.officer);
        return Err((fault, 1));
    }
    let review = Review {
        time: SystemTime::now(),
        request: one.request.clone(),
        code: one.code.clone(),
        officer: one.officer.clone(),
        finding: finding.to_owned(),
        reviewer: reviewer.to_owned(),
        by,
    };
    let command = Command::Review { review: review.clone() };
    access::put(deploy, &command, Record::Review(Box::new(review)))
        .map_err(|why| (format!("the review cannot be written down: {why}"), 1))?;
    say(format_args!("{} is reviewed", one.code));
    Ok(())
}
