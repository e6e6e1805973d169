//! What an attempt proves. In doubt it proves nothing: only a refusal is a refusal.

use serde::Serialize;

use super::{
    attempt::{Attempt, Wall, Way},
    target::Target,
    wire::{Answer, Came},
};

/// What came of one attempt.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) tried: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) came: Option<String>,
    pub(super) verdict: Verdict,
    /// What to do about it, or why it was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The gate's own way, as it should be.
    Answered,
    Refused,
    LetIn,
    /// Neither: it has to be looked at.
    Unclear,
    NotApplicable,
}

/// What the gate itself gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Own {
    Answered,
    /// The source's own sign-in, of which the gate passes on.
    SignIn,
    Not(String),
    /// It was not tried: this is not the gate's machine.
    Untried,
}

impl Own {
    pub(super) fn of(target: &Target<'_>, came: &Came) -> Self {
        let not = |why: &str| Self::Not(why.to_owned());
        let Came::Answer(answer) = came else {
            return not(
                "the gate does not get through itself, so a refusal says nothing; look at `poort_source_…` metrics, `tls:` in its file, and its own log",
            );
        };
        match answer.status {
            200..=299 => Self::Answered,
            401 if target.signs_in => Self::SignIn,
            300..=399 if leads_to_login(target, answer) => Self::SignIn,
            300..=399 => not(
                "name a path that is answered by `--path`, or say by `--login` that this is the source's own sign-in",
            ),
            401 | 403 => not(
                "the source refuses the gate's own user here: name one that it knows by `--user` and `--role`, or a path that is open to all by `--path`",
            ),
            404 => not("name a path that is there by `--path`"),
            _ => not("name a path that is answered by `--path`, or ask the source's owner"),
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        !matches!(self, Self::Not(_))
    }
}

impl Check {
    /// Of the gate's own way.
    pub(super) fn own(check: &'static str, attempt: &Attempt, came: &Came, own: &Own) -> Self {
        let (verdict, why) = match own {
            Own::Not(why) => (Verdict::Unclear, Some(why.clone())),
            Own::Answered | Own::SignIn | Own::Untried => (Verdict::Answered, None),
        };
        Self { check, tried: attempt.what.clone(), came: Some(came.to_string()), verdict, why }
    }

    /// Of somebody else's.
    pub(super) fn of(target: &Target<'_>, attempt: &Attempt, came: &Came, own: &Own) -> Self {
        let verdict = judge(target, attempt, came, own);
        let why = match verdict {
            Verdict::LetIn => Some(recipe(attempt.wall, target).to_owned()),
            Verdict::Unclear => Some(unclear(came).to_owned()),
            _ => None,
        };
        Self { check: attempt.check, tried: attempt.what.clone(), came: Some(came.to_string()), verdict, why }
    }

    pub(super) fn not_applicable(check: &'static str, tried: &str, why: &str) -> Self {
        Self {
            check,
            tried: tried.to_owned(),
            came: None,
            verdict: Verdict::NotApplicable,
            why: Some(why.to_owned()),
        }
    }

