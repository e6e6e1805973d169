//! From a corpus to slices, with every fault on the way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cedar_policy::{PolicySet, Schema, ValidationError, ValidationMode, Validator};
use cedar_policy_core::ast::{EntityUID, Expr, ExprKind, Literal, Var};
use cedar_policy_core::validator::ValidatorSchema;

use crate::annotations::Of;
use crate::corpus::Corpus;
use crate::fault::Fault;
use crate::names::{Kind, entity};
use crate::parse::{self, Lines, Parsed};
use crate::reads::{Reads, chain};
use crate::registry::Registry;
use crate::schema::{self, Vocabulary};
use crate::shift::ShiftCount;
use crate::slices::{Slicer, Slices};

/// What a sound corpus compiles to.
pub(crate) struct Loaded {
    pub(crate) policies: Vec<Parsed>,
    pub(crate) registry: Registry,
    pub(crate) slices: Slices,
    pub(crate) vocabulary: Vocabulary,
}

pub(crate) fn load(corpus: &Corpus, of: Of) -> Result<Loaded, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut registry = Registry::new(corpus, &mut faults);
    let schema = schema::load(&corpus.schema, &mut faults);
    let files: Vec<Lines<'_>> = corpus.policies.iter().map(|file| Lines::of(file, of)).collect();
    let policies = parse::policies(&files, &mut faults);
    if policies.iter().all(|parsed| parsed.shadow) && faults.is_empty() {
        let help = "write at least one `permit` in a .cedar file beside the schema, and not in shadow";
        let none = if policies.is_empty() { "there is no policy" } else { "every policy is in shadow" };
        faults.push(whole(corpus, format!("{none}, so nothing would ever be allowed"), help));
    }
    for parsed in &policies {
        misnomers(&files, &registry, parsed, &mut faults);
        strangers(&files, parsed, &mut faults);
        uncounted(&files, corpus, parsed, &mut faults);
    }
    let vocabulary = schema.map(|(schema, vocabulary)| {
        actions(&mut registry, &schema);
        for parsed in &policies {
            undeclared(&files, schema.as_ref(), parsed, &mut faults);
        }
        validate(&files, schema, &policies, &mut faults);
        vocabulary
    });
    if let Some(vocabulary) = vocabulary
        && faults.is_empty()
    {
        let sources: Vec<Arc<str>> = corpus.sources.iter().map(|source| source.id.as_str().into()).collect();
        match Slicer::new(&registry, &vocabulary.captures).map(|slicer| slicer.slice(&policies, &sources)) {
            Ok(slices) => return Ok(Loaded { policies, registry, slices, vocabulary }),
            Err(message) => {
                faults.push(whole(corpus, message, "declare each role, unit, source and action once"));
            }
        }
    }
    faults.sort();
    faults.dedup();
    Err(faults)
}

/// A fault of all files together.
fn whole(corpus: &Corpus, message: impl Into<String>, help: &str) -> Fault {
    let file = corpus.policies.first().unwrap_or(&corpus.schema);
    Fault::at(&Lines::new(file).whole(), message, help)
}

/// Action groups are declared in the schema, not in the corpus.
fn actions(registry: &mut Registry, schema: &Schema) {
    let declared = AsRef::<ValidatorSchema>::as_ref(schema).action_entities();
    for action in declared.iter().flat_map(cedar_policy_core::entities::Entities::iter) {
        registry.add(entity(action.uid().clone(), [], action.ancestors().cloned().collect()));
    }
}

