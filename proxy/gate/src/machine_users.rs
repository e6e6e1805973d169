//! Users of the machine that a gate runs on: who types, and whose a directory is.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use nix::unistd::{Uid, User, geteuid};

/// What the kernel says where nobody signed in: in a service, or a container.
const NOBODY: u32 = u32::MAX;

/// What a user is called.
pub(crate) fn name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// Who signed in at the machine and came to be the user of a process, or of this one: the kernel remembers it through `sudo` and `su`.
/// Commands are typed as the gate's user, so that this alone says whose hands they were. None where the kernel does not say, or it is the
/// user that the process is of.
pub(crate) fn signed_in(process: Option<i32>, uid: u32) -> Option<String> {
    let process = process.map_or_else(|| "self".to_owned(), |process| process.to_string());
    let text = fs::read_to_string(format!("/proc/{process}/loginuid")).ok()?;
    person(&text, uid).map(|uid| name(uid).unwrap_or_else(|| uid.to_string()))
}

fn person(login: &str, uid: u32) -> Option<u32> {
    login.trim().parse().ok().filter(|login| *login != NOBODY && *login != uid)
}

/// Where root is at work in a directory of somebody else: who that is. What root makes there, the gate of that user could not read.
pub(crate) fn owner_beside_root(directory: &Path) -> Option<String> {
    let owner = fs::metadata(directory).ok()?.uid();
    let is_foreign = geteuid().is_root() && !Uid::from_raw(owner).is_root();
    is_foreign.then(|| name(owner).unwrap_or_else(|| format!("#{owner}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_told_from_a_service_and_from_the_user_of_the_process() {
        for (case, login, person_there) in [
            ("somebody signed in", "1000\n", Some(1000)),
            ("and is this user", "999", None),
            ("nobody did", "4294967295", None),
            ("no kernel that says it", "", None),
        ] {
            assert_eq!(person(login, 999), person_there, "{case}");
        }
    }
}
