//! One line of a head: the request line, or a header.

use memchr::memchr;

use super::{HeadFault, HeadFaults};

/// Bytes of a token (RFC 9110 §5.6.2).
const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~", true);
/// Bytes of a host and port: a registered name, an IPv4 address, or an IPv6 address in brackets (RFC 3986 §3.2.2). Fewer than that
/// grammar allows: percent-encoding and sub-delimiters occur in no name that DNS or a certificate has.
const HOST: [bool; 256] = table(b"-._:[]", true);

const fn table(extra: &[u8], alphanumeric: bool) -> [bool; 256] {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut place = 0;
        #[expect(
            clippy::indexing_slicing,
            reason = "evaluated at compile time, where a wrong index does not compile"
        )]
        while place < extra.len() {
            set[byte] |= extra[place] as usize == byte;
            place += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "as above")]
        if alphanumeric && (byte as u8).is_ascii_alphanumeric() {
            set[byte] = true;
        }
        byte += 1;
    }
    set
}

fn all_in(set: &[bool; 256], bytes: &[u8]) -> bool {
    // A byte is a place in a table of 256.
    bytes.iter().all(|byte| set.get(usize::from(*byte)).copied().unwrap_or(false))
}

/// What of the headers counts together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    length: bool,
    encoding: bool,
    pub(super) host: bool,
}

/// `method SP target SP version` (RFC 9112 §3), without its line end.
pub(super) fn request_line(line: &[u8], faults: &mut HeadFaults) {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let method = parts.next().unwrap_or_default();
    let target = parts.next();
    let version = parts.next();
    judge_method(method, faults);
    match (target, version) {
        (Some(target), Some(version)) => {
            judge_target(method, target, faults);
            judge_version(version, faults);
        }
        // `GET /` alone is HTTP/0.9.
        (Some(_), None) => faults.add(HeadFault::OldVersion),
        _ => faults.add(HeadFault::RequestLine),
    }
    judge_bytes(line, faults);
}

/// `name ":" OWS value OWS` (RFC 9112 §5), without its line end.
pub(super) fn header(line: &[u8], seen: &mut Seen, faults: &mut HeadFaults) {
    if line.first().is_some_and(|byte| is_space(*byte)) {
        faults.add(HeadFault::ObsoleteFold);
    } else if let Some(colon) = memchr(b':', line) {
        let (name, rest) = line.split_at_checked(colon).unwrap_or_default();
        let name = judge_name(name, faults);
        let value = trim(rest.strip_prefix(b":").unwrap_or_default());
        judge_header(name, value, seen, faults);
    } else {
        faults.add(HeadFault::NoColon);
    }
    judge_bytes(line, faults);
}

fn judge_method(method: &[u8], faults: &mut HeadFaults) {
    if method.is_empty() || !all_in(&TOKEN, method) {
        faults.add(HeadFault::Method);
    } else if method.iter().any(u8::is_ascii_lowercase) {
        faults.add(HeadFault::LowerCaseMethod);
    }
}

fn judge_target(method: &[u8], target: &[u8], faults: &mut HeadFaults) {
    let scheme = |scheme: &[u8]| {
        target.split_at_checked(scheme.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(scheme))
    };
    if target.is_empty() {
        faults.add(HeadFault::RequestLine);
    } else if scheme(b"http:") || scheme(b"https:") {
        faults.add(HeadFault::AbsoluteForm);
    } else if !target.starts_with(b"/") && (target, method) != (b"*", b"OPTIONS") {
        faults.add(HeadFault::TargetForm);
    }
    if target.contains(&b'\t') {
        faults.add(HeadFault::ControlByte);
    }
    // The HTTP library cuts a fragment off, so that neither the rules nor the source would see what was sent.
    if target.contains(&b'#') {
        faults.add(HeadFault::TargetForm);
    }
}

fn judge_version(version: &[u8], faults: &mut HeadFaults) {
    match version {
        b"HTTP/1.1" => {}
        b"HTTP/1.0" | b"HTTP/0.9" => faults.add(HeadFault::OldVersion),
        // A space in the target moves a part of it here.
        other if other.contains(&b' ') => faults.add(HeadFault::RequestLine),
        _ => faults.add(HeadFault::Version),
    }
}

/// The name without spaces before the colon, so that a header is known for what a lax reader takes it for.
fn judge_name<'a>(name: &'a [u8], faults: &mut HeadFaults) -> &'a [u8] {
    let bare = trim(name);
    if bare.len() != name.len() {
        faults.add(HeadFault::SpaceBeforeColon);
    }
    if bare.is_empty() || !all_in(&TOKEN, bare) {
        faults.add(HeadFault::HeaderName);
    }
    if bare.contains(&b'_') {
        faults.add(HeadFault::Underscore);
    }
    bare
}

fn judge_header(name: &[u8], value: &[u8], seen: &mut Seen, faults: &mut HeadFaults) {
    // Most names are told apart by their length alone.
    match name.len() {
        4 if name.eq_ignore_ascii_case(b"host") => judge_host(value, seen, faults),
        14 if name.eq_ignore_ascii_case(b"content-length") => judge_length(value, seen, faults),
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => judge_encoding(value, seen, faults),
        _ => return,
    }
    if seen.length && seen.encoding {
        faults.add(HeadFault::LengthWithEncoding);
    }
}

fn judge_host(value: &[u8], seen: &mut Seen, faults: &mut HeadFaults) {
    if seen.host {
        faults.add(HeadFault::HostRepeated);
    }
    seen.host = true;
    if value.is_empty() {
        faults.add(HeadFault::HostEmpty);
    } else if !all_in(&HOST, value) {
        faults.add(HeadFault::HostOdd);
    }
}

fn judge_length(value: &[u8], seen: &mut Seen, faults: &mut HeadFaults) {
    if seen.length {
        faults.add(HeadFault::RepeatedLength);
    }
    seen.length = true;
    // 18 digits fit every signed 64-bit counter behind us.
    if !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        faults.add(HeadFault::OddLength);
    }
}

fn judge_encoding(value: &[u8], seen: &mut Seen, faults: &mut HeadFaults) {
    if seen.encoding {
        faults.add(HeadFault::RepeatedEncoding);
    }
    seen.encoding = true;
    if !value.eq_ignore_ascii_case(b"chunked") {
        faults.add(HeadFault::OddEncoding);
    }
}

/// Control bytes anywhere in the line, but for the tab, which a value may hold (RFC 9110 §5.5) and the others judge.
fn judge_bytes(line: &[u8], faults: &mut HeadFaults) {
    // Without an early exit the compiler looks at 16 bytes or more at once; nearly every line is clean.
    if line.iter().fold(false, |found, byte| found | is_odd(*byte)) {
        for byte in line.iter().filter(|byte| is_odd(**byte)) {
            faults.add(if *byte == b'\r' { HeadFault::BareCarriageReturn } else { HeadFault::ControlByte });
        }
    }
}

const fn is_odd(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the spaces and tabs around it.
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes {
        if !is_space(*first) {
            break;
        }
        bytes = rest;
    }
    while let [rest @ .., last] = bytes {
        if !is_space(*last) {
            break;
        }
        bytes = rest;
    }
    bytes
}
