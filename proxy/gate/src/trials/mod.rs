//! Questions in plain words: who, on which device, does what to which source, in which circumstances.
//!
//! Tests of policies are written in them, and questions on the command line. A name means what `policies/tests/*.yaml` and the
//! inventory say it means; what nobody says is as usual: a `GET` of `/` on a Tuesday at ten, after a sign-in that was not strong.

mod situation;
pub mod written;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use http::Method;
use poort_enforce::{
    normal::{UrlForms, normalise},
    operations::{NoMeaning, Operations},
    stated::Demands,
};
use poort_policy::{
    Actor, Context, DeviceFacts, Inspection, Operation, Principal, PrincipalKind, Question, RequestContext,
    SessionFacts, ShiftFacts, TimeFacts,
    workbench::{Case, Surroundings},
};

use crate::config::suggest;

pub use situation::Situation;

/// A cell or value that says that there is nothing.
pub const NONE: &str = "none";
/// What joins names where there can be several.
pub const JOINT: char = '+';
/// The longest request target that is read, in bytes.
const TARGET_LIMIT: usize = 4096;

/// The tests of a directory.
#[derive(Debug, Default)]
pub struct Trials {
    /// In the order of files and lines.
    pub cases: Vec<Case>,
    /// What their words mean.
    pub words: Words,
}

/// What words mean.
#[derive(Debug, Default)]
pub struct Words {
    /// People and services, by the names that tests give them.
    pub principals: BTreeMap<String, Principal>,
    /// Devices, by the names that tests give them, and by the inventory's: whole, and the last part where that is one device's only.
    pub devices: BTreeMap<String, DeviceFacts>,
    /// Circumstances, by the names that tests give them.
    pub situations: BTreeMap<String, Situation>,
}

/// A question in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrase {
    /// A person, a service, or a device that asks on its own account.
    pub who: String,
    /// The device.
    pub on: Option<String>,
    /// The workload that asks for them.
    pub through: Option<String>,
    /// An operation, or a request such as `GET /persons/85`.
    pub does: String,
    /// The source.
    pub to: String,
    /// Names of circumstances; where several say something of one thing, the last one holds.
    pub given: Vec<String>,
}

/// Which word of a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Who.
    Who,
    /// On which device.
    On,
    /// Through which workload.
    Through,
    /// What is done.
    Does,
    /// To which source.
    To,
    /// In which circumstances.
    Given,
}

/// What phrases are about.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// What words mean.
    pub words: &'a Words,
    /// The sources.
    pub around: &'a Surroundings,
    /// What each source makes of requests.
    pub operations: &'a BTreeMap<String, Operations>,
}

/// What is done: the operation, and the request where one was written.
struct Deed {
    operation: Operation,
    demands: Demands,
    request: Option<(String, String, BTreeMap<String, String>)>,
}

