//! `poort audit retire`: removing the content of records whose time has come.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use super::{Fault, access, no_log};
use crate::{
    audit::{
        AuditFault, Looker, Record, Retirement,
        retire::{Plan, RetireFault, Rules, lock, said, sweep},
        tlog::Keys,
    },
    cli::{WRONG, complain, count, say},
    config::{self, Checked, checked::Deploy},
    control::Command,
    machine_users,
};

/// How long the next checkpoint may take: a gate makes one every 10 s.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The operators' file, which says where the record is, and which sources there are.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
    /// Say what would be retired, and leave everything as it is.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn obey(arguments: &Arguments) -> Result<(), Fault> {
    let checked = config::load(&arguments.config).map_err(|faults| (faults.to_string(), WRONG))?;
    let rules = rules(&checked);
    if rules.others.is_none() && rules.sources.is_empty() {
        let fault =
            "no `retention` is written in `poort.yaml` or in a source's file, so every record is kept";
        return Err((fault.to_owned(), WRONG));
    }
    let deploy = &checked.deploy;
    let Some(log) = &deploy.audit.log else { return Err((no_log(&arguments.config), WRONG)) };
    let (directory, now) = (&deploy.audit.directory, SystemTime::now());
    if let Some(owner) = machine_users::owner_beside_root(directory) {
        let path = directory.clone();
        return Err((AuditFault::NotRoots { path, owner }.to_string(), 1));
    }
    let _alone = lock(directory).map_err(|held| (held.to_string(), 1))?;
    let plan = Plan::make(directory, &log.keys, &rules, now).map_err(|fault| failed(&fault))?;
    for (source, number) in &plan.counts {
        say(format_args!("{}: {}", source.as_deref().unwrap_or("no source"), records(*number)));
    }
    if plan.count() == 0 || arguments.dry_run {
        complain(format_args!("{} to be retired", records(plan.count())));
        return Ok(());
    }
    for record in plan.records(&Looker::here(), now) {
        let id = record.id.clone();
        write(deploy, record)?;
        wait(directory, &log.keys, &id)?;
    }
    sweep(directory, &plan, |file| complain(file.display())).map_err(|fault| failed(&fault))?;
    complain(format_args!("{} retired", records(plan.count())));
    Ok(())
}

fn failed(fault: &RetireFault) -> Fault {
    (fault.to_string(), 1)
}

fn records(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "record")
}

fn rules(checked: &Checked) -> Rules {
    let sources = checked.sources.iter();
    Rules {
        sources: sources.filter_map(|source| Some((source.id.clone(), source.retention?))).collect(),
        others: checked.zone.defaults.retention,
    }
}

fn write(deploy: &Deploy, retirement: Retirement) -> Result<(), Fault> {
    let command = Command::Retirement { retirement: Box::new(retirement.clone()) };
    access::put(deploy, &command, Record::Retirement(Box::new(retirement)))
        .map_err(|why| (format!("nothing is retired, since that cannot be written down: {why}"), 1))
}

/// Waits until a record is under a checkpoint: before that nothing proves that it was there first.
fn wait(directory: &Path, keys: &Keys, id: &str) -> Result<(), Fault> {
    let deadline = Instant::now() + PATIENCE;
    while !said(directory, keys, id).map_err(|fault| failed(&fault))? {
        if Instant::now() >= deadline {
            let fault = "nothing is retired: the record of it is under no checkpoint after a minute; look at the gate's own words";
            return Err((fault.to_owned(), 1));
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
