//! `poort policy explain`: what an answer rests on, for a question in words or for the code on somebody's screen.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use poort_enforce::stated::Demands;
use poort_policy::{
    Disagreement, Mode, Question,
    workbench::{Answer, Explanation, Reasoned, Standing, Workbench},
};
use serde_json::json;

use crate::{
    audit::{
        explained,
        questions::{self, Asked},
        search::SearchFault,
    },
    cli::{WRONG, complain, say},
    config::{self, Fault, Faults, Place},
    trials::{Phrase, Word, World, joined},
};

use super::{Directory, excerpt::Pen, faults, load, record_at, refuse};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    directory: Directory,
    /// The code on a refusal page, or a request's id.
    #[arg(conflicts_with_all = ["who", "on", "through", "does", "to", "given"], required_unless_present = "who")]
    code: Option<String>,
    /// Who asks: a person or service of the tests, or a device.
    #[arg(long, value_name = "NAME", requires = "does", requires = "to")]
    who: Option<String>,
    /// On which device.
    #[arg(long, value_name = "DEVICE")]
    on: Option<String>,
    /// Through which workload.
    #[arg(long, value_name = "DEVICE")]
    through: Option<String>,
    /// What is done: an operation, or a request such as `GET /persons/85`.
    #[arg(long, value_name = "WHAT")]
    does: Option<String>,
    /// To which source.
    #[arg(long, value_name = "SOURCE")]
    to: Option<String>,
    /// In which circumstances of the tests, joined by `+`.
    #[arg(long, value_name = "NAMES")]
    given: Option<String>,
    /// Where the record is; otherwise the operators' file says so.
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// The operators' file.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
    /// Print JSON, one object.
    #[arg(long)]
    json: bool,
}

pub(super) fn explain(arguments: &Arguments) -> ExitCode {
    let explained = match &arguments.code {
        Some(code) => by_code(arguments, code),
        None => by_words(arguments),
    };
    match explained {
        Ok(code) => code,
        Err(faults) => refuse(&faults),
    }
}

fn by_words(arguments: &Arguments) -> Result<ExitCode, Faults> {
    let (mut read, trials) = config::policies_with_tests(&arguments.directory.policies)?;
    let bench = Workbench::load(std::mem::take(&mut read.corpus)).map_err(faults)?;
    let phrase = Phrase {
        who: arguments.who.clone().unwrap_or_default(),
        on: arguments.on.clone(),
        through: arguments.through.clone(),
        does: arguments.does.clone().unwrap_or_default(),
        to: arguments.to.clone().unwrap_or_default(),
        given: arguments.given.as_deref().map(joined).unwrap_or_default(),
    };
    let world = World { words: &trials.words, around: &read.around, operations: &read.operations };
    let (question, demands) = world.question_with_demands(&phrase).map_err(|wrong| {
        let place = |word| Place { file: option(word).into(), ..Place::default() };
        Faults::new(wrong.into_iter().map(|(word, message)| Fault { place: place(word), message }).collect())
    })?;
    tell(arguments, &bench, &question, None);
    if let Some(beside) = demanded(demands, &question).filter(|_| !arguments.json) {
        complain(format_args!("beside the policies, `sources/{}.yaml` demands {beside}", phrase.to));
    }
    Ok(ExitCode::SUCCESS)
}

/// What a source's file demands to be stated, and the question does not.
fn demanded(demands: Demands, question: &Question) -> Option<&'static str> {
    let purpose = demands.purpose && question.context.purpose.is_none();
    let case = demands.case && question.context.case.is_none();
    match (purpose, case) {
        (true, true) => Some("a purpose and a case"),
        (true, false) => Some("a purpose"),
        (false, true) => Some("a case"),
        (false, false) => None,
    }
}

const fn option(word: Word) -> &'static str {
    match word {
        Word::Who => "--who",
        Word::On => "--on",
        Word::Through => "--through",
        Word::Does => "--does",
        Word::To => "--to",
        Word::Given => "--given",
    }
}

fn by_code(arguments: &Arguments, code: &str) -> Result<ExitCode, Faults> {
    let loaded = load(&arguments.directory.policies)?;
    let at = record_at(arguments.audit.as_deref(), &arguments.config)?;
    let found = questions::find(&at.directory, code).map_err(|fault| unreadable(&at.directory, &fault))?;
    let Some(asked) = found else {
        complain(format_args!(
            "no decision in `{}` is called `{code}`; check the code",
            at.directory.display()
        ));
        return Ok(ExitCode::from(WRONG));
    };
    if !at.is_looked_at("policy explain", vec![("code".to_owned(), code.to_owned())], 1) {
        return Ok(ExitCode::from(WRONG));
    }
    match &asked.question {
        Some(question) => tell(arguments, &loaded.bench, question, Some(&asked)),
        None => unasked(arguments, &asked),
    }
    Ok(ExitCode::SUCCESS)
}

/// Says why no policy was asked.
fn unasked(arguments: &Arguments, asked: &Asked) {
    let Asked { code, verdict, reason, truncated, .. } = asked;
    if arguments.json {
        say(json!({ "code": &**code, "verdict": verdict, "reason": reason, "truncated": truncated }));
    } else {
        say(format_args!("`{code}` ({verdict}): {}", explained::unasked(asked)));
    }
}

fn unreadable(directory: &Path, fault: &SearchFault) -> Faults {
    let (path, message) = match fault {
        SearchFault::File { path, cause } => (path.as_path(), cause.to_string()),
        SearchFault::Log(doubt) => (directory, doubt.to_string()),
    };
    let place = Place { file: path.display().to_string().into(), ..Place::default() };
    Faults::new(vec![Fault {
        place,
        message: format!("cannot be read: {message}; check the path and its mode"),
    }])
}

