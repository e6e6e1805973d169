//! JSON that is safe to look at.

use std::io;

use serde_json::ser::Formatter;

/// Compact JSON in which no character can steer a terminal or break a line. JSON itself escapes only U+0000 to U+001F; a log is read with
/// `tail`, and U+009B starts an ANSI sequence there, U+202E turns the rest of the line around, U+2028 ends a line for some parsers.
pub(super) struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Plain ASCII is nearly everything. This look at it has no early end, so that the compiler takes many bytes at a time: adding one
        // sets the top bit of whatever is 0x7f or more (0xff is in no UTF-8). It is a fifth of the cost of a record otherwise.
        let seen = fragment.bytes().fold(0, |seen, byte| seen | byte.wrapping_add(1));
        if seen < 0x80 {
            return writer.write_all(fragment.as_bytes());
        }
        let mut bytes = [0; 4];
        for character in fragment.chars() {
            if steers(character) {
                write!(writer, "\\u{:04x}", u32::from(character))?;
            } else {
                writer.write_all(character.encode_utf8(&mut bytes).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// DEL, the C1 controls, line and paragraph separators, and what changes the direction of text or is not seen. All of these are below
/// U+10000, where one escape is enough.
const fn steers(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    fn json(text: &str) -> String {
        let mut bytes = Vec::new();
        text.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Escaping)).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn nothing_steers_a_terminal_and_everything_reads_back() {
        for (name, text, written) in [
            ("plain", "a", "\"a\""),
            ("line ends", "a\r\nb", "\"a\\r\\nb\""),
            ("ansi", "\u{1b}[31m", "\"\\u001b[31m\""),
            ("c1 ansi", "é\u{9b}31m", "\"é\\u009b31m\""),
            ("delete", "\u{7f}", "\"\\u007f\""),
            ("right to left", "a\u{202e}b", "\"a\\u202eb\""),
            ("line separator", "\u{2028}", "\"\\u2028\""),
            ("beyond the plane", "👮", "\"👮\""),
        ] {
            assert_eq!(json(text), written, "{name}");
            assert_eq!(serde_json::from_str::<String>(written).unwrap(), text, "{name}");
        }
    }
}
