//! `md5` and `sha1`: raw digests, for rules that compare or key by them. Nothing here rests on their strength.

use md5::Digest as _;

pub(super) fn md5(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&md5::Md5::digest(input));
}

pub(super) fn sha1(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&sha1::Sha1::digest(input));
}
