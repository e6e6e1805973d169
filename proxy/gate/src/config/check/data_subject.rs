//! Whom requests to a source are about, and where that stands.

use poort_enforce::{
    data_subject::{DataSubjects, Kind, Part, Place, Pointer, PseudonymKey},
    inspect::Unframed,
    operations::Rule,
};

use crate::config::{
    checked::waf::Waf,
    raw::{Block, Scalar, source as raw},
};

use super::{
    cursor::{Field, Here, Opened},
    suggest, value,
};

/// A name and a date of birth are two places of one entry, so this kind is not written.
const KINDS: [(&str, Kind); 4] = [
    (Kind::NationalNumber.as_str(), Kind::NationalNumber),
    (Kind::Plate.as_str(), Kind::Plate),
    (Kind::Number.as_str(), Kind::Number),
    (Kind::Name.as_str(), Kind::Name),
];

/// What of a source can be seen. None, in either, if that is not known.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) operations: Option<&'a [Rule]>,
    /// Inside: none if it is not inspected.
    pub(super) waf: Option<Option<&'a Waf>>,
}

/// Inside: none if the file names no data subjects.
pub(super) fn check(
    field: Field<'_, Vec<Block<raw::DataSubject>>>,
    key: Option<Option<&PseudonymKey>>,
    seen: Seen<'_>,
) -> Option<Option<DataSubjects>> {
    let places = field.each(|here| place(here.open(), seen));
    if field.is_absent() {
        return Some(None);
    }
    if let Some(None) = key {
        field.key_spot().fault(
            "there is no key to record data subjects with; make one with `openssl rand -hex 32`, and name its file under \
             `audit: { pseudonyms: … }` in the operators' file",
        );
        return None;
    }
    let places = places?;
    let mut captures: Vec<_> = places.iter().flat_map(captures).collect();
    captures.sort_unstable();
    if let Some([twice, _]) = captures.windows(2).find(|pair| matches!(pair, [one, other] if one == other)) {
        field.spot().fault(format!("`{twice}` is captured for two data subjects; write it in one line"));
        return None;
    }
    Some(Some(DataSubjects::new(key??.clone(), places)))
}

fn captures(place: &Place) -> impl Iterator<Item = &str> {
    [Some(&place.part), place.birth_date.as_ref()].into_iter().flatten().filter_map(|part| match part {
        Part::Capture(name) => Some(&**name),
        Part::Body(_) | Part::Answer(_) => None,
    })
}

fn place(opened: Opened<'_, raw::DataSubject>, seen: Seen<'_>) -> Option<Place> {
    let kind = opened.field("kind", |raw| &raw.kind);
    let kind = kind.required("kind: national_number", |here| value::word(here, &KINDS));
    let capture = opened.field("capture", |raw| &raw.capture);
    let capture = capture.optional(|here| self::capture(here, seen.operations));
    let body = opened.field("body", |raw| &raw.body).optional(|here| body(here, seen.waf));
    let answer = opened.field("answer", |raw| &raw.answer).optional(|here| answer(here, seen.waf));
    let birth_date = opened.field("birth_date", |raw| &raw.birth_date);
    let (kind, capture, body, answer) = (kind?, capture?, body?, answer?);
    let part = match (capture, body, answer) {
        (Some(part), None, None) | (None, Some(part), None) | (None, None, Some(part)) => part,
        _ => {
            opened.spot.fault(
                "say where it stands, once: `capture: NAME` of an operation, `body: /json/pointer`, or `answer: /json/pointer`",
            );
            return None;
        }
    };
    let birth_date = birth_date.optional(|here| born(here, kind, &part, seen))?;
    Some(Place { kind, part, birth_date })
}

fn capture(here: Here<'_, Scalar>, operations: Option<&[Rule]>) -> Option<Part> {
    here.parse(|text| {
        let Some(operations) = operations else { return Ok(Part::Capture(text.into())) };
        let known = || operations.iter().flat_map(Rule::captured);
        if known().any(|name| name == text) {
            return Ok(Part::Capture(text.into()));
        }
        Err(format!("no operation captures `{text}`{}", suggest::instead(text, known())))
    })
}

fn pointer(here: Here<'_, Scalar>) -> Option<Pointer> {
    here.parse(|text| {
        Pointer::parse(text).ok_or_else(|| {
            format!("`{text}` is no JSON pointer; write it as in `/person/number`, with `*` for every item of a list")
        })
    })
}

/// A body is read before it is passed on only where it is inspected.
fn body(here: Here<'_, Scalar>, waf: Option<Option<&Waf>>) -> Option<Part> {
    let pointer = pointer(here)?;
    match waf {
        Some(None) => {
            here.spot.fault("the bodies of a source that is not inspected are not read; write `waf: { mode: detect }` at least");
            None
        }
        Some(Some(waf)) if waf.unframed == Unframed::Withhold => {
            here.spot.fault(
                "with `unframed: withhold` a body is read after the decision is recorded; leave that out",
            );
            None
        }
        _ => Some(Part::Body(pointer)),
    }
}

fn answer(here: Here<'_, Scalar>, waf: Option<Option<&Waf>>) -> Option<Part> {
    let pointer = pointer(here)?;
    if waf.is_some_and(|waf| waf.is_none_or(|waf| waf.answer.is_none())) {
        here.spot.fault(
            "answers are read only where they are inspected; write `waf: { response: { limit: 1MiB } }`",
        );
        return None;
    }
    Some(Part::Answer(pointer))
}

fn born(here: Here<'_, Scalar>, kind: Kind, name: &Part, seen: Seen<'_>) -> Option<Part> {
    if kind != Kind::Name {
        here.spot.fault("a date of birth belongs to a `name`; leave it out");
        return None;
    }
    match name {
        Part::Capture(_) => capture(here, seen.operations),
        Part::Body(pointer) if !pointer.is_many() => body(here, seen.waf),
        Part::Body(_) | Part::Answer(_) => {
            here.spot.fault(
                "a date of birth stands beside one name, of the path, the query or the body; leave it out",
            );
            None
        }
    }
}
