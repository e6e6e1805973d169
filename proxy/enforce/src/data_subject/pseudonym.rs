//! The key, and what it makes of a name.
//!
//! A pseudonym is HMAC-SHA-256 (RFC 2104) over the kind and the one form, cut to 128 bits. Without the key nobody can tell whom it stands
//! for, though there are only some ten million national numbers to try; whoever has the key can try them all, so it belongs to the data
//! protection officer, and a gate has the current one alone.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroize as _;

use super::kind::{Kind, birth_date};
use crate::hex;

/// A key for pseudonyms.
#[derive(Clone)]
pub struct PseudonymKey {
    key: hmac::Key,
    id: KeyId,
}

/// Names a key without telling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 4]);

/// Why a file holds no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// No line has one.
    None,
    /// A line is no key.
    Form {
        /// Which, from 1.
        line: usize,
    },
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no line has a key; make one with `openssl rand -hex 32`"),
            Self::Form { line } => {
                write!(f, "line {line} is not 64 hexadecimal digits; make a key with `openssl rand -hex 32`")
            }
        }
    }
}

impl std::error::Error for KeyFault {}

/// Somebody or something a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSubject {
    /// What it was named by.
    pub kind: Kind,
    /// With which key.
    pub key: KeyId,
    /// What stands for it.
    pub pseudonym: [u8; 16],
}

impl PseudonymKey {
    /// Bytes of a key.
    pub const BYTES: usize = 32;

    /// A key of these bytes, which nobody can guess.
    #[must_use]
    pub fn new(secret: &[u8; Self::BYTES]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let mut id = [0; 4];
        cut(&hmac::sign(&key, b"poort pseudonym key id"), &mut id);
        Self { key, id: KeyId(id) }
    }

    /// Reads a key file: a key a line, of 64 hexadecimal digits. The first one is for what is recorded now, the others for what was
    /// recorded before. Empty lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// [`KeyFault`]; it tells nothing of a key.
    pub fn from_lines(text: &str) -> Result<Vec<Self>, KeyFault> {
        let mut keys = vec![];
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut secret = [0; Self::BYTES];
            let read = hexadecimal(line, &mut secret);
            keys.push(read.map(|()| Self::new(&secret)).ok_or(KeyFault::Form { line: number })?);
            secret.zeroize();
        }
        if keys.is_empty() { Err(KeyFault::None) } else { Ok(keys) }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What stands for a text of a kind; none if nothing is left of the text in its one form.
    #[must_use]
    pub fn pseudonym(&self, kind: Kind, text: &str) -> Option<DataSubject> {
        Some(self.of_form(kind, &kind.normal(text)?))
    }

    /// What stands for somebody known by name and date of birth; none if either has no form.
    #[must_use]
    pub fn person(&self, name: &str, born: &str) -> Option<DataSubject> {
        let form = [&*Kind::NameAndBirthDate.normal(name)?, " ", &*birth_date(born)?].concat();
        Some(self.of_form(Kind::NameAndBirthDate, &form))
    }

    fn of_form(&self, kind: Kind, form: &str) -> DataSubject {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(kind.as_str().as_bytes());
        context.update(b"\0");
        context.update(form.as_bytes());
        let mut pseudonym = [0; 16];
        cut(&context.sign(), &mut pseudonym);
        DataSubject { kind, key: self.id, pseudonym }
    }
}

fn hexadecimal(text: &str, bytes: &mut [u8]) -> Option<()> {
    if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(())
}

fn cut(tag: &hmac::Tag, to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
}

impl DataSubject {
    /// The pseudonym in lower-case hexadecimal, as records have it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(2 * self.pseudonym.len());
        // Writing to a String cannot fail.
        let _ = hex::write(&self.pseudonym, &mut text);
        text
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PseudonymKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_depends_on_key_kind_and_form_and_on_nothing_else() {
        let (one, other) = (PseudonymKey::new(&[1; 32]), PseudonymKey::new(&[2; 32]));
        let of = |key: &PseudonymKey, kind, text| key.pseudonym(kind, text).unwrap();
        let known = of(&one, Kind::NationalNumber, "85073100190");
        assert_eq!(of(&one, Kind::NationalNumber, "85.07.31-001.90"), known);
        assert_ne!(of(&one, Kind::Number, "85073100190").pseudonym, known.pseudonym);
        assert_ne!(of(&other, Kind::NationalNumber, "85073100190").pseudonym, known.pseudonym);
        assert_ne!(one.id(), other.id());
        assert_eq!(one.person("Jan Peeters", "31/07/1985"), one.person("PEETERS Jan", "1985-07-31"));
        assert_eq!(one.person("Jan Peeters", "yesterday"), None);
        assert_eq!(known.text().len(), 32);
        let shown = format!("{one:?}");
        assert!(!shown.contains("01010101") && shown.contains(&one.id().to_string()), "{shown}");
    }

    #[test]
    fn key_files_have_a_key_a_line() {
        let (one, other) = ("01".repeat(32), "AB".repeat(32));
        let keys = PseudonymKey::from_lines(&format!("# of 2026\n{one}\n\n  {other}\n")).unwrap();
        let ids: Vec<_> = keys.iter().map(PseudonymKey::id).collect();
        assert_eq!(ids, [PseudonymKey::new(&[1; 32]).id(), PseudonymKey::new(&[0xab; 32]).id()]);
        for (text, fault) in [
            ("", KeyFault::None),
            ("# none", KeyFault::None),
            ("01", KeyFault::Form { line: 1 }),
            (&*format!("{one}\n{}+1", "0".repeat(62)), KeyFault::Form { line: 2 }),
            (&*"é".repeat(32), KeyFault::Form { line: 1 }),
        ] {
            assert_eq!(PseudonymKey::from_lines(text).map(|keys| keys.len()), Err(fault), "{text}");
        }
    }

    /// What officers were given last year must be found next year: the scheme never changes unseen.
    #[test]
    fn the_scheme_is_fixed() {
        let key = PseudonymKey::new(&[7; 32]);
        // As `openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…` has them.
        let number = key.pseudonym(Kind::NationalNumber, "85073100190").unwrap().text();
        assert_eq!(number, "3cf6867ec9e4754af723ee83866de8d1", "of `national_number`, NUL, `85073100190`");
        let person = key.person("Jan Peeters", "1985-07-31").unwrap().text();
        assert_eq!(
            person, "4e38f95d8ffe80535655c6192417cab1",
            "of `name_and_birth_date`, NUL, `jan peeters 1985-07-31`"
        );
        assert_eq!(key.id().to_string(), "203e1cf7");
    }
}
