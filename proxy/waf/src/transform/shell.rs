//! `cmdLine`: what shells ignore in a command, ignored.

use crate::bytes::{ByteSet, is_space};

pub(super) fn touches() -> ByteSet {
    ByteSet::that(|byte| byte.is_ascii_uppercase() || is_space(byte) || b"\\\"'^,;/(".contains(&byte))
}

/// `\ " ' ^` go; white space, `,` and `;` become one space; a space before `/` or `(` goes; letters become small.
pub(super) fn command_line(input: &[u8], out: &mut Vec<u8>) {
    let mut space = false;
    for byte in input {
        match byte {
            b'\\' | b'"' | b'\'' | b'^' => {}
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c | b',' | b';' => {
                if !space {
                    out.push(b' ');
                }
                space = true;
            }
            b'/' | b'(' => {
                if space {
                    out.pop();
                }
                out.push(*byte);
                space = false;
            }
            byte => {
                out.push(byte.to_ascii_lowercase());
                space = false;
            }
        }
    }
}
