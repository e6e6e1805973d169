//! `poort access`: ends the access of a session, a person or a device at once, gives it back, and says whose is ended.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use poort_identity::session::{NoSessionId, SessionId};

use super::{ConfigArgument, WRONG, author, complain, count, say, state_directory, unanswered};
use crate::{
    config,
    control::{self, Answer, Command},
    ending::{Ending, Extent, Listed, Order, Whom},
};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// End access: the next request is refused, and what is open is cut.
    End(End),
    /// Give access back to a person or a device.
    Restore(Restore),
    /// Say whose access is ended.
    List(List),
}

#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    config: ConfigArgument,
    /// The gate's state directory; else it is read from the configuration.
    #[arg(long)]
    state: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["session", "user", "device"])))]
pub(super) struct End {
    #[command(flatten)]
    place: Place,
    /// This session, as the record names it. It is over on every host.
    #[arg(long, value_name = "ID", value_parser = session)]
    session: Option<SessionId>,
    /// This person or service, `issuer|subject`: their sessions, and the tokens that they hold. Whoever signs in anew passes.
    #[arg(long, value_name = "ISSUER|SUBJECT")]
    user: Option<String>,
    /// This device or workload, by its name in the inventory or what is behind the last slash of it: blocked until it is restored.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// The device is not in the inventory: it is blocked by the name in its certificate all the same.
    #[arg(long, requires = "device")]
    unlisted: bool,
    /// Refuse the person until they are restored, also if they sign in anew.
    #[arg(long, requires = "user")]
    block: bool,
    /// How long a block lasts, such as `8h`; else until it is restored.
    #[arg(long = "for", value_name = "DURATION", value_parser = config::duration)]
    length: Option<std::time::Duration>,
    /// Why; it is recorded.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["user", "device"])))]
pub(super) struct Restore {
    #[command(flatten)]
    place: Place,
    /// This person or service, `issuer|subject`.
    #[arg(long, value_name = "ISSUER|SUBJECT")]
    user: Option<String>,
    /// This device or workload, by its name or what is behind the last slash of it.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Why; it is recorded.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    place: Place,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

fn session(text: &str) -> Result<SessionId, NoSessionId> {
    text.parse()
}

pub(super) fn obey(verb: &Verb) -> ExitCode {
    let done = match verb {
        Verb::End(arguments) => end(arguments),
        Verb::Restore(arguments) => restore(arguments),
        Verb::List(arguments) => list(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((why, code)) => {
            complain(why);
            ExitCode::from(code)
        }
    }
}

/// What went wrong, and the exit code: 1 where no gate answers, 2 where it refuses.
type Fault = (String, u8);

fn end(arguments: &End) -> Result<(), Fault> {
    let End { place, session, user, device, unlisted, block, length, reason } = arguments;
    let whom = match session {
        Some(id) => Whom::Session(*id),
        None => named(user.as_deref(), device.as_deref())?,
    };
    let order = Order {
        whom,
        unlisted: *unlisted,
        block: *block,
        seconds: length.map(|length| length.as_secs()),
        author: author(reason.clone()),
    };
    let Answer::Ended(done) = place.tell(&Command::EndAccess { order: Box::new(order) })? else {
        return Err(odd());
    };
    done.warnings.iter().for_each(complain);
    let (sessions, whom) = (count(done.sessions, "open session"), done.whom);
    say(match (&whom, block) {
        (Whom::Session(_), _) => format!("{whom} is over"),
        (Whom::User(_), false) => format!("{whom}: {sessions} ended; tokens from before now are refused"),
        (Whom::User(_), true) | (Whom::Device(_), _) => {
            let until = if length.is_some() { "it is over or restored" } else { "restored" };
            let how = format!("poort access restore --{} '{}'", whom.kind(), whom.name());
            format!("{whom} is blocked until {until}: {how}; {sessions} ended")
        }
    });
    Ok(())
}

fn restore(arguments: &Restore) -> Result<(), Fault> {
    let whom = named(arguments.user.as_deref(), arguments.device.as_deref())?;
    let author = author(arguments.reason.clone());
    let Answer::Ended(done) = arguments.place.tell(&Command::RestoreAccess { whom, author })? else {
        return Err(odd());
    };
    say(format_args!("{} has access again, as the policies say", done.whom));
    Ok(())
}

fn list(arguments: &List) -> Result<(), Fault> {
    let Answer::Listed(listed) = arguments.place.tell(&Command::ListAccess)? else { return Err(odd()) };
    if arguments.json {
        say(serde_json::to_string(&listed).map_err(|fault| (fault.to_string(), 1))?);
        return Ok(());
    }
    let Listed { endings, open_sessions } = listed;
    endings.iter().for_each(|ending| say(printable(&line(ending))));
    let (ended, open) = (count(endings.len(), "ending"), count(open_sessions, "session"));
    complain(format_args!("{ended} in force, {open} open"));
    Ok(())
}

fn line(ending: &Ending) -> String {
    let extent = match ending.extent {
        Extent::SignedOut => "signed out",
        Extent::Blocked => "blocked",
    };
    let until = ending.until.map_or_else(String::new, |until| format!(" until {}", time(until)));
    let reason = ending.reason.as_deref().map_or_else(String::new, |reason| format!(": {reason}"));
    let (kind, name) = (ending.whom.kind(), ending.whom.name());
    format!("{kind}  {name}  {extent} since {}{until}, by {}{reason}", time(ending.since), ending.by)
}

/// Somebody's words, without anything that could steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// On the wall clock of the machine.
fn time(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let zoned = at.map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map_or_else(|| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

fn named(user: Option<&str>, device: Option<&str>) -> Result<Whom, Fault> {
    let whom = match (user, device) {
        (Some(user), _) => Whom::user(user),
        (None, Some(device)) => Whom::device(device),
        (None, None) => Err("say whose: `--user` or `--device`".to_owned()),
    };
    whom.map_err(|why| (why, WRONG))
}

fn odd() -> Fault {
    ("the gate did something else".to_owned(), 1)
}

impl Place {
    fn tell(&self, command: &Command) -> Result<Answer, Fault> {
        let state =
            state_directory(self.state.as_deref(), &self.config.config).map_err(|why| (why, WRONG))?;
        match control::tell(&state, command) {
            Ok(Answer::Refused(why)) => Err((why, WRONG)),
            Ok(answer) => Ok(answer),
            Err(fault) => Err((unanswered(&state, &fault), 1)),
        }
    }
}
