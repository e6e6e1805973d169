//! What people come to in a shift, and policies that set a quota to it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use http::Method;
use poort_enforce::{
    arrival::Length,
    data_subject::{DataSubjects, Kind, Part, Place, Pointer, PseudonymKey},
    inspect::Mode,
    operations::{Operations, Rule},
    pipeline::{Admission, Counted, StepUp},
    reason::Reason,
};
use poort_policy::{Operation, ShiftCount, ShiftFacts};

use crate::{
    fixture::{Answered, Ask, CAR, OFFICE, SEARCH, Zone, accepted},
    waf::{inspector, put},
};

/// Two people in a shift, and one device; more after a strong sign-in.
const QUOTA: &str = r#"
@id("two people") @reason("That is many people.") @reason_nl("Dat zijn veel mensen.")
forbid (principal is Poort::User, action, resource)
when { context.shift has subjects && context.shift.subjects > 2 } unless { context.session.strong };
@id("own device")
forbid (principal is Poort::User, action, resource)
when { context.shift has officers && context.shift.officers > 1 };
"#;

/// A zone that counts this, in whose persons register a request names a person by number, or by name and date of birth.
fn counting(counts: &[ShiftCount]) -> Zone {
    let capture = |name: &str| Part::Capture(name.into());
    let mut zone = Zone::with(|sources| {
        for source in sources.iter_mut().filter(|source| ["persons", "vehicles"].contains(&&*source.id)) {
            let place = |kind, part, birth_date| Place { kind, part, birth_date };
            source.data_subjects = Some(DataSubjects::new(
                PseudonymKey::new(&[7; 32]),
                vec![
                    place(Kind::NationalNumber, capture("national_number"), None),
                    place(Kind::Name, capture("name"), Some(capture("date_of_birth"))),
                    place(Kind::NationalNumber, Part::Body(Pointer::parse("/number").unwrap()), None),
                ],
            ));
            let query = ["name", "date_of_birth"].map(str::to_owned).to_vec();
            source.operations = Operations::new(vec![
                Rule::new(vec![Method::GET], "/persons/{national_number}", vec![], Operation::Consult),
                Rule::new(vec![Method::GET], "/search", query, Operation::Consult),
                Rule::new(vec![Method::POST], "/find", vec![], Operation::Consult),
            ]);
            source.inspector = Some(Arc::new(inspector(Mode::Block)));
        }
    })
    .watched(QUOTA, None);
    zone.pipeline.rules.counted = Some(Counted {
        shift: Duration::from_secs(3600),
        counts: counts.to_vec(),
        shared_fleets: HashSet::from(["cars".to_owned()]),
    });
    zone
}

fn asks(zone: &Zone, target: &str, token: &str) -> Answered {
    Ask::get("persons.example", target).token(token).put(zone)
}

fn shift(answered: &Answered) -> ShiftFacts {
    answered.exchange.asked.as_ref().unwrap().0.context.shift
}

fn subjects(count: u32) -> ShiftFacts {
    ShiftFacts { subjects: Some(count), ..ShiftFacts::default() }
}

#[test]
fn whoever_looks_up_too_many_people_signs_in_again_and_keeps_those_they_have() {
    let zone = counting(&[ShiftCount::Subjects]);
    let (officer, strong) = (zone.issuer.officer(), zone.issuer.strong());
    for (target, count) in [("/persons/1", 1), ("/persons/2", 2), ("/persons/1", 2), ("/persons/0002", 3)] {
        let answered = asks(&zone, target, &officer);
        assert_eq!(
            (answered.permit().is_some(), shift(&answered)),
            (count <= 2, subjects(count)),
            "{target}"
        );
    }
    let refused = asks(&zone, "/persons/3", &officer);
    assert_eq!((refused.reason(), shift(&refused)), (Some(&Reason::StrongerSignIn), subjects(3)));
    let Admission::Refusal(refusal) = &refused.admission else { panic!("it is refused") };
    assert_eq!(refusal.advice.as_deref(), Some("That is many people."));
    assert_eq!(refusal.translations[0].1.as_ref(), "Dat zijn veel mensen.");
    assert_eq!(refusal.step_up, Some(Box::new(StepUp { strong: true, ..StepUp::default() })));
    assert!(asks(&zone, "/persons/2", &officer).permit().is_some(), "what was refused does not count");
    let allowed = asks(&zone, "/persons/3", &strong);
    assert_eq!((allowed.permit().is_some(), shift(&allowed)), (true, subjects(3)));
    assert!(asks(&zone, "/persons/1", &officer).permit().is_none(), "and now there are three");
}

