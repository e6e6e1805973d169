//! Signed notes with Ed25519 (<https://c2sp.org/signed-note>), and the keys that make and check them.

use std::{fmt, path::Path};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::fill,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

/// The algorithm's byte.
const ALGORITHM: u8 = 1;
const SECRET: &str = "PRIVATE+KEY+";
/// What a signature's line begins with.
const MARK: &str = "\u{2014} ";

/// Why a key or a note is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NoteFault {
    /// A line of a key file.
    #[error(
        "line {0} is no key; a signing key is `PRIVATE+KEY+name+hash+…` and a verifying one `name+hash+…`"
    )]
    Key(usize),
    /// A key file without what it is for.
    #[error("it holds no {0} key; make one with `poort audit key NAME`")]
    NoKey(&'static str),
    /// No note at all.
    #[error("it is no signed note")]
    Form,
    /// No signature of a known key.
    #[error("no key of ours signed it: known are {0}")]
    Unsigned(String),
    /// No randomness.
    #[error("the system gives no randomness")]
    Random,
}

/// A key that signs.
pub struct Signer {
    verifier: Verifier,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

/// A key that checks; written as `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: [u8; 32],
}

impl Verifier {
    /// The first four bytes of the SHA-256 over name and key.
    fn hash(&self) -> [u8; 4] {
        let text = [self.name.as_bytes(), b"\n", &[ALGORITHM], &self.key].concat();
        digest(&SHA256, &text).as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Whose key it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, key) = fields(text)?;
        let verifier = Self { name: name.to_owned(), key };
        (verifier.to_string() == text).then_some(verifier)
    }

    fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Written { name: &self.name, hash: self.hash(), key: &self.key })
    }
}

/// How keys are written.
struct Written<'a> {
    name: &'a str,
    hash: [u8; 4],
    key: &'a [u8; 32],
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode([&[ALGORITHM], self.key.as_slice()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.hash))
    }
}

/// Name and key of `name+hash+key`.
fn fields(text: &str) -> Option<(&str, [u8; 32])> {
    let mut fields = text.splitn(3, '+');
    let (name, _hash, key) = (fields.next()?, fields.next()?, fields.next()?);
    let sound =
        !name.is_empty() && !name.chars().any(|character| character.is_whitespace() || character == '+');
    let key = BASE64.decode(key).ok()?;
    let (algorithm, key) = key.split_first()?;
    (sound && *algorithm == ALGORITHM).then_some((name, key.try_into().ok()?))
}

impl Signer {
    /// A new key, as it is written to a file. `name` is the log's origin, such as `gate-1.zone.example/audit`.
    ///
    /// # Errors
    /// When the name has white space or a `+`, or the system has no randomness.
    pub fn generate(name: &str) -> Result<(String, Verifier), NoteFault> {
        let mut seed = [0; 32];
        fill(&mut seed).map_err(|_| NoteFault::Random)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteFault::Random)?;
        let verifier = Verifier { name: name.to_owned(), key: public(&pair) };
        let text = format!("{SECRET}{}", Written { name: &verifier.name, hash: verifier.hash(), key: &seed });
        match Self::parse(&text) {
            Some(_) => Ok((text, verifier)),
            None => Err(NoteFault::Key(1)),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, seed) = fields(text.strip_prefix(SECRET)?)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        Some(Self { verifier: Verifier { name: name.to_owned(), key: public(&pair) }, pair })
    }

    /// Whose key it is: the log's origin.
    pub(super) fn name(&self) -> &str {
        &self.verifier.name
    }

    /// The note of a text, which ends in a line end.
    pub(super) fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(text.as_bytes());
        let signature = BASE64.encode([&self.verifier.hash(), signature.as_ref()].concat());
        format!("{text}\n{MARK}{} {signature}\n", self.verifier.name)
    }
}

fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    pair.public_key().as_ref().first_chunk().copied().unwrap_or_default()
}

/// The keys of a log: one signs, all that ever did check.
#[derive(Debug)]
pub struct Keys {
    signer: Option<Signer>,
    verifiers: Vec<Verifier>,
}

