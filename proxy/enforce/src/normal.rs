//! One normal form for the request target.
//!
//! Route, policy, record and source all see the bytes made here, so a difference in reading between
//! two of them cannot be used to pass one and mean another. What has more than one reading is refused, not
//! repaired; a few forms that old applications need are reported, and the route decides about them.
//! Source: RFC 3986 §2.3 (unreserved characters), §6.2.2 (equivalence); RFC 9110 §7.1 (request target).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use smallvec::{SmallVec, smallvec};

/// A form of URL that is ambiguous but that an old application may need, so that its source's file can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlForm {
    /// An empty segment, `//`.
    DoubleSlash,
    /// A slash inside a segment, `%2F`.
    EncodedSlash,
    /// Path parameters, `;jsessionid=…`.
    PathParameters,
    /// Bytes that are no UTF-8, such as `%E9` for `é` in ISO 8859-1.
    Latin1,
}

impl UrlForm {
    /// Every form, with the name it has in a source's file.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::DoubleSlash, "double_slash"),
        (Self::EncodedSlash, "encoded_slash"),
        (Self::PathParameters, "path_parameters"),
        (Self::Latin1, "latin1"),
    ];

    const fn bit(self) -> u8 {
        match self {
            Self::DoubleSlash => 1,
            Self::EncodedSlash => 2,
            Self::PathParameters => 4,
            Self::Latin1 => 8,
        }
    }
}

/// A set of [`UrlForm`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UrlForms(u8);

impl UrlForms {
    /// Adds one form.
    pub fn insert(&mut self, form: UrlForm) {
        self.0 |= form.bit();
    }

    /// Whether a form occurs that changes what an application takes for segments.
    const fn is_structural(self) -> bool {
        self.0 & !UrlForm::Latin1.bit() != 0
    }

    /// Whether every form of this set is in `allowed`.
    #[must_use]
    pub fn within(self, allowed: Self) -> bool {
        self.0 & !allowed.0 == 0
    }
}

impl FromIterator<UrlForm> for UrlForms {
    fn from_iter<I: IntoIterator<Item = UrlForm>>(forms: I) -> Self {
        let mut set = Self::default();
        forms.into_iter().for_each(|form| set.insert(form));
        set
    }
}

/// Why a request target has no normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFault {
    /// Not origin-form: it does not start with `/`.
    NotOriginForm,
    /// Longer than the limit.
    TooLong,
    /// A control byte, plain or percent-encoded, `%00` among them.
    Control,
    /// A backslash, plain or as `%5C`: some servers read it as a slash.
    Backslash,
    /// A `.` or `..` segment, plain or percent-encoded.
    DotSegment,
    /// `%` without two hexadecimal digits.
    Escape,
    /// A byte that RFC 3986 does not allow there.
    Byte,
    /// An overlong UTF-8 sequence: some decoders read `%C0%AF` as a slash.
    Overlong,
}

/// A request target in its normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path: unreserved characters decoded, other escapes in upper case.
    pub path: String,
    /// The query without `?`, its escapes checked and otherwise as sent.
    pub query: Option<String>,
    /// The ambiguous forms that occur.
    pub forms: UrlForms,
}

impl Target {
    /// Every path that an application could take this one for: itself and, where ambiguous forms occur, what is left of it with
    /// parameters cut off, encoded slashes read as slashes and empty segments left out, each and in every order.
    ///
    /// SECURITY: `/persons;x/85`, `/persons%2F85` and `//persons/85` are `/persons/85` to some applications. What decides about a path
    /// by what it looks like must look at all of them.
    #[must_use]
    pub fn readings(&self) -> SmallVec<[Cow<'_, str>; 1]> {
        let mut readings = smallvec![Cow::Borrowed(&*self.path)];
        if !self.forms.is_structural() {
            return readings;
        }
        // Each reading is shorter than the one it comes from, and there are few ways to go: this ends.
        let mut next = 0;
        while let Some(reading) = readings.get(next) {
            let more = [plain_segments(reading), reading.replace("%2F", "/"), full_segments(reading)];
            for path in more {
                if !readings.iter().any(|known| *known == path) {
                    readings.push(Cow::Owned(path));
                }
            }
            next += 1;
        }
        readings
    }
}

