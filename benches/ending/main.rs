//! How soon the end of somebody's access is heard by what is open in their name, while 10,000 sessions are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench stops at the first thing that is not as it should be"
)]

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use poort::{
    ending::{Notices, Party},
    signin::{Kept, Memory, State as _, Whose},
};
use poort_benches::figures::{Figure, report};
use poort_identity::{
    session::SessionId,
    token::{Subject, SubjectKind},
};
use tokio::sync::mpsc;

/// Open sessions, each with a stream that waits to be told.
const SESSIONS: usize = 10_000;
const TURNS: usize = 20;

#[tokio::main]
async fn main() -> ExitCode {
    let notices = Arc::<Notices>::default();
    let state = Memory::new(Arc::clone(&notices));
    let (cut, mut heard) = mpsc::unbounded_channel();
    for number in 0..SESSIONS {
        let id = SessionId::random().unwrap();
        state.keep(id, session(&user(number))).await.expect("room");
        tokio::spawn(stream(id, Arc::clone(&notices), cut.clone()));
    }
    // Every stream waits by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut slowest = Duration::ZERO;
    for turn in 0..TURNS {
        let begin = Instant::now();
        assert_eq!(state.end(Whose::User(&user(turn))).await, Ok(1), "one was open");
        heard.recv().await.expect("its stream hears of it");
        slowest = slowest.max(begin.elapsed());
    }
    let name = "ending/revocation with 10,000 open sessions, the slowest";
    report(&Figure::with_goal(name, slowest.as_secs_f64() * 1e3, "ms", 1_000.0)).unwrap();
    ExitCode::SUCCESS
}

/// Waits until its own session is ended.
async fn stream(id: SessionId, notices: Arc<Notices>, cut: mpsc::UnboundedSender<()>) {
    let (mut seen, mut changes) = (notices.count(), notices.changes());
    let party = Party { session: Some(id), ..Party::default() };
    while changes.changed().await.is_ok() {
        if notices.concern(&mut seen, party).is_some() {
            let _ = cut.send(());
            return;
        }
    }
}

fn user(number: usize) -> String {
    format!("zone|officer-{number}")
}

fn session(user: &str) -> Kept {
    let now = SystemTime::now();
    let subject = Subject {
        id: user.to_owned(),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: vec!["officer".into()],
        units: vec![],
        acr: None,
        amr: vec![],
        auth_time: None,
        issued: None,
        expires: now + Duration::from_secs(3600),
        token_id: None,
        client: None,
        actor: None,
        display: None,
        dropped: vec![],
        certificate: None,
        generation: 0,
    };
    Kept {
        subject: Arc::new(subject),
        renewed: false,
        statements: Arc::default(),
        device: format!("spiffe://zone.example/device/{user}"),
        sid: None,
        id_token: None,
        refresh: None,
        good_until: now + Duration::from_secs(300),
        seen: now,
        ended: false,
    }
}
