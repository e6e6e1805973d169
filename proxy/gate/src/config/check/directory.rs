//! Directories that the gate writes to.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::{config::raw::Scalar, machine_users};

use super::{cursor::Here, desk::path};

/// A directory that can be written to, or made. Nothing is made: a check leaves no trace.
pub(super) fn writable(here: Here<'_, Scalar>) -> Option<PathBuf> {
    let directory = path(here)?;
    if let Some(objection) = objection(&directory.path) {
        here.spot.fault(format!("`{}` {objection}", directory.shown));
        return None;
    }
    if let Some(owner) = machine_users::owner_beside_root(&directory.path) {
        here.spot.warn(format!(
            "`{}` is user `{owner}`'s: look as that user (`sudo -u {owner} poort …`), since root may read what its gate may not",
            directory.shown
        ));
    }
    Some(directory.path)
}

fn objection(directory: &Path) -> Option<&'static str> {
    let existing = directory.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    let Some(existing) = existing else {
        return Some("cannot be made; check the path");
    };
    let is_there = existing == directory;
    if !existing.is_dir() {
        return Some(if is_there {
            "is not a directory; name one"
        } else {
            "is below a file; name a directory"
        });
    }
    let may = accessat(CWD, existing, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok();
    match (may, is_there) {
        (true, _) => None,
        (false, true) => Some("may not be written by this user; change its owner or mode"),
        (false, false) => {
            Some("does not exist and may not be made by this user; make it and give it to this user")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_there_or_can_be_made() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink(path("gone"), path("dangling")).unwrap();
        for (name, part) in [
            (".", None),
            ("a/b/c", None),
            ("file", Some("is not a directory")),
            ("file/x", Some("is below a file")),
            ("dangling", Some("is not a directory")),
        ] {
            match (objection(&path(name)), part) {
                (None, None) => {}
                (Some(objection), Some(part)) => assert!(objection.contains(part), "{name}: {objection}"),
                (seen, _) => panic!("{name}: {seen:?}"),
            }
        }
        assert!(!path("a").exists(), "a check leaves no trace");
    }

    #[test]
    fn a_directory_that_this_user_may_not_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
        // Root may do what modes forbid.
        let may = std::fs::write(root.path().join("probe"), "").is_ok();
        assert_eq!(objection(root.path()).is_none(), may);
        assert_eq!(objection(&root.path().join("a/b")).is_none(), may);
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}
