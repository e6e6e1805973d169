//! Where data subjects stand in what is asked of a source, and in what it answers.

use std::{borrow::Cow, collections::BTreeMap};

use super::{DataSubject, Kind, PseudonymKey, body::Body};
use crate::normal::{decoded, without_parameters};

/// So many subjects of one request, and of one answer, are recorded; the rest is counted.
pub(crate) const RECORDED: usize = 256;
/// A segment with so many digits may be somebody's number.
const DIGITS: usize = 4;
/// What stands in a record for a captured value that is no name by itself.
const LEFT_OUT: &str = "…";

/// The data subjects of a source: where they stand, and the key for what stands for them.
#[derive(Clone, Debug)]
pub struct DataSubjects {
    key: PseudonymKey,
    places: Vec<Place>,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What stands there.
    pub kind: Kind,
    /// Where.
    pub part: Part,
    /// Beside a name: where the date of birth stands.
    pub birth_date: Option<Part>,
}

/// Whom a request or an answer is about, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// At most 256 in a record.
    pub subjects: Vec<DataSubject>,
    /// How many more there are.
    pub more: usize,
}

impl Named {
    fn name(&mut self, subject: DataSubject, most: usize) {
        match self.subjects.contains(&subject) {
            true => {}
            false if self.subjects.len() < most => self.subjects.push(subject),
            false => self.more += 1,
        }
    }

    /// Each of those that are named, once: who is named with a date of birth stands there by the name alone too.
    pub fn each(&self) -> impl Iterator<Item = &DataSubject> {
        let again = |place: usize| {
            self.subjects.get(place).is_some_and(|one| one.kind == Kind::Name)
                && self.subjects.get(place + 1).is_some_and(|next| next.kind == Kind::NameAndBirthDate)
        };
        self.subjects.iter().enumerate().filter(move |(place, _)| !again(*place)).map(|(_, one)| one)
    }
}

impl FromIterator<DataSubject> for Named {
    fn from_iter<I: IntoIterator<Item = DataSubject>>(subjects: I) -> Self {
        let mut named = Self::default();
        subjects.into_iter().for_each(|subject| named.name(subject, RECORDED));
        named
    }
}

/// A value of a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// What an operation's line captures of the path or the query.
    Capture(Box<str>),
    /// Of the request's body: JSON, or the fields of a form in either of its encodings.
    Body(Pointer),
    /// Of the answer's body, which is JSON.
    Answer(Pointer),
}

/// A JSON pointer (RFC 6901) in which `*` stands for every item of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Each,
    Name(String),
}

impl Pointer {
    /// The pointer that a text writes: `/person/number`, `/results/*/number`; none if it does not begin with `/` or has a `~` that escapes
    /// nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let token = |token: &str| match token {
            "*" => Some(Token::Each),
            token if token.replace("~0", "").replace("~1", "").contains('~') => None,
            token => Some(Token::Name(token.replace("~1", "/").replace("~0", "~"))),
        };
        text.strip_prefix('/')?.split('/').map(token).collect::<Option<_>>().map(Self)
    }

    /// Whether it may point at more than one value.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.0.contains(&Token::Each)
    }

    pub(super) fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// The field that it names where there is no depth.
    pub(super) fn field(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Token::Name(name)] => Some(name),
            _ => None,
        }
    }
}

impl Part {
    /// What stands there in a request.
    fn values(&self, captures: &BTreeMap<String, String>, body: &Body<'_>) -> Vec<String> {
        match self {
            Self::Capture(name) => captures.get(&**name).cloned().into_iter().collect(),
            Self::Body(pointer) => body.values(pointer),
            Self::Answer(_) => vec![],
        }
    }
}

impl DataSubjects {
    /// Those in these places. No two name one capture.
    #[must_use]
    pub fn new(key: PseudonymKey, places: Vec<Place>) -> Self {
        Self { key, places }
    }

    /// Whether some stand in answers.
    #[must_use]
    pub fn are_answered(&self) -> bool {
        self.places.iter().any(|place| matches!(place.part, Part::Answer(_)))
    }

