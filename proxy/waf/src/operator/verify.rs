//! `@verifyCC`, `@verifyCPF`, `@verifySSN`, `@verifySVNR`: numbers that a pattern finds and a checksum proves.

use super::{Captures, Pattern};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Number {
    /// Payment cards: Luhn (ISO/IEC 7812-1).
    CreditCard,
    /// Brazilian taxpayers: two check digits modulo 11.
    Cpf,
    /// United States social security: ranges that are never issued.
    Ssn,
    /// Austrian social insurance: one check digit modulo 11.
    Svnr,
}

impl Number {
    /// Whether `pattern` finds a number in `value` that is of this kind.
    pub(super) fn is_in(self, pattern: &Pattern, value: &[u8], captures: Option<&mut Captures>) -> bool {
        let found = pattern
            .spans(value)
            .find(|(start, end)| self.proves(value.get(*start..*end).unwrap_or_default()));
        if let (Some(span), Some(captures)) = (found, captures) {
            captures.spans.push(Some(span));
        }
        found.is_some()
    }

    fn proves(self, text: &[u8]) -> bool {
        let digits: Vec<u32> =
            text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0')).collect();
        match (self, digits.as_slice()) {
            (Self::CreditCard, digits) => digits.len() >= 2 && luhn(digits),
            (Self::Cpf, digits) => digits.len() == 11 && cpf(digits),
            (Self::Ssn, [a, b, c, d, e, serial @ ..]) if serial.len() == 4 => {
                let area = a * 100 + b * 10 + c;
                area != 0
                    && area != 666
                    && area < 900
                    && (*d, *e) != (0, 0)
                    && serial.iter().any(|digit| *digit != 0)
            }
            (Self::Svnr, digits) => digits.len() == 10 && svnr(digits),
            _ => false,
        }
    }
}

fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn cpf(digits: &[u32]) -> bool {
    let all_equal = digits.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
    let check = |count: usize| {
        let weights = (2..).take(count).collect::<Vec<u32>>();
        let sum: u32 =
            digits.iter().take(count).zip(weights.iter().rev()).map(|(digit, weight)| digit * weight).sum();
        let rest = sum * 10 % 11;
        if rest == 10 { 0 } else { rest }
    };
    !all_equal && digits.get(9) == Some(&check(9)) && digits.get(10) == Some(&check(10))
}

fn svnr(digits: &[u32]) -> bool {
    let weights = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6];
    let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum();
    digits.get(3) == Some(&(sum % 11))
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn checksums() {
        for (kind, text, expected) in [
            (Number::CreditCard, &b"4111 1111 1111 1111"[..], true),
            (Number::CreditCard, b"4111 1111 1111 1112", false),
            (Number::Cpf, b"529.982.247-25", true),
            (Number::Cpf, b"529.982.247-26", false),
            (Number::Cpf, b"111.111.111-11", false),
            (Number::Ssn, b"078-05-1120", true),
            (Number::Ssn, b"666-05-1120", false),
            (Number::Svnr, b"1237 010180", true),
            (Number::Svnr, b"1238 010180", false),
        ] {
            assert_eq!(kind.proves(text), expected, "{kind:?} {}", text.escape_ascii());
        }
    }
}
