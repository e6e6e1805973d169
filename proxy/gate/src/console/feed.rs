//! Decisions as they come: the record followed once, however many look, and told to each (server-sent events, WHATWG HTML, 9.2).

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::spawn_blocking,
    time::{Instant, sleep, timeout_at},
};

use crate::audit::search::{Consultation, Filter, Recent, SearchFault, Tail, row};

/// How often the record is looked at while somebody follows it.
const PAUSE: Duration = Duration::from_millis(200);
/// Decisions that wait for one who reads slowly; beyond, they are told how many they missed.
const QUEUE: usize = 256;
/// Who follows at once: all together, and one certificate.
const MOST: usize = 32;
const MOST_OF_ONE: usize = 4;
/// Decisions that are made up for after a pause, and how much of the record is read for them.
const CATCH_UP: (usize, u64) = (200, 16 << 20);
/// Something is said at least so often: whoever went away is found out.
const BEAT: Duration = Duration::from_secs(15);

/// The record, followed.
pub(super) struct Feed {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What those who follow listen to, while the record is followed. They hear when it is not any more, ask again, and miss nothing.
    decisions: Option<broadcast::Sender<Arc<Consultation>>>,
    /// How many follow, by certificate.
    followers: HashMap<String, usize>,
}

/// Somebody who follows.
pub(super) struct Follower {
    feed: Arc<Feed>,
    name: String,
    decisions: broadcast::Receiver<Arc<Consultation>>,
    filter: Filter,
    /// What was told before it was told again.
    told: HashSet<String>,
    /// What came while nobody listened, oldest first.
    missed: Vec<Consultation>,
}

impl Feed {
    pub(super) fn new(directory: &Path) -> Arc<Self> {
        Arc::new(Self { directory: directory.to_owned(), state: Mutex::default() })
    }

    /// Lets somebody follow what a filter takes, from behind the request they saw last. None if too many do already.
    ///
    /// # Errors
    /// [`SearchFault`] if the record cannot be read.
    pub(super) async fn follow(
        self: &Arc<Self>,
        name: &str,
        filter: Filter,
        last: Option<String>,
    ) -> Result<Option<Follower>, SearchFault> {
        let Some(decisions) = self.take_place(name) else { return Ok(None) };
        let feed = Arc::clone(self);
        let mut follower = Follower {
            feed,
            name: name.to_owned(),
            decisions,
            filter: filter.clone(),
            told: HashSet::new(),
            missed: Vec::new(),
        };
        let Some(last) = last else { return Ok(Some(follower)) };
        let directory = self.directory.clone();
        let read = spawn_blocking(move || Recent::read(&directory, &filter, Some(&last), CATCH_UP)).await;
        let missed = read.unwrap_or_else(|_| Ok(Recent::default()))?.decisions;
        follower.told = missed.iter().map(|one| one.request.clone()).collect();
        follower.missed = missed.into_iter().rev().collect();
        Ok(Some(follower))
    }

    fn take_place(self: &Arc<Self>, name: &str) -> Option<broadcast::Receiver<Arc<Consultation>>> {
        let mut state = self.state.lock();
        let all: usize = state.followers.values().sum();
        if all >= MOST || state.followers.get(name).is_some_and(|own| *own >= MOST_OF_ONE) {
            return None;
        }
        *state.followers.entry(name.to_owned()).or_default() += 1;
        let decisions = state.decisions.get_or_insert_with(|| {
            let (decisions, _) = broadcast::channel(QUEUE);
            tokio::spawn(Arc::clone(self).run(decisions.clone()));
            decisions
        });
        Some(decisions.subscribe())
    }

    /// Follows the record for as long as anybody listens.
    async fn run(self: Arc<Self>, told: broadcast::Sender<Arc<Consultation>>) {
        let directory = self.directory.clone();
        let mut tail = match spawn_blocking(move || Tail::open(&directory)).await {
            Ok(Ok(tail)) => Some(tail),
            _ => None,
        };
        while let Some(mut open) = tail.take() {
            let read = spawn_blocking(move || {
                let mut decisions = Vec::new();
                while decisions.len() < QUEUE
                    && let Some(line) = open.next()?
                {
                    decisions.extend(line.decision());
                }
                Ok::<_, SearchFault>((open, decisions))
            });
            let Ok(Ok((open, decisions))) = read.await else { break };
            tail = Some(open);
            for decision in decisions {
                // An error says that nobody listens.
                let _ = told.send(Arc::new(decision));
            }
            if self.is_idle() {
                return;
            }
            sleep(PAUSE).await;
        }
        tracing::warn!(event = "record_not_followed", remedy = "the console's pages are loaded again");
        self.state.lock().decisions = None;
    }