    /// Whom a request is about, at most so many; the rest is counted.
    #[must_use]
    pub fn asked(&self, captures: &BTreeMap<String, String>, body: Option<&[u8]>, most: usize) -> Named {
        let Self { key, places } = self;
        let of_body = |place: &Place| matches!(place.part, Part::Body(_));
        let body = match body.filter(|_| places.iter().any(of_body)) {
            Some(body) => Body::read(body),
            None => Body::None,
        };
        let mut asked = Named::default();
        for place in places {
            let born = place.birth_date.as_ref().map_or_else(Vec::new, |part| part.values(captures, &body));
            // Of a date that is written more than once, applications read the first or the last.
            let born = || born.first().into_iter().chain(born.get(1..).and_then(<[_]>::last));
            for text in place.part.values(captures, &body) {
                if asked.subjects.len() >= most {
                    // Whoever sends a million must not have a million looked at.
                    asked.more += 1;
                    continue;
                }
                let named = key.pseudonym(place.kind, &text);
                let persons = born().filter_map(|born| key.person(&text, born));
                named.into_iter().chain(persons).for_each(|subject| asked.name(subject, most));
            }
        }
        asked
    }

    /// Whom an answer is about.
    #[must_use]
    pub fn answered(&self, body: &[u8]) -> Named {
        let mut answered = Named::default();
        let body @ Body::Json(_) = Body::read(body) else { return answered };
        let places = self.places.iter().filter_map(|place| match &place.part {
            Part::Answer(pointer) => Some((place.kind, pointer)),
            Part::Capture(_) | Part::Body(_) => None,
        });
        for (kind, pointer) in places {
            for text in body.values(pointer) {
                if let Some(subject) = self.key.pseudonym(kind, &text) {
                    answered.name(subject, RECORDED);
                }
            }
        }
        answered
    }

    /// Puts pseudonyms where a captured value names somebody, so that it can be written down.
    ///
    /// What is not captured may name somebody all the same, mistyped or unforeseen: of a path without a captured name, whatever looks like
    /// a number is left out.
    pub(crate) fn cover(&self, captures: &mut BTreeMap<String, String>, paths: &mut [&mut String]) {
        let captured = |part: &Part| matches!(part, Part::Capture(name) if captures.contains_key(&**name));
        if !self.places.iter().any(|place| captured(&place.part)) {
            paths.iter_mut().for_each(|path| cover_numbers(path));
        }
        for place in &self.places {
            let parts = [Some(&place.part), place.birth_date.as_ref()];
            for (part, is_name) in parts.into_iter().flatten().zip([true, false]) {
                let Part::Capture(name) = part else { continue };
                let Some(value) = captures.get_mut(&**name) else { continue };
                for path in &mut *paths {
                    cover_path(path, name, value);
                }
                let pseudonym = if is_name { self.key.pseudonym(place.kind, value) } else { None };
                *value = pseudonym.map_or_else(|| LEFT_OUT.to_owned(), |subject| subject.text());
            }
        }
    }
}

/// Puts a capture's name where a segment has its value.
fn cover_path(path: &mut String, name: &str, value: &str) {
    // A slash that is encoded stands within a segment.
    let holds = |segment: &str| {
        let text = decoded(segment);
        text == value
            || decoded(without_parameters(segment)) == value
            || value.len() > 3 && text.contains(value)
    };
    if value.is_empty() || !path.split('/').any(holds) {
        return;
    }
    let covered: Vec<_> = path
        .split('/')
        .map(
            |segment| if holds(segment) { Cow::Owned(format!("{{{name}}}")) } else { Cow::Borrowed(segment) },
        )
        .collect();
    *path = covered.join("/");
}

