//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>), restarted at the perimeter: the source's trace begins here.
//!
//! SECURITY: a trace that a client names is not gone on with. It would let the client join its requests to anybody's trace, or fill one
//! with noise, and `tracestate` would carry whatever it likes to the source's monitoring. The trace's id is the request's, by which the
//! record knows it. Of a valid `traceparent` one bit is kept: whether the caller has its trace sampled.

use http::{HeaderMap, HeaderName, HeaderValue};
use poort_enforce::exchange::RequestId;

/// The header that names the trace and the caller's part in it.
pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What systems on the way add to a trace; it goes with the one that ended here.
pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `version "-" trace-id "-" parent-id "-" flags`, in hexadecimal digits.
const LENGTHS: [usize; 4] = [2, 32, 16, 2];
/// The flag that asks for the trace to be recorded.
const SAMPLED: u8 = 1;

/// The `traceparent` for the source, of a request of this id that came with these headers.
#[must_use]
pub(super) fn restarted(headers: &HeaderMap, id: RequestId) -> Option<HeaderValue> {
    let flags = if is_sampled(headers) { "01" } else { "00" };
    // Half of the id names this hop; 0 is no name (section 3.2.2.4).
    let parent = id.0.last_chunk().map_or(0, |half| u64::from_be_bytes(*half)).max(1);
    HeaderValue::try_from(format!("00-{id}-{parent:016x}-{flags}")).ok()
}

fn is_sampled(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => flags(value.as_bytes()).is_some_and(|flags| flags & SAMPLED != 0),
        _ => false,
    }
}

/// The flags of a valid `traceparent` (section 3.2.2); a version that is not known yet may go on after them (section 3.2.3).
fn flags(value: &[u8]) -> Option<u8> {
    let mut parts = value.split(|&byte| byte == b'-');
    let mut next = |length: usize| parts.next().filter(|part| part.len() == length && is_hex(part));
    let [version, trace, parent, flags] = LENGTHS.map(&mut next);
    let (version, flags) = (version?, flags?);
    let named = |id: &[u8]| id.iter().any(|&digit| digit != b'0');
    let ends = version != b"00" || parts.next().is_none();
    let valid = version != b"ff" && named(trace?) && named(parent?) && ends;
    valid.then(|| u8::from_str_radix(std::str::from_utf8(flags).ok()?, 16).ok()).flatten()
}

fn is_hex(part: &[u8]) -> bool {
    part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RequestId = RequestId([0xab; 16]);

    fn sampled(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(TRACEPARENT, line.parse().unwrap());
        }
        let restarted = restarted(&headers, ID).unwrap();
        let (trace, flags) = restarted.to_str().unwrap().rsplit_once('-').unwrap();
        assert_eq!(
            trace,
            format!("00-{}-{}", "ab".repeat(16), "ab".repeat(8)),
            "nothing else of {lines:?} is kept"
        );
        flags == "01"
    }

    #[test]
    fn of_a_valid_traceparent_the_sampling_is_kept_and_of_any_other_nothing() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        const PARENT: &str = "b7ad6b7169203331";
        let of = |version: &str, trace: &str, parent: &str, rest: &str| {
            format!("{version}-{trace}-{parent}-{rest}")
        };
        for (what, value, kept) in [
            ("sampled", of("00", TRACE, PARENT, "01"), true),
            ("sampled, and an unknown flag", of("00", TRACE, PARENT, "ff"), true),
            ("not sampled", of("00", TRACE, PARENT, "00"), false),
            ("a later version", of("cc", TRACE, PARENT, "01-what-the-future-holds"), true),
            ("a later version without more", of("01", TRACE, PARENT, "01"), true),
            ("a later version run on", of("01", TRACE, PARENT, "01x"), false),
            ("version 0 with more", of("00", TRACE, PARENT, "01-more"), false),
            ("no version", of("ff", TRACE, PARENT, "01"), false),
            ("no trace", of("00", &"0".repeat(32), PARENT, "01"), false),
            ("no parent", of("00", TRACE, &"0".repeat(16), "01"), false),
            ("capitals", of("00", &TRACE.to_uppercase(), PARENT, "01"), false),
            ("too short", of("00", "af7651916cd43dd8448eb211c80319c", PARENT, "01"), false),
            ("too long", of("00", TRACE, &format!("{PARENT}0"), "01"), false),
            ("flags of one digit", of("00", TRACE, PARENT, "1"), false),
            ("no digits", of("00", TRACE, PARENT, "0g"), false),
            ("cut off", format!("00-{TRACE}-{PARENT}"), false),
            ("empty", String::new(), false),
        ] {
            assert_eq!(sampled(&[&value]), kept, "{what}");
        }
        let valid = of("00", TRACE, PARENT, "01");
        assert!(!sampled(&[]) && !sampled(&[&valid, &valid]), "none, or two");
    }

    #[test]
    fn a_hop_always_has_a_name() {
        let restarted = restarted(&HeaderMap::new(), RequestId([0; 16])).unwrap();
        assert!(restarted.to_str().unwrap().ends_with("-0000000000000001-00"));
    }
}
