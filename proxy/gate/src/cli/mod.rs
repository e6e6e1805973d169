//! The command line: one file a verb.

mod access;
mod audit;
mod check;
mod doctor;
mod policy;
mod reload;
mod run;
mod waf;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    config::{self, Faults},
    control,
    live::Author,
    machine_users,
};

/// A zero-trust policy enforcement point: checked, limited, logged paths to the systems behind it.
#[derive(Debug, Parser)]
#[command(name = "poort", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve.
    Run(ConfigArgument),
    /// Say everything that is wrong with the configuration, and build what a gate would run on.
    Check(ConfigArgument),
    /// Make a running gate read its configuration again; on any fault it goes on as before.
    Reload(reload::Arguments),
    /// Prove that a source refuses what does not come through the gate.
    Doctor(Box<doctor::Arguments>),
    /// Whose access is ended: at once, over every restart.
    #[command(subcommand)]
    Access(access::Verb),
    /// The record, and the proof of it.
    #[command(subcommand)]
    Audit(Box<audit::Verb>),
    /// The policies: what they say, and what a change would do.
    #[command(subcommand)]
    Policy(policy::Verb),
    /// The rules of inspection.
    #[command(subcommand)]
    Waf(waf::Verb),
}

#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// The operators' file.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
}

impl Cli {
    /// Does what was asked. Exit codes: 0 done, 1 failed, 2 the configuration or the command is wrong.
    #[must_use]
    pub fn obey(self) -> ExitCode {
        match self.verb {
            Verb::Run(ConfigArgument { config }) => run::run(&config),
            Verb::Check(ConfigArgument { config }) => check::check(&config),
            Verb::Reload(arguments) => reload::reload(&arguments),
            Verb::Doctor(arguments) => doctor::obey(&arguments),
            Verb::Access(verb) => access::obey(&verb),
            Verb::Audit(verb) => audit::obey(&verb),
            Verb::Policy(verb) => policy::obey(&verb),
            Verb::Waf(verb) => waf::obey(verb),
        }
    }
}

/// Says something to whoever typed the command. Where nobody reads on, as behind `head`, or nothing takes it, the command ends.
fn say(text: impl std::fmt::Display) {
    let Err(fault) = writeln!(io::stdout(), "{text}") else { return };
    if fault.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(UNREAD);
    }
    complain(format_args!("this cannot be said on standard output: {fault}"));
    std::process::exit(1);
}

/// Says what is wrong.
fn complain(text: impl std::fmt::Display) {
    // Nobody left to tell is no reason to fail: a gate says so too.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Who types, as far as this process knows: a gate asks its kernel.
fn author(reason: Option<String>) -> Author {
    let uid = nix::unistd::Uid::current().as_raw();
    Author { uid, user: machine_users::name(uid), signed_in: None, reason }
}

/// A gate's state directory: as typed, or as the operators' file says.
///
/// # Errors
/// Where that file is not there: what it says is then not known, and a gate that is not asked is not down.
fn state_directory(typed: Option<&Path>, file: &Path) -> Result<PathBuf, String> {
    match typed {
        Some(directory) => Ok(directory.to_owned()),
        None if file.exists() => Ok(config::state_directory(file)),
        None => Err(format!(
            "`{}` does not exist, so that no gate was asked; name the operators' file with `--config`, or the gate's state \
             directory with `--state`",
            file.display()
        )),
    }
}

/// That no gate runs on a state directory, or none that answers this user.
fn unanswered(state: &Path, fault: &io::Error) -> String {
    let socket = control::socket(state);
    format!("no gate answers at `{}`: {fault}; is it running, and are you its user?", socket.display())
}

/// Says what came of looking at a configuration, or everything that is wrong with it.
fn conclude(outcome: Result<String, Faults>) -> ExitCode {
    match outcome {
        Ok(summary) => {
            say(summary);
            ExitCode::SUCCESS
        }
        Err(faults) => {
            complain(&faults);
            complain(format_args!("{} to mend", count(faults.all().len(), "fault")));
            ExitCode::from(WRONG)
        }
    }
}

/// So many of something.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The exit code of a wrong configuration.
const WRONG: u8 = 2;
/// The exit code of a command that nobody reads on: as of one that SIGPIPE ended, which this process ignores.
const UNREAD: i32 = 128 + 13;
