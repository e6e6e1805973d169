//! Which source answers for a host and path.

use std::{collections::HashMap, sync::Arc};

use crate::source::Source;

/// A host's prefixes with their sources, the longest first.
type Prefixes = Vec<(Arc<str>, Arc<Source>)>;

/// Every source by host, then by the longest path prefix.
#[derive(Debug, Default)]
pub struct Routes {
    hosts: HashMap<String, Prefixes>,
    sources: Vec<Arc<Source>>,
}

impl Routes {
    /// Routes to `sources`. That no two claim one (host, prefix) is the configuration's to prove.
    #[must_use]
    pub fn new(sources: Vec<Arc<Source>>) -> Self {
        let mut hosts: HashMap<String, Prefixes> = HashMap::new();
        for source in &sources {
            for host in &source.hosts {
                let prefixes =
                    source.prefixes.iter().map(|prefix| (Arc::from(prefix.as_str()), Arc::clone(source)));
                hosts.entry(host.clone()).or_default().extend(prefixes);
            }
        }
        for prefixes in hosts.values_mut() {
            prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        }
        Self { hosts, sources }
    }

    /// The source for a host and normal path, and the prefix it matched.
    #[must_use]
    pub fn find(&self, host: &str, path: &str) -> Option<(&Arc<Source>, &Arc<str>)> {
        let (prefix, source) = self.hosts.get(host)?.iter().find(|(prefix, _)| covers(prefix, path))?;
        Some((source, prefix))
    }

    /// Whether a host and normal path lead to `source`, also for a server that does not tell upper case from lower.
    #[must_use]
    pub fn leads_to(&self, source: &Arc<Source>, host: &str, path: &str) -> bool {
        let Some((exact, prefix)) = self.find(host, path) else { return false };
        let all = self.hosts.get(host).into_iter().flatten();
        let mut longer = all.take_while(|(other, _)| other.len() > prefix.len());
        let in_any_case = longer.find(|(other, _)| covers_in_any_case(other, path));
        Arc::ptr_eq(in_any_case.map_or(exact, |(_, other)| other), source)
    }

    /// Every source of a host.
    pub fn of_host<'a>(&'a self, host: &str) -> impl Iterator<Item = &'a Arc<Source>> {
        self.hosts.get(host).into_iter().flatten().map(|(_, source)| source)
    }

    /// Every source.
    #[must_use]
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }
}

/// Whether a prefix covers a path; only at a segment's end, so that `/app` does not cover `/application`.
fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The same in whatever case.
fn covers_in_any_case(prefix: &str, path: &str) -> bool {
    let prefix = prefix.trim_end_matches('/').as_bytes();
    path.as_bytes().split_at_checked(prefix.len()).is_some_and(|(head, rest)| {
        head.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with(b"/"))
    })
}

#[cfg(test)]
mod tests {
    use super::{covers, covers_in_any_case};

    #[test]
    fn prefixes_end_at_segments() {
        for (prefix, path, expected) in [
            ("/", "/", true),
            ("/", "/a/b", true),
            ("/app", "/app", true),
            ("/app", "/app/x", true),
            ("/app/", "/app/x", true),
            ("/app", "/application", false),
            ("/app", "/", false),
        ] {
            assert_eq!(covers(prefix, path), expected, "{prefix} {path}");
            assert_eq!(
                covers_in_any_case(prefix, &path.to_uppercase()),
                expected,
                "{prefix} {path}, in any case"
            );
        }
    }
}
