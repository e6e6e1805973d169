//! Who gains and who loses what.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use poort_policy::workbench::{
    Turn,
    replay::{Example, Group, Members},
};
use serde_json::json;

use super::{pseudonym::Names, record::Read};
use crate::cli::count;

pub(super) fn as_text(read: &Read, names: &Names) -> String {
    let mut text = String::new();
    let (changed, in_shadow) = (&read.tally.groups, &read.tally.in_shadow);
    for (groups, turn, title) in [
        (changed, Turn::Loss, "refused from now on"),
        (changed, Turn::Gain, "allowed from now on"),
        (in_shadow, Turn::Loss, "refused too, if the policies in shadow counted"),
        (in_shadow, Turn::Gain, "allowed too, if the policies in shadow counted"),
    ] {
        section(&mut text, title, groups, turn, names);
    }
    // Writing to a String cannot fail.
    let _ = write!(text, "{}", summary(read));
    text
}

fn section(text: &mut String, title: &str, groups: &BTreeMap<Group, Members>, turn: Turn, names: &Names) {
    let mut groups: Vec<_> = groups.iter().filter(|(group, _)| group.turn == turn).collect();
    groups.sort_by_key(|(group, members)| (std::cmp::Reverse(members.requests), *group));
    if groups.is_empty() {
        return;
    }
    let requests = groups.iter().map(|(_, members)| members.requests).sum();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{title}: {}", count_of(requests));
    for (group, members) in groups {
        one(text, group, members, names);
    }
    text.push('\n');
}

fn one(text: &mut String, group: &Group, members: &Members, names: &Names) {
    let Group { role, source, operation, then, now, .. } = group;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "  {:>7}  {role}: `{operation}` of `{source}`, by {}; then by {}, now {}",
        members.requests,
        count(members.principals.len(), "principal"),
        policies(then),
        policies(now)
    );
    for Example { name, principal, device, error, .. } in &members.examples {
        let device = device.as_ref().map(|device| format!(" on {}", names.of("device", device)));
        let error = error.as_ref().map(|error| format!(": {error}"));
        let _ = writeln!(
            text,
            "           {name}  {}{}{}",
            names.of("principal", principal),
            device.unwrap_or_default(),
            error.unwrap_or_default()
        );
    }
}

fn policies(ids: &[Arc<str>]) -> String {
    match ids {
        [] => "no policy".to_owned(),
        ids => format!("`{}`", ids.join("`, `")),
    }
}

fn count_of(requests: u64) -> String {
    count(usize::try_from(requests).unwrap_or(usize::MAX), "request")
}

fn summary(read: &Read) -> String {
    let tally = &read.tally;
    let many = |number: u64, what: &str| count(usize::try_from(number).unwrap_or(usize::MAX), what);
    let mut text = format!(
        "{} of {}, {} put: {} gained, {} lost, {} the same by other policies",
        many(tally.decisions, "decision"),
        count(read.files, "file"),
        many(tally.asked, "question"),
        tally.turned(Turn::Gain),
        tally.turned(Turn::Loss),
        tally.by_others,
    );
    for (number, what) in [
        (tally.turned_in_shadow(Turn::Gain), "more gained, if the policies in shadow counted"),
        (tally.turned_in_shadow(Turn::Loss), "more lost, if the policies in shadow counted"),
        (read.unasked, "decided before any policy was asked"),
        (read.truncated, "too long to keep the question"),
        (read.foreign.len() as u64, "lines of no record"),
    ] {
        if number > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n{what}: {number}");
        }
    }
    text
}

pub(super) fn as_json(read: &Read, names: &Names) -> serde_json::Value {
    let example = |example: &Example| {
        json!({
            "code": &*example.name, "principal": names.of("principal", &example.principal),
            "device": example.device.as_ref().map(|device| names.of("device", device)), "error": example.error,
        })
    };
    let group = |(group, members): (&Group, &Members)| {
        let examples: Vec<_> = members.examples.iter().map(example).collect();
        json!({
            "turn": match group.turn { Turn::Gain => "gain", Turn::Loss => "loss" },
            "role": &*group.role, "source": &*group.source, "operation": group.operation,
            "then": group.then, "now": group.now,
            "requests": members.requests, "principals": members.principals.len(), "examples": examples,
        })
    };
    let groups: Vec<_> = read.tally.groups.iter().map(group).collect();
    let in_shadow: Vec<_> = read.tally.in_shadow.iter().map(group).collect();
    json!({
        "decisions": read.tally.decisions, "questions": read.tally.asked,
        "gained": read.tally.turned(Turn::Gain), "lost": read.tally.turned(Turn::Loss),
        "by_other_policies": read.tally.by_others, "unasked": read.unasked, "truncated": read.truncated,
        "unreadable": read.foreign.len(), "groups": groups, "in_shadow": in_shadow,
    })
}
