//! White space.

use crate::bytes::{is_space, is_space_or_nbsp};

/// 1 for bytes that stay.
#[expect(
    clippy::indexing_slicing,
    reason = "it is made when this is compiled: beyond its end, that would fail"
)]
const STAYS: [u8; 256] = {
    let mut stays = [1; 256];
    let gone = [b' ', b'\t', b'\n', 0x0b, 0x0c, b'\r', 0xa0];
    let mut at = 0;
    while at < gone.len() {
        stays[gone[at] as usize] = 0;
        at += 1;
    }
    stays
};

/// Bytes that are sorted at once; a power of two.
const ROOM: usize = 64;

/// White space goes. Without a branch per byte, since text has white space at every fifth or so.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) {
    let mut room = [0; ROOM];
    for bytes in input.chunks(ROOM) {
        let mut len = 0_usize;
        for byte in bytes {
            if let Some(slot) = room.get_mut(len % ROOM) {
                *slot = *byte;
            }
            let stays = STAYS.get(usize::from(*byte)).copied().unwrap_or(1);
            len = len.wrapping_add(usize::from(stays));
        }
        out.extend_from_slice(room.get(..len).unwrap_or_default());
    }
}

/// Runs of white space become one space.
pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) {
    let mut inside = false;
    for byte in input {
        let space = is_space_or_nbsp(*byte);
        if !space {
            out.push(*byte);
        } else if !inside {
            out.push(b' ');
        }
        inside = space;
    }
}

pub(super) fn trim_left(input: &[u8]) -> &[u8] {
    let start = input.iter().position(|byte| !is_space(*byte)).unwrap_or(input.len());
    input.get(start..).unwrap_or_default()
}

pub(super) fn trim_right(input: &[u8]) -> &[u8] {
    let end = input.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    input.get(..end).unwrap_or_default()
}