/// Without path parameters.
fn plain_segments(path: &str) -> String {
    path.split('/').map(without_parameters).collect::<Vec<_>>().join("/")
}

/// Without empty segments, but for a slash at the end.
fn full_segments(path: &str) -> String {
    let mut full = String::with_capacity(path.len());
    for char in path.chars() {
        if char != '/' || !full.ends_with('/') {
            full.push(char);
        }
    }
    full
}

/// Brings a request target to its normal form; `limit_bytes` bounds path and query together.
///
/// # Errors
/// A [`TargetFault`] for whatever has more than one reading.
pub fn normalise(raw: &[u8], limit_bytes: usize) -> Result<Target, TargetFault> {
    if raw.len() > limit_bytes {
        return Err(TargetFault::TooLong);
    }
    if raw.first() != Some(&b'/') {
        return Err(TargetFault::NotOriginForm);
    }
    let mut forms = UrlForms::default();
    let (path, query) = match raw.iter().position(|&b| b == b'?') {
        Some(at) => (raw.get(..at).unwrap_or_default(), raw.get(at + 1..)),
        None => (raw, None),
    };
    let path = normal_path(path, &mut forms)?;
    let query = query.map(|query| normal_query(query, &mut forms)).transpose()?;
    Ok(Target { path, query, forms })
}

fn normal_path(raw: &[u8], forms: &mut UrlForms) -> Result<String, TargetFault> {
    let path = match plain(raw, |byte| byte == b'/' || is_path_byte(byte)) {
        Some(path) => path.to_owned(),
        None => decoded_path(raw, forms)?,
    };
    if path.contains("//") {
        forms.insert(UrlForm::DoubleSlash);
    }
    // An application that needs `%2F` may read it as a slash, and then what stands behind it is a segment too.
    if path.contains('.') && path.split('/').flat_map(|segment| segment.split("%2F")).any(is_dot_segment) {
        return Err(TargetFault::DotSegment);
    }
    Ok(path)
}

/// The text of bytes that all pass, which is what nearly every target is made of.
fn plain(raw: &[u8], passes: impl Fn(u8) -> bool) -> Option<&str> {
    raw.iter().all(|&byte| byte.is_ascii() && passes(byte)).then(|| std::str::from_utf8(raw).ok()).flatten()
}

fn decoded_path(raw: &[u8], forms: &mut UrlForms) -> Result<String, TargetFault> {
    let mut path = String::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    let mut escaped = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let value = escape(&mut bytes)?;
                escaped |= value >= 0x80;
                push_escape(value, &mut path, forms)?;
            }
            b';' => {
                forms.insert(UrlForm::PathParameters);
                path.push(';');
            }
            b'\\' => return Err(TargetFault::Backslash),
            0..=0x1f | 0x7f => return Err(TargetFault::Control),
            byte if byte == b'/' || is_path_byte(byte) => path.push(char::from(byte)),
            _ => return Err(TargetFault::Byte),
        }
    }
    if escaped {
        judge_utf8(&path, forms)?;
    }
    Ok(path)
}

fn push_escape(value: u8, path: &mut String, forms: &mut UrlForms) -> Result<(), TargetFault> {
    match value {
        0..=0x1f | 0x7f => return Err(TargetFault::Control),
        b'\\' => return Err(TargetFault::Backslash),
        b'/' => forms.insert(UrlForm::EncodedSlash),
        b';' => forms.insert(UrlForm::PathParameters),
        _ => {}
    }
    if is_unreserved(value) {
        path.push(char::from(value));
    } else {
        path.push('%');
        path.extend(hex_pair(value));
    }
    Ok(())
}

/// `..;` counts: Tomcat strips parameters before it resolves dots.
fn is_dot_segment(segment: &str) -> bool {
    matches!(without_parameters(segment), "." | "..")
}

