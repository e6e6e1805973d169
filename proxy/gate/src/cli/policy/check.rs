//! `poort policy check`: everything that a load says, and what loads but is hardly meant.

use std::process::ExitCode;

use poort_policy::workbench::lint::{Lint, NAMES};
use serde_json::json;

use crate::{
    cli::{WRONG, complain, count, say},
    config::{Faults, Warning},
};

use super::{
    Directory, Loaded,
    excerpt::{Level, Pen},
    faults, load, refuse,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// Lints that are faults: they make the exit code 1. `all` are all of them.
    #[arg(long, value_name = "LINT", value_parser = lint_name)]
    deny: Vec<String>,
    /// Lints that nobody wants to hear of.
    #[arg(long, value_name = "LINT", value_parser = lint_name)]
    allow: Vec<String>,
    /// Print JSON, one object.
    #[arg(long)]
    json: bool,
}

fn lint_name(text: &str) -> Result<String, String> {
    if text == "all" || NAMES.iter().any(|(name, _)| *name == text) {
        return Ok(text.to_owned());
    }
    let names: Vec<_> = NAMES.iter().map(|(name, about)| format!("  {name}: {about}")).collect();
    Err(format!("no lint is called so; there are:\n  all\n{}", names.join("\n")))
}

/// What was found in policies that load.
struct Found {
    policies: usize,
    shadows: usize,
    warnings: Vec<Warning>,
    lints: Vec<Lint>,
}

pub(super) fn check(arguments: &Arguments) -> ExitCode {
    let found = load(&arguments.directory.policies).and_then(|loaded| look(loaded, arguments));
    if arguments.json {
        say(as_json(arguments, &found));
    }
    match found {
        Ok(found) => {
            if !arguments.json {
                show(arguments, &found);
            }
            ExitCode::from(u8::from(found.lints.iter().any(|lint| is_denied(arguments, lint))))
        }
        Err(_) if arguments.json => ExitCode::from(WRONG),
        Err(faults) => refuse(&faults),
    }
}

fn look(Loaded { bench, read }: Loaded, arguments: &Arguments) -> Result<Found, Faults> {
    // What is claimed of the policies is proved elsewhere; that it can be is seen here. Where nothing is claimed, nothing is loaded twice.
    if !read.properties.is_empty() {
        bench.properties(read.properties).map_err(faults)?;
    }
    let mut lints = bench.lint(&read.around);
    let unwanted = |name: &str| arguments.allow.iter().any(|allowed| allowed == name || allowed == "all");
    lints.retain(|lint| !unwanted(lint.name));
    let (policies, shadows) = (bench.sheets().len(), bench.engine().shadows());
    Ok(Found { policies, shadows, warnings: read.warnings, lints })
}

fn is_denied(arguments: &Arguments, lint: &Lint) -> bool {
    arguments.deny.iter().any(|denied| denied == lint.name || denied == "all")
}

fn show(arguments: &Arguments, found: &Found) {
    let mut pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    for Warning { place, message } in &found.warnings {
        let (what, help) = message.split_once("; ").unwrap_or((message, ""));
        complain(pen.note(Level::Warning, "", what, place, 0, help));
    }
    for lint in &found.lints {
        let level = if is_denied(arguments, lint) { Level::Error } else { Level::Warning };
        complain(pen.note(level, lint.name, &lint.message, &lint.place, lint.length, &lint.help));
    }
    let policies = match found.policies {
        1 => "1 policy".to_owned(),
        many => format!("{many} policies"),
    };
    let shadows = match found.shadows {
        0 => String::new(),
        many => format!(" ({many} in shadow)"),
    };
    say(format_args!(
        "{policies}{shadows}, {}, {}",
        count(found.warnings.len(), "warning"),
        count(found.lints.len(), "lint")
    ));
}

/// `{ policies, faults: [], warnings: [], lints: [] }`; each with its place, and with what to do apart where that is known.
fn as_json(arguments: &Arguments, found: &Result<Found, Faults>) -> serde_json::Value {
    let place = |place: &crate::config::Place| json!({ "file": &*place.file, "line": place.line, "column": place.column });
    match found {
        Err(faults) => {
            let faults = faults.all().iter();
            let faults: Vec<_> = faults
                .map(|fault| json!({ "place": place(&fault.place), "message": fault.message }))
                .collect();
            json!({ "faults": faults })
        }
        Ok(Found { policies, shadows, warnings, lints }) => {
            let warnings: Vec<_> = warnings
                .iter()
                .map(|warning| json!({ "place": place(&warning.place), "message": warning.message }))
                .collect();
            let lint = |lint: &Lint| {
                json!({
                    "lint": lint.name, "denied": is_denied(arguments, lint), "place": place(&lint.place),
                    "length": lint.length, "message": lint.message, "help": lint.help,
                })
            };
            let lints: Vec<_> = lints.iter().map(lint).collect();
            json!({ "policies": policies, "in_shadow": shadows, "faults": [], "warnings": warnings, "lints": lints })
        }
    }
}
