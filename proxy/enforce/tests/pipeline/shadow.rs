//! Policies that do not count: what is counted and recorded of them, and that nothing else comes of them.

use std::sync::Arc;

use http::Method;
use poort_enforce::{
    exchange::{Exchange, RequestId},
    inspect::Mode as Inspecting,
    reason::Reason,
    record::Verdict,
};
use poort_policy::{Disagreement, Mode};

use crate::{
    fixture::{Answered, Ask, Zone, now},
    waf::inspector,
};

/// Nobody without a strong sign-in, in shadow; and what scores at all.
const SHADOW: &str = r#"
@id("strong only") @shadow("since March")
forbid (principal, action, resource) unless { context.session.strong };
@id("scores") @shadow("since March")
forbid (principal, action, resource) when { context.inspection.score > 0 };
@id("erases") @shadow("since March")
permit (principal, action == Poort::Action::"erase", resource);
"#;
const SCORES: &str = r#"
@id("scores") @shadow("since March")
forbid (principal, action, resource) when { context.inspection.score > 0 };
"#;

fn seen(zone: &Zone, answered: &Answered) -> Vec<(Mode, bool, Vec<String>)> {
    let (_, decision) = answered.exchange.asked.as_ref().unwrap();
    let counted = std::mem::take(&mut zone.ports.inner().disagreed);
    let source = answered.exchange.source().unwrap().id.to_string();
    let recorded: Vec<_> = decision.disagreements.iter().map(|one| (source.clone(), one.clone())).collect();
    assert_eq!(counted, recorded, "what is recorded is counted, once");
    let shown =
        |one: &Disagreement| (one.mode, one.allow, one.determining.iter().map(ToString::to_string).collect());
    decision.disagreements.iter().map(shown).collect()
}

#[test]
fn policies_in_shadow_and_candidates_are_told_of_and_change_nothing() {
    let desk = "@id(\"desk only\") forbid (principal, action, resource) unless { principal in Poort::Role::\"desk\" };";
    let zone = Zone::new().watched(SHADOW, Some(desk));
    let (officer, strong) = (zone.issuer.officer(), zone.issuer.strong());
    let ask = |method: Method, token: &str| {
        Ask::get("persons.example", "/persons/85").method(method).token(token).put(&zone)
    };
    let refuses = |mode, by: &str| (mode, false, vec![by.to_owned()]);
    let answered = ask(Method::GET, &officer);
    assert!(answered.permit().is_some());
    assert_eq!(
        seen(&zone, &answered),
        [refuses(Mode::Shadow, "strong only"), refuses(Mode::Candidate, "desk only")]
    );
    let answered = ask(Method::GET, &strong);
    assert_eq!(
        (answered.permit().is_some(), seen(&zone, &answered)),
        (true, vec![refuses(Mode::Candidate, "desk only")])
    );
    // A refusal by a forbid is one whatever is in shadow, and nobody is told of errors in shadow.
    let answered = ask(Method::DELETE, &strong);
    assert_eq!((answered.reason(), seen(&zone, &answered)), (Some(&Reason::PolicyError), vec![]));
    // Nothing permits it, and in shadow something would, if another did not forbid it: the same answer.
    let answered = ask(Method::DELETE, &officer);
    assert_eq!((answered.reason(), seen(&zone, &answered)), (Some(&Reason::Policy), vec![]));
    assert_eq!(zone.ports.inner().decided.last().unwrap().1, Verdict::Refuse(Reason::Policy));
}

#[test]
fn a_stream_that_is_admitted_again_is_told_of_once() {
    let zone = Zone::new().watched(SHADOW, None);
    let ask = Ask::get("persons.example", "/persons/85").token(&zone.issuer.officer());
    assert_eq!(seen(&zone, &ask.put(&zone)).len(), 1);
    let again = Exchange::reopen(RequestId([7; 16]), now(), ask.connection.clone());
    assert!(ask.put_in(&zone, again).permit().is_some());
    assert_eq!(zone.ports.inner().disagreed, []);
}

#[test]
fn a_candidate_that_opens_more_says_so() {
    let zone = Zone::new().watched(
        "",
        Some("@id(\"erases\") permit (principal, action == Poort::Action::\"erase\", resource);"),
    );
    let officer = zone.issuer.officer();
    let answered =
        Ask::get("persons.example", "/persons/85").method(Method::DELETE).token(&officer).put(&zone);
    assert_eq!(answered.reason(), Some(&Reason::Policy));
    assert_eq!(seen(&zone, &answered), [(Mode::Candidate, true, vec!["erases".to_owned()])]);
}

#[test]
fn what_inspection_finds_reaches_policies_in_shadow_in_every_mode() {
    for (mode, score, allowed) in [(Inspecting::Block, 1, true), (Inspecting::Detect, 0, true)] {
        let zone = Zone::with(|sources| {
            let old = sources.iter_mut().find(|source| &*source.id == "old").unwrap();
            old.inspector = Some(Arc::new(inspector(mode)));
        })
        .watched(SCORES, None);
        let ask = |target: &str| Ask::get("old.example", target).token(&zone.issuer.officer()).put(&zone);
        let answered = ask("/a?q=few");
        assert_eq!(answered.permit().is_some(), allowed, "{mode:?}");
        assert_eq!(seen(&zone, &answered), [(Mode::Shadow, false, vec!["scores".to_owned()])], "{mode:?}");
        let (question, _) = answered.exchange.asked.as_ref().unwrap();
        assert_eq!(
            question.context.inspection.score, score,
            "{mode:?}: the question is the one that counted"
        );
        assert_eq!(seen(&zone, &ask("/a?q=nothing")), [], "{mode:?}");
    }
    // Whoever would have refused the head is told of once, with the score or without.
    let zone = Zone::with(|sources| {
        let old = sources.iter_mut().find(|source| &*source.id == "old").unwrap();
        old.inspector = Some(Arc::new(inspector(Inspecting::Block)));
    })
    .watched(SHADOW, None);
    let answered = Ask::get("old.example", "/a?q=few").token(&zone.issuer.officer()).put(&zone);
    assert_eq!(seen(&zone, &answered), [(Mode::Shadow, false, vec!["strong only".to_owned()])]);
    // And where the score refuses, those would have refused too.
    let answered = Ask::get("old.example", "/a?q=odd").token(&zone.issuer.officer()).put(&zone);
    assert_eq!((answered.reason(), seen(&zone, &answered)), (Some(&Reason::Policy), vec![]));
}
