//! Code pages, as `SecUnicodeMapFile` names them: which byte an application makes of a character that `%uhhhh` spells.
//!
//! The file is the one that ModSecurity and Snort ship: a line `20127 (US-ASCII)` begins a page, and lines of pairs such as
//! `00a1:21`, a character and its byte in hexadecimal, fill it.

/// A code page.
#[derive(Debug)]
pub(crate) struct CodePage {
    /// Characters with their bytes, sorted.
    bytes: Vec<(u16, u8)>,
}

/// Full stops of other scripts, which host names take for `.` (RFC 3490, 3.1).
const FULL_STOPS: [u16; 3] = [0x3002, 0xff0e, 0xff61];

impl CodePage {
    /// Reads page `number` of a file.
    ///
    /// # Errors
    ///
    /// When the file has no such page, or a pair of it is malformed; the message names the line.
    pub(crate) fn read(file: &[u8], number: u32) -> Result<Self, String> {
        let text = String::from_utf8_lossy(file);
        let mut bytes: Vec<(u16, u8)> = FULL_STOPS.map(|stop| (stop, b'.')).to_vec();
        let (mut others, mut is_found, mut is_meant) = (Vec::new(), false, false);
        for (line, text) in (1..).zip(text.lines()) {
            let mut words = text.split_whitespace();
            let first = words.next().unwrap_or_default();
            if let Ok(page) = first.parse::<u32>() {
                is_meant = page == number;
                is_found |= is_meant;
                others.push(page);
            } else if is_meant && first.contains(':') {
                for pair in text.split_whitespace() {
                    bytes.push(parse(pair).ok_or_else(|| {
                        format!("line {line}: `{pair}` is no character and its byte; write `00a1:21`")
                    })?);
                }
            }
        }
        if !is_found {
            let others: Vec<String> = others.iter().take(50).map(ToString::to_string).collect();
            return Err(format!(
                "there is no code page `{number}`, but {}; name one of these",
                others.join(", ")
            ));
        }
        // The last of a character's pairs counts.
        bytes.reverse();
        bytes.sort_by_key(|(char, _)| *char);
        bytes.dedup_by_key(|(char, _)| *char);
        Ok(Self { bytes })
    }

    /// The byte that stands for a character.
    pub(super) fn byte(&self, char: u16) -> Option<u8> {
        let at = self.bytes.binary_search_by_key(&char, |(char, _)| *char).ok()?;
        self.bytes.get(at).map(|(_, byte)| *byte)
    }
}

fn parse(pair: &str) -> Option<(u16, u8)> {
    let (char, byte) = pair.split_once(':')?;
    Some((u16::from_str_radix(char, 16).ok()?, u8::from_str_radix(byte, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::CodePage;

    const FILE: &str = "# pages\n\n1250 (ANSI - Central Europe)\n00a1:22 0104:41\n\n20127 (US-ASCII)\n00a1:21 00c0:41 00c0:61\n\
        0660:30 ff0e:2d\n28591 (ISO 8859-1 Latin 1)\n00a1:a1 broken:x\n";

    #[test]
    fn a_page_is_read_and_no_other() {
        let page = CodePage::read(FILE.as_bytes(), 20127).unwrap();
        for (char, byte) in [
            (0xa1, Some(0x21)),
            (0xc0, Some(b'a')),
            (0x660, Some(b'0')),
            (0xff0e, Some(b'-')),
            (0x3002, Some(b'.')),
            (0x104, None),
            (0x41, None),
        ] {
            assert_eq!(page.byte(char), byte, "{char:x}");
        }
    }

    #[test]
    fn faults_are_told() {
        for (number, message) in [
            (28591, "line 10: `broken:x` is no character and its byte; write `00a1:21`"),
            (932, "there is no code page `932`, but 1250, 20127, 28591; name one of these"),
        ] {
            assert_eq!(CodePage::read(FILE.as_bytes(), number).unwrap_err(), message);
        }
    }
}
