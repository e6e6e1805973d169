//! What a log says of itself at one moment, signed (<https://c2sp.org/tlog-checkpoint>).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{
    merkle::Hash,
    note::{Keys, NoteFault, Signer},
};

/// The size of a log and the root over all its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Which log.
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) root: Hash,
}

impl Checkpoint {
    pub(super) fn sign(&self, signer: &Signer) -> String {
        signer.sign(&format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.0)))
    }

    /// Reads a checkpoint that one of the keys signed. Lines after the third are of others' making and are passed over.
    pub(super) fn open(note: &str, keys: &Keys) -> Result<Self, NoteFault> {
        let (text, signed) = keys.open(note)?;
        Self::read(text, signed.name()).ok_or(NoteFault::Form)
    }

    fn read(text: &str, name: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size)?;
        let root = BASE64.decode(root).ok()?.try_into().ok()?;
        (origin == name).then(|| Self { origin: origin.to_owned(), size: number, root: Hash(root) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_read_back_and_others_do_not() {
        let (key, _) = Signer::generate("gate.example/audit").unwrap();
        let keys = Keys::parse(&key).unwrap();
        let signer = keys.signer().unwrap();
        let checkpoint =
            Checkpoint { origin: "gate.example/audit".into(), size: 7, root: Hash::of_entry(b"seven") };
        assert_eq!(Checkpoint::open(&checkpoint.sign(signer), &keys).unwrap(), checkpoint);
        let root = BASE64.encode(checkpoint.root.0);
        for text in [
            format!("other.example/audit\n7\n{root}\n"),
            format!("gate.example/audit\n07\n{root}\n"),
            "gate.example/audit\n7\nAAAA\n".to_owned(),
            "gate.example/audit\n7\n".to_owned(),
        ] {
            assert!(matches!(Checkpoint::open(&signer.sign(&text), &keys), Err(NoteFault::Form)), "{text}");
        }
        let extended = signer.sign(&format!("gate.example/audit\n7\n{root}\nmore\n"));
        assert_eq!(Checkpoint::open(&extended, &keys).unwrap(), checkpoint);
    }
}