#[test]
fn one_person_is_one_at_every_source_and_by_whatever_names_them_in_one_request() {
    let zone = counting(&[ShiftCount::Subjects]);
    let token = zone.issuer.officer();
    let count = |host: &str, target: &str, device: &str| {
        let answered = Ask::get(host, target).device(accepted(device)).token(&token).put(&zone);
        (answered.permit().is_some(), shift(&answered).subjects)
    };
    assert_eq!(count("persons.example", "/persons/85.07.31", CAR), (true, Some(1)));
    assert_eq!(count("vehicles.example", "/persons/850731", SEARCH), (true, Some(1)), "also on their behalf");
    assert_eq!(
        count("persons.example", "/search?name=Jan+Peeters&date_of_birth=1985-07-31", CAR),
        (true, Some(2))
    );
    assert_eq!(count("persons.example", "/search?name=", CAR), (true, Some(2)), "nobody in particular");
}

#[test]
fn whom_only_a_body_names_counts_from_the_next_request_on() {
    let zone = counting(&[ShiftCount::Subjects]);
    let token = zone.issuer.officer();
    let find = |body: &'static str| {
        let ask = Ask::get("persons.example", "/find").token(&token);
        let (answered, _) = put(&zone, ask, Length::Known(body.len() as u64), &[body]);
        (answered.permit().is_some(), shift(&answered))
    };
    assert_eq!(find("number=1"), (true, subjects(0)));
    assert_eq!(find("number=2"), (true, subjects(1)));
    assert_eq!(find("number=3&q=bad"), (false, subjects(2)), "what is refused does not count");
    assert_eq!(find("number=3"), (true, subjects(2)));
    assert_eq!(find("number=3"), (false, subjects(3)), "and now there are more than two");
    assert!(asks(&zone, "/persons/1", &token).permit().is_none());
}

#[test]
fn a_crew_shares_a_car_and_an_application_is_nobodys_device() {
    let zone = counting(&[ShiftCount::Devices, ShiftCount::Officers]);
    let counts = |sub: &str, device: &str| {
        let token = zone.issuer.token(&serde_json::json!({ "sub": sub }));
        let answered =
            Ask::get("persons.example", "/persons/1").device(accepted(device)).token(&token).put(&zone);
        let ShiftFacts { subjects, devices, officers } = shift(&answered);
        assert_eq!(subjects, None, "nobody counts them");
        (answered.permit().is_some(), devices, officers)
    };
    assert_eq!(counts("an", CAR), (true, Some(1), None));
    assert_eq!(counts("bo", CAR), (true, Some(1), None), "a crew");
    assert_eq!(counts("an", OFFICE), (true, Some(2), Some(1)));
    assert_eq!(counts("bo", OFFICE), (false, Some(2), Some(2)), "somebody else's");
    assert_eq!(counts("an", OFFICE), (true, Some(2), Some(1)), "whose it stays");
    assert_eq!(counts("an", SEARCH), (true, None, None));
}

#[test]
fn a_service_has_no_shift_and_where_nothing_is_counted_there_is_nothing_to_see() {
    let mut zone = counting(&ShiftCount::ALL);
    let service = zone.issuer.token(&serde_json::json!({ "sub": "registry", "client_id": "registry" }));
    assert_eq!(shift(&asks(&zone, "/persons/1", &service)), ShiftFacts::default());
    zone.pipeline.rules.counted = None;
    let officer = zone.issuer.officer();
    assert_eq!(shift(&asks(&zone, "/persons/1", &officer)), ShiftFacts::default());
    assert!(zone.ports.inner().counted.is_empty());
}
