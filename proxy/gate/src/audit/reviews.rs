//! Broken glasses that nobody has looked into yet. The record itself is the queue: what was opened in it and not closed.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use memchr::memmem::Finder;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{
    glass::BrokenGlass,
    journal,
    ocsf::{BREAK_GLASS, DECISION, REVIEW},
    search::{Lines, SearchFault},
};

/// A broken glass that waits for its review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Milliseconds since 1970.
    pub time: i64,
    /// The id of the request in which it was broken.
    pub request: String,
    /// Its code.
    pub code: String,
    /// Who broke it: `issuer-alias|sub`.
    pub officer: String,
    /// What people call them.
    pub name: Option<String>,
    /// On which device.
    pub device: Option<String>,
    /// For which source.
    pub source: String,
    /// Why, in the officer's own words.
    pub reason: String,
    /// For which case.
    pub case: String,
    /// How many requests it let through.
    pub uses: u64,
}

#[derive(Deserialize)]
struct Line<'a> {
    time: i64,
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow, default)]
    user: Option<User<'a>>,
    #[serde(borrow, default)]
    device: Option<Device<'a>>,
    #[serde(borrow)]
    unmapped: Unmapped<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    event_code: Cow<'a, str>,
}

#[derive(Deserialize)]
struct User<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Device<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Unmapped<'a> {
    #[serde(borrow, default)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    case: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    /// The request of the glass that a decision or a review is about.
    #[serde(borrow, default)]
    glass: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    verdict: Option<Cow<'a, str>>,
}

/// What waits in a record, the oldest first.
///
/// # Errors
/// [`SearchFault`] if a file cannot be read.
pub fn waiting(directory: &Path) -> Result<Vec<Waiting>, SearchFault> {
    let fault = |cause| SearchFault::File { path: directory.to_owned(), cause };
    // Most lines have none of this, and need no parsing.
    let meant = [Finder::new("\"glass\":\""), Finder::new("\"event_code\":\"break_glass\"")];
    let mut waiting: BTreeMap<String, Waiting> = BTreeMap::new();
    for path in journal::files(directory).map_err(fault)? {
        let mut lines = Lines::open(&path)?;
        while let Some((_, line)) = lines.next()? {
            if meant.iter().all(|finder| finder.find(line).is_none()) {
                continue;
            }
            if let Ok(line) = serde_json::from_slice::<Line<'_>>(line) {
                take(&mut waiting, line);
            }
        }
    }
    let mut waiting: Vec<_> = waiting.into_values().collect();
    waiting.sort_by(|one, other| (one.time, &one.request).cmp(&(other.time, &other.request)));
    Ok(waiting)
}

fn take(waiting: &mut BTreeMap<String, Waiting>, line: Line<'_>) {
    let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned).unwrap_or_default();
    let Line { time, metadata, user, device, unmapped } = line;
    let Some(request) = unmapped.glass.map(Cow::into_owned) else { return };
    match &*metadata.event_code {
        BREAK_GLASS => {
            let (officer, name) = user.map(|user| (user.uid.into_owned(), user.name)).unzip();
            let opened = Waiting {
                time,
                request: request.clone(),
                code: own(unmapped.code),
                officer: officer.unwrap_or_default(),
                name: name.flatten().map(Cow::into_owned),
                device: device.map(|device| device.uid.into_owned()),
                source: own(unmapped.source),
                reason: own(unmapped.reason),
                case: own(unmapped.case),
                uses: 0,
            };
            waiting.insert(request, opened);
        }
        REVIEW => drop(waiting.remove(&request)),
        DECISION if unmapped.verdict.as_deref() == Some("allow") => {
            if let Some(opened) = waiting.get_mut(&request) {
                opened.uses += 1;
            }
        }
        _ => {}
    }
}

/// How many wait, for whoever looks at a running gate.
#[derive(Debug, Default)]
pub struct Reviews(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By request, when they were opened.
    open: BTreeMap<String, SystemTime>,
    /// Those that were closed since the gate began: what is read of the record meanwhile may still have them open.
    closed: BTreeSet<String>,
}

