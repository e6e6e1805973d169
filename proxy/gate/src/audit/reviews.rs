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
    batch::Unwritable,
    glass::{BrokenGlass, Review},
    journal,
    ocsf::{BREAK_GLASS, DECISION, REVIEW},
    record::Record,
    search::{Lines, SearchFault},
    writer::Audit,
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

impl Waiting {
    fn of(broken: &BrokenGlass) -> Self {
        let glass = &broken.glass;
        let time = broken.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self {
            time: i64::try_from(time).unwrap_or(i64::MAX),
            request: glass.id.to_string(),
            code: glass.id.code(),
            officer: broken.who.id.to_string(),
            name: broken.who.name.as_deref().map(str::to_owned),
            device: Some(broken.device.clone()),
            source: glass.source.to_string(),
            reason: glass.reason.to_string(),
            case: glass.case.to_string(),
            uses: 0,
        }
    }

    /// When it was broken.
    #[must_use]
    pub fn since(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.time).unwrap_or(0))
    }

    /// Whether a name is that of the officer who broke it, or of the device it was broken on. A certificate's name is looked at whole, and
    /// from its last slash on.
    #[must_use]
    pub fn is_broken_by(&self, name: &str) -> bool {
        let subject = self.officer.split_once('|').map_or(&*self.officer, |(_, subject)| subject);
        let known = [Some(&*self.officer), Some(subject), self.name.as_deref(), self.device.as_deref()];
        let same = |one: &str, other: &str| one.trim().to_lowercase() == other.trim().to_lowercase();
        let short = name.rsplit('/').next().unwrap_or(name);
        known.into_iter().flatten().any(|known| same(known, name) || same(known, short))
    }
}

/// Those that wait, for whoever looks at a running gate.
#[derive(Debug, Default)]
pub struct Reviews(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By request.
    open: BTreeMap<String, Waiting>,
    /// Those that were closed since the gate began: what is read of the record meanwhile may still have them open.
    closed: BTreeSet<String>,
    /// Whether what waited when the gate began is among them.
    learned: bool,
}

/// Why a review is not written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewFault {
    /// It was never broken, or somebody looked into it before.
    #[error("no broken glass called `{0}` waits for a review")]
    NotWaiting(String),
    /// Nobody reviews a glass of their own.
    #[error("`{0}` broke this glass; somebody else reviews it")]
    OwnGlass(String),
    /// It says nothing, or too much.
    #[error("write a finding of at most {} bytes", Review::LIMIT_BYTES)]
    Finding,
    /// The record takes nothing.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

impl Reviews {
    /// One more waits.
    pub fn opened(&self, broken: &BrokenGlass) {
        self.0.lock().open.insert(broken.glass.id.to_string(), Waiting::of(broken));
    }

    /// A request was allowed through one.
    pub fn used(&self, request: &str) {
        if let Some(waiting) = self.0.lock().open.get_mut(request) {
            waiting.uses += 1;
        }
    }

    /// Writes a review down, durably; the glass then waits no more.
    ///
    /// # Errors
    /// [`ReviewFault`]; then it waits as before.
    pub async fn close(&self, audit: &Audit, review: Review) -> Result<(), ReviewFault> {
        if review.finding.trim().is_empty() || review.finding.len() > Review::LIMIT_BYTES {
            return Err(ReviewFault::Finding);
        }
        let request = review.request.clone();
        let taken = self.take(&review)?;
        let written = match audit.append(Record::Review(Box::new(review))) {
            Ok(ticket) => ticket.durable().await,
            Err(fault) => Err(fault),
        };
        if let Err(fault) = written {
            let mut known = self.0.lock();
            known.closed.remove(&request);
            known.open.extend(taken.map(|waiting| (request, waiting)));
            return Err(fault.into());
        }
        Ok(())
    }

    /// Takes it out first, so that of two who close it at once one is told.
    fn take(&self, review: &Review) -> Result<Option<Waiting>, ReviewFault> {
        let mut known = self.0.lock();
        let waiting = known.open.get(&review.request);
        if known.closed.contains(&review.request) || (waiting.is_none() && known.learned) {
            return Err(ReviewFault::NotWaiting(review.code.clone()));
        }
        let by = [Some(&*review.reviewer), review.by.called(), review.by.signed_in()];
        if let Some(waiting) = waiting
            && by.into_iter().flatten().any(|name| waiting.is_broken_by(name))
        {
            return Err(ReviewFault::OwnGlass(waiting.officer.clone()));
        }
        known.closed.insert(review.request.clone());
        Ok(known.open.remove(&review.request))
    }

