//! SecLang files: read here, compiled when a gate is built.

use crate::config::{
    checked::waf::RuleFiles,
    locate::Mark,
    raw::{Node, Scalar},
};

use super::{
    cursor::{Field, Here},
    desk::{Desk, path},
    report::{File, Spot},
};

/// Largest rule or data file, in bytes.
const LARGEST: usize = 4 << 20;
/// Kinds of files in a directory that are read: rules, and lists that rules name.
const KINDS: [&str; 2] = [".conf", ".data"];

/// The files that a list names, in its order: of a directory every `*.conf`, by name. An absent list means the directory `usual`.
pub(super) fn read(
    desk: &Desk<'_>,
    field: Field<'_, Vec<Node<Scalar>>>,
    usual: &str,
    spot: Spot<'_>,
) -> Option<RuleFiles> {
    if field.is_absent() {
        let mut rules = RuleFiles::default();
        take(desk, &spot.file.beside(usual), spot, &mut rules)?;
        return Some(rules);
    }
    let example = format!("rules: [{usual}]");
    let named: Vec<_> = field.some(&example, |here: Here<'_, Scalar>| Some((path(here)?, here.spot)))?;
    let mut rules = RuleFiles::default();
    let taken: Vec<_> = named.iter().map(|(file, spot)| take(desk, file, *spot, &mut rules)).collect();
    taken.into_iter().collect::<Option<Vec<()>>>().map(|_| rules)
}

/// The files that a list names, loaded before others.
pub(super) fn before(
    desk: &Desk<'_>,
    field: Field<'_, Vec<Node<Scalar>>>,
    others: &RuleFiles,
    spot: Spot<'_>,
) -> Option<RuleFiles> {
    let mut rules = read(desk, field, "waf", spot)?;
    rules.entries.extend(
        others.entries.iter().filter(|entry| !rules.entries.contains(entry)).cloned().collect::<Vec<_>>(),
    );
    rules.files.extend(others.files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())));
    Some(rules)
}

/// A file, or everything of a directory.
fn take(desk: &Desk<'_>, file: &File, spot: Spot<'_>, rules: &mut RuleFiles) -> Option<()> {
    if !desk.tree.is_directory(&file.path) {
        return one(desk, file, spot, rules, true);
    }
    let names = match desk.tree.names(&file.path, &file.shown) {
        Ok(names) => names,
        Err(fault) => {
            spot.fault(fault.to_string());
            return None;
        }
    };
    let ours = |name: &&String| KINDS.iter().any(|kind| name.ends_with(kind));
    let inside: Vec<_> =
        names.iter().filter(ours).map(|name| (file.inside(name), name.ends_with(".conf"))).collect();
    if !inside.iter().any(|(_, loaded)| *loaded) {
        spot.fault(format!(
            "`{}` holds no `*.conf`; name a directory of rules, or `off` as the mode",
            file.shown
        ));
        return None;
    }
    let taken: Vec<_> =
        inside.iter().map(|(inside, loaded)| one(desk, inside, spot, rules, *loaded)).collect();
    taken.into_iter().collect::<Option<Vec<()>>>().map(|_| ())
}

fn one(desk: &Desk<'_>, file: &File, spot: Spot<'_>, rules: &mut RuleFiles, loaded: bool) -> Option<()> {
    let read = desk.read(file, Some(spot), LARGEST)?;
    let name = file.shown.to_string();
    if loaded && rules.entries.contains(&name) {
        desk.report.fault(
            file.at(Mark::START),
            "this file is named twice, so its rules are there twice; name it once",
        );
        return None;
    }
    if loaded {
        rules.entries.push(name.clone());
    }
    rules.files.insert(name, read.bytes.to_vec());
    Some(())
}