impl Reviews {
    /// One more waits.
    pub fn opened(&self, broken: &BrokenGlass) {
        self.0.lock().open.insert(broken.glass.id.to_string(), broken.time);
    }

    /// One was looked into.
    pub fn closed(&self, request: &str) {
        let mut known = self.0.lock();
        known.open.remove(request);
        known.closed.insert(request.to_owned());
    }

    /// What waited when the gate began.
    pub fn learn(&self, waiting: &[Waiting]) {
        let mut known = self.0.lock();
        for one in waiting.iter().filter(|one| !known.closed.contains(&one.request)).collect::<Vec<_>>() {
            let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(one.time).unwrap_or(0));
            known.open.insert(one.request.clone(), time);
        }
    }

    /// How many wait, and since when the oldest does.
    #[must_use]
    pub fn count(&self) -> (usize, Option<SystemTime>) {
        let known = self.0.lock();
        (known.open.len(), known.open.values().min().copied())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use poort_enforce::{exchange::RequestId, record::Verdict};

    use super::*;
    use crate::audit::{
        Record, Review,
        tests::material::{at, broken_glass, decision, digests, directory, open},
    };

    fn review(request: &RequestId) -> Record {
        let review = Review {
            time: at(9),
            request: request.to_string(),
            code: request.code(),
            officer: "zone|4711".into(),
            finding: "as it should be".into(),
            reviewer: "chief".into(),
            uid: 1000,
            user: Some("chief".into()),
        };
        Record::Review(Box::new(review))
    }

    #[test]
    fn what_was_opened_waits_until_it_was_looked_into() {
        let directory = directory();
        let (audit, _) = open(directory.path()).unwrap();
        let (first, second) = (broken_glass(1, "persons"), broken_glass(2, "firearms"));
        let used = |number, verdict| {
            let decision =
                poort_enforce::record::Decision { glass: Some(first.glass.id), verdict, ..decision(number) };
            Record::Decision(Box::new(decision), digests())
        };
        for record in [
            Record::BrokenGlass(Box::new(first.clone())),
            Record::BrokenGlass(Box::new(second.clone())),
            used(3, Verdict::Allow),
            used(4, Verdict::Allow),
            used(5, Verdict::Refuse(poort_enforce::reason::Reason::Policy)),
        ] {
            audit.append(record).unwrap();
        }
        let found = || waiting(directory.path()).unwrap();
        crate::audit::tests::material::until("both wait", || found().len() == 2);
        let all = found();
        assert_eq!((&*all[0].source, all[0].uses, &*all[0].code), ("persons", 2, &*first.glass.id.code()));
        assert_eq!((&*all[0].reason, &*all[0].case), ("a child is missing", "2026/4711"));
        assert_eq!(
            (&*all[0].officer, all[0].device.as_deref()),
            ("zone|4711", Some("spiffe://zone.example/device/car-12"))
        );
        audit.append(review(&first.glass.id)).unwrap();
        audit.close();
        let left = found();
        assert_eq!(left.iter().map(|one| &*one.source).collect::<Vec<_>>(), ["firearms"]);
        drop(audit);
        assert!(open(directory.path()).is_ok(), "a gate starts on such a record");
    }

    #[test]
    fn a_review_while_the_record_is_read_is_not_forgotten() {
        let reviews = Arc::new(Reviews::default());
        let broken = broken_glass(1, "persons");
        let read = Waiting {
            time: 1_772_366_400_000,
            request: broken.glass.id.to_string(),
            code: broken.glass.id.code(),
            officer: String::new(),
            name: None,
            device: None,
            source: "persons".into(),
            reason: String::new(),
            case: String::new(),
            uses: 0,
        };
        let other = Waiting { request: "other".into(), ..read.clone() };
        reviews.opened(&broken);
        assert_eq!(reviews.count(), (1, Some(broken.time)));
        reviews.closed(&read.request);
        reviews.learn(&[read, other]);
        assert_eq!(reviews.count(), (1, Some(at(0))));
    }
}