impl World<'_> {
    /// The question that a phrase asks.
    ///
    /// # Errors
    /// Every word that means nothing, and what to write instead.
    pub fn question(&self, phrase: &Phrase) -> Result<Question, Vec<(Word, String)>> {
        self.question_with_demands(phrase).map(|(question, _)| question)
    }

    /// The question that a phrase asks, and what its source's file demands to be stated for it; of an operation alone, for any of its lines.
    ///
    /// # Errors
    /// As [`World::question`].
    pub fn question_with_demands(&self, phrase: &Phrase) -> Result<(Question, Demands), Vec<(Word, String)>> {
        let mut wrong = Vec::new();
        let mut note = |word, message| wrong.push((word, message));
        let principal = self.principal(&phrase.who).map_err(|message| note(Word::Who, message));
        let mut device = |name: &Option<String>, word| match name {
            None => Ok(None),
            Some(name) => self.device(name).map(Some).map_err(|message| note(word, message)),
        };
        let on = device(&phrase.on, Word::On);
        let through = device(&phrase.through, Word::Through);
        let source = self.around.sources.iter().find(|source| source.id == phrase.to);
        if source.is_none() {
            let known = self.around.sources.iter().map(|source| source.id.as_str());
            note(Word::To, format!("there is no source `{}`{}", phrase.to, suggest(&phrase.to, known)));
        }
        let deed = self.deed(phrase).map_err(|message| note(Word::Does, message));
        let situation = self.situation(&phrase.given).map_err(|message| note(Word::Given, message));
        match (principal, on, through, source, deed, situation) {
            (Ok(principal), Ok(on), Ok(through), Some(_), Ok(deed), Ok(situation)) => {
                // A device that asks on its own account is the device at hand.
                let itself =
                    (principal.kind == PrincipalKind::Device).then(|| self.words.devices.get(&phrase.who));
                let device = on.or_else(|| itself.flatten().cloned());
                let question = Question {
                    principal,
                    device,
                    actor: through.map(|device| Actor { device, service: None }),
                    operation: deed.operation,
                    source: Arc::from(phrase.to.as_str()),
                    context: situation.over(usual(self.around, &phrase.to, deed.request)),
                };
                Ok((question, deed.demands))
            }
            _ => Err(wrong),
        }
    }

    fn principal(&self, name: &str) -> Result<Principal, String> {
        if let Some(principal) = self.words.principals.get(name) {
            return Ok(principal.clone());
        }
        if let Some(device) = self.words.devices.get(name) {
            let id = device.id.clone();
            let (roles, units) = (Vec::new(), Vec::new());
            return Ok(Principal { kind: PrincipalKind::Device, id, issuer: None, roles, units });
        }
        let known = self.words.principals.keys().map(String::as_str);
        Err(format!(
            "`{name}` is nobody: no file in tests/ has them under `people:` or `services:`{}",
            suggest(name, known)
        ))
    }

    fn device(&self, name: &str) -> Result<DeviceFacts, String> {
        self.words.devices.get(name).cloned().ok_or_else(|| {
            let known = self.words.devices.keys().map(String::as_str);
            format!(
                "there is no device `{name}` in the inventory or under `devices:` of a test{}",
                suggest(name, known)
            )
        })
    }

    fn situation(&self, names: &[String]) -> Result<Situation, String> {
        let mut all = Situation::default();
        for name in names {
            let known = || self.words.situations.keys().map(String::as_str);
            let one = self.words.situations.get(name);
            let one = one.ok_or_else(|| {
                format!("`{name}` is not under `situations:` of any file in tests/{}", suggest(name, known()))
            })?;
            all = one.clone().before(all);
        }
        Ok(all)
    }

    fn deed(&self, phrase: &Phrase) -> Result<Deed, String> {
        let does = phrase.does.trim();
        let Some((method, target)) = does.split_once(' ') else {
            let known = Operation::ALL.into_iter().map(Operation::as_str);
            let operation = does.parse().map_err(|_| {
                format!("`{does}` is no operation, nor a request such as `GET /`{}", suggest(does, known))
            })?;
            let lines = self.operations.get(&phrase.to);
            let demands = lines.map(|lines| lines.demanded(operation)).unwrap_or_default();
            return Ok(Deed { operation, demands, request: None });
        };
        let method: Method =
            method.parse().map_err(|_| format!("`{method}` is no method; write one such as `GET`"))?;
        let target = normalise(target.trim().as_bytes(), TARGET_LIMIT).map_err(|_| {
            format!("`{target}` is no path that the gate takes; write a normal one, such as `/persons/85`")
        })?;
        if !target.forms.within(UrlForms::default()) {
            return Err("this path is ambiguous, so it is refused before any policy is asked unless the source's `url:` names its form; write a plain one".to_owned());
        }
        let Some(operations) = self.operations.get(&phrase.to) else {
            return Err(
                "what this request means cannot be said, since the source is unknown; mend `to` first"
                    .to_owned(),
            );
        };
        let meaning = operations.meaning(&method, &target.readings(), target.query.as_deref()).map_err(|why| match why {
            NoMeaning::Unmatched => format!(
                "no line of `operations` in sources/{}.yaml takes this request, so it is refused before any policy is asked; test another, or add a line",
                phrase.to
            ),
            NoMeaning::RepeatedCapture => {
                "a captured key occurs twice, so it is refused before any policy is asked; write it once".to_owned()
            }
        })?;
        let request = Some((method.to_string(), target.path.to_string(), meaning.captures));
        Ok(Deed { operation: meaning.operation, demands: meaning.demands, request })
    }
}

/// The circumstances of a question to a source where nobody says otherwise.
pub(crate) fn usual(
    around: &Surroundings,
    source: &str,
    request: Option<(String, String, BTreeMap<String, String>)>,
) -> Context {
    let source = around.sources.iter().find(|one| one.id == source);
    let host = source.and_then(|source| source.hosts.first()).map_or("", String::as_str);
    let (method, path, captures) =
        request.unwrap_or_else(|| (Method::GET.to_string(), "/".to_owned(), BTreeMap::new()));
    Context {
        request: RequestContext {
            method,
            host: host.to_owned(),
            path,
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            captures,
        },
        purpose: None,
        case: None,
        break_glass: None,
        inspection: Inspection::default(),
        session: SessionFacts::default(),
        shift: ShiftFacts::default(),
        // 2026-01-06, a Tuesday.
        time: TimeFacts { epoch: 1_767_693_600, hour: 10, minute: 0, weekday: 2 },
    }
}

/// Names joined by `+`; none for `none`.
#[must_use]
pub fn joined(text: &str) -> Vec<String> {
    let names = text.split(JOINT).map(str::trim).filter(|name| !name.is_empty() && *name != NONE);
    names.map(str::to_owned).collect()
}
