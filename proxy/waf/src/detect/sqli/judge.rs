//! Known fingerprints that ordinary text produces too: what must be seen besides the fingerprint.

use memchr::memmem;

use super::Fingerprint;
use super::fold::Folded;
use super::token::class;

/// Whether `input`, whose fingerprint is a known one, is an attack after all.
pub(super) fn is_attack(input: &[u8], folded: &Folded, fingerprint: Fingerprint) -> bool {
    let classes = fingerprint.as_bytes();
    // SQL Server leaves statements with this word out of its log.
    let hides = classes.len() > 1 && classes.last() == Some(&class::COMMENT);
    if hides && memmem::find(input, b"sp_password").is_some() {
        return true;
    }
    match classes.len() {
        2 => is_short_attack(input, folded, classes),
        3 => is_medium_attack(folded, classes),
        _ => true,
    }
}

fn is_short_attack(input: &[u8], folded: &Folded, classes: &[u8]) -> bool {
    let (first, second) = (folded.token(0), folded.token(1));
    if classes.get(1) == Some(&class::UNION) {
        // `1 union` alone is ordinary; with something folded away it is not.
        return folded.read != 2;
    }
    let mark = second.byte(0);
    if mark == b'#' {
        return false;
    }
    if second.class == class::COMMENT {
        if first.class == class::BAREWORD && mark != b'/' {
            return false;
        }
        if first.class == class::NUMBER {
            return mark == b'/' || is_number_cut_short(input, folded);
        }
    }
    // Many put `--` in plain text: only at the very end does it count.
    !(second.text().len() > 2 && mark == b'-')
}

/// Whether a comment follows a true number; `1234-ABCDEF--` is some base64.
fn is_number_cut_short(input: &[u8], folded: &Folded) -> bool {
    if folded.read > 2 {
        return true;
    }
    let rest = input.get(folded.token(0).text().len()..).unwrap_or_default();
    match rest.first().copied().unwrap_or(0) {
        0..=32 | 128.. => true,
        b'/' => rest.get(1) == Some(&b'*'),
        b'-' => rest.get(1) == Some(&b'-'),
        _ => false,
    }
}

fn is_medium_attack(folded: &Folded, classes: &[u8]) -> bool {
    let (first, second, third) = (folded.token(0), folded.token(1), folded.token(2));
    match classes {
        b"sos" | b"s&s" => first.open == 0 && third.close == 0 && first.close == third.open,
        // `sexy and 17` is ordinary, `sexy and 17<18` is not.
        b"s&n" | b"n&1" | b"1&1" | b"1&v" | b"1&s" => folded.read != 3,
        _ if second.class == class::KEYWORD => {
            second.text().len() >= 5
                && second.text().get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"INTO"))
        }
        _ => true,
    }
}
