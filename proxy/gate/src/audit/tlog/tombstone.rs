//! What stands in the place of an entry whose content was removed: its hash, which the tree was built of. The tree needs nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::merkle::Hash;

const BEGINNING: &[u8] = b"{\"retired\":\"";
const END: &[u8] = b"\"}";

/// The tombstone of an entry with this hash.
fn of(leaf: Hash) -> Vec<u8> {
    [BEGINNING, BASE64.encode(leaf.0).as_bytes(), END].concat()
}

/// The tombstone of an entry.
pub(in crate::audit) fn of_entry(entry: &[u8]) -> Vec<u8> {
    of(Hash::of_entry(entry))
}

/// The hash on a tombstone; none if this is none.
pub(in crate::audit) fn read(entry: &[u8]) -> Option<Hash> {
    let hash = entry.strip_prefix(BEGINNING)?.strip_suffix(END)?;
    Some(Hash(BASE64.decode(hash).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_has_the_hash_of_what_it_stands_for() {
        let leaf = Hash::of_entry(b"a record");
        assert_eq!(read(&of(leaf)), Some(leaf));
        for other in ["", "{}", "{\"retired\":\"\"}", "{\"retired\":\"AAAA\"}", "a record"] {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
    }
}
