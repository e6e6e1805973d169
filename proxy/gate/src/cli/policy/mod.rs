//! `poort policy`: policies looked at and put to the test before they are live.

mod apply;
mod check;
mod excerpt;
mod explain;
mod format;
mod prove;
mod replay;
mod test;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use poort_policy::{console::Console, workbench::Workbench};

use crate::{
    cli::{WRONG, audit::access, complain, count},
    config::{self, Fault, Faults, Policies, checked::Deploy},
    snapshot::policy_fault,
};

use excerpt::{Level, Pen};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Check, test and replay policies, and put them in force until they are confirmed; otherwise they go back by themselves.
    Apply(apply::Arguments),
    /// Confirm what was applied. Exit code 2 where nothing waits: it may have gone back already.
    Confirm(apply::Trial),
    /// Go back: from what waits to what was confirmed, or else to the edition before that.
    Rollback(apply::Trial),
    /// Say everything that is wrong with the policies, and what of them is hardly meant.
    Check(check::Arguments),
    /// Say what an answer rests on, and what would make a refusal an allow.
    Explain(explain::Arguments),
    /// Write the policy files in one layout.
    Format(format::Arguments),
    /// Prove for every possible request what is claimed of the policies, or show one for which it does not hold. Needs cvc5.
    Prove(prove::Arguments),
    /// Put recorded questions to a candidate's policies: who gains and who loses what. Exit code 1 where anything differs.
    Replay(replay::Arguments),
    /// Run the tests beside the policies, and say how much of the policies they try.
    Test(test::Arguments),
}

/// Exit codes: 0 fine; 1 a test failed, a claim does not hold, decisions differ, a denied lint; 2 a file or the command is wrong.
pub(super) fn obey(verb: &Verb) -> ExitCode {
    match verb {
        Verb::Apply(arguments) => apply::apply(arguments),
        Verb::Confirm(arguments) => apply::confirm(arguments),
        Verb::Rollback(arguments) => apply::roll_back(arguments),
        Verb::Check(arguments) => check::check(arguments),
        Verb::Explain(arguments) => explain::explain(arguments),
        Verb::Format(arguments) => format::format(arguments),
        Verb::Prove(arguments) => prove::prove(arguments),
        Verb::Replay(arguments) => replay::replay(arguments),
        Verb::Test(arguments) => test::test(arguments),
    }
}

/// Which policies.
#[derive(Debug, clap::Args)]
pub(super) struct Directory {
    /// The security team's directory.
    #[arg(long, default_value = "policies", value_name = "DIR")]
    policies: PathBuf,
}

/// Policies that load, and what they are about.
struct Loaded {
    bench: Workbench,
    read: Policies,
}

/// Reads and loads a directory.
fn load(directory: &Path) -> Result<Loaded, Faults> {
    let mut read = config::policies(directory)?;
    let corpus = std::mem::take(&mut read.corpus);
    if let Some(console) = &read.console {
        Console::load(console, &corpus.units, &corpus.fleets).map_err(faults)?;
    }
    let bench = Workbench::load(corpus).map_err(faults)?;
    Ok(Loaded { bench, read })
}

/// Where the record is: as typed, or as the operators' file says.
fn record_at(typed: Option<&Path>, config: &Path) -> Result<At, Faults> {
    match typed {
        Some(directory) => Ok(At { directory: directory.to_owned(), own: None }),
        None => {
            let deploy = config::operators(config)?;
            Ok(At { directory: deploy.audit.directory.clone(), own: Some(deploy) })
        }
    }
}

/// Where a record is.
struct At {
    directory: PathBuf,
    /// Of the gate that writes it; none for a copy.
    own: Option<Deploy>,
}

impl At {
    /// Has it written down that somebody looks at it, before anything is shown; false, and why, where that cannot be done.
    fn is_looked_at(&self, command: &str, wanted: Vec<(String, String)>, shown: u64) -> bool {
        match access::look(self.own.as_ref(), command, None, wanted, shown) {
            Ok(()) => true,
            Err(why) => {
                complain(why);
                false
            }
        }
    }
}

/// Faults of the policies, as those of the configuration.
fn faults(found: Vec<poort_policy::Fault>) -> Faults {
    Faults::new(found.into_iter().map(policy_fault).collect())
}

/// Says everything that is wrong, with what stands there.
fn refuse(faults: &Faults) -> ExitCode {
    let mut pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    for Fault { place, message } in faults.all() {
        // What to do is behind the semicolon.
        let (what, help) = message.split_once("; ").unwrap_or((message, ""));
        complain(pen.note(Level::Error, "", what, place, 0, help));
    }
    complain(format_args!("{} to mend", count(faults.all().len(), "fault")));
    ExitCode::from(WRONG)
}
