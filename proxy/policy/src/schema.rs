//! The schema file, and whether it fits what the engine puts into a request.
//!
//! Requests are not checked against the schema one by one. Instead, at load, a full and a bare example of every kind of
//! principal and operation, built by the code that builds the real ones, are checked: full shows that every type fits,
//! bare that everything that may be absent is optional.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::Schema;
use cedar_policy_core::ast::{Context as CedarContext, Request, RequestSchema, Value};
use cedar_policy_core::entities::{Entities, TCComputation};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::fuzzy_match::fuzzy_search_limited;
use cedar_policy_core::validator::types::Type;
use cedar_policy_core::validator::{CoreSchema, ValidatorSchema};
use miette::Diagnostic;
use smol_str::SmolStr;

use crate::bounds::{self, Language};
use crate::circumstances::build;
use crate::corpus::PolicyFile;
use crate::examples;
use crate::fault::Fault;
use crate::misfits;
use crate::names::{Kind, entry};
use crate::operation::Operation;
use crate::parse::Lines;
use crate::prepared::Prepared;
use crate::question::PrincipalKind;
use crate::reads::Reads;

const VOCABULARY: &str = "declare it as in the schema.cedarschema that Poort ships; only `Captures` is free";
/// How many letters a name may be off for us to suggest another.
const TYPO: usize = 2;
const KINDS: [(PrincipalKind, Kind); 3] = [
    (PrincipalKind::User, Kind::User),
    (PrincipalKind::Service, Kind::Service),
    (PrincipalKind::Device, Kind::Device),
];

/// What of a schema matters to requests.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    /// Names that policies may use under `context.request.captures`.
    pub(crate) captures: BTreeSet<SmolStr>,
    /// Which kinds of principal may be asked about for which operation: a policy is validated for these only.
    lets: BTreeSet<(PrincipalKind, Operation)>,
}

impl Vocabulary {
    pub(crate) fn lets(&self, kind: PrincipalKind, operation: Operation) -> bool {
        self.lets.contains(&(kind, operation))
    }

    /// Whether both let the same kinds of principal do the same operations.
    pub(crate) fn lets_as(&self, other: &Self) -> bool {
        self.lets == other.lets
    }
}

/// Parses the schema and holds it against the engine's vocabulary.
pub(crate) fn load(file: &PolicyFile, faults: &mut Vec<Fault>) -> Option<(Schema, Vocabulary)> {
    let lines = Lines::new(file);
    if !bounds::keeps(&lines, Language::Schema, faults) {
        return None;
    }
    match Schema::from_cedarschema_str(&file.text) {
        Ok((schema, warnings)) => {
            faults.extend(warnings.map(|warning| lines.fault(&warning, "rename it")));
            let vocabulary = check(&lines, schema.as_ref(), faults);
            Some((schema, vocabulary))
        }
        Err(error) => {
            let help = "correct the schema here";
            faults.push(lines.fault(&error, help));
            let related = error.related().into_iter().flatten();
            faults.extend(related.map(|error| lines.fault(error, help)));
            None
        }
    }
}

fn check(lines: &Lines<'_>, schema: &ValidatorSchema, faults: &mut Vec<Fault>) -> Vocabulary {
    let mut misfits = BTreeSet::new();
    let mut vocabulary = Vocabulary::default();
    let [first, ..] = Operation::ALL;
    for operation in Operation::ALL {
        let Some(action) = schema.get_action_id(&Kind::Action.uid(operation.as_str())) else {
            misfits.insert(format!("action `{operation}` is missing"));
            continue;
        };
        let declared = action.context_type().map(captures).unwrap_or_default();
        if operation != first && declared != vocabulary.captures {
            misfits.insert(format!("`{operation}` does not have the same captures as `{first}`"));
        }
        vocabulary.captures.extend(declared);
        let kinds =
            KINDS.into_iter().filter(|(_, kind)| action.is_applicable_principal_type(kind.entity_type()));
        vocabulary.lets.extend(kinds.map(|(kind, _)| (kind, operation)));
    }
    let examples = match examples::all(&vocabulary.captures) {
        Ok(examples) => examples,
        Err(message) => {
            faults.push(Fault::at(&lines.whole(), message, VOCABULARY));
            return vocabulary;
        }
    };
    for prepared in &examples.prepared {
        misfits.extend(entities_fit(schema, prepared, &examples.entities).err());
        for operation in Operation::ALL.into_iter().filter(|one| vocabulary.lets(prepared.inner().kind, *one))
        {
            for context in &examples.contexts {
                let fits = request_fits(schema, prepared, operation, context, &vocabulary.captures);
                misfits.extend(fits.err().into_iter().flatten());
            }
        }
    }
    faults.extend(misfits.into_iter().map(|message| Fault::at(&lines.whole(), message, VOCABULARY)));
    vocabulary
}