fn tell(arguments: &Arguments, bench: &Workbench, question: &Question, asked: Option<&Asked>) {
    let explanation = bench.explain(question);
    if arguments.json {
        say(as_json(&explanation, asked));
    } else {
        let pen = Pen::new(std::io::IsTerminal::is_terminal(&std::io::stdout()));
        say(as_text(&pen, bench, &explanation, asked).trim_end());
    }
}

fn as_text(pen: &Pen, bench: &Workbench, explanation: &Explanation, asked: Option<&Asked>) -> String {
    let Explanation { decision, policies, changes } = explanation;
    let mut text = String::new();
    let colour = if decision.allow { "1;32" } else { "1;31" };
    let (word, by) = explained::verdict(decision);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}{by}", pen.paint(colour, word));
    let reasons = policies.iter().filter(|policy| decision.determining.contains(&policy.id));
    for reason in reasons.filter_map(|policy| policy.reason.as_deref()) {
        let _ = writeln!(text, "  {reason}");
    }
    if let Some(then) = asked.and_then(|asked| explained::then(explanation, asked)) {
        let _ = writeln!(text, "  {then}");
    }
    if let Some(shadow) = decision.disagreement_of(Mode::Shadow) {
        let _ = writeln!(text, "  if the policies in shadow counted, it would be {}", would(shadow));
    }
    let _ = writeln!(
        text,
        "\n{} of {} policies are about this source and operation:",
        policies.len(),
        bench.sheets().len()
    );
    let mut ordered: Vec<&Reasoned> = policies.iter().collect();
    ordered.sort_by_key(|policy| match policy.standing {
        Standing::Applies | Standing::Errs(_) => 0,
        Standing::Fails => 1,
        Standing::OtherPrincipal(_) => 2,
    });
    for policy in ordered {
        one(pen, policy, &mut text);
    }
    if !changes.is_empty() {
        let _ = writeln!(text, "\nit would be allowed with (each was tried):");
        for change in changes {
            let steps: Vec<String> = change.steps.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "  - {}", steps.join(", and "));
        }
    } else if !decision.allow {
        let _ = writeln!(
            text,
            "\nnothing that was tried would open it: no policy permits this to anybody like them"
        );
    }
    text
}

/// `refused by `a`, `b``.
fn would(shadow: &Disagreement) -> String {
    let word = if shadow.allow { "allowed" } else { "refused" };
    match shadow.errors.first() {
        Some(error) => format!("{word} because {error}"),
        None => format!("{word} by `{}`", shadow.determining.join("`, `")),
    }
}

fn one(pen: &Pen, policy: &Reasoned, text: &mut String) {
    let effect = if policy.permits { "permit" } else { "forbid" };
    let in_shadow = if policy.shadow { " in shadow" } else { "" };
    let standing = match &policy.standing {
        Standing::Applies => pen.paint("1", "applies"),
        Standing::Fails => "does not apply".to_owned(),
        Standing::OtherPrincipal(whom) => format!("is for {whom}"),
        Standing::Errs(error) => format!("errs: {error}"),
    };
    let place = format!("{}:{}", policy.place.file, policy.place.line);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {effect} `{}`{in_shadow} {standing}  {}", policy.id, pen.paint("2", &place));
    // Why a forbid does not apply is no concern of whoever is refused.
    if !policy.permits && policy.standing == Standing::Fails {
        return;
    }
    for Answer { text: condition, holds, decisive, values, .. } in &policy.answers {
        let sign = if *holds { "holds: " } else { "not so:" };
        let mark = if *decisive { pen.paint("1;31", "<-") } else { String::new() };
        let line = format!("      {sign} {condition} {mark}");
        let _ = writeln!(text, "{}", line.trim_end());
        if *decisive {
            for (name, value) in values.iter().filter(|(name, _)| name != condition) {
                let value = value.as_deref().unwrap_or("absent");
                let _ = writeln!(text, "              {name} is {value}");
            }
        }
    }
}

fn as_json(explanation: &Explanation, asked: Option<&Asked>) -> serde_json::Value {
    let Explanation { decision, policies, changes } = explanation;
    let answer = |answer: &Answer| {
        let values: serde_json::Map<_, _> =
            answer.values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "line": answer.place.line, "column": answer.place.column, "condition": answer.text,
            "holds": answer.holds, "decisive": answer.decisive, "values": values,
        })
    };
    let policy = |policy: &Reasoned| {
        let (standing, detail) = match &policy.standing {
            Standing::Applies => ("applies", None),
            Standing::Fails => ("fails", None),
            Standing::OtherPrincipal(whom) => ("other_principal", Some(whom.as_str())),
            Standing::Errs(error) => ("errs", Some(error.as_str())),
        };
        let answers: Vec<_> = policy.answers.iter().map(answer).collect();
        json!({
            "policy": &*policy.id, "shadow": policy.shadow, "effect": if policy.permits { "permit" } else { "forbid" },
            "file": &*policy.place.file, "line": policy.place.line, "reason": policy.reason,
            "standing": standing, "detail": detail, "conditions": answers,
        })
    };
    let policies: Vec<_> = policies.iter().map(policy).collect();
    let changes: Vec<Vec<String>> =
        changes.iter().map(|change| change.steps.iter().map(ToString::to_string).collect()).collect();
    json!({
        "allow": decision.allow, "determining": decision.determining, "errors": decision.errors,
        "disagreements": decision.disagreements,
        "then": asked.and_then(|asked| explained::then(explanation, asked)), "policies": policies, "changes": changes,
    })
}
