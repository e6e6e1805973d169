//! The figures: ordinary text that is stopped and attacks that are not, for the gate's own rules and for CRS, by level.
//!
//! The attacks of this crate were at hand when the own rules were written, so another measure is not of our choosing: what
//! the C library libinjection calls an injection, in its own cases. CRS's tests are no measure of this kind: most are the
//! shortest text that its expressions match, and no attack.

use poort_waf::Program;

use super::{Judge, Tally};
use crate::fault::Fault;
use crate::figure::Figure;
use crate::report::{Outcome, Report};
use crate::traffic::{self, Kind, Prose};
use crate::wire::Received;
use crate::{libinjection, setup, shared};

/// Ordinary requests, beside one for each sentence.
const ORDINARY: usize = 6000;
/// Requests whose text looks like code, beside one for each sentence.
const LOOK_ALIKE: usize = 2000;

/// Rules at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The gate's own.
    Own(u8),
    /// CRS.
    Crs(u8),
}

/// The most that may be, in percent.
struct Goals {
    ordinary: f64,
    look_alike: f64,
    missed: f64,
}

impl Subject {
    const ALL: [Self; 6] =
        [Self::Own(1), Self::Own(2), Self::Crs(1), Self::Crs(2), Self::Crs(3), Self::Crs(4)];

    /// A judge by these rules; none when they are not here.
    ///
    /// # Errors
    /// What cannot be read, or all faults in the rules.
    pub fn judge(self) -> Result<Option<Judge>, Vec<Fault>> {
        let program: Program = match self {
            Self::Own(level) => setup::own("", level)?,
            Self::Crs(level) => {
                let Some(rules) = shared::path("crs/rules") else { return Ok(None) };
                setup::program(&rules, &setup::at_level(level))?
            }
        };
        Ok(Some(Judge::new(program)))
    }

    fn name(self) -> String {
        match self {
            Self::Own(level) => format!("own rules, level {level}"),
            Self::Crs(level) => format!("CRS 4.28, level {level}"),
        }
    }

    /// What is promised of the own rules; CRS only stands beside them.
    fn goals(self) -> Option<Goals> {
        match self {
            Self::Own(1) => Some(Goals { ordinary: 0.0, look_alike: 0.0, missed: 2.0 }),
            Self::Own(_) => Some(Goals { ordinary: 4.0, look_alike: 50.0, missed: 0.5 }),
            Self::Crs(_) => None,
        }
    }
}

/// Texts of a kind, as requests.
pub fn texts(prose: &Prose, kind: Kind) -> impl Iterator<Item = Received> {
    let count = match kind {
        Kind::Ordinary => ORDINARY,
        Kind::LookAlike => LOOK_ALIKE,
    };
    prose.requests(kind, count).chain(prose.each_sentence(kind))
}

/// Measures everything as the suite `name`.
///
/// # Errors
/// What cannot be read, or all faults in the rules.
pub fn report(name: &str) -> Result<Report, Vec<Fault>> {
    let mut report = Report::new(name);
    let injections = injections(&mut report)?;
    for subject in Subject::ALL {
        match subject.judge()? {
            Some(mut judge) => measure(subject, &mut judge, &injections, &mut report),
            None => {
                report.add(subject.name(), Outcome::Skipped("`crs` is not there; set POORT_SHARED".into()));
            }
        }
    }
    Ok(report)
}

fn measure(subject: Subject, judge: &mut Judge, injections: &[Received], report: &mut Report) {
    let (name, goals) = (subject.name(), subject.goals());
    let prose = Prose::new();
    let mut stopped = |what: &str, kind, goal| {
        let tally = judge.tally(texts(&prose, kind));
        let mut figure = Figure::share(format!("accuracy/{name}/{what}"), tally.stopped, tally.total, goal);
        if tally.stopped > 0 {
            figure.note = format!("{}: {}", figure.note, tally.reasons());
        }
        report.measure(figure);
    };
    stopped("ordinary text stopped", Kind::Ordinary, goals.as_ref().map(|goals| goals.ordinary));
    stopped(
        "text that looks like code stopped",
        Kind::LookAlike,
        goals.as_ref().map(|goals| goals.look_alike),
    );
    let mut missed = |what: &str, tally: &Tally, goal| {
        report.measure(Figure::share(format!("accuracy/{name}/{what}"), tally.passed(), tally.total, goal));
    };
    let attacks = judge.tally(traffic::attacks().into_iter().map(|attack| attack.request));
    missed("attacks missed", &attacks, goals.map(|goals| goals.missed));
    if !injections.is_empty() {
        missed("libinjection's cases missed", &judge.tally(injections.iter().cloned()), None);
    }
}

/// The injections of libinjection's cases, each in a query; none when they are not here.
fn injections(report: &mut Report) -> Result<Vec<Received>, Vec<Fault>> {
    let Some(path) = shared::path("libinjection/cases.tsv") else {
        let why = "`libinjection` is not there; set POORT_SHARED";
        report.add("libinjection's cases", Outcome::Skipped(why.into()));
        return Ok(Vec::new());
    };
    let text = std::fs::read(&path).map_err(|source| vec![Fault::Read { path, source }])?;
    let inputs = libinjection::injections(&text).map_err(|fault| vec![fault])?;
    Ok(inputs.iter().map(|input| traffic::in_query(input)).collect())
}