impl Keys {
    /// Reads keys, one a line; `#` begins a comment. The first signing key signs; former ones are kept to check what they signed.
    ///
    /// # Errors
    /// A line that is no key.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let (mut signer, mut verifiers) = (None, Vec::new());
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with(SECRET) {
                let key = Signer::parse(line).ok_or(NoteFault::Key(number))?;
                verifiers.push(key.verifier.clone());
                signer = signer.or(Some(key));
            } else {
                verifiers.push(Verifier::parse(line).ok_or(NoteFault::Key(number))?);
            }
        }
        Ok(Self { signer, verifiers })
    }

    /// Reads a file of keys.
    ///
    /// # Errors
    /// What is wrong with it, with its path.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|fault| format!("{}: {fault}", path.display()))
    }

    /// The key that signs.
    ///
    /// # Errors
    /// When there is none.
    pub fn signer(&self) -> Result<&Signer, NoteFault> {
        self.signer.as_ref().ok_or(NoteFault::NoKey("signing"))
    }

    /// The keys that check.
    #[must_use]
    pub fn verifiers(&self) -> &[Verifier] {
        &self.verifiers
    }

    /// The text of a note that one of the keys signed.
    pub(super) fn open<'a>(&self, note: &'a str) -> Result<(&'a str, &Verifier), NoteFault> {
        let end = note.rfind("\n\n").ok_or(NoteFault::Form)? + 1;
        let (text, signatures) = note.split_at_checked(end).ok_or(NoteFault::Form)?;
        for line in signatures.lines().filter_map(|line| line.strip_prefix(MARK)) {
            let (name, signature) = line.split_once(' ').ok_or(NoteFault::Form)?;
            let signature = BASE64.decode(signature).map_err(|_| NoteFault::Form)?;
            let (hash, signature) = signature.split_first_chunk().ok_or(NoteFault::Form)?;
            let signed = self
                .verifiers
                .iter()
                .find(|key| key.name == name && key.hash() == *hash && key.has_signed(text, signature));
            if let Some(key) = signed {
                return Ok((text, key));
            }
        }
        let known: Vec<_> = self.verifiers.iter().map(|key| format!("`{key}`")).collect();
        Err(NoteFault::Unsigned(if known.is_empty() { "none".to_owned() } else { known.join(", ") }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_another_implementation_is_accepted() {
        // The example of Go's golang.org/x/mod/sumdb/note.
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let keys = Keys::parse(&format!("# Go's\n{key}\n")).unwrap();
        let (text, signed) = keys.open(note).unwrap();
        assert!(text.ends_with("problem is.\n"));
        assert_eq!(signed.to_string(), key);
        assert!(matches!(keys.open(&note.replace("answer", "cure")), Err(NoteFault::Unsigned(_))));
        assert!(matches!(keys.open("no note"), Err(NoteFault::Form)));
    }

    #[test]
    fn keys_are_made_read_and_turned() {
        let (first, verifier) = Signer::generate("gate.example/audit").unwrap();
        let (second, _) = Signer::generate("gate.example/audit").unwrap();
        let old = Keys::parse(&first).unwrap();
        let note = old.signer().unwrap().sign("text\n");
        let turned = Keys::parse(&format!("{second}\n{verifier}\n")).unwrap();
        assert_eq!(turned.open(&note).unwrap(), ("text\n", &verifier));
        let other = Keys::parse(&second).unwrap();
        assert!(matches!(other.open(&note), Err(NoteFault::Unsigned(_))));
        assert!(Keys::parse(&verifier.to_string()).unwrap().signer().is_err());
        for name in ["", "a b", "a+b"] {
            assert!(Signer::generate(name).is_err(), "{name}");
        }
        for line in
            ["PRIVATE+KEY+a+00000000+AQ==", "a+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "x"]
        {
            assert!(matches!(Keys::parse(&format!("\n{line}")), Err(NoteFault::Key(2))), "{line}");
        }
    }
}
