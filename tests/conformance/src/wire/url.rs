//! Form encoding as Go has it.

/// Names and values of a form encoded, unless decoding it changes it: then it is encoded already.
pub(super) fn encode_once(data: Vec<u8>) -> Vec<u8> {
    if unescape(&data).as_ref() != Some(&data) {
        return data;
    }
    let mut tokens: Vec<&[u8]> = data.split(|byte| *byte == b'&').collect();
    tokens.pop_if(|token| token.is_empty());
    let mut out = Vec::with_capacity(data.len());
    for (at, token) in tokens.into_iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        let mut sides = token.splitn(2, |byte| *byte == b'=');
        escape(sides.next().unwrap_or_default(), &mut out);
        if let Some(value) = sides.next() {
            out.push(b'=');
            escape(value, &mut out);
        }
    }
    out
}

/// Go's `url.QueryUnescape`; `None` where it errs.
fn unescape(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok()?;
                out.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
                rest = after;
            }
            b'+' => out.push(b' '),
            byte => out.push(*byte),
        }
    }
    Some(out)
}

/// Go's `url.QueryEscape`.
fn escape(data: &[u8], out: &mut Vec<u8>) {
    for byte in data {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) => out.push(*byte),
            b' ' => out.push(b'+'),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::encode_once;

    #[test]
    fn forms_are_encoded_once() {
        for (data, expected) in [
            ("", ""),
            ("a=b", "a=b"),
            ("a=<b>&c d", "a=%3Cb%3E&c+d"),
            ("a=b=c&", "a=b%3Dc"),
            ("a+b", "a+b"),
            ("a=%41", "a=%41"),
            ("a=%4", "a=%4"),
            ("a=100%", "a=100%"),
            ("\u{e9}", "%C3%A9"),
        ] {
            let found = encode_once(data.as_bytes().to_vec());
            assert_eq!(String::from_utf8(found).unwrap(), expected, "{data}");
        }
    }
}
