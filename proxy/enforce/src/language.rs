//! The languages that people are spoken to in.

use http::{HeaderMap, header};

/// Longest `Accept-Language` that is read, in bytes.
const LIMIT_BYTES: usize = 512;

/// A language of the zone's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Dutch.
    Dutch,
    /// French.
    French,
    /// English, for whoever asks for neither of the others.
    English,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::Dutch, Self::French, Self::English];

    /// The language tag (RFC 5646), for `lang` in pages and keys in files.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Dutch => "nl",
            Self::French => "fr",
            Self::English => "en",
        }
    }

    /// The language that a browser's user likes best of these (RFC 9110, 12.5.4); of equals the first named.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let line = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (Self::English, 0);
        for range in line.filter(|line| line.len() <= LIMIT_BYTES).unwrap_or_default().split(',') {
            let (tag, weight) = range.split_once(';').map_or((range, None), |(tag, q)| (tag, Some(q)));
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let known = Self::ALL.into_iter().find(|known| primary.eq_ignore_ascii_case(known.tag()));
            let weight = weight.map_or(Some(1000), thousandths);
            if let (Some(known), Some(weight)) = (known, weight)
                && weight > best.1
            {
                best = (known, weight);
            }
        }
        best.0
    }
}

/// `q=0.8` as 800; none if it is no weight.
fn thousandths(weight: &str) -> Option<u32> {
    let (whole, part) =
        weight.trim().strip_prefix("q=")?.split_once('.').unwrap_or((weight.trim().get(2..)?, ""));
    let digits = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 3;
    let part: u32 = format!("{part:0<3}").parse().ok().filter(|_| digits)?;
    let all = whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(part)?;
    (all <= 1000).then_some(all)
}

/// A text in every language, in the order of [`Language::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(pub [&'static str; 3]);

impl Text {
    /// The text in one language.
    #[must_use]
    pub const fn in_language(self, language: Language) -> &'static str {
        let Self([dutch, french, english]) = self;
        match language {
            Language::Dutch => dutch,
            Language::French => french,
            Language::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn whoever_asks_is_answered_in_the_language_liked_best() {
        use Language::{Dutch, English, French};
        for (asked, language) in [
            ("", English),
            ("nl", Dutch),
            ("nl-BE,nl;q=0.9,en;q=0.8", Dutch),
            ("fr-BE", French),
            ("FR", French),
            ("de,fr;q=0.5,nl;q=0.7", Dutch),
            ("de", English),
            ("nl;q=0,fr;q=0.1", French),
            ("nl;q=0", English),
            ("en;q=1.0, nl;q=0.999", English),
            ("nl;q=2, fr;q=0.3", French),
            ("nl;q=x, fr", French),
            ("nl;q=0.1234, fr;q=0.001", French),
            ("nlx, fr;q=0.2", French),
            ("*", English),
            (";;;,,,", English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(asked));
            assert_eq!(Language::of(&headers), language, "{asked}");
        }
        assert_eq!(Language::of(&HeaderMap::new()), English);
        let mut long = HeaderMap::new();
        long.insert(
            header::ACCEPT_LANGUAGE,
            HeaderValue::try_from(format!("{}nl", "x,".repeat(300))).unwrap(),
        );
        assert_eq!(Language::of(&long), English, "too long to be read");
    }
}
