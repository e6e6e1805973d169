//! Directives: which there are, how many arguments they take, and what is refused.

use std::ops::RangeInclusive;

use super::action::{Action, parse_actions};
use super::line::{Line, Word};
use super::operator::{OperatorSyntax, parse_operator};
use super::target::{Target, parse_targets};
use crate::fault::{Fault, Place};

/// A directive with its place.
pub(crate) struct Directive {
    pub(crate) place: Place,
    pub(crate) kind: DirectiveKind,
}

/// What a directive says.
pub(crate) enum DirectiveKind {
    Rule(RuleSyntax),
    Marker(String),
    DefaultAction(Vec<Action>),
    Include {
        pattern: String,
        optional: bool,
    },
    /// `SecRuleRemoveBy{Id,Tag,Msg}`: the suffix in lower case, and what it names.
    Remove {
        by: String,
        what: Vec<String>,
    },
    /// `SecRuleUpdateTargetBy{Id,Tag,Msg}`.
    UpdateTarget {
        by: String,
        what: String,
        targets: Vec<Target>,
        /// What they stand in for; nothing when they are only added.
        replaced: Vec<Target>,
    },
    /// `SecRuleUpdateActionById`.
    UpdateAction {
        what: String,
        actions: Vec<Action>,
    },
    /// A setting: the name without `Sec`, in lower case, and its arguments.
    Setting {
        name: String,
        values: Vec<String>,
    },
}

/// `SecRule` and `SecAction`.
#[derive(Debug, Clone)]
pub(crate) struct RuleSyntax {
    pub(crate) place: Place,
    pub(crate) targets: Vec<Target>,
    /// `None` for `SecAction`.
    pub(crate) operator: Option<OperatorSyntax>,
    pub(crate) actions: Vec<Action>,
    /// Targets that there are not: faults only if the rule is not removed.
    pub(crate) faults: Vec<Fault>,
}

/// Parses a logical line.
pub(crate) fn parse(line: &Line, faults: &mut Vec<Fault>) -> Option<Directive> {
    let place = line.name.place(0);
    let name = line.name.text.to_ascii_lowercase();
    let arguments = &line.arguments;
    let count = |expected: RangeInclusive<usize>, faults: &mut Vec<Fault>| {
        let fits = expected.contains(&arguments.len());
        if !fits {
            let (written, takes) = (&line.name.text, takes(&expected));
            faults.push(place.fault(format!("`{written}` takes {takes}, not {}", arguments.len())));
        }
        fits
    };
    let text = |at: usize| arguments.get(at).map(|word| word.text.clone()).unwrap_or_default();
    let kind = match name.as_str() {
        "secrule" => count(2..=3, faults).then(|| rule(&place, arguments, faults))?,
        "secaction" => count(1..=1, faults).then(|| action(&place, arguments, faults))?,
        "secmarker" => count(1..=1, faults).then(|| DirectiveKind::Marker(text(0)))?,
        "secdefaultaction" => {
            count(1..=1, faults).then(|| DirectiveKind::DefaultAction(actions(arguments, 0, faults)))?
        }
        "include" | "includeoptional" => count(1..=1, faults)
            .then(|| DirectiveKind::Include { pattern: text(0), optional: name == "includeoptional" })?,
        "secruleremovebyid" | "secruleremovebytag" | "secruleremovebymsg" => {
            count(1..=MANY, faults).then(|| DirectiveKind::Remove {
                by: name.trim_start_matches("secruleremoveby").to_owned(),
                what: arguments.iter().map(|word| word.text.clone()).collect(),
            })?
        }
        "secruleupdatetargetbyid" | "secruleupdatetargetbytag" | "secruleupdatetargetbymsg" => {
            if !count(2..=3, faults) {
                return None;
            }
            let mut targets = |at: usize| {
                arguments.get(at).map(|word| parse_targets(&commas(word), faults)).unwrap_or_default()
            };
            let (targets, replaced) = (targets(1), targets(2));
            DirectiveKind::UpdateTarget {
                by: name.trim_start_matches("secruleupdatetargetby").to_owned(),
                what: text(0),
                targets,
                replaced,
            }
        }
        "secruleupdateactionbyid" => count(2..=2, faults)
            .then(|| DirectiveKind::UpdateAction { what: text(0), actions: actions(arguments, 1, faults) })?,
        _ => {
            let short = name.strip_prefix("sec").unwrap_or_default();
            if OBEYED.contains(&short) && !count(values_of(short), faults) {
                return None;
            }
            setting(&place, &line.name.text, short, arguments, faults)?
        }
    };
    Some(Directive { place, kind })
}

/// As many as somebody writes.
const MANY: usize = usize::MAX;

/// How many arguments are expected, in words.
fn takes(expected: &RangeInclusive<usize>) -> String {
    match (*expected.start(), *expected.end()) {
        (0, 0) => "no argument".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (low, high) if low == high => format!("{low} arguments"),
        (low, MANY) => format!("at least {low}"),
        (low, high) => format!("{low} or {high} arguments"),
    }
}

