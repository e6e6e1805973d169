//! Reading claims (RFC 7519, 4), each in the one form it may have.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::{TokenFault, jws};

/// The claims of a token whose signature was verified.
pub(super) type Claims = Map<String, Value>;

/// Longest identifier: OpenID Connect Core, 2 gives `sub` 255 bytes.
const IDENTIFIER_LIMIT_BYTES: usize = 255;
/// Longest name shown to people, in characters.
const DISPLAY_LIMIT: usize = 128;
/// The end of the year 9999: what comes later is a mistake, and would overflow somewhere.
const LATEST_SECOND: u64 = 253_402_300_799;

/// An identifier: not empty, bounded, without control characters (it goes into headers and records).
pub(super) fn identifier(claims: &Claims, name: &'static str) -> Result<Option<String>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if is_identifier(text) => Ok(Some(text.clone())),
        Some(_) => Err(TokenFault::BadClaim(name)),
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.len() <= IDENTIFIER_LIMIT_BYTES && !text.chars().any(char::is_control)
}

/// A claim that must be there.
pub(super) fn required<T>(claim: Option<T>, name: &'static str) -> Result<T, TokenFault> {
    claim.ok_or(TokenFault::MissingClaim(name))
}

/// A `NumericDate` (RFC 7519, 2): seconds since 1970, a fraction is dropped.
pub(super) fn seconds(claims: &Claims, name: &'static str) -> Result<Option<u64>, TokenFault> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0..=LATEST_SECOND")]
    let whole = value.as_u64().or_else(|| {
        let fraction = value.as_f64()?;
        (0.0..=LATEST_SECOND as f64).contains(&fraction).then_some(fraction as u64)
    });
    whole.filter(|&seconds| seconds <= LATEST_SECOND).map(Some).ok_or(TokenFault::BadClaim(name))
}

/// Seconds since 1970 as the system counts them.
pub(super) fn time(seconds: u64) -> SystemTime {
    // INVARIANT: `seconds` came from the function above and cannot overflow.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// One string or an array of strings; nothing if the claim is absent.
pub(super) fn texts<'a>(value: Option<&'a Value>, name: &'static str) -> Result<Vec<&'a str>, TokenFault> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().ok_or(TokenFault::BadClaim(name))).collect()
        }
        Some(_) => Err(TokenFault::BadClaim(name)),
    }
}

/// Whether a claim is exactly this string.
pub(super) fn says(claims: &Claims, name: &str, wanted: &str) -> bool {
    claims.get(name).and_then(Value::as_str) == Some(wanted)
}

/// RFC 8693, 4.1: the outermost actor acts now; those inside acted before.
pub(super) fn actor(claims: &Claims) -> Result<Option<String>, TokenFault> {
    match claims.get("act") {
        None => Ok(None),
        Some(Value::Object(actor)) => match identifier(actor, "sub") {
            Ok(Some(sub)) => Ok(Some(sub)),
            _ => Err(TokenFault::BadClaim("act")),
        },
        Some(_) => Err(TokenFault::BadClaim("act")),
    }
}

/// RFC 8705, 3.1. SECURITY: any other way of binding (RFC 9449: `jkt`) must not be overlooked: the token would be good for whoever stole it.
pub(super) fn confirmation(claims: &Claims) -> Result<Option<[u8; 32]>, TokenFault> {
    const NAME: &str = "x5t#S256";
    let confirmation = match claims.get("cnf") {
        None => return Ok(None),
        Some(Value::Object(confirmation)) => confirmation,
        Some(_) => return Err(TokenFault::BadClaim("cnf")),
    };
    match (confirmation.get(NAME), confirmation.len()) {
        (Some(Value::String(thumbprint)), 1) => {
            let digest = jws::decode(thumbprint.as_bytes()).map_err(|_| TokenFault::BadClaim("cnf"))?;
            digest.try_into().map(Some).map_err(|_| TokenFault::BadClaim("cnf"))
        }
        (Some(Value::String(_)) | None, _) => Err(TokenFault::Confirmation),
        (Some(_), _) => Err(TokenFault::BadClaim("cnf")),
    }
}

/// The first of `names` that is a string fit to be shown.
pub(super) fn display(claims: &Claims, names: &[&str]) -> Option<String> {
    names
        .iter()
        .filter_map(|name| claims.get(*name).and_then(Value::as_str))
        .find(|text| !text.is_empty() && !text.chars().any(char::is_control))
        .map(|text| text.chars().take(DISPLAY_LIMIT).collect())
}

/// A value from a token as it may stand in a record: printable and short.
pub(super) fn for_record(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character })
    {
        if out.len() + character.len_utf8() > DISPLAY_LIMIT {
            break;
        }
        out.push(character);
    }
    out
}

/// `auth_time`: a `NumericDate`, and with AD FS a date in ISO 8601 in UTC.
pub(super) fn auth_time(claims: &Claims) -> Result<Option<u64>, TokenFault> {
    match claims.get("auth_time") {
        Some(Value::String(text)) => iso_seconds(text).map(Some).ok_or(TokenFault::BadClaim("auth_time")),
        _ => seconds(claims, "auth_time"),
    }
}

