//! Policy files, from text to policies with an id and a place.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{ParseErrors, PolicySet};
use cedar_policy_core::ast::{Expr, Policy, PolicyID};
use cedar_policy_core::parser::Loc;
use miette::Diagnostic;

use crate::annotations::{self, ID, Of, SHADOW};
use crate::bounds::{self, Language};
use crate::corpus::{Place, PolicyFile};
use crate::fault::Fault;
use crate::reads::children;

/// Deepest nesting of a condition. Cedar and we recurse over conditions; nobody reads one this deep.
const MAX_DEPTH: usize = 256;

/// A policy, parsed.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) id: Arc<str>,
    pub(crate) place: Place,
    /// Carries our id, so that whatever Cedar says of it names it.
    pub(crate) policy: Policy,
    /// All annotations but `@id`, in alphabetical order.
    pub(crate) annotations: Vec<(Arc<str>, Arc<str>)>,
    /// Index of its file in the corpus.
    pub(crate) file: usize,
    /// Whether it is asked and does not count.
    pub(crate) shadow: bool,
}

/// Parses all files; whatever does not parse is a fault, the rest goes on.
pub(crate) fn policies(files: &[Lines<'_>], faults: &mut Vec<Fault>) -> Vec<Parsed> {
    let mut all = Vec::new();
    for (index, lines) in files.iter().enumerate() {
        let mut found = one(index, lines, faults);
        found.sort_by(|a, b| a.place.cmp(&b.place));
        all.extend(found);
    }
    duplicates(&all, faults);
    all
}

fn one(index: usize, lines: &Lines<'_>, faults: &mut Vec<Fault>) -> Vec<Parsed> {
    if !bounds::keeps(lines, Language::Policies, faults) {
        return Vec::new();
    }
    let set = match lines.text.parse() {
        Ok(set) => set,
        Err(errors) => salvage(lines, &errors, faults),
    };
    let set: &cedar_policy_core::ast::PolicySet = set.as_ref();
    for template in set.templates() {
        faults.push(Fault::at(
            &lines.place(template.loc().map_or(0, Loc::start)),
            "this is a template: `?principal` and `?resource` are never filled in, so it would never apply",
            "name the principal or resource, or leave the constraint away",
        ));
    }
    set.policies().filter_map(|policy| parsed(index, lines, policy, faults)).collect()
}

/// Cedar stops at the first policy of a file that does not parse. So each is parsed by itself, the broken ones are
/// reported and blanked out, and the others go on to validation in their old places.
fn salvage(lines: &Lines<'_>, whole: &ParseErrors, faults: &mut Vec<Fault>) -> PolicySet {
    const HELP: &str = "correct the syntax here";
    let before = faults.len();
    let mut kept = String::with_capacity(lines.text.len());
    for range in bounds::statements(lines.text) {
        let (start, text) = (range.start, lines.text.get(range).unwrap_or_default());
        match text.parse::<PolicySet>() {
            Ok(_) => kept.push_str(text),
            Err(errors) => {
                faults.extend(errors.iter().map(|error| lines.fault_from(start, error, HELP)));
                kept.extend(text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            }
        }
    }
    if faults.len() == before {
        faults.extend(whole.iter().map(|error| lines.fault(error, HELP)));
        return PolicySet::new();
    }
    kept.parse().unwrap_or_default()
}

fn parsed(file: usize, lines: &Lines<'_>, policy: &Policy, faults: &mut Vec<Fault>) -> Option<Parsed> {
    let place = lines.place(policy.loc().map_or(0, Loc::start));
    if policy.non_scope_constraints().is_some_and(|condition| depth(condition) > MAX_DEPTH) {
        let message = format!("the condition is nested more than {MAX_DEPTH} deep");
        faults.push(Fault::at(
            &place,
            message,
            "split it into several policies, or use a set and `contains`",
        ));
        return None;
    }
    let mut id = None;
    let mut annotations = Vec::new();
    for (key, value) in policy.annotations() {
        let at = value.loc.as_ref().map_or_else(|| place.clone(), |loc| lines.place(loc.start()));
        let (key, value): (Arc<str>, Arc<str>) = (key.as_ref().into(), value.as_ref().into());
        annotations::check(lines.of, &key, &value, &at, faults);
        if *key == *ID { id = Some(value) } else { annotations.push((key, value)) }
    }
    if id.as_deref().is_some_and(|id| id.trim().is_empty()) {
        faults.push(Fault::at(
            &place,
            "`@id` is empty",
            "give the policy a name, such as `@id(\"consult-persons\")`",
        ));
    }
    let id = id.unwrap_or_else(|| format!("{}:{}", place.file, place.line).into());
    let policy = policy.new_id(PolicyID::from_string(&id));
    let shadow = lines.shadow || annotations.iter().any(|(key, _)| **key == *SHADOW);
    Some(Parsed { id, place, policy, annotations, file, shadow })
}

fn duplicates(all: &[Parsed], faults: &mut Vec<Fault>) {
    let mut first: HashMap<&str, &Place> = HashMap::new();
    for parsed in all {
        if let Some(other) = first.insert(&parsed.id, &parsed.place) {
            let message =
                format!("policy id `{}` is already used at {}:{}", parsed.id, other.file, other.line);
            faults.push(Fault::at(&parsed.place, message, "give each policy an `@id` of its own"));
        }
    }
}

/// Finds lines and columns in a file.
pub(crate) struct Lines<'f> {
    name: Arc<str>,
    text: &'f str,
    shadow: bool,
    of: Of,
    starts: Vec<usize>,
}

impl<'f> Lines<'f> {
    pub(crate) fn new(file: &'f PolicyFile) -> Self {
        Self::of(file, Of::Policies)
    }

    /// As [`Lines::new`], of a file that may hold something else.
    pub(crate) fn of(file: &'f PolicyFile, of: Of) -> Self {
        let starts = std::iter::once(0).chain(file.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name: file.name.as_str().into(), text: &file.text, shadow: file.shadow, of, starts }
    }

    /// The file as a whole.
    pub(crate) fn whole(&self) -> Place {
        Place { file: Arc::clone(&self.name), line: 0, column: 0 }
    }

    pub(crate) fn text(&self) -> &'f str {
        self.text
    }

    /// A fault from what Cedar says, at its first label.
    pub(crate) fn fault(&self, error: &dyn Diagnostic, help: &str) -> Fault {
        self.fault_from(0, error, help)
    }

    /// The same, of a text that starts at an offset of this one.
    fn fault_from(&self, start: usize, error: &dyn Diagnostic, help: &str) -> Fault {
        let label = error.labels().and_then(|mut labels| labels.next());
        let place = label.as_ref().map_or_else(|| self.whole(), |label| self.place(start + label.offset()));
        let advice = error.help().map(|help| help.to_string());
        let advice = advice.or_else(|| label.as_ref().and_then(|label| label.label()).map(str::to_owned));
        Fault::at(&place, error.to_string(), advice.unwrap_or_else(|| help.to_owned()))
    }

    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        Place { file: Arc::clone(&self.name), line, column: before.chars().count() + 1 }
    }
}

/// How deep an expression is nested, found without recursion.
fn depth(expr: &Expr) -> usize {
    let mut deepest = 0;
    let mut ahead = vec![(expr, 1)];
    while let Some((expr, depth)) = ahead.pop() {
        deepest = deepest.max(depth);
        ahead.extend(children(expr).into_iter().map(|child| (child, depth + 1)));
    }
    deepest
}
