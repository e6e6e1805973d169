//! Injected HTML: the input is tokenized as a browser might, in five contexts (text, and inside an attribute value with
//! each kind of quote or none); a tag, attribute, URL or comment that can run script makes it an attack.

mod black;
mod html;

use black::Danger;
use html::{Context, Kind, Tokenizer};

/// Whether `input` can run script where some page puts it. Linear in the input's length.
#[must_use]
pub fn xss(input: &[u8]) -> bool {
    [Context::Text, Context::Unquoted, Context::SingleQuoted, Context::DoubleQuoted, Context::BackQuoted]
        .into_iter()
        .any(|context| runs_script(input, context))
}

fn runs_script(input: &[u8], context: Context) -> bool {
    let mut tokens = Tokenizer::new(input, context);
    let mut attribute = Danger::None;
    while let Some(token) = tokens.next_token() {
        // Some checks read past the token, as the original does: a name is matched against a prefix of the rest.
        let rest = input.get(token.start..).unwrap_or_default();
        let text = rest.get(..token.len).unwrap_or(rest);
        let before = std::mem::replace(&mut attribute, Danger::None);
        let attack = match token.kind {
            Kind::Doctype => true,
            Kind::TagOpen => black::is_tag(text),
            Kind::AttributeName => {
                attribute = black::attribute(rest, text.len());
                false
            }
            Kind::AttributeValue => match before {
                Danger::None => false,
                Danger::Always | Danger::Style => true,
                Danger::Url => black::is_url(rest, text.len()),
                Danger::NamesAttribute => black::attribute(rest, text.len()) != Danger::None,
            },
            Kind::Comment => black::is_comment(text),
            Kind::Other => false,
        };
        if attack {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::xss;

    #[test]
    fn verdicts() {
        for (input, expected) in [
            (&b"<script>alert(1)</script>"[..], true),
            (b"\" onclick=alert(1)", true),
            (b"<a href=\"&#106;avascript:alert(1)\">", true),
            (b"</></></><b>", false),
            (b"3 < 4 and 5 > 2", false),
            (b"", false),
        ] {
            assert_eq!(xss(input), expected, "{}", String::from_utf8_lossy(input));
        }
    }
}
