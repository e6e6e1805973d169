//! White space.

use crate::bytes::{is_space, is_space_or_nbsp};

/// White space goes. Without a branch per byte, since text has white space at every fifth or so.
pub(super) fn remove(input: &[u8], out: &mut Vec<u8>) {
    out.resize(input.len(), 0);
    let mut len = 0;
    for byte in input {
        if let Some(slot) = out.get_mut(len) {
            *slot = *byte;
        }
        len += usize::from(!is_space_or_nbsp(*byte));
    }
    out.truncate(len);
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
