//! What is said of it all, for people and for programs.

use std::{fmt, net::SocketAddr};

use serde::Serialize;

use super::{
    target::Target,
    verdict::{Check, Verdict},
};

/// Every source at every address.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) sources: Vec<Examined>,
}

/// One source at one address.
#[derive(Debug, Serialize)]
pub(super) struct Examined {
    source: String,
    address: String,
    method: String,
    path: String,
    user: String,
    /// Whether the gate's own way was left out: then it can only be closed to this machine.
    outside: bool,
    checks: Vec<Check>,
}

/// What no attempt from here can say.
const BEYOND: &str = "from this machine alone: another may be let in that this one is not, or reach another port of the source. \
                      The firewall is the second wall (deploy/sources/README.md): on a neighbour, `poort doctor --at ADDRESS` needs no \
                      configuration";

impl Examined {
    pub(super) fn at(target: &Target<'_>, address: SocketAddr, checks: Vec<Check>) -> Self {
        Self::of(target, address.to_string(), checks)
    }

    /// At an address that does not resolve.
    pub(super) fn nowhere(target: &Target<'_>, place: String) -> Self {
        let checks = vec![Check::nowhere(&place)];
        Self::of(target, place, checks)
    }

    fn of(target: &Target<'_>, address: String, checks: Vec<Check>) -> Self {
        Self {
            source: target.source.to_owned(),
            address,
            method: target.method.to_string(),
            path: target.path.clone(),
            user: target.user.to_owned(),
            outside: !target.is_gate,
            checks,
        }
    }

    /// Whether the gate is answered, everybody else refused, and nothing left in doubt.
    fn is_closed(&self) -> bool {
        let of = |verdict| self.count(verdict);
        let proved = if self.outside { of(Verdict::Refused) } else { of(Verdict::Answered) };
        proved > 0 && of(Verdict::LetIn) == 0 && of(Verdict::Unclear) == 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.checks.iter().filter(|check| check.verdict == verdict).count()
    }

    fn conclusion(&self) -> String {
        let (refused, let_in) = (self.count(Verdict::Refused), self.count(Verdict::LetIn));
        let (unclear, not_tried) = (self.count(Verdict::Unclear), self.count(Verdict::NotApplicable));
        let proved = match (self.count(Verdict::Answered), self.is_closed()) {
            (_, true) if self.outside => "closed to this machine",
            (0, false) if !self.outside => "nothing is proved: the gate itself is not answered",
            (_, true) => "closed to all but the gate",
            (_, false) => "NOT closed",
        };
        format!("{refused} refused, {let_in} let in, {unclear} unclear, {not_tried} not tried: {proved}")
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    closed: bool,
    sources: Vec<One<'a>>,
    beyond: &'static str,
}

#[derive(Serialize)]
struct One<'a> {
    closed: bool,
    #[serde(flatten)]
    examined: &'a Examined,
}

impl Report {
    pub(super) fn is_closed(&self) -> bool {
        self.sources.iter().all(Examined::is_closed)
    }

    /// One object: `closed`, `sources` with their `checks`, and what is `beyond` it.
    pub(super) fn json(&self) -> String {
        let one = |examined| One { closed: Examined::is_closed(examined), examined };
        let sources = self.sources.iter().map(one).collect();
        let whole = Whole { closed: self.is_closed(), sources, beyond: BEYOND };
        // Strings and numbers: it cannot fail.
        serde_json::to_string(&whole).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for examined in &self.sources {
            let Examined { source, address, method, path, user, checks, outside: _ } = examined;
            writeln!(f, "{source} at {address}: {method} {path} as {user}")?;
            for check in checks {
                write!(f, "  {:<9} {}", word(check.verdict), check.tried)?;
                if let Some(came) = &check.came {
                    write!(f, ": {came}")?;
                }
                if let Some(why) = &check.why {
                    write!(f, "\n{:12}{why}", "")?;
                }
                writeln!(f)?;
            }
            writeln!(f, "  {}\n", examined.conclusion())?;
        }
        if self.sources.len() > 1 {
            let open = self.sources.iter().filter(|examined| !examined.is_closed()).count();
            writeln!(f, "{open} of {} places are not closed", self.sources.len())?;
        }
        write!(f, "{BEYOND}")
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Answered => "answered",
        Verdict::Refused => "refused",
        Verdict::LetIn => "LET IN",
        Verdict::Unclear => "UNCLEAR",
        Verdict::NotApplicable => "not tried",
    }
}