/// A segment as an application reads it that knows path parameters.
pub(crate) fn without_parameters(segment: &str) -> &str {
    let bare = segment.split(';').next().unwrap_or(segment);
    bare.split("%3B").next().unwrap_or(bare)
}

fn judge_utf8(path: &str, forms: &mut UrlForms) -> Result<(), TargetFault> {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    if std::str::from_utf8(&decoded).is_ok() {
        return Ok(());
    }
    // SECURITY: overlong forms are refused even where ISO 8859-1 is allowed, since a lax decoder sees `/` or `.` in them.
    let overlong = decoded
        .windows(2)
        .any(|pair| matches!(pair, [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]));
    if overlong {
        return Err(TargetFault::Overlong);
    }
    forms.insert(UrlForm::Latin1);
    Ok(())
}

fn normal_query(raw: &[u8], forms: &mut UrlForms) -> Result<String, TargetFault> {
    if let Some(query) = plain(raw, |byte| !matches!(byte, 0..=0x20 | 0x7f | b'%' | b'#')) {
        return Ok(query.to_owned());
    }
    let mut query = String::with_capacity(raw.len());
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let value = escape(&mut bytes)?;
                if value == 0 {
                    return Err(TargetFault::Control);
                }
                query.push('%');
                query.extend(hex_pair(value));
            }
            0..=0x20 | 0x7f => return Err(TargetFault::Control),
            b'#' => return Err(TargetFault::Byte),
            0x80.. => {
                // A raw byte has one reading only as ISO 8859-1; it travels on as its escape.
                forms.insert(UrlForm::Latin1);
                query.push('%');
                query.extend(hex_pair(byte));
            }
            byte => query.push(char::from(byte)),
        }
    }
    Ok(query)
}

fn escape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, TargetFault> {
    let mut digit = || bytes.next().and_then(hex_value).ok_or(TargetFault::Escape);
    Ok(digit()? << 4 | digit()?)
}

fn hex_value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn hex_pair(value: u8) -> [char; 2] {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
    [digit(value >> 4), digit(value & 15)]
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 `pchar`, and `[ ] |`, which browsers send as they are and which have one reading.
const fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'!' | b'$' | b'&'..=b',' | b'=' | b':' | b'@' | b'[' | b']' | b'|')
}

/// One percent-decoded piece of a normal path or query, as text.
///
/// Bytes that are no UTF-8 are read as ISO 8859-1: they pass only where the source allows that form.
#[must_use]
pub fn decoded(piece: &str) -> Cow<'_, str> {
    if !piece.contains('%') {
        return Cow::Borrowed(piece);
    }
    let bytes: Vec<u8> = percent_decode_str(piece).collect();
    Cow::Owned(text(&bytes).into_owned())
}

/// Bytes as text: UTF-8, or else ISO 8859-1.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    let latin1 = |_| Cow::Owned(bytes.iter().copied().map(char::from).collect());
    std::str::from_utf8(bytes).map_or_else(latin1, Cow::Borrowed)
}

/// The values of `name` in a normal query, decoded as a form field (`+` is a space), as any application might read them.
///
/// SECURITY: many applications know no case in names of fields, some take a semicolon for another `&`, and PHP reads more names as one
/// ([`is_field`]). To those that do not, it is a field nobody reads; here it counts.
pub fn query_values<'q>(query: &'q str, name: &'q str) -> impl Iterator<Item = Cow<'q, str>> {
    let pairs = query.split('&').flat_map(|pair| std::iter::once(pair).chain(pair.split(';').skip(1)));
    values(pairs, name)
}

/// The same, and beside a value with a bare semicolon in it what stands before that, which is the value to applications that end it there.
pub(crate) fn query_readings<'q>(query: &'q str, name: &'q str) -> impl Iterator<Item = Cow<'q, str>> {
    let shorter = |pair: &'q str| pair.split(';').filter(|part| part.len() < pair.len());
    values(query.split('&').flat_map(move |pair| std::iter::once(pair).chain(shorter(pair))), name)
}

fn values<'q>(pairs: impl Iterator<Item = &'q str>, name: &'q str) -> impl Iterator<Item = Cow<'q, str>> {
    pairs.filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        is_field(&form_decoded(key), name).then(|| form_decoded(value))
    })
}

