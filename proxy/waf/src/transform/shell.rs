//! `cmdLine`: what shells ignore in a command, ignored.

use crate::bytes::{ByteSet, is_space};

pub(super) fn touches() -> ByteSet {
    ByteSet::that(|byte| byte.is_ascii_uppercase() || is_space(byte) || b"\\\"'^,;/(".contains(&byte))
}

/// 1 for bytes that only become small.
#[expect(
    clippy::indexing_slicing,
    reason = "it is made when this is compiled: beyond its end, that would fail"
)]
const PLAIN: [u8; 256] = {
    let mut plain = [1; 256];
    let special = b"\\\"'^ \t\r\n\x0b\x0c,;/(";
    let mut at = 0;
    while at < special.len() {
        plain[special[at] as usize] = 0;
        at += 1;
    }
    plain
};

/// `\ " ' ^` go; white space, `,` and `;` become one space; a space before `/` or `(` goes; letters become small.
pub(super) fn command_line(input: &[u8], out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| PLAIN.get(usize::from(*byte)) == Some(&1);
    let (mut space, mut rest) = (false, input);
    loop {
        let len = rest.iter().take_while(|byte| is_plain(byte)).count();
        let (plain, tail) = rest.split_at(len);
        out.extend_from_slice(plain);
        space &= plain.is_empty();
        let Some((byte, tail)) = tail.split_first() else { break };
        rest = tail;
        match byte {
            b'\\' | b'"' | b'\'' | b'^' => {}
            b'/' | b'(' => {
                if space {
                    out.pop();
                }
                out.push(*byte);
                space = false;
            }
            _ => {
                if !space {
                    out.push(b' ');
                }
                space = true;
            }
        }
    }
    out.make_ascii_lowercase();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::command_line;
    use crate::bytes::is_space;

    /// A byte after the other, as it is written.
    fn naive(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut space = false;
        for byte in input {
            match byte {
                byte if b"\\\"'^".contains(byte) => continue,
                byte if is_space(*byte) || b",;".contains(byte) => {
                    if !std::mem::replace(&mut space, true) {
                        out.push(b' ');
                    }
                    continue;
                }
                b'/' | b'(' if space => drop(out.pop()),
                _ => {}
            }
            out.push(byte.to_ascii_lowercase());
            space = false;
        }
        out
    }

    proptest! {
        #[test]
        fn runs_are_read_as_their_bytes(input in "[aB1 \\t\\x0b,;/(^'\"\\\\=\u{a0}]{0,24}") {
            let mut out = Vec::new();
            command_line(input.as_bytes(), &mut out);
            prop_assert_eq!(out, naive(input.as_bytes()), "{}", input);
        }
    }
}