    /// What waited when the gate began.
    pub fn learn(&self, waiting: Vec<Waiting>) {
        let mut known = self.0.lock();
        for one in waiting {
            if !known.closed.contains(&one.request) {
                known.open.entry(one.request.clone()).or_insert(one);
            }
        }
        known.learned = true;
    }

    /// How many wait, and since when the oldest does.
    #[must_use]
    pub fn count(&self) -> (usize, Option<SystemTime>) {
        let known = self.0.lock();
        (known.open.len(), known.open.values().map(Waiting::since).min())
    }

    /// All that wait, the oldest first; and whether those of before the gate began are among them.
    #[must_use]
    pub fn all(&self) -> (Vec<Waiting>, bool) {
        let known = self.0.lock();
        let mut all: Vec<_> = known.open.values().cloned().collect();
        all.sort_by(|one, other| (one.time, &one.request).cmp(&(other.time, &other.request)));
        (all, known.learned)
    }
}

#[cfg(test)]
mod tests {
    use poort_enforce::{exchange::RequestId, record::Verdict};

    use super::*;
    use crate::audit::{
        Looker, Record, Review,
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
            by: Looker::Machine { uid: 1000, user: Some("chief".into()), signed_in: None },
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

    fn read(request: &RequestId) -> Waiting {
        Waiting {
            time: 1_772_366_400_000,
            request: request.to_string(),
            code: request.code(),
            officer: "zone|an.janssens".into(),
            name: Some("An Janssens".into()),
            device: Some("spiffe://zone.example/device/car-12".into()),
            source: "persons".into(),
            reason: String::new(),
            case: String::new(),
            uses: 0,
        }
    }

    #[tokio::test]
    async fn a_review_while_the_record_is_read_is_not_forgotten() {
        let directory = directory();
        let (audit, _) = open(directory.path()).unwrap();
        let reviews = Reviews::default();
        let broken = broken_glass(1, "persons");
        reviews.opened(&broken);
        reviews.used(&broken.glass.id.to_string());
        let (waiting, learned) = reviews.all();
        assert_eq!((waiting[0].uses, &*waiting[0].source, learned), (1, "persons", false));
        assert_eq!(reviews.count(), (1, Some(broken.time)));
        let Record::Review(first) = review(&broken.glass.id) else { panic!("a review") };
        reviews.close(&audit, (*first).clone()).await.unwrap();
        let again = reviews.close(&audit, *first).await;
        assert_eq!(again, Err(ReviewFault::NotWaiting(broken.glass.id.code())));
        let other = broken_glass(2, "persons").glass.id;
        reviews.learn(vec![read(&broken.glass.id), read(&other)]);
        assert_eq!(reviews.count(), (1, Some(at(0))));
        let Record::Review(unknown) = review(&broken_glass(3, "persons").glass.id) else {
            panic!("a review")
        };
        assert!(matches!(reviews.close(&audit, *unknown).await, Err(ReviewFault::NotWaiting(_))));
    }

    #[tokio::test]
    async fn a_review_that_cannot_be_written_leaves_the_glass_waiting() {
        let directory = directory();
        let (audit, _) = open(directory.path()).unwrap();
        let reviews = Reviews::default();
        let broken = broken_glass(1, "persons");
        reviews.opened(&broken);
        let Record::Review(review) = review(&broken.glass.id) else { panic!("a review") };
        let silent = Review { finding: " ".into(), ..(*review).clone() };
        assert_eq!(reviews.close(&audit, silent).await, Err(ReviewFault::Finding));
        let own = Review { reviewer: broken.who.id.to_string(), ..(*review).clone() };
        assert!(matches!(reviews.close(&audit, own).await, Err(ReviewFault::OwnGlass(_))));
        // Under another's name, by somebody who signed in at the machine as themselves.
        let by = Looker::Machine { uid: 999, user: None, signed_in: Some(broken.who.id.to_string()) };
        let own = Review { by, ..(*review).clone() };
        assert!(matches!(reviews.close(&audit, own).await, Err(ReviewFault::OwnGlass(_))));
        audit.close();
        assert!(matches!(reviews.close(&audit, *review).await, Err(ReviewFault::Unwritable(_))));
        assert_eq!(reviews.count().0, 1);
    }

    #[test]
    fn nobody_reviews_a_glass_of_their_own() {
        let waiting = read(&broken_glass(1, "persons").glass.id);
        for (name, own) in [
            ("zone|an.janssens", true),
            ("an.janssens", true),
            ("AN JANSSENS ", true),
            ("spiffe://zone.example/staff/an.janssens", true),
            ("spiffe://zone.example/device/car-12", true),
            ("spiffe://zone.example/staff/bo.maes", false),
            ("bo.maes", false),
            ("an", false),
            ("federal|an.janssens", false),
        ] {
            assert_eq!(waiting.is_broken_by(name), own, "{name}");
        }
    }
}
