//! `poort reload`: a running gate reads its files again, or closes one source at once.

use std::{path::PathBuf, process::ExitCode};

use crate::control::{self, Answer, Command};

use super::{ConfigArgument, WRONG, complain, say, state_directory, unanswered};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Close this source at once, without reading any file. It stays closed over reloads and restarts.
    #[arg(long, value_name = "SOURCE", conflicts_with = "allow")]
    deny: Option<String>,
    /// Open a source that was closed with `--deny`.
    #[arg(long, value_name = "SOURCE")]
    allow: Option<String>,
    /// The gate's state directory; else it is read from the configuration.
    #[arg(long)]
    state: Option<PathBuf>,
}

pub(super) fn reload(arguments: &Arguments) -> ExitCode {
    let state = match state_directory(arguments.state.as_deref(), &arguments.config.config) {
        Ok(state) => state,
        Err(why) => {
            complain(why);
            return ExitCode::from(WRONG);
        }
    };
    let (command, done) = match (&arguments.deny, &arguments.allow) {
        (Some(source), _) => {
            let open = format!("`{source}` is closed; open it with `poort reload --allow {source}`");
            (Command::Deny { source: source.clone() }, Some(open))
        }
        (_, Some(source)) => (Command::Allow { source: source.clone() }, Some(format!("`{source}` is open"))),
        (None, None) => (Command::Reload, None),
    };
    match control::tell(&state, &command) {
        Ok(Answer::Done(reloaded)) => {
            reloaded.warnings.iter().for_each(complain);
            say(done.unwrap_or_else(|| generation(&reloaded)));
            ExitCode::SUCCESS
        }
        Ok(Answer::Recorded | Answer::Ended(_) | Answer::Listed(_)) => ExitCode::SUCCESS,
        Ok(Answer::Refused(why)) => {
            complain(&why);
            complain("nothing was changed; the gate goes on as before");
            ExitCode::from(WRONG)
        }
        Err(fault) => {
            complain(unanswered(&state, &fault));
            ExitCode::FAILURE
        }
    }
}

fn generation(reloaded: &crate::live::Reloaded) -> String {
    let digest = reloaded.digest.get(..16).unwrap_or(&reloaded.digest);
    format!("reloaded: generation {}, configuration {digest}", reloaded.generation)
}