    /// There is nobody to ask.
    pub(super) fn nowhere(place: &str) -> Self {
        Self {
            check: "own-way",
            tried: format!("to find `{place}`"),
            came: Some("no address".to_owned()),
            verdict: Verdict::Unclear,
            why: Some("its name cannot be resolved here; run this where the gate runs".to_owned()),
        }
    }
}

fn judge(target: &Target<'_>, attempt: &Attempt, came: &Came, own: &Own) -> Verdict {
    let answer = match came {
        Came::Answer(answer) => answer,
        Came::Closed(_) => return Verdict::Refused,
        // A firewall says nothing. That there is a way, and somebody at the end of it, only the gate's own shows.
        Came::NoWay(_) if *own == Own::Untried => return Verdict::Refused,
        Came::NoWay(_) | Came::Silent(_) | Came::Odd(_) => return Verdict::Unclear,
    };
    let sign_in = answer.status == 401 && target.signs_in || leads_to_login(target, answer);
    match answer.status {
        200..=299 => Verdict::LetIn,
        // Whoever comes is led to the same door as the gate.
        _ if sign_in && *own == Own::SignIn && attempt.wall != Wall::Password => Verdict::LetIn,
        401 | 403 => Verdict::Refused,
        // nginx, Apache and Tomcat answer so where a certificate is missing, unknown, or TLS is. The gate's own request was not wrong.
        400 if is_about_tls(attempt) && target.name.is_some() => Verdict::Refused,
        300..=399 if sign_in => Verdict::Refused,
        _ => Verdict::Unclear,
    }
}

fn is_about_tls(attempt: &Attempt) -> bool {
    attempt.way != Way::Gate
}

fn leads_to_login(target: &Target<'_>, answer: &Answer) -> bool {
    let location = answer.location.as_deref();
    matches!(answer.status, 300..=399)
        && target.login.is_some_and(|login| location.is_some_and(|location| location.starts_with(login)))
}

/// What closes the gap: a part of `deploy/sources/README.md`.
fn recipe(wall: Wall, target: &Target<'_>) -> &'static str {
    match wall {
        Wall::Certificate => {
            "let the source demand the gate's client certificate, of its authority and with its subject: deploy/sources/README.md, \"The gate's certificate\""
        }
        Wall::Headers => {
            "let the source take identity headers from the gate's certificate alone: deploy/sources/README.md, \"Identity headers\""
        }
        Wall::Assertion if target.is_mutual() => {
            "let the source verify `Poort-Assertion` (deploy/sources/README.md, \"The assertion\"); if its certificate is to be the only wall, say so in the source's file: `identity: { assertion: false }`"
        }
        Wall::Assertion => {
            "let the source verify `Poort-Assertion` (deploy/sources/README.md, \"The assertion\"), or demand the gate's certificate"
        }
        Wall::Password => "the source takes any password: ask its owner",
    }
}

fn unclear(came: &Came) -> &'static str {
    match came {
        Came::Answer(answer) => match answer.status {
            300..=399 => "a redirect refuses nobody; if it is the source's own sign-in, say so by `--login`",
            404 | 405 => {
                "the request was read, and another path might be answered; let the source refuse by 401 or 403, or end the connection"
            }
            429 => "the source counts requests: wait, and try again",
            500..=599 => "the source failed over it rather than refuse; look into its log",
            _ => "neither let in nor refused; let the source answer 401 or 403, or end the connection",
        },
        _ => "neither let in nor refused; try again, and look into the source's log",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;

    use super::*;
    use crate::config::checked::zone::Timeouts;

    fn target() -> Target<'static> {
        let second = Duration::from_secs(1);
        Target {
            source: "persons",
            addresses: Vec::new(),
            name: Some("persons.internal"),
            tls: None,
            is_gate: true,
            timeouts: Timeouts { connect: second, read: second, total: second },
            host: "persons.internal",
            public_host: "persons.example",
            path: "/".to_owned(),
            method: &Method::GET,
            user: "poort-doctor",
            shown_user: "poort-doctor".to_owned(),
            roles: &[],
            login: Some("/login"),
            headers: Vec::new(),
            assertion: true,
            signs_in: true,
        }
    }

    fn answer(status: u16, location: Option<&str>) -> Came {
        Came::Answer(Answer { status, location: location.map(str::to_owned), asks_basic: false })
    }

    fn came(way: Way, came: &Came, own: &Own) -> Verdict {
        let mut attempt = Attempt::basic(way);
        attempt.wall = Wall::Certificate;
        Check::of(&target(), &attempt, came, own).verdict
    }

    #[test]
    fn only_a_refusal_is_a_refusal() {
        use Verdict::{LetIn, Refused, Unclear};
        let closed = || Came::Closed("a TLS alert".to_owned());
        for (case, way, seen, own, verdict) in [
            ("an entry", Way::Anyone, answer(200, None), Own::Answered, LetIn),
            ("nothing in particular", Way::Anyone, answer(204, None), Own::Answered, LetIn),
            ("not signed in", Way::Anyone, answer(401, None), Own::Answered, Refused),
            ("not allowed", Way::Gate, answer(403, None), Own::Answered, Refused),
            ("no certificate, as nginx says it", Way::Anyone, answer(400, None), Own::Answered, Refused),
            ("a bad request by the gate's own way", Way::Gate, answer(400, None), Own::Answered, Unclear),
            (
                "the application's sign-in",
                Way::Anyone,
                answer(302, Some("/login?to=/")),
                Own::Answered,
                Refused,
            ),
            ("somewhere", Way::Anyone, answer(302, Some("/elsewhere")), Own::Answered, Unclear),
            ("nowhere", Way::Anyone, answer(302, None), Own::Answered, Unclear),
            (
                "the sign-in to which the gate is led",
                Way::Anyone,
                answer(302, Some("/login")),
                Own::SignIn,
                LetIn,
            ),
            ("the same question as the gate's", Way::Anyone, answer(401, None), Own::SignIn, LetIn),
            ("not there", Way::Anyone, answer(404, None), Own::Answered, Unclear),
            ("not now", Way::Anyone, answer(429, None), Own::Answered, Unclear),
            ("not well", Way::Anyone, answer(500, None), Own::Answered, Unclear),
            ("the end of the handshake", Way::Strange, closed(), Own::Answered, Refused),
            ("silence", Way::Anyone, Came::Silent(String::new()), Own::Untried, Unclear),
            (
                "no way, where the gate has one",
                Way::Anyone,
                Came::NoWay(String::new()),
                Own::Answered,
                Unclear,
            ),
            ("no way for a neighbour", Way::Anyone, Came::NoWay(String::new()), Own::Untried, Refused),
            ("no HTTP", Way::Plain, Came::Odd(String::new()), Own::Answered, Unclear),
        ] {
            assert_eq!(came(way, &seen, &own), verdict, "{case}");
        }
    }

    #[test]
    fn the_gate_is_answered_or_nothing_is_proved() {
        for (seen, answered) in [
            (answer(200, None), true),
            (answer(401, None), true),
            (answer(302, Some("/login")), true),
            (answer(302, Some("/")), false),
            (answer(403, None), false),
            (answer(404, None), false),
            (answer(500, None), false),
            (Came::Closed(String::new()), false),
            (Came::Silent(String::new()), false),
        ] {
            assert_eq!(Own::of(&target(), &seen).is_answered(), answered, "{seen:?}");
        }
        let strict = Target { signs_in: false, login: None, ..target() };
        assert!(!Own::of(&strict, &answer(401, None)).is_answered());
        assert!(!Own::of(&strict, &answer(302, Some("/login"))).is_answered());
    }
}