/// Names in a policy that nothing bears: a `forbid` with a typing error forbids nothing.
pub(crate) fn misnomers(files: &[Lines<'_>], registry: &Registry, parsed: &Parsed, faults: &mut Vec<Fault>) {
    let Some(file) = files.get(parsed.file) else { return };
    let condition = parsed.policy.condition();
    for part in condition.subexpressions() {
        let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() else { continue };
        let Some((message, help)) = registry.misnomer(uid) else { continue };
        let place = uid
            .loc()
            .or(part.source_loc())
            .map_or_else(|| parsed.place.clone(), |loc| file.place(loc.start()));
        faults.push(Fault::at(&place, message, help));
    }
}

/// Attributes of people, services and devices that are named: nothing is known of them but when they ask, so whoever else asks would be
/// refused for an error, or `has` would be false of what is always there.
fn strangers(files: &[Lines<'_>], parsed: &Parsed, faults: &mut Vec<Fault>) {
    let Some(file) = files.get(parsed.file) else { return };
    let condition = parsed.policy.condition();
    for part in condition.subexpressions() {
        let (ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }) = part.expr_kind()
        else {
            continue;
        };
        for uid in named(expr) {
            let Some(kind @ (Kind::User | Kind::Service | Kind::Device)) = Kind::of(uid) else { continue };
            let (word, name) = (kind.word(), uid.eid().as_ref() as &str);
            let message =
                format!("this looks into the {word} `{name}`, of which nothing is known but when it asks");
            let hand = if kind == Kind::Device { "context.device" } else { "principal" };
            let help =
                format!("ask whether it is the one, and look into that: `{hand} == {uid} && {hand}.…`");
            let place = uid.loc().or(part.source_loc());
            let place = place.map_or_else(|| parsed.place.clone(), |loc| file.place(loc.start()));
            faults.push(Fault::at(&place, message, help));
        }
    }
}

/// The entities that an expression names which may be its value.
fn named(expr: &Expr) -> Vec<&EntityUID> {
    match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => vec![uid],
        ExprKind::If { then_expr, else_expr, .. } => [named(then_expr), named(else_expr)].concat(),
        ExprKind::GetAttr { expr, .. } => named(expr),
        ExprKind::Record(fields) => fields.values().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

/// What is asked for with `has` and no schema declares: strict validation takes it for something that is never there, and a `permit` with
/// a typing error in its `unless` would permit all the more.
fn undeclared(files: &[Lines<'_>], schema: &ValidatorSchema, parsed: &Parsed, faults: &mut Vec<Fault>) {
    let Some(file) = files.get(parsed.file) else { return };
    let condition = parsed.policy.condition();
    for part in condition.subexpressions() {
        if !matches!(part.expr_kind(), ExprKind::HasAttr { .. } | ExprKind::ExtHasAttr { .. }) {
            continue;
        }
        let mut path = Vec::new();
        if !matches!(chain(part, &mut path).expr_kind(), ExprKind::Var(Var::Context)) {
            continue;
        }
        path.reverse();
        if let Some((name, near)) = schema::missing(schema, &path) {
            let place = part.source_loc().map_or_else(|| parsed.place.clone(), |loc| file.place(loc.start()));
            let message = format!("`has {name}` never holds: the schema declares no `{name}` there");
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "correct it, or declare it, if it is a capture, in `Captures`".to_owned(),
            };
            faults.push(Fault::at(&place, message, help));
        }
    }
}

/// Numbers of a shift that nothing counts: a `forbid` that looks at one forbids nothing.
fn uncounted(files: &[Lines<'_>], corpus: &Corpus, parsed: &Parsed, faults: &mut Vec<Fault>) {
    let Some(file) = files.get(parsed.file) else { return };
    let condition = parsed.policy.condition();
    let place =
        |part: &Expr| part.source_loc().map_or_else(|| parsed.place.clone(), |loc| file.place(loc.start()));
    for kind in ShiftCount::ALL.into_iter().filter(|kind| !corpus.counted.contains(kind)) {
        let reads = |part: &&Expr| is_attribute(part) && Reads::of(part) == Reads::counted(kind);
        if let Some(part) = condition.subexpressions().find(reads) {
            let message = format!("nothing counts `context.shift.{kind}`, so it is never there");
            let help = format!("have it counted: `unusual: {{ in_policies: [{kind}] }}` in poort.yaml");
            faults.push(Fault::at(&place(part), message, help));
        }
    }
}

fn is_attribute(part: &Expr) -> bool {
    matches!(
        part.expr_kind(),
        ExprKind::GetAttr { .. } | ExprKind::HasAttr { .. } | ExprKind::ExtHasAttr { .. }
    )
}

/// Strict validation, file by file so that places are right. What Cedar only warns of is a fault too: a policy that can
/// never apply, and characters that make a policy read other than it is.
pub(crate) fn validate(files: &[Lines<'_>], schema: Schema, policies: &[Parsed], faults: &mut Vec<Fault>) {
    let validator = Validator::new(schema);
    let mut by_file: HashMap<usize, PolicySet> = HashMap::new();
    for parsed in policies {
        let set = by_file.entry(parsed.file).or_default();
        // Fails for an id used twice only, which is a fault already.
        let _ = set.add(parsed.policy.clone().into());
    }
    for (index, set) in by_file {
        let Some(file) = files.get(index) else { continue };
        let result = validator.validate(&set, ValidationMode::Strict);
        let fits = "make it fit the schema, or extend the schema";
        let mut found: Vec<Fault> = result.validation_errors().map(|error| file.fault(error, fits)).collect();
        let never = "correct or remove it";
        // What does not fit the schema mostly never applies either: the first is the cause.
        let wrong: HashSet<_> = result.validation_errors().map(ValidationError::policy_id).collect();
        let warnings = result.validation_warnings().filter(|warning| !wrong.contains(warning.policy_id()));
        found.extend(warnings.map(|warning| file.fault(warning, never)));
        // One mistake is found once for every kind of principal and action; saying it once is enough.
        found.sort();
        found.dedup_by(|a, b| (a.line, a.column, &a.help) == (b.line, b.column, &b.help));
        faults.append(&mut found);
    }
}
