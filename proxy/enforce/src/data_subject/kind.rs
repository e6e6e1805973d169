//! What may be named, and the one form in which each is written, however it was typed.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// What names a data subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The number of a person in a national register.
    NationalNumber,
    /// A number plate.
    Plate,
    /// Any other number, of a case, a firearm, a document.
    Number,
    /// A person's name.
    Name,
    /// A person's name and date of birth.
    NameAndBirthDate,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::NationalNumber, Self::Plate, Self::Number, Self::Name, Self::NameAndBirthDate];

    /// The word in files and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NationalNumber => "national_number",
            Self::Plate => "plate",
            Self::Number => "number",
            Self::Name => "name",
            Self::NameAndBirthDate => "name_and_birth_date",
        }
    }

    /// The one form of a text; none if nothing is left of it. Of numbers: letters and digits, upper-case. Of names: words without accents,
    /// lower-case, in the order of the alphabet. For a [`Kind::NameAndBirthDate`] this is the form of the name.
    #[must_use]
    pub fn normal(self, text: &str) -> Option<String> {
        let normal = match self {
            Self::NationalNumber | Self::Plate | Self::Number => number(text),
            Self::Name | Self::NameAndBirthDate => name(text),
        };
        (!normal.is_empty()).then_some(normal)
    }
}

/// `85.07.31-001.90`, `85073100190` and full-width digits are one number.
fn number(text: &str) -> String {
    text.nfkc().filter(|character| character.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// `Peeters, Jan`, `jan PEETERS` and `Jan Péeters` are one name.
fn name(text: &str) -> String {
    let plain: String = text.nfkd().filter(|character| !is_combining_mark(*character)).collect();
    let plain = plain.to_lowercase();
    let mut words: Vec<_> =
        plain.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

/// The one form of a date of birth, `1985-07-31`; none if it is no date. Day and month come in this order unless the year is first.
#[must_use]
pub fn birth_date(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let parts: Vec<&str> =
        text.split(|character: char| !character.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] if year.len() == 4 => (*year, *month, *day),
        [day, month, year] if year.len() == 4 => (*year, *month, *day),
        // A time may follow a date: `1985-07-31T00:00:00Z`.
        [year, month, day, ..] if year.len() == 4 => (*year, *month, *day),
        [_] if digits.len() == 8 => (digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?),
        _ => return None,
    };
    let (year, month, day): (u16, u8, u8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let plausible = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 0;
    plausible.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_form() {
        for (kind, spellings, form) in [
            (
                Kind::NationalNumber,
                &["85073100190", "85.07.31-001.90", " 85 07 31 001 90 ", "８５073100190"][..],
                "85073100190",
            ),
            (Kind::Plate, &["1-ABC-234", "1abc234", "1 Abc 234"], "1ABC234"),
            (Kind::Number, &["F/2024-17", "f2024.17"], "F202417"),
            (
                Kind::Name,
                &["Peeters, Jan", "jan PEETERS", "Jan  Péeters", "Jan Pe\u{301}eters"],
                "jan peeters",
            ),
            (Kind::Name, &["O'Brien-Smith"], "brien o smith"),
        ] {
            for spelling in spellings {
                assert_eq!(kind.normal(spelling).as_deref(), Some(form), "{spelling}");
                assert_eq!(kind.normal(form).as_deref(), Some(form), "the form of the form");
            }
        }
        for nothing in ["", " ", "--", "…"] {
            assert_eq!(Kind::Plate.normal(nothing), None, "{nothing:?}");
            assert_eq!(Kind::Name.normal(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn dates_of_birth_have_one_form() {
        for (text, date) in [
            ("1985-07-31", Some("1985-07-31")),
            ("31/07/1985", Some("1985-07-31")),
            ("31.7.1985", Some("1985-07-31")),
            ("19850731", Some("1985-07-31")),
            ("1985-07-31T00:00:00Z", Some("1985-07-31")),
            ("1985/7/1", Some("1985-07-01")),
            ("1985-13-01", None),
            ("31/07/85", None),
            ("31 July 1985", None),
            ("", None),
        ] {
            assert_eq!(birth_date(text).as_deref(), date, "{text}");
        }
    }
}