fn rule(place: &Place, arguments: &[Word], faults: &mut Vec<Fault>) -> DirectiveKind {
    let mut own = Vec::new();
    DirectiveKind::Rule(RuleSyntax {
        place: place.clone(),
        targets: arguments.first().map(|word| parse_targets(word, &mut own)).unwrap_or_default(),
        operator: arguments.get(1).map(parse_operator),
        actions: actions(arguments, 2, faults),
        faults: own,
    })
}

fn action(place: &Place, arguments: &[Word], faults: &mut Vec<Fault>) -> DirectiveKind {
    let actions = actions(arguments, 0, faults);
    DirectiveKind::Rule(RuleSyntax {
        place: place.clone(),
        targets: Vec::new(),
        operator: None,
        actions,
        faults: Vec::new(),
    })
}

fn actions(arguments: &[Word], at: usize, faults: &mut Vec<Fault>) -> Vec<Action> {
    arguments.get(at).map(|word| parse_actions(word, faults)).unwrap_or_default()
}

/// `SecRuleUpdateTarget*` separates targets by `,` too.
fn commas(word: &Word) -> Word {
    let mut word = word.clone();
    if !word.text.contains('/') && !word.text.contains('\'') {
        word.text = word.text.replace(',', "|");
    }
    word
}

/// Settings that only concern a server's own logging, storage, speed or identity: read and left to the caller.
const LEFT_TO_THE_CALLER: [&str; 30] = [
    "auditengine",
    "auditlog",
    "auditlog2",
    "auditlogdirmode",
    "auditlogfilemode",
    "auditlogformat",
    "auditlogparts",
    "auditlogprefix",
    "auditlogrelevantstatus",
    "auditlogstoragedir",
    "auditlogtype",
    "cachetransformations",
    "componentsignature",
    "connengine",
    "datadir",
    "debuglog",
    "debugloglevel",
    "disablebackendcompression",
    "guardianlog",
    "pcrematchlimit",
    "pcrematchlimitrecursion",
    "ruleperftime",
    "sensorid",
    "serversignature",
    "statusengine",
    "tmpdir",
    "tmpsaveuploadedfiles",
    "uploaddir",
    "uploadfilemode",
    "uploadkeepfiles",
];

/// Settings this engine obeys.
const OBEYED: [&str; 23] = [
    "argumentslimit",
    "argumentseparator",
    "collectiontimeout",
    "contentinjection",
    "cookieformat",
    "parsexmlintoargs",
    "requestbodyaccess",
    "requestbodyinmemorylimit",
    "requestbodyjsondepthlimit",
    "requestbodylimit",
    "requestbodylimitaction",
    "requestbodynofileslimit",
    "responsebodyaccess",
    "responsebodylimit",
    "responsebodylimitaction",
    "responsebodymimetype",
    "responsebodymimetypesclear",
    "ruleengine",
    "unicodecodepage",
    "unicodemapfile",
    "uploadfilelimit",
    "webappid",
    "xmlexternalentity",
];

/// How many values a setting has that this engine obeys: a second one would be taken for nothing.
fn values_of(obeyed: &str) -> RangeInclusive<usize> {
    match obeyed {
        "responsebodymimetype" => 1..=MANY,
        "responsebodymimetypesclear" => 0..=0,
        "unicodemapfile" => 1..=2,
        _ => 1..=1,
    }
}

fn setting(
    place: &Place,
    written: &str,
    short: &str,
    arguments: &[Word],
    faults: &mut Vec<Fault>,
) -> Option<DirectiveKind> {
    if OBEYED.contains(&short) || LEFT_TO_THE_CALLER.contains(&short) {
        let values = arguments.iter().map(|word| word.text.clone()).collect();
        return Some(DirectiveKind::Setting { name: short.to_owned(), values });
    }
    faults.push(place.fault(refusal(written, short)));
    None
}

fn refusal(written: &str, name: &str) -> String {
    let why = match name {
        "rulescript" => "rules start no programs, Lua scripts included",
        "remoterules" | "remoterulesfailaction" => "rules are read from files only",
        "httpblkey" | "gsblookupdb" => "nothing is asked over the network while a request waits",
        "geolookupdb" => "there is no location database; match networks with @ipMatchFromFile",
        "streaminbodyinspection" | "streamoutbodyinspection" => "bodies are not rewritten",
        "chrootdir" => "the process is not the rules' to confine",
        "readstatelimit" | "writestatelimit" | "connreadstatelimit" | "connwritestatelimit" => {
            "connections are limited before rules run"
        }
        "interceptonerror" | "ignorerulecompilationerrors" => "a fault in the rules always stops the load",
        "ruleinheritance" => "a file holds what it includes, and nothing else",
        "cookiev0separator" => "cookies are separated by `;`",
        name if name.starts_with("hash") => "bodies are not rewritten",
        name if name.starts_with("pdfprotect") => "bodies are not rewritten",
        _ if written.starts_with('<') => "sections of a web server are not read",
        _ => return format!("directive `{written}` is not supported; remove it"),
    };
    format!("`{written}` is refused: {why}; remove it")
}