/// What [`query_readings`] are of a form in a body, whose bytes are not normal.
pub(crate) fn form_values(form: &[u8], name: &str) -> Vec<String> {
    let pairs = form.split(|&byte| byte == b'&');
    let pairs = pairs.flat_map(|pair| {
        let shorter = pair.split(|&byte| byte == b';').filter(move |part| part.len() < pair.len());
        std::iter::once(pair).chain(shorter)
    });
    let values = pairs.filter_map(|pair| {
        let end = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (key, value) = pair.split_at_checked(end)?;
        is_field(&form_bytes(key), name).then(|| form_bytes(value.get(1..).unwrap_or_default()))
    });
    values.collect()
}

fn form_bytes(raw: &[u8]) -> String {
    let spaced: Vec<u8> = raw.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
    text(&bytes).into_owned()
}

fn form_decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') { Cow::Owned(decoded(&text.replace('+', " ")).into_owned()) } else { decoded(text) }
}

/// Whether some application takes a field of this name for the one that is wanted: in any case, and in PHP also `+number`, `number[]` and
/// `number%00x` for `number`, and `case.number` for `case_number` (<https://www.php.net/manual/en/language.variables.external.php>).
pub(crate) fn is_field(given: &str, wanted: &str) -> bool {
    given.eq_ignore_ascii_case(wanted) || folded(given, wanted).eq(folded(wanted, wanted))
}