/// Leaves segments out of a path that have as many digits as a plate or a number of somebody.
pub(crate) fn cover_numbers(path: &mut String) {
    let names = |segment: &str| segment.bytes().filter(u8::is_ascii_digit).count() >= DIGITS;
    if path.split('/').any(names) {
        let covered: Vec<_> =
            path.split('/').map(|segment| if names(segment) { LEFT_OUT } else { segment }).collect();
        *path = covered.join("/");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> PseudonymKey {
        PseudonymKey::new(&[7; 32])
    }

    fn place(kind: Kind, part: Part) -> Place {
        Place { kind, part, birth_date: None }
    }

    fn body(text: &str) -> Part {
        Part::Body(Pointer::parse(text).unwrap())
    }

    fn captures(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn pointers_are_those_of_the_rfc_and_stars() {
        let document = serde_json::json!({
            "a/b": "slash", "m~n": "tilde", "list": [{"n": "1"}, {"n": 2}, {"n": null}, "x"], "deep": {"x": {"y": "z"}}
        })
        .to_string();
        for (pointer, values) in [
            ("/a~1b", vec!["slash"]),
            ("/m~0n", vec!["tilde"]),
            ("/list/*/n", vec!["1", "2"]),
            ("/list/1/n", vec!["2"]),
            ("/deep/x/y", vec!["z"]),
            ("/deep/x", vec![]),
            ("/none", vec![]),
        ] {
            let pointed = Pointer::parse(pointer).unwrap();
            assert_eq!(Body::read(document.as_bytes()).values(&pointed), values, "{pointer}");
        }
        for wrong in ["", "a", "/a~2", "/~"] {
            assert_eq!(Pointer::parse(wrong), None, "{wrong}");
        }
    }

    /// However an application reads a body, whoever is asked about is in the record.
    #[test]
    fn no_way_of_writing_a_body_hides_whom_it_names() {
        let places = DataSubjects::new(key(), vec![place(Kind::NationalNumber, body("/number"))]);
        let wanted = key().pseudonym(Kind::NationalNumber, "85073100190").unwrap();
        let wide = |mark: &[u8], order: fn(u16) -> [u8; 2]| {
            let text = r#"{"number":"85073100190"}"#;
            [mark, &text.encode_utf16().flat_map(order).collect::<Vec<_>>()].concat()
        };
        let deep = format!(r#"{{"x":{}1{},"number":"85073100190"}}"#, "[".repeat(5000), "]".repeat(5000));
        let deeper = deep.replace("\"x\"", "\"number\"");
        for (name, text) in [
            ("twice, and last another", br#"{"number":"85073100190","number":"1"}"#.to_vec()),
            ("twice, and first another", br#"{"number":"1","number":"85073100190"}"#.to_vec()),
            ("another case", br#"{"Number":"85073100190"}"#.to_vec()),
            ("escaped", br#"{"n\u0075mber":"8507310\u003019\u0030"}"#.to_vec()),
            ("a list of one", br#"{"number":["85073100190"]}"#.to_vec()),
            ("a number with a point", br#"{"number":85073100190.0}"#.to_vec()),
            ("a number with an exponent", br#"{"number":8.507310019e10}"#.to_vec()),
            ("a number out of range elsewhere", br#"{"x":1e999,"number":"85073100190"}"#.to_vec()),
            ("broken behind", br#"{"number":"85073100190",}"#.to_vec()),
            ("more behind", br#"{"number":"85073100190"} x"#.to_vec()),
            ("a number out of range, and again", br#"{"number":1e999,"number":"85073100190"}"#.to_vec()),
            ("deep, and again", deeper.into_bytes()),
            ("in single quotes", b"{'number':'85073100190'}".to_vec()),
            ("with comments", br#"{/**/"number"/**/:/**/"85073100190"}"#.to_vec()),
            ("cut off", br#"{"number":"85073100190"#.to_vec()),
            ("deep elsewhere", deep.into_bytes()),
            ("a byte order mark", b"\xef\xbb\xbf{\"number\":\"85073100190\"}".to_vec()),
            ("a byte that is no UTF-8", b"{\"x\":\"\xff\",\"number\":\"85073100190\"}".to_vec()),
            ("UTF-16", wide(&[], u16::to_le_bytes)),
            ("UTF-16 with a mark", wide(&[0xfe, 0xff], u16::to_be_bytes)),
            ("a form with a byte that is no UTF-8", b"x=\xff&number=85073100190".to_vec()),
            ("a form with a byte order mark", b"\xef\xbb\xbfnumber=85073100190".to_vec()),
            ("a form with semicolons", b"x=1;number=85073100190;y=2".to_vec()),
            ("a form with a semicolon behind", b"number=85073100190;y=2".to_vec()),
            ("a form with a list", b"number[]=85073100190".to_vec()),
            ("a form with a space", b"+number=85073100190".to_vec()),
            ("a form with a NUL", b"number%00x=85073100190".to_vec()),
            (
                "parts",
                b"--0\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--0\r\nContent-Disposition: form-data; name=\"number\"\r\n\r\n85073100190\r\n--0--\r\n".to_vec(),
            ),
        ] {
            let subjects = places.asked(&captures(&[]), Some(&text), RECORDED).subjects;
            assert!(subjects.contains(&wanted), "{name}: {subjects:?}");
        }
    }

    #[test]
    fn names_in_a_form_are_read_as_they_are_written() {
        let places = DataSubjects::new(key(), vec![place(Kind::Name, body("/name"))]);
        let wanted = key().pseudonym(Kind::Name, "Zo\u{eb} P\u{e9}rez").unwrap();
        for text in [
            &b"name=Zo%C3%AB+P%C3%A9rez&x=\xff"[..],
            b"name=Zo%EB+P%E9rez",
            b"name=Zo\xeb P\xe9rez",
            "name=Zo\u{eb} P\u{e9}rez".as_bytes(),
        ] {
            assert_eq!(
                places.asked(&captures(&[]), Some(text), RECORDED).subjects,
                std::slice::from_ref(&wanted),
                "{text:?}"
            );
        }
    }

    #[test]
    fn whoever_is_asked_about_is_found_wherever_the_file_says() {
        let number = |part| DataSubjects::new(key(), vec![place(Kind::NationalNumber, part)]);
        let wanted = key().pseudonym(Kind::NationalNumber, "85073100190").unwrap();
        let of_path = number(Part::Capture("number".into()));
        for (name, places, captured, text, found) in [
            ("path", &of_path, vec![("number", "85.07.31-001.90")], None, 1),
            ("not captured", &of_path, vec![], None, 0),
            ("json", &number(body("/q/number")), vec![], Some(r#" {"q":{"number":"85073100190"}}"#), 1),
            ("a json number", &number(body("/q")), vec![], Some(r#"{"q":85073100190}"#), 1),
            ("twice in a list", &number(body("/*")), vec![], Some(r#"["85073100190","85.07.31-001.90"]"#), 1),
            ("a form", &number(body("/nr")), vec![], Some("x=1&nr=85.07.31-001.90"), 1),
            ("cut off", &number(body("/q")), vec![], Some(r#"{"q":"85073100190"#), 1),
            ("no body", &number(body("/q")), vec![], None, 0),
        ] {
            let subjects = places.asked(&captures(&captured), text.map(str::as_bytes), RECORDED).subjects;
            assert_eq!(subjects.len(), found, "{name}");
            assert!(subjects.iter().all(|subject| *subject == wanted), "{name}");
        }
    }

    #[test]
    fn a_name_with_a_date_of_birth_is_found_by_both_and_by_the_name_alone() {
        let places = DataSubjects::new(
            key(),
            vec![Place {
                kind: Kind::Name,
                part: Part::Capture("name".into()),
                birth_date: Some(Part::Capture("born".into())),
            }],
        );
        let (name, person) = (
            key().pseudonym(Kind::Name, "Jan Peeters").unwrap(),
            key().person("Jan Peeters", "1985-07-31").unwrap(),
        );
        let asked = |entries: &[(&str, &str)]| places.asked(&captures(entries), None, RECORDED).subjects;
        assert_eq!(asked(&[("name", "Peeters Jan"), ("born", "31/07/1985")]), [name.clone(), person]);
        assert_eq!(asked(&[("name", "Peeters Jan"), ("born", "unknown")]), [name]);
    }

    #[test]
    fn a_date_of_birth_that_is_written_twice_is_taken_both_times() {
        let birth_date = Some(body("/born"));
        let places = DataSubjects::new(key(), vec![Place { birth_date, ..place(Kind::Name, body("/name")) }]);
        let asked = |form: &[u8]| places.asked(&captures(&[]), Some(form), RECORDED).subjects;
        let born = |date| key().person("Jan Peeters", date).unwrap();
        let name = key().pseudonym(Kind::Name, "Jan Peeters").unwrap();
        let (first, last) = (born("1985-07-31"), born("1990-01-01"));
        let twice = asked(b"name=Jan+Peeters&born=1985-07-31&born=&born=1990-01-01");
        assert_eq!(twice, [name.clone(), first.clone(), last]);
        assert_eq!(asked(b"name=Jan+Peeters&born=1985-07-31"), [name, first]);
    }

    #[test]
    fn an_answer_names_many_and_only_so_many_are_kept() {
        let places = DataSubjects::new(
            key(),
            vec![place(Kind::Plate, Part::Answer(Pointer::parse("/hits/*/plate").unwrap()))],
        );
        let answer = |count: usize| {
            let hits: Vec<_> =
                (0..count).map(|number| serde_json::json!({"plate": format!("1-ABC-{number}")})).collect();
            serde_json::json!({ "hits": hits }).to_string()
        };
        let few = places.answered(answer(3).as_bytes());
        assert_eq!((few.subjects.len(), few.more), (3, 0));
        assert_eq!(few.subjects.first(), key().pseudonym(Kind::Plate, "1ABC0").as_ref());
        let many = places.answered(answer(RECORDED + 5).as_bytes());
        assert_eq!((many.subjects.len(), many.more), (RECORDED, 5));
        assert_eq!(places.answered(b"<html>"), Named::default());
    }

    #[test]
    fn a_request_names_many_and_only_so_many_are_kept() {
        let places = DataSubjects::new(key(), vec![place(Kind::NationalNumber, body("/*"))]);
        let numbers: Vec<_> =
            (0..RECORDED + 7).map(|number| format!("{:011}", 85_000_000_000 + number)).collect();
        let asked = places.asked(&captures(&[]), Some(&serde_json::to_vec(&numbers).unwrap()), RECORDED);
        assert_eq!((asked.subjects.len(), asked.more), (RECORDED, 7));
    }

    #[test]
    fn what_is_written_down_names_nobody() {
        let places =
            DataSubjects::new(key(), vec![place(Kind::NationalNumber, Part::Capture("number".into()))]);
        for (path, value, covered) in [
            ("/persons/85073100190", "85073100190", "/persons/{number}"),
            ("/persons/85073100190/photo", "85073100190", "/persons/{number}/photo"),
            ("/persons%2F85073100190", "85073100190", "/{number}"),
            ("/persons/85%2E07", "85.07", "/persons/{number}"),
            ("/1/persons/1", "1", "/{number}/persons/{number}"),
            ("/persons/17;jsessionid=1", "17", "/persons/{number}"),
        ] {
            let (mut path, mut captured) = (path.to_owned(), captures(&[("number", value), ("case", "12")]));
            places.cover(&mut captured, &mut [&mut path]);
            assert_eq!(path, covered);
            assert_eq!(captured["case"], "12", "what names nobody stays");
            let pseudonym = key().pseudonym(Kind::NationalNumber, value).unwrap().text();
            assert_eq!(captured["number"], pseudonym);
        }
        let mut unknown = "/person/85073100190/v2/photo".to_owned();
        places.cover(&mut captures(&[("case", "12")]), &mut [&mut unknown]);
        assert_eq!(unknown, "/person/…/v2/photo");
    }
}