    fn is_idle(&self) -> bool {
        let mut state = self.state.lock();
        if state.followers.is_empty() {
            state.decisions = None;
        }
        state.decisions.is_none()
    }
}

impl Follower {
    /// The next that is to be said, no later than `until`; none then.
    pub(super) async fn next(&mut self, until: Instant) -> Option<Bytes> {
        if !self.missed.is_empty() {
            return Some(event(&self.missed.remove(0)));
        }
        let beat = until.min(Instant::now() + BEAT);
        loop {
            match timeout_at(beat, self.decisions.recv()).await {
                Ok(Ok(decision)) if self.filter.takes(&decision) && !self.told.remove(&decision.request) => {
                    return Some(event(&decision));
                }
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(missed))) => {
                    return Some(format!("event: skipped\ndata: {missed}\n\n").into());
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) if Instant::now() >= until => return None,
                Err(_) => return Some(Bytes::from_static(b": still there\n\n")),
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.feed.state.lock();
        if let Some(own) = state.followers.get_mut(&self.name) {
            *own -= 1;
            if *own == 0 {
                state.followers.remove(&self.name);
            }
        }
    }
}

/// What a script puts into a row.
#[derive(Serialize)]
pub(super) struct Cells<'a> {
    pub(super) code: &'a str,
    pub(super) verdict: &'a str,
    /// In the order of the table's columns, without the code and the verdict.
    pub(super) cells: [String; 8],
}

impl<'a> Cells<'a> {
    pub(super) fn of(decision: &'a Consultation) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let device = decision.device.as_deref().unwrap_or("-");
        let request = format!("{} {}", text(&decision.method), text(&decision.path));
        Self {
            code: &decision.code,
            verdict: &decision.verdict,
            cells: [
                row::time(decision.time),
                row::who(decision),
                device.rsplit('/').next().unwrap_or(device).to_owned(),
                text(&decision.source),
                text(&decision.operation),
                request,
                text(&decision.reason),
                row::why(decision),
            ],
        }
    }
}

fn event(decision: &Consultation) -> Bytes {
    // JSON has no line break in it, and neither has a request's id.
    let data = serde_json::to_string(&Cells::of(decision)).unwrap_or_default();
    format!("id: {}\nevent: decision\ndata: {data}\n\n", decision.request).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(request: &str, source: &str) -> Arc<Consultation> {
        Arc::new(Consultation {
            request: request.into(),
            source: Some(source.into()),
            path: Some("/<script>\n".into()),
            ..Consultation::default()
        })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    #[tokio::test]
    async fn who_follows_hears_what_they_asked_for_and_what_they_missed() {
        let directory = tempfile::tempdir().unwrap();
        let feed = Feed::new(directory.path());
        let filter = Filter { source: Some("persons".into()), ..Filter::default() };
        let mut follower = feed.follow("els", filter, None).await.unwrap().unwrap();
        let told = feed.state.lock().decisions.clone().unwrap();
        told.send(decision("1", "vehicles")).unwrap();
        told.send(decision("2", "persons")).unwrap();
        let heard = String::from_utf8(follower.next(soon()).await.unwrap().to_vec()).unwrap();
        assert!(heard.starts_with("id: 2\nevent: decision\ndata: {\"code\""), "{heard}");
        assert_eq!(heard.lines().count(), 4, "{heard}");
        assert_eq!(follower.next(soon()).await, None);
        for number in 0..QUEUE + 10 {
            told.send(decision(&number.to_string(), "persons")).unwrap();
        }
        let heard = String::from_utf8(follower.next(soon()).await.unwrap().to_vec()).unwrap();
        assert_eq!(heard, "event: skipped\ndata: 10\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_told_that_a_record_is_followed_which_cannot_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let gone = directory.path().join("gone");
        std::fs::write(&gone, "no directory").unwrap();
        let feed = Feed::new(&gone);
        let mut follower = feed.follow("els", Filter::default(), None).await.unwrap().unwrap();
        let until = Instant::now() + Duration::from_secs(300);
        assert_eq!(follower.next(until).await, None, "a browser asks again, and makes up for what it missed");
    }

    #[tokio::test]
    async fn places_are_bounded_and_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let feed = Feed::new(directory.path());
        let follow = async |name: &str| feed.follow(name, Filter::default(), None).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..MOST_OF_ONE {
            all.push(follow("els").await.unwrap());
        }
        assert!(follow("els").await.is_none());
        all.pop();
        all.push(follow("els").await.unwrap());
        for number in MOST_OF_ONE..MOST {
            all.push(follow(&number.to_string()).await.unwrap());
        }
        assert!(follow("bo").await.is_none());
        all.clear();
        assert!(follow("bo").await.is_some());
    }
}