fn entities_fit(
    schema: &ValidatorSchema,
    prepared: &Prepared,
    others: &[Arc<cedar_policy_core::ast::Entity>],
) -> Result<(), String> {
    let own = prepared.inner().entities.as_ref().map_err(Clone::clone)?;
    let all = own.iter().chain(others.iter().map(AsRef::as_ref)).cloned();
    let computed = TCComputation::AssumeAlreadyComputed;
    Entities::from_entities(all, Some(&CoreSchema::new(schema)), computed, Extensions::all_available())
        .map(|_| ())
        .map_err(|error| explained(&error))
}

fn request_fits(
    schema: &ValidatorSchema,
    prepared: &Prepared,
    operation: Operation,
    context: &crate::question::Context,
    captures: &BTreeSet<SmolStr>,
) -> Result<(), BTreeSet<String>> {
    let inner = prepared.inner();
    let (action, source) = (Kind::Action.uid(operation.as_str()), Kind::Source.uid(examples::SOURCE));
    let context =
        build(context, &inner.company, captures, Reads::ALL).map_err(|error| BTreeSet::from([error]))?;
    let mut misfits = BTreeSet::new();
    if let (CedarContext::Value(example), Some(declared)) = (&context, schema.context_type(&action)) {
        misfits::note(&Value::record_arc(Arc::clone(example), None), declared, "context", &mut misfits);
    }
    if !misfits.is_empty() {
        return Err(misfits);
    }
    let request =
        Request::new_unchecked(inner.principal.clone(), entry(&action), entry(&source), Some(context));
    schema
        .validate_request(&request, Extensions::all_available())
        .map_err(|error| BTreeSet::from([explained(&error)]))
}

/// Cedar's message with its causes: the outermost one often only says that something did not fit.
fn explained(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string);
    let mut message = error.to_string();
    for cause in causes.filter(|cause| !cause.is_empty()) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

/// The first part of a path from the context, outermost first, that the context of no operation declares; and one that is nearly called so.
pub(crate) fn missing(schema: &ValidatorSchema, path: &[&str]) -> Option<(String, Option<String>)> {
    let actions =
        Operation::ALL.into_iter().filter_map(|one| schema.get_action_id(&Kind::Action.uid(one.as_str())));
    let mut missing = None;
    for context in actions.filter_map(|action| action.context_type()) {
        missing = Some(undeclared(context, path)?);
    }
    missing
}

fn undeclared(context: &Type, path: &[&str]) -> Option<(String, Option<String>)> {
    let mut at = context;
    for name in path {
        let Type::Record { attrs, .. } = at else { return None };
        match attrs.get_attr(name) {
            Some(attribute) => at = &attribute.attr_type,
            None => {
                let known: Vec<&str> = attrs.iter().map(|(known, _)| known.as_str()).collect();
                return Some(((*name).to_owned(), fuzzy_search_limited(name, &known, Some(TYPO))));
            }
        }
    }
    None
}

/// The names that the schema declares under `request.captures`.
fn captures(context: &Type) -> BTreeSet<SmolStr> {
    let step = |of: &Type, name: &str| match of {
        Type::Record { attrs, .. } => {
            attrs.get_attr(name).map(|attribute| attribute.attr_type.as_ref().clone())
        }
        _ => None,
    };
    match step(context, "request").and_then(|request| step(&request, "captures")) {
        Some(Type::Record { attrs, .. }) => attrs.iter().map(|(name, _)| name.clone()).collect(),
        _ => BTreeSet::new(),
    }
}
