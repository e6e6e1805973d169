//! What may stand before a policy with an `@`, and what its value may be.
//!
//! An annotation is an obligation: a misspelt one would be owed to nobody, in silence. So what nobody reads does not load.

use cedar_policy_core::fuzzy_match::fuzzy_search_limited;

use crate::corpus::Place;
use crate::fault::Fault;

/// Names a policy.
pub(crate) const ID: &str = "id";
/// Sets a policy aside: it is asked and does not count. Its value says why, or since when.
pub const SHADOW: &str = "shadow";
/// What is told to whoever is refused; with `_` and a language's code (ISO 639-1), the same in that language.
pub const REASON: &str = "reason";
/// The `acr` of a sign-in that would do.
pub const STEP_UP: &str = "step_up";
/// What more is written down of a request.
pub const LOG: &str = "log";
/// The value of [`LOG`] for the SHA-256 of a request's body.
pub const BODY_HASH: &str = "body-hash";

/// What a property says in words. Nothing is decided by properties, so of the others only `@id` is theirs.
pub const SAYS: &str = "says";

/// What annotations are written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A policy.
    Policies,
    /// What is claimed of policies.
    Properties,
    /// A policy of the console's, which is in force or not there.
    Console,
    /// One of them; which does not matter to a layout.
    Either,
}

/// Every annotation of a policy, and one as an example.
const KNOWN: [(&str, &str); 7] = [
    (ID, "@id(\"consult-persons\")"),
    (REASON, "@reason(\"Officers consult persons from a device of the zone.\")"),
    ("unbreakable", "@unbreakable"),
    ("review", "@review(\"firearms\")"),
    (STEP_UP, "@step_up(\"https://refeds.org/profile/mfa\")"),
    (LOG, "@log(\"body-hash\")"),
    (SHADOW, "@shadow(\"since 1 March, ticket 4711\")"),
];
/// How many letters a name may be off for us to suggest another.
const TYPO: usize = 3;
/// Longest `@reason`, in characters: it is read standing, on a tablet.
const LONGEST_REASON: usize = 300;
/// Longest `@step_up`, in bytes: it goes into a header.
const LONGEST_ACR: usize = 256;

/// Says what is wrong with one annotation, if anything.
pub(crate) fn check(of: Of, key: &str, value: &str, place: &Place, faults: &mut Vec<Fault>) {
    let found = match key {
        SAYS if matches!(of, Of::Properties | Of::Either) => None,
        _ if of == Of::Properties && key != ID => Some((
            format!("nothing reads the annotation `@{key}` of a property"),
            "the annotations are `@id` and `@says`; write anything else as a comment".to_owned(),
        )),
        _ if of == Of::Console && key != ID && key != REASON => Some((
            format!("nothing reads the annotation `@{key}` of a policy of the console"),
            "the annotations are `@id` and `@reason`; write anything else as a comment".to_owned(),
        )),
        REASON => reason(key, value),
        _ if language(key).is_some() => reason(key, value),
        ID | "review" | "unbreakable" => None,
        STEP_UP => step_up(value),
        LOG if value == BODY_HASH => None,
        LOG => Some((
            format!("`@log(\"{value}\")` is nothing that can be written down"),
            format!("write `@log(\"{BODY_HASH}\")`"),
        )),
        SHADOW if value.trim().is_empty() => Some((
            "`@shadow` does not say why".to_owned(),
            "write why, or since when, such as `@shadow(\"since 1 March, ticket 4711\")`".to_owned(),
        )),
        SHADOW => None,
        _ => Some(unknown(key)),
    };
    if let Some((message, help)) = found {
        faults.push(Fault::at(place, message, help));
    }
}

/// The language of a reason: `nl` of `reason_nl`.
#[must_use]
pub fn language(key: &str) -> Option<&str> {
    let code = key.strip_prefix(REASON)?.strip_prefix('_')?;
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase())).then_some(code)
}

fn reason(key: &str, value: &str) -> Option<(String, String)> {
    let length = value.chars().count();
    if value.trim().is_empty() {
        return Some((
            format!("`@{key}` is empty"),
            "say in plain words why somebody is refused, or remove it".to_owned(),
        ));
    }
    if value.chars().any(char::is_control) {
        return Some((
            format!("`@{key}` has a line break or control character in it"),
            "write it on one line".to_owned(),
        ));
    }
    (length > LONGEST_REASON).then(|| {
        (
            format!("`@{key}` has {length} characters, the limit is {LONGEST_REASON}"),
            "say it in a sentence or two".to_owned(),
        )
    })
}

/// An `acr` value is put into a header between quotes (RFC 9470, 3).
fn step_up(value: &str) -> Option<(String, String)> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    let sound = !value.is_empty() && value.len() <= LONGEST_ACR && value.bytes().all(fits);
    (!sound).then(|| {
        (
            format!("`@step_up(\"{}\")` is no `acr`", value.escape_default()),
            "write the one `acr` value that the issuer puts into its tokens, such as `@step_up(\"https://refeds.org/profile/mfa\")`".to_owned(),
        )
    })
}

fn unknown(key: &str) -> (String, String) {
    let names = KNOWN.map(|(name, _)| name);
    let help = match fuzzy_search_limited(key, &names, Some(TYPO)) {
        Some(near) => {
            let example = KNOWN.iter().find(|(name, _)| *name == near).map_or("", |(_, example)| example);
            format!("did you mean `@{near}`, as in `{example}`?")
        }
        None => format!("the annotations are `@{}`; write anything else as a comment", names.join("`, `@")),
    };
    (format!("nothing reads the annotation `@{key}`"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_annotated() {
        let long = "x".repeat(LONGEST_REASON + 1);
        for (key, value, expected) in [
            ("reason", "Ask the desk.", None),
            ("reason_nl", "Vraag het aan de balie.", None),
            ("reason_fr", &long, Some("`@reason_fr` has 301 characters, the limit is 300")),
            ("reason", " ", Some("`@reason` is empty")),
            ("reason", "a\u{1b}[31mb", Some("`@reason` has a line break")),
            ("reason_NL", "x", Some("nothing reads the annotation `@reason_NL`; did you mean `@reason`")),
            ("reason_", "x", Some("nothing reads")),
            ("unbreakable", "", None),
            ("review", "firearms", None),
            ("step_up", "https://refeds.org/profile/mfa", None),
            ("step_up", "", Some("is no `acr`")),
            ("step_up", "a\" b", Some("is no `acr`")),
            ("stepup", "x", Some("nothing reads the annotation `@stepup`; did you mean `@step_up`")),
            ("log", "body-hash", None),
            ("log", "body", Some("write `@log(\"body-hash\")`")),
            ("shadow", "since March", None),
            ("shadow", "", Some("`@shadow` does not say why")),
            ("author", "an", Some("the annotations are `@id`, ")),
        ] {
            let mut faults = Vec::new();
            check(Of::Policies, key, value, &Place::default(), &mut faults);
            let said = faults.first().map(|fault| format!("{}; {}", fault.message, fault.help));
            match (expected, &said) {
                (None, None) => {}
                (Some(part), Some(said)) if said.contains(part) => {}
                _ => panic!("{key}: {value}: {said:?}"),
            }
        }
    }
}
