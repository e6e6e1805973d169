//! Where rule files come from. The crate reads no file by itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A set of rule and data files, named by `/`-separated paths.
pub trait RuleSource {
    /// The bytes of the file at `path`, or `None` when there is none.
    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>>;

    /// The paths of all files, in any order; `Include` with `*`, `?` or `[…]` chooses among them.
    fn paths(&self) -> Vec<String>;
}

/// Files held in memory, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

impl RuleSource for Files {
    fn read(&self, path: &str) -> Option<Cow<'_, [u8]>> {
        self.get(path).map(|bytes| Cow::Borrowed(bytes.as_slice()))
    }

    fn paths(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// `name` as meant in the file `from`: relative to its directory, `.` and `..` resolved. `None` when it leaves the root.
pub(crate) fn resolve(from: &str, name: &str) -> Option<String> {
    let directory = from.rsplit_once('/').map_or("", |(directory, _)| directory);
    let joined = if name.starts_with('/') { name.to_owned() } else { format!("{directory}/{name}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let rooted = name.starts_with('/') || from.starts_with('/');
    Some(format!("{}{}", if rooted { "/" } else { "" }, parts.join("/")))
}

/// The paths of `source` that `pattern` means, sorted: itself, or what its wildcards match.
pub(crate) fn expand(source: &dyn RuleSource, pattern: &str) -> Vec<String> {
    if !pattern.contains(['*', '?', '[']) {
        return vec![pattern.to_owned()];
    }
    let mut paths: Vec<String> =
        source.paths().into_iter().filter(|path| matches(pattern.as_bytes(), path.as_bytes())).collect();
    paths.sort();
    paths
}

/// Shell-style matching; `*` and `?` do not cross a `/`. Quadratic at worst, over file names of the operator's.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut rest) = (pattern, text);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (at.split_first(), rest.split_first()) {
            (Some((b'*', after)), _) => {
                retry = Some((after, rest));
                at = after;
                continue;
            }
            (None, None) => return true,
            (Some((b'[', after)), Some((byte, tail))) => class(after, *byte).map(|after| (after, tail)),
            (Some((b'?', after)), Some((byte, tail))) if *byte != b'/' => Some((after, tail)),
            (Some((wanted, after)), Some((byte, tail))) if wanted == byte => Some((after, tail)),
            _ => None,
        };
        if let Some(next) = step {
            (at, rest) = next;
            continue;
        }
        let Some((after, skipped)) = retry else { return false };
        let Some((byte, tail)) = skipped.split_first() else { return false };
        if *byte == b'/' {
            return false;
        }
        retry = Some((after, tail));
        (at, rest) = (after, tail);
    }
}

/// What follows the class `after` opens, when `byte` is in it.
fn class(after: &[u8], byte: u8) -> Option<&[u8]> {
    let end = after.iter().skip(1).position(|byte| *byte == b']')? + 1;
    let (members, tail) = (after.get(..end)?, after.get(end + 1..)?);
    let (negated, members) = match members.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, members),
    };
    let mut found = members.contains(&byte);
    for range in members.windows(3) {
        if let [low, b'-', high] = range {
            found |= (*low..=*high).contains(&byte);
        }
    }
    (found != negated && byte != b'/').then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::{Files, expand, resolve};

    #[test]
    fn names_resolve_against_the_including_file() {
        for (from, name, expected) in [
            ("main.conf", "rules/a.conf", Some("rules/a.conf")),
            ("rules/a.conf", "b.data", Some("rules/b.data")),
            ("rules/a.conf", "../b.conf", Some("b.conf")),
            ("a.conf", "../b.conf", None),
            ("/etc/a.conf", "b.conf", Some("/etc/b.conf")),
            ("a.conf", "/etc/b.conf", Some("/etc/b.conf")),
        ] {
            assert_eq!(resolve(from, name).as_deref(), expected, "{from} {name}");
        }
    }

    #[test]
    fn wildcards() {
        let files: Files =
            ["r/a.conf", "r/b.conf", "r/c.data", "r/x/d.conf"].map(|name| (name.to_owned(), vec![])).into();
        for (pattern, expected) in [
            ("r/*.conf", &["r/a.conf", "r/b.conf"][..]),
            ("r/?.*", &["r/a.conf", "r/b.conf", "r/c.data"]),
            ("r/[b-c].*", &["r/b.conf", "r/c.data"]),
            ("r/[!b-c].*", &["r/a.conf"]),
            ("*/*/*.conf", &["r/x/d.conf"]),
            ("*.conf", &[]),
        ] {
            assert_eq!(expand(&files, pattern), expected, "{pattern}");
        }
    }
}
