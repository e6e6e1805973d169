//! The directories of the security team: sources and policies.

use poort_policy::PolicyFile;

use crate::config::{Warning, checked::Access, locate::Mark, raw};

use super::{
    desk::Desk,
    report::{File, Report},
    source::{self, Around, Draft},
};

/// Every source, ordered by id.
pub(super) fn sources(desk: &Desk<'_>, around: Around<'_>, directory: &File) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, file) in files(desk, directory, "yaml", "one file for each source, such as `persons.yaml`") {
        let id = name.trim_end_matches(".yaml");
        if !is_id(id) {
            let message = format!(
                "`{id}` is no id for a source; name the file with `a-z`, `0-9` and `-`, a letter first"
            );
            desk.report.fault(file.at(Mark::START), message);
        }
        let document = desk.document::<raw::source::Source>(file, None);
        drafts.extend(
            document.and_then(|document| source::check(desk, around, id, document.field(desk.report))),
        );
    }
    drafts
}

fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The words that policies can use.
const SCHEMA: &str = "schema.cedarschema";
/// Where policies in shadow are, below those that count.
const SHADOW: &str = "shadow";

/// The policies and their schema.
pub(super) fn access(desk: &Desk<'_>, directory: &File) -> Option<Access> {
    let policies = policies(desk, directory);
    let schema = policy_file(desk, &directory.inside(SCHEMA), false);
    Some(Access { policies: policies?, schema: schema? })
}

/// The policies of a candidate, with a schema of their own or that of those that count. What is wrong with them is no fault: those that
/// count are loaded without it.
pub(super) fn candidate(desk: &Desk<'_>, directory: Option<&File>, live: Option<&Access>) -> Option<Access> {
    let (directory, live) = (directory?, live?);
    let report = Report::default();
    let aside = Desk { report: &report, ..*desk };
    let schema = directory.inside(SCHEMA);
    let schema = if desk.tree.has(&schema.path) {
        policy_file(&aside, &schema, false)
    } else {
        Some(live.schema.clone())
    };
    let read = policies(&aside, directory);
    let (faults, warnings) = report.into_parts();
    for fault in faults {
        let Warning { place, message } = fault.of_candidate();
        desk.report.warn(place, message);
    }
    for Warning { place, message } in warnings {
        desk.report.warn(place, message);
    }
    Some(Access { policies: read?, schema: schema? })
}

/// Who may look at the console; none where there is no such file, and then nobody may.
pub(super) fn console(desk: &Desk<'_>, file: &File) -> Option<Option<PolicyFile>> {
    match desk.tree.has(&file.path) {
        true => policy_file(desk, file, false).map(Some),
        false => Some(None),
    }
}

fn policies(desk: &Desk<'_>, directory: &File) -> Option<Vec<PolicyFile>> {
    let wanted = "policies: without one, nothing is permitted to anybody";
    let counting = files(desk, directory, "cedar", wanted).into_iter().map(|(_, file)| (file, false));
    let shadow = directory.inside(SHADOW);
    let there = desk.tree.has(&shadow.path) || desk.tree.is_directory(&shadow.path);
    let shadow = if there { some_files(desk, &shadow, "cedar") } else { Some(Vec::new()) };
    let is_sound = shadow.is_some();
    let shadow = shadow.into_iter().flatten().map(|(_, file)| (file, true));
    let policies: Vec<_> =
        counting.chain(shadow).map(|(file, shadow)| policy_file(desk, &file, shadow)).collect();
    let policies: Vec<_> = policies.into_iter().collect::<Option<_>>()?;
    (is_sound && policies.iter().any(|file| !file.shadow)).then_some(policies)
}

fn policy_file(desk: &Desk<'_>, file: &File, shadow: bool) -> Option<PolicyFile> {
    let name = file.shown.to_string();
    let text = desk.text(file, None)?;
    if text.trim().is_empty() {
        desk.report.fault(file.at(Mark::START), "the file is empty; write a policy or remove it");
        return None;
    }
    Some(PolicyFile { name, text, shadow })
}

/// What is claimed of the policies; nothing where there is no such directory.
pub(super) fn properties(desk: &Desk<'_>, directory: &File) -> Option<Vec<PolicyFile>> {
    if !desk.tree.has(&directory.path) {
        return Some(Vec::new());
    }
    let files = files(desk, directory, "cedar", "what must hold of the policies");
    let read: Vec<_> = files.into_iter().map(|(_, file)| policy_file(desk, &file, false)).collect();
    read.into_iter().collect()
}

/// The files of one kind in a directory, by name. None at all is a fault; files of another kind are pointed out.
pub(super) fn files(desk: &Desk<'_>, directory: &File, extension: &str, wanted: &str) -> Vec<(String, File)> {
    let Some(files) = some_files(desk, directory, extension) else { return Vec::new() };
    if files.is_empty() {
        desk.report.fault(
            directory.at(Mark { line: 0, column: 0 }),
            format!("no `*.{extension}` is in this directory; put {wanted} here"),
        );
    }
    files
}

/// The same, perhaps none at all. Nothing after a fault.
fn some_files(desk: &Desk<'_>, directory: &File, extension: &str) -> Option<Vec<(String, File)>> {
    let whole = Mark { line: 0, column: 0 };
    let names = match desk.tree.names(&directory.path, &directory.shown) {
        Ok(names) => names,
        Err(fault) => {
            desk.report.fault(directory.at(whole), fault.to_string());
            return None;
        }
    };
    let ours =
        |name: &str| name.strip_suffix(extension).is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'));
    let set_aside = |name: &str| extension == "cedar" && name == SHADOW;
    for name in names.iter().filter(|name| !ours(name) && !set_aside(name) && is_overlooked(name)) {
        let message = format!("this file is not read; name it `*.{extension}` or move it elsewhere");
        desk.report.warn(directory.inside(name).at(whole), message);
    }
    let files = names.into_iter().filter(|name| ours(name)).map(|name| {
        let file = directory.inside(&name);
        (name, file)
    });
    Some(files.collect())
}

/// Whether somebody may think that a file is read: not a note, nor an editor's copy.
fn is_overlooked(name: &str) -> bool {
    !(name.ends_with(".md") || name.ends_with('~') || name.starts_with('#') || name.ends_with(".cedarschema"))
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn ids() {
        for (id, expected) in [
            ("persons", true),
            ("case-files2", true),
            ("", false),
            ("Persons", false),
            ("case_files", false),
            ("2persons", false),
            ("-a", false),
            ("a-", false),
            ("a.b", false),
            ("é", false),
        ] {
            assert_eq!(is_id(id), expected, "{id}");
        }
    }
}
