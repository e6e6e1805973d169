//! One thing is wrong, and everything that is said about it.

mod data_subjects;
mod deploy;
mod entities;
mod inventory;
mod missions;
mod sources;
mod waf;
mod whole;
mod zone;

use super::ground::Ground;

/// A change to one file of the valid configuration.
struct Case {
    name: &'static str,
    /// What is replaced; it occurs once.
    from: &'static str,
    to: &'static str,
    /// All that is reported.
    faults: &'static [&'static str],
}

fn check(file: &str, cases: &[Case]) {
    for case in cases {
        let ground = Ground::new();
        ground.replace(file, case.from, case.to);
        assert_eq!(ground.faults(), case.faults, "{}", case.name);
    }
}