/// `2026-08-01T16:37:10.456Z`, fraction optional; `None` for anything else.
fn iso_seconds(text: &str) -> Option<u64> {
    let rest = text.strip_suffix('Z')?;
    let rest = match rest.split_once('.') {
        Some((whole, fraction))
            if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        Some(_) => return None,
        None => rest,
    };
    let (date, clock) = rest.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let fits = year >= 1970
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    fits.then(|| days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split(separator);
    for (number, width) in numbers.iter_mut().zip(widths) {
        let digits = parts
            .next()
            .filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = digits.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`, for years after 1969.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year / 400;
    let of_era = year % 400;
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        match value {
            Value::Object(claims) => claims,
            _ => panic!("not an object"),
        }
    }

    #[test]
    fn numeric_dates() {
        let cases = [
            ("whole", json!(1_893_456_000), Ok(Some(1_893_456_000))),
            ("with a fraction", json!(1.9), Ok(Some(1))),
            ("zero", json!(0), Ok(Some(0))),
            ("last second of 9999", json!(LATEST_SECOND), Ok(Some(LATEST_SECOND))),
            ("milliseconds", json!(1_893_456_000_000_u64), Err(TokenFault::BadClaim("exp"))),
            ("negative", json!(-1), Err(TokenFault::BadClaim("exp"))),
            ("huge", json!(1e300), Err(TokenFault::BadClaim("exp"))),
            ("text", json!("1893456000"), Err(TokenFault::BadClaim("exp"))),
            ("null", json!(null), Err(TokenFault::BadClaim("exp"))),
        ];
        for (case, value, expected) in cases {
            assert_eq!(seconds(&claims(json!({ "exp": value })), "exp"), expected, "{case}");
        }
        assert_eq!(seconds(&claims(json!({})), "exp"), Ok(None));
    }

    #[test]
    fn dates_of_ad_fs() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2030-01-01T00:00:00.000Z", Some(1_893_456_000)),
            ("2028-02-29T23:59:59Z", Some(1_835_481_599)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2030-01-01T00:00:00", None),
            ("2030-01-01T00:00:00+01:00", None),
            ("2030-13-01T00:00:00Z", None),
            ("2030-01-01 00:00:00Z", None),
            ("2030-1-01T00:00:000Z", None),
            ("+030-01-01T00:00:00Z", None),
            ("1969-12-31T00:00:00Z", None),
            ("2030-01-01T00:00:00.Z", None),
            ("2030-01-01T24:00:00Z", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(iso_seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn identifiers() {
        let long = "a".repeat(256);
        let cases = [
            ("plain", json!("zone|1"), true),
            ("longest", json!("a".repeat(255)), true),
            ("empty", json!(""), false),
            ("too long", json!(long), false),
            ("line break", json!("a\r\nX-Remote-User: b"), false),
            ("NUL", json!("a\0"), false),
            ("number", json!(1), false),
        ];
        for (case, value, fits) in cases {
            assert_eq!(identifier(&claims(json!({ "sub": value })), "sub").is_ok(), fits, "{case}");
        }
    }

    #[test]
    fn confirmations() {
        let thumbprint = "A".repeat(43);
        let cases = [
            ("none", json!({}), Ok(None)),
            ("certificate", json!({ "cnf": { "x5t#S256": thumbprint } }), Ok(Some([0; 32]))),
            (
                "of the wrong length",
                json!({ "cnf": { "x5t#S256": "AAAA" } }),
                Err(TokenFault::BadClaim("cnf")),
            ),
            (
                "not base64url",
                json!({ "cnf": { "x5t#S256": "=".repeat(43) } }),
                Err(TokenFault::BadClaim("cnf")),
            ),
            ("not text", json!({ "cnf": { "x5t#S256": 1 } }), Err(TokenFault::BadClaim("cnf"))),
            ("not an object", json!({ "cnf": "x" }), Err(TokenFault::BadClaim("cnf"))),
            ("DPoP", json!({ "cnf": { "jkt": "x" } }), Err(TokenFault::Confirmation)),
            (
                "certificate and DPoP",
                json!({ "cnf": { "x5t#S256": thumbprint, "jkt": "x" } }),
                Err(TokenFault::Confirmation),
            ),
            ("nothing", json!({ "cnf": {} }), Err(TokenFault::Confirmation)),
        ];
        for (case, value, expected) in cases {
            assert_eq!(confirmation(&claims(value)), expected, "{case}");
        }
    }

    #[test]
    fn actors() {
        let cases = [
            ("none", json!({}), Ok(None)),
            ("one", json!({ "act": { "sub": "search" } }), Ok(Some("search".to_owned()))),
            (
                "the outermost",
                json!({ "act": { "sub": "b", "act": { "sub": "a" } } }),
                Ok(Some("b".to_owned())),
            ),
            ("nobody", json!({ "act": {} }), Err(TokenFault::BadClaim("act"))),
            ("text", json!({ "act": "search" }), Err(TokenFault::BadClaim("act"))),
            ("with a line break", json!({ "act": { "sub": "a\nb" } }), Err(TokenFault::BadClaim("act"))),
        ];
        for (case, value, expected) in cases {
            assert_eq!(actor(&claims(value)), expected, "{case}");
        }
    }

    #[test]
    fn values_for_the_record_are_short_and_printable() {
        assert_eq!(for_record("a\nb"), "a\u{fffd}b");
        assert_eq!(for_record(&"é".repeat(100)).len(), DISPLAY_LIMIT);
    }
}
