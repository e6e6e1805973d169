//! What it costs to know who asks: a session's cookie, a token that was seen before, and one that was not.
//!
//! The shipped policies and the demo's issuer; sessions are kept on a disk, as a gate keeps them. A figure is the check's own time in the
//! gate's pipeline, as its metrics have it; requests are those of 400 officers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at the first thing that is not as it should be"
)]

mod gate;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort::signin::{Kept, State as _};
use poort_benches::{
    figures::{Figure, report},
    timing::median,
};
use poort_demo::{
    issuer::Token,
    zone::{Zone, ZoneOptions},
};
use poort_enforce::sign_in::SESSION_COOKIE;
use poort_identity::{
    session::{Session, SessionId},
    token::{Subject, SubjectKind},
};
use serde_yaml::Value;

use gate::{Gate, HOST};

const OFFICERS: usize = 400;
const TURNS: usize = 50;
/// Officers' tokens that were never seen.
const TOKENS: usize = 2_000;

#[tokio::main]
async fn main() -> ExitCode {
    let directory = tempfile::tempdir().unwrap();
    let zone = Zone::start(&ZoneOptions::new(directory.path())).unwrap();
    lift_limits(&zone);
    let gate = Gate::load(&zone);
    let token = |number: usize| {
        let officer = Token::officer(&format!("officer-{number}")).lifetime(Duration::from_secs(3600));
        ("authorization", format!("Bearer {}", zone.zone.mint(&officer).unwrap()))
    };
    // The first of all fetches the issuer's keys.
    gate.subject_took(&token(0)).await;
    let mut new = vec![];
    for number in 0..TOKENS {
        new.push(gate.subject_took(&token(number)).await);
    }
    let known: Vec<_> = (0..OFFICERS).map(token).collect();
    let cached = in_turns(&gate, &known).await;
    let mut cookies = vec![];
    for number in 0..OFFICERS {
        cookies.push(("cookie", cookie(&gate, number).await));
    }
    let session = in_turns(&gate, &cookies).await;
    for (name, value, goal) in [
        ("subject/session check", session, 3.0),
        ("subject/token check, seen before", cached, 1.0),
        ("subject/token check, ES256, not seen before", median(&mut new), 80.0),
    ] {
        report(&Figure::with_goal(name, value, "µs", goal)).unwrap();
    }
    ExitCode::SUCCESS
}

/// Limits are counted and never reached; inspection has figures of its own.
fn lift_limits(zone: &Zone) {
    let endless: Value = serde_yaml::from_str("{ rate: 1000000/1s, burst: 1000000 }").unwrap();
    let lift = |policies: &mut Value| {
        for budget in ["address", "device", "user", "source"] {
            policies["limits"][budget] = endless.clone();
        }
        policies["waf"]["mode"] = "off".into();
    };
    zone.layout.edit("policies/poort.yaml", lift).unwrap();
}

/// Microseconds that the check takes, in the median, when all of them have asked before.
async fn in_turns(gate: &Gate, headers: &[(&'static str, String)]) -> f64 {
    let mut took = vec![];
    for turn in 0..=TURNS {
        for header in headers {
            let time = gate.subject_took(header).await;
            if turn > 0 {
                took.push(time);
            }
        }
    }
    median(&mut took)
}

/// The cookie of an officer who has signed in.
async fn cookie(gate: &Gate, number: usize) -> String {
    let (id, now) = (SessionId::random().unwrap(), SystemTime::now());
    let subject = Arc::new(Subject {
        id: format!("zone|officer-{number}"),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: vec!["officer".into()],
        units: vec!["team-a".into()],
        acr: Some("phrh".to_owned()),
        amr: vec!["hwk".to_owned()],
        auth_time: None,
        issued: None,
        expires: now + Duration::from_secs(12 * 3600),
        token_id: Some(id.to_string()),
        client: None,
        actor: None,
        display: Some(format!("Officer {number}")),
        dropped: vec![],
        certificate: None,
        generation: 0,
    });
    let kept = Kept {
        subject: Arc::clone(&subject),
        renewed: false,
        statements: Arc::default(),
        device: gate.device().to_owned(),
        sid: Some(format!("sign-in-{number}")),
        id_token: Some("an ID token, some 1,000 bytes of it".repeat(30).into()),
        refresh: Some("a refresh token, some 1,000 bytes of it".repeat(30).into()),
        good_until: now + Duration::from_secs(3600),
        seen: now,
        ended: false,
    };
    gate.sessions().keep(id, kept).await.unwrap();
    let session = Session { id, subject, device: gate.device().to_owned(), host: HOST.to_owned() };
    format!("{SESSION_COOKIE}={}", session.seal(gate.seal()).unwrap())
}
