//! Ordinary text passes, attacks do not: what is promised of the own rules, and what was measured of CRS beside them.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by them")]

use std::collections::BTreeMap;

use poort_conformance::accuracy::{Judge, Subject, texts};
use poort_conformance::traffic::{Kind, Prose, attacks};

fn judge(subject: Subject) -> Option<Judge> {
    subject.judge().unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

#[test]
fn own_rules_at_level_1_let_every_ordinary_text_through() {
    let mut judge = judge(Subject::Own(1)).unwrap();
    let prose = Prose::new();
    for kind in [Kind::Ordinary, Kind::LookAlike] {
        for request in texts(&prose, kind) {
            let judgement = judge.judge(&request);
            let (target, body) = (request.target.escape_ascii(), request.body.escape_ascii());
            assert!(!judgement.is_stopped, "{kind:?}: {:?}\n{target}\n{body}", judgement.matches);
        }
    }
}

/// Of every family and not only on the whole, so that no family is given up for another.
#[test]
fn own_rules_stop_attacks_of_every_family() {
    for (level, floor) in [(1, 85), (2, 95)] {
        let mut judge = judge(Subject::Own(level)).unwrap();
        let mut families: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for attack in attacks() {
            let (stopped, total) = families.entry(attack.family).or_default();
            *stopped += usize::from(judge.judge(&attack.request).is_stopped);
            *total += 1;
        }
        for (family, (stopped, total)) in families {
            assert!(stopped * 100 >= total * floor, "level {level}, {family}: {stopped} of {total}");
        }
    }
}

/// 7.98 % when this was written, for paths such as `../../2024`, names of files with an apostrophe, and quoted asides.
#[test]
fn crs_at_level_1_stops_no_more_ordinary_text_than_was_measured() {
    let Some(mut judge) = judge(Subject::Crs(1)) else { return };
    let tally = judge.tally(texts(&Prose::new(), Kind::Ordinary));
    println!("{} of {}: {}", tally.stopped, tally.total, tally.reasons());
    assert!(
        tally.stopped * 1000 <= tally.total * 80,
        "{} of {}: {}",
        tally.stopped,
        tally.total,
        tally.reasons()
    );
    // It must be able to stop some: else nothing was judged.
    assert!(tally.stopped > 0);
}
