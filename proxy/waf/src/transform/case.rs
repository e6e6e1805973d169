//! `lowercase` and `uppercase`: ASCII letters only, as the reference has it.

pub(super) fn lower(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(input);
    out.make_ascii_lowercase();
}

pub(super) fn upper(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(input);
    out.make_ascii_uppercase();
}
