//! Injected SQL, by fingerprint: the input is cut into tokens as an SQL engine might, folded to at most five, and the
//! sequence of their classes is looked up. Three readings are tried: as is, and as if a `'` or `"` stood before it.

mod fold;
mod judge;
mod table;
mod token;

use fold::Folded;
use token::{Dialect, Quote};

pub(crate) use table::warm;

/// The classes of at most five folded tokens, for instance `s&1c`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    classes: [u8; 5],
    len: u8,
}

impl Fingerprint {
    /// The classes as ASCII bytes, one a token.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.classes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn push(&mut self, class: u8) {
        if let Some(slot) = self.classes.get_mut(usize::from(self.len)) {
            *slot = class;
            self.len += 1;
        }
    }

    const EMPTY: Self = Self { classes: [0; 5], len: 0 };
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// The fingerprint that marks `input` as injected SQL, or `None`. Linear in the input's length.
#[must_use]
pub fn sqli(input: &[u8]) -> Option<Fingerprint> {
    if input.is_empty() {
        return None;
    }
    if let Some(found) = try_ansi_then_mysql(input, Quote::None) {
        return Some(found);
    }
    if memchr::memchr(b'\'', input).is_some()
        && let Some(found) = try_ansi_then_mysql(input, Quote::Single)
    {
        return Some(found);
    }
    if memchr::memchr(b'"', input).is_some() {
        return attempt(input, Quote::Double, Dialect::MySql).1;
    }
    None
}

fn try_ansi_then_mysql(input: &[u8], quote: Quote) -> Option<Fingerprint> {
    let (folded, found) = attempt(input, quote, Dialect::Ansi);
    if found.is_some() || !folded.dialects_differ {
        return found;
    }
    attempt(input, quote, Dialect::MySql).1
}

fn attempt(input: &[u8], quote: Quote, dialect: Dialect) -> (Folded, Option<Fingerprint>) {
    let folded = fold::fold(input, quote, dialect);
    let fingerprint = folded.fingerprint();
    let found =
        table::is_fingerprint(fingerprint.as_bytes()) && judge::is_attack(input, &folded, fingerprint);
    (folded, found.then_some(fingerprint))
}

#[cfg(test)]
mod tests {
    use super::sqli;

    #[test]
    fn verdicts() {
        for (input, expected) in [
            (&b"1' OR '1'='1"[..], Some("s&sos")),
            (b"1 UNION SELECT a FROM b", Some("1UEnk")),
            (b"O'Neill", None),
            (b"'s-Hertogenbosch", None),
            (b"", None),
            (b"plain words", None),
        ] {
            let got = sqli(input).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
            assert_eq!(got.as_deref(), expected, "{}", String::from_utf8_lossy(input));
        }
    }
}