fn folded<'n>(name: &'n str, wanted: &str) -> impl Iterator<Item = char> + 'n {
    let is_list = wanted.contains('[');
    let ends = move |char: char| char == '\0' || char == '[' && !is_list;
    let name = name.trim_start_matches(' ');
    let name = name.split(ends).next().unwrap_or(name);
    name.chars().map(|char| if matches!(char, ' ' | '.') { '_' } else { char.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(raw: &str) -> Result<(String, UrlForms), TargetFault> {
        normalise(raw.as_bytes(), 8192).map(|target| (target.path, target.forms))
    }

    #[test]
    fn unambiguous_targets_have_one_form() {
        for (raw, normal) in [
            ("/", "/"),
            ("/a%41b", "/aAb"),
            ("/a%2db", "/a-b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/a%20b", "/a%20b"),
            ("/a|b[1]", "/a|b[1]"),
            ("/..a/b..", "/..a/b.."),
            ("/100%25", "/100%25"),
        ] {
            assert_eq!(path(raw), Ok((normal.to_owned(), UrlForms::default())), "{raw}");
        }
    }

    #[test]
    fn ambiguous_targets_are_refused() {
        for (raw, fault) in [
            ("*", TargetFault::NotOriginForm),
            ("http://x/", TargetFault::NotOriginForm),
            ("", TargetFault::NotOriginForm),
            ("/a/../b", TargetFault::DotSegment),
            ("/a/%2e%2E/b", TargetFault::DotSegment),
            ("/a/.%2e", TargetFault::DotSegment),
            ("/a/..;/b", TargetFault::DotSegment),
            ("/a/..%3bx/b", TargetFault::DotSegment),
            ("/a%2f../b", TargetFault::DotSegment),
            ("/a/..%2fb", TargetFault::DotSegment),
            ("/a%2F%2e%2e;x%2Fb", TargetFault::DotSegment),
            ("/.", TargetFault::DotSegment),
            ("/a\\b", TargetFault::Backslash),
            ("/a%5cb", TargetFault::Backslash),
            ("/a%00", TargetFault::Control),
            ("/a%0d%0a", TargetFault::Control),
            ("/a\u{7f}", TargetFault::Control),
            ("/a%", TargetFault::Escape),
            ("/a%2", TargetFault::Escape),
            ("/a%zz", TargetFault::Escape),
            ("/a%+1", TargetFault::Escape),
            ("/a b", TargetFault::Byte),
            ("/a<b", TargetFault::Byte),
            ("/a%c0%af", TargetFault::Overlong),
            ("/a%e0%80%af", TargetFault::Overlong),
            ("/a?b#c", TargetFault::Byte),
            ("/a?b=%00", TargetFault::Control),
            ("/a?b=%1", TargetFault::Escape),
        ] {
            assert_eq!(path(raw).map(|_| ()), Err(fault), "{raw}");
        }
    }

    #[test]
    fn forms_of_old_applications_are_reported() {
        for (raw, normal, form) in [
            ("/a//b", "/a//b", UrlForm::DoubleSlash),
            ("/a%2fb", "/a%2Fb", UrlForm::EncodedSlash),
            ("/a;jsessionid=1", "/a;jsessionid=1", UrlForm::PathParameters),
            ("/a%3Bb", "/a%3Bb", UrlForm::PathParameters),
            ("/caf%e9", "/caf%E9", UrlForm::Latin1),
        ] {
            let (seen, forms) = path(raw).unwrap();
            assert_eq!(seen, normal, "{raw}");
            assert_eq!(forms, [form].into_iter().collect(), "{raw}");
            assert!(!forms.within(UrlForms::default()), "{raw}");
            assert!(forms.within(UrlForm::ALL.iter().map(|(form, _)| *form).collect()), "{raw}");
        }
    }

    #[test]
    fn query_values_are_found_by_decoded_name() {
        let values = |query, name| query_values(query, name).collect::<Vec<_>>();
        assert_eq!(values("name=Jan+P&x=1", "name"), ["Jan P"]);
        assert_eq!(values("n%61me=a&name=b", "name"), ["a", "b"]);
        assert_eq!(values("Name=a&NAME=b", "name"), ["a", "b"]);
        assert_eq!(values("name", "name"), [""]);
        assert!(values("", "name").is_empty());
    }

    #[test]
    fn an_ambiguous_path_has_every_reading() {
        for (raw, expected) in [
            ("/persons/85", vec!["/persons/85"]),
            ("/caf%e9", vec!["/caf%E9"]),
            ("//persons/85", vec!["//persons/85", "/persons/85"]),
            ("/persons%2f85", vec!["/persons%2F85", "/persons/85"]),
            ("/persons;a/85", vec!["/persons;a/85", "/persons/85"]),
            ("/persons%3ba/85", vec!["/persons%3Ba/85", "/persons/85"]),
            ("/a;b%2fc/d", vec!["/a;b%2Fc/d", "/a/d", "/a;b/c/d", "/a/c/d"]),
            ("/a%2f/b", vec!["/a%2F/b", "/a//b", "/a/b"]),
            ("/;a/b", vec!["/;a/b", "//b", "/b"]),
        ] {
            let target = normalise(raw.as_bytes(), 8192).unwrap();
            assert_eq!(target.readings().as_slice(), expected, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn no_reading_traverses(raw in proptest::collection::vec(proptest::sample::select(vec!["..", ".", "/", "%2f", ";", "%3B", "a", "%2e"]), 0..8)) {
            if let Ok(target) = normalise(format!("/{}", raw.concat()).as_bytes(), 8192) {
                for reading in target.readings() {
                    prop_assert!(!reading.split('/').any(|segment| segment == ".." || segment == "."), "{}", reading);
                }
            }
        }

        #[test]
        fn normalising_is_idempotent(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut raw = raw;
            raw.insert(0, b'/');
            if let Ok(target) = normalise(&raw, 8192) {
                let again = target.query.as_ref().map_or_else(|| target.path.clone(), |query| format!("{}?{query}", target.path));
                let second = normalise(again.as_bytes(), 65536).unwrap();
                prop_assert_eq!(&second.path, &target.path);
                prop_assert_eq!(&second.query, &target.query);
            }
        }

        #[test]
        fn what_passes_decodes_without_traversal(raw in "/[a-z.%2eEfF5cC/;]{0,24}") {
            if let Ok(target) = normalise(raw.as_bytes(), 8192) {
                let once = decoded(&target.path);
                prop_assert!(!once.split('/').any(|segment| segment == ".." || segment == "."), "{}", once);
                prop_assert!(!once.contains('\\'));
            }
        }
    }
}
