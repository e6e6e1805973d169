//! In which words a schema's context differs from what the engine puts into it.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{Literal, Value, ValueKind};
use cedar_policy_core::validator::types::Type;

/// Notes every part of an example that a type does not declare as it is, and every part that the type demands and the
/// example lacks. Parts are named by their path, such as `context.session.strong`.
pub(crate) fn note(example: &Value, declared: &Type, path: &str, found: &mut BTreeSet<String>) {
    let (ValueKind::Record(fields), Type::Record { attrs, .. }) = (example.value_kind(), declared) else {
        let (is, said) = (type_of(example), declared.to_string());
        if is.as_ref().is_some_and(|is| *is != said) {
            found.insert(format!(
                "`{path}` is declared as `{said}`, but it is a `{}`",
                is.unwrap_or_default()
            ));
        }
        return;
    };
    for (name, value) in fields.iter() {
        match attrs.get_attr(name) {
            Some(attribute) => note(value, &attribute.attr_type, &format!("{path}.{name}"), found),
            None => {
                found.insert(format!("`{path}.{name}` is not declared"));
            }
        }
    }
    for (name, _) in
        attrs.iter().filter(|(name, attribute)| attribute.is_required && !fields.contains_key(*name))
    {
        found.insert(format!("`{path}.{name}` is declared as always there, but it may be absent"));
    }
}

/// The type of an example as a schema writes it; nothing for what fits several.
fn type_of(value: &Value) -> Option<String> {
    Some(match value.value_kind() {
        ValueKind::Lit(Literal::Bool(_)) => "Bool".to_owned(),
        ValueKind::Lit(Literal::Long(_)) => "Long".to_owned(),
        ValueKind::Lit(Literal::String(_)) => "String".to_owned(),
        ValueKind::Lit(Literal::EntityUID(uid)) => uid.entity_type().to_string(),
        ValueKind::Set(items) => format!("Set<{}>", type_of(items.iter().next()?)?),
        ValueKind::Record(_) => "record".to_owned(),
        ValueKind::ExtensionValue(value) => value.typename().to_string(),
    })
}
