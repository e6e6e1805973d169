//! The directories of the security team: sources and policies.

use poort_policy::PolicyFile;

use crate::config::{checked::Access, locate::Mark, raw};

use super::{
    desk::Desk,
    report::File,
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

/// The policies and their schema.
pub(super) fn access(desk: &Desk<'_>, directory: &File) -> Option<Access> {
    let schema = cedar(desk, &directory.inside("schema.cedarschema"));
    let policies = all_cedar(desk, directory, "policies: without one, nothing is permitted to anybody");
    let (schema, policies) = (schema?, policies?);
    (!policies.is_empty()).then_some(Access { schema, policies })
}

/// What is claimed of the policies; nothing where there is no such directory.
pub(super) fn properties(desk: &Desk<'_>, directory: &File) -> Option<Vec<PolicyFile>> {
    if !desk.tree.has(&directory.path) {
        return Some(Vec::new());
    }
    all_cedar(desk, directory, "what must hold of the policies")
}

fn all_cedar(desk: &Desk<'_>, directory: &File, wanted: &str) -> Option<Vec<PolicyFile>> {
    let files = files(desk, directory, "cedar", wanted);
    let read: Vec<_> = files.into_iter().map(|(_, file)| cedar(desk, &file)).collect();
    read.into_iter().collect()
}

fn cedar(desk: &Desk<'_>, file: &File) -> Option<PolicyFile> {
    let text = desk.text(file, None)?;
    if text.trim().is_empty() {
        desk.report.fault(file.at(Mark::START), "the file is empty; write a policy or remove it");
        return None;
    }
    Some(PolicyFile { name: file.shown.to_string(), text })
}

/// The files of one kind in a directory, by name. None at all is a fault; files of another kind are pointed out.
pub(super) fn files(desk: &Desk<'_>, directory: &File, extension: &str, wanted: &str) -> Vec<(String, File)> {
    let whole = Mark { line: 0, column: 0 };
    let names = match desk.tree.names(&directory.path, &directory.shown) {
        Ok(names) => names,
        Err(fault) => {
            desk.report.fault(directory.at(whole), fault.to_string());
            return Vec::new();
        }
    };
    let ours =
        |name: &str| name.strip_suffix(extension).is_some_and(|stem| stem.len() > 1 && stem.ends_with('.'));
    for name in names.iter().filter(|name| !ours(name) && is_overlooked(name)) {
        let message = format!("this file is not read; name it `*.{extension}` or move it elsewhere");
        desk.report.warn(directory.inside(name).at(whole), message);
    }
    let files: Vec<_> = names
        .into_iter()
        .filter(|name| ours(name))
        .map(|name| {
            let file = directory.inside(&name);
            (name, file)
        })
        .collect();
    if files.is_empty() {
        desk.report.fault(
            directory.at(whole),
            format!("no `*.{extension}` is in this directory; put {wanted} here"),
        );
    }
    files
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
