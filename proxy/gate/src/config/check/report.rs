//! Where something stands, and what is said about it.

use std::{cell::RefCell, path::Path, path::PathBuf, sync::Arc};

use poort_policy::Place;

use crate::config::{
    Fault, Warning,
    locate::{Located, Mark},
    tree::tidy,
};

/// What was found so far.
#[derive(Default)]
pub(super) struct Report {
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Warning>>,
}

impl Report {
    pub(super) fn fault(&self, place: Place, message: impl Into<String>) {
        self.faults.borrow_mut().push(Fault { place, message: message.into() });
    }

    pub(super) fn warn(&self, place: Place, message: impl Into<String>) {
        self.warnings.borrow_mut().push(Warning { place, message: message.into() });
    }

    pub(super) fn into_parts(self) -> (Vec<Fault>, Vec<Warning>) {
        (self.faults.into_inner(), self.warnings.into_inner())
    }
}

/// A file, by the path that opens it and the name that people know it by.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) shown: Arc<str>,
}

impl File {
    /// A file; its name is its path as typed.
    pub(super) fn new(path: impl AsRef<Path>, typed: &Path) -> Self {
        Self { path: tidy(path.as_ref()), shown: tidy(typed).display().to_string().into() }
    }

    /// A path that stands in this file and is relative to it.
    pub(super) fn beside(&self, path: &str) -> Self {
        let beside = |own: &Path| own.parent().unwrap_or(Path::new("")).join(path);
        Self::new(beside(&self.path), &beside(Path::new(&*self.shown)))
    }

    /// Something in this directory.
    pub(super) fn inside(&self, name: &str) -> Self {
        Self::new(self.path.join(name), &Path::new(&*self.shown).join(name))
    }

    /// A place in it.
    pub(super) fn at(&self, mark: Mark) -> Place {
        Place { file: self.shown.clone(), line: mark.line, column: mark.column }
    }
}

/// A place in a file, and where to report to.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) file: &'a File,
    pub(super) report: &'a Report,
    pub(super) mark: Mark,
    node: Option<&'a Located>,
}

impl<'a> Spot<'a> {
    pub(super) fn root(file: &'a File, report: &'a Report, node: &'a Located) -> Self {
        Self { file, report, mark: node.mark, node: Some(node) }
    }

    pub(super) fn place(self) -> Place {
        self.file.at(self.mark)
    }

    pub(super) fn fault(self, message: impl Into<String>) {
        self.report.fault(self.place(), message);
    }

    pub(super) fn warn(self, message: impl Into<String>) {
        self.report.warn(self.place(), message);
    }

    /// The key and the value of an entry; if the index does not know it, here.
    pub(super) fn entry(self, key: &str) -> (Self, Self) {
        match self.node.and_then(|node| node.entry(key)) {
            Some(entry) => (
                Self { mark: entry.mark, node: None, ..self },
                Self { mark: entry.value.mark, node: Some(&entry.value), ..self },
            ),
            None => (self, Self { node: None, ..self }),
        }
    }

    pub(super) fn item(self, index: usize) -> Self {
        match self.node.and_then(|node| node.item(index)) {
            Some(item) => Self { mark: item.mark, node: Some(item), ..self },
            None => Self { node: None, ..self },
        }
    }
}
