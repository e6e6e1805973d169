//! Reads heads as they come, in pieces of any size.

use memchr::memchr;

use crate::listen::{observer::HeadRefusal, settings::HeadLimits};

use super::{
    HeadFault, HeadFaults,
    line::{self, Seen},
};

/// Where a scan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head goes on.
    More,
    /// The head ended after so many bytes of the last piece.
    Complete(usize),
    /// The head is over a limit.
    Refused(HeadRefusal),
}

/// Reads one head and notes its faults. What it says does not depend on how the head is cut into pieces.
///
/// A line ends at LF, whatever stands before it, and the first empty line after the request line ends the head: the same bytes that
/// the HTTP library takes for a head, if it takes them at all. A line that is whole in its piece is read in place; only one that is
/// cut is kept, and never more of it than the limit.
#[derive(Clone, Debug)]
pub struct HeadScan {
    limits: HeadLimits,
    /// The beginning of a line that was cut.
    cut: Vec<u8>,
    /// Bytes of whole lines so far.
    bytes: usize,
    headers: usize,
    empty_lines: usize,
    in_headers: bool,
    seen: Seen,
    faults: HeadFaults,
}

impl HeadScan {
    /// A scan that has read nothing.
    #[must_use]
    pub fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            cut: Vec::new(),
            bytes: 0,
            headers: 0,
            empty_lines: 0,
            in_headers: false,
            seen: Seen::default(),
            faults: HeadFaults::default(),
        }
    }

    /// Reads a piece. Not to be called again after it said anything but [`Progress::More`].
    pub fn read(&mut self, piece: &[u8]) -> Progress {
        let mut rest = piece;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
            rest = after;
            let ended = if self.cut.is_empty() { self.line(line) } else { self.joined(line) };
            match ended {
                Ok(false) => {}
                Ok(true) => return Progress::Complete(piece.len() - rest.len()),
                Err(refusal) => return Progress::Refused(refusal),
            }
        }
        if let Err(refusal) = self.fits(self.cut.len() + rest.len()) {
            return Progress::Refused(refusal);
        }
        self.cut.extend_from_slice(rest);
        Progress::More
    }

    /// The faults noted so far; of a whole head, all of them.
    #[must_use]
    pub const fn faults(&self) -> HeadFaults {
        self.faults
    }

    /// The line whose beginning was kept.
    fn joined(&mut self, end: &[u8]) -> Result<bool, HeadRefusal> {
        self.fits(self.cut.len() + end.len())?;
        let mut line = std::mem::take(&mut self.cut);
        line.extend_from_slice(end);
        self.line(&line)
    }

    /// Whether so many bytes of the present line are within the limits. The lower limit says why not, as it would byte by byte.
    fn fits(&self, line_bytes: usize) -> Result<(), HeadRefusal> {
        let room = self.limits.bytes.saturating_sub(self.bytes);
        let line_room = self.limits.request_line_bytes;
        if !self.in_headers && line_room <= room && line_bytes > line_room {
            return Err(HeadRefusal::RequestLineTooLong);
        }
        if line_bytes > room {
            return Err(HeadRefusal::TooLarge);
        }
        Ok(())
    }

    /// One whole line, its LF included. Says whether it ended the head.
    fn line(&mut self, line: &[u8]) -> Result<bool, HeadRefusal> {
        self.fits(line.len())?;
        self.bytes += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or_else(|| {
            self.faults.add(HeadFault::BareLineFeed);
            line
        });
        match (self.in_headers, line.is_empty()) {
            (false, true) => self.empty_line(),
            (false, false) => {
                self.in_headers = true;
                line::request_line(line, &mut self.faults);
            }
            (true, true) => {
                if !self.seen.host {
                    self.faults.add(HeadFault::HostMissing);
                }
                return Ok(true);
            }
            (true, false) => self.header(line)?,
        }
        Ok(false)
    }

    /// RFC 9112 §2.2: one empty line before the request line is left by old clients after a body.
    fn empty_line(&mut self) {
        self.empty_lines += 1;
        if self.empty_lines > 1 {
            self.faults.add(HeadFault::EmptyLine);
        }
    }

    fn header(&mut self, line: &[u8]) -> Result<(), HeadRefusal> {
        self.headers += 1;
        if self.headers > self.limits.headers {
            return Err(HeadRefusal::TooManyHeaders);
        }
        line::header(line, &mut self.seen, &mut self.faults);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{HeadFault::*, *};

    /// Reads a head in pieces that end at these places.
    fn read(limits: HeadLimits, head: &[u8], cuts: &[usize]) -> (Progress, HeadFaults) {
        let mut scan = HeadScan::new(limits);
        let mut at = 0;
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (head.len() + 1)).collect();
        ends.push(head.len());
        ends.sort_unstable();
        for end in ends {
            match scan.read(&head[at..end]) {
                Progress::More => at = end,
                Progress::Complete(used) => return (Progress::Complete(at + used), scan.faults()),
                refused => return (refused, scan.faults()),
            }
        }
        (Progress::More, scan.faults())
    }

    fn whole(head: &str) -> (Progress, Option<HeadFault>) {
        let (progress, faults) = read(HeadLimits::default(), head.as_bytes(), &[]);
        (progress, faults.first())
    }

    #[test]
    fn plain_heads_have_no_fault() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /%C3%A9?q=%20 HTTP/1.1\r\nhost: persons.zone.example:8443\r\nAccept:\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n",
            "M-SEARCH / HTTP/1.1\r\nHost:a\r\nX-Tab:\ta\tb\t\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n",
        ] {
            assert_eq!(whole(head), (Progress::Complete(head.len()), None), "{head:?}");
        }
    }

    /// Header lines of an otherwise plain head, and their first fault.
    const HEADERS: &[(&str, &str, HeadFault)] = &[
        (
            "length, then encoding",
            "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            LengthWithEncoding,
        ),
        (
            "encoding, then length",
            "Host: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1",
            LengthWithEncoding,
        ),
        ("two equal lengths", "Host: a\r\nContent-Length: 1\r\nContent-Length: 1", RepeatedLength),
        ("a list of lengths", "Host: a\r\nContent-Length: 1, 1", OddLength),
        ("a signed length", "Host: a\r\nContent-Length: +1", OddLength),
        ("an empty length", "Host: a\r\nContent-Length:", OddLength),
        ("a huge length", "Host: a\r\nContent-Length: 1000000000000000000", OddLength),
        (
            "two encodings",
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            RepeatedEncoding,
        ),
        ("two encodings in one", "Host: a\r\nTransfer-Encoding: gzip, chunked", OddEncoding),
        ("an unknown encoding", "Host: a\r\nTransfer-Encoding: xchunked", OddEncoding),
        ("an encoding with a vertical tab", "Host: a\r\nTransfer-Encoding: \x0bchunked", OddEncoding),
        ("a folded line", "Host: a\r\nX-A: b\r\n c", ObsoleteFold),
        ("a first line with a space", " Host: a", ObsoleteFold),
        ("a line that ends in LF", "Host: a\nX-A: b", BareLineFeed),
        ("a CR within a value", "Host: a\r\nX-A: b\rc", BareCarriageReturn),
        ("two CR before LF", "Host: a\r\nX-A: b\r", BareCarriageReturn),
        ("a line without colon", "Host: a\r\nX-A", NoColon),
        ("a space before the colon", "Host : a", SpaceBeforeColon),
        ("a tab before the colon", "Host: a\r\nContent-Length\t: 1", SpaceBeforeColon),
        ("an empty name", "Host: a\r\n: b", HeaderName),
        ("a name with a space", "Host: a\r\nX A: b", HeaderName),
        ("a name beyond ASCII", "Host: a\r\nX-\u{e9}: b", HeaderName),
        ("an underscore", "Host: a\r\nX_A: b", Underscore),
        ("a NUL", "Host: a\r\nX-A: b\0", ControlByte),
        ("a delete", "Host: a\r\nX-A: \x7f", ControlByte),
        ("no host", "X-A: b", HostMissing),
        ("two hosts", "Host: a\r\nHost: a", HostRepeated),
        ("an empty host", "Host: ", HostEmpty),
        ("a host with a path", "Host: a/b", HostOdd),
        ("a host with a user", "Host: a@b", HostOdd),
        ("a list of hosts", "Host: a, b", HostOdd),
    ];

    /// Request lines of an otherwise plain head, and their first fault.
    const LINES: &[(&str, &str, HeadFault)] = &[
        ("two empty lines", "\r\n\r\nGET / HTTP/1.1", EmptyLine),
        ("a method with a space", " GET / HTTP/1.1", Method),
        ("a method with a colon", "GE:T / HTTP/1.1", Method),
        ("a lower-case method", "get / HTTP/1.1", LowerCaseMethod),
        ("a tab for a space", "GET\t/ HTTP/1.1", Method),
        ("two spaces", "GET  / HTTP/1.1", RequestLine),
        ("a space in the target", "GET /a b HTTP/1.1", RequestLine),
        ("a space at the end", "GET / HTTP/1.1 ", RequestLine),
        ("a method alone", "GET", RequestLine),
        ("a tab in the target", "GET /a\tb HTTP/1.1", ControlByte),
        ("a CR in the target", "GET /a\rb HTTP/1.1", BareCarriageReturn),
        ("a NUL in the target", "GET /\0 HTTP/1.1", ControlByte),
        ("absolute-form", "GET http://a/ HTTP/1.1", AbsoluteForm),
        ("absolute-form in capitals", "GET HTTPS://a/ HTTP/1.1", AbsoluteForm),
        ("authority-form", "CONNECT a:443 HTTP/1.1", TargetForm),
        ("an asterisk of GET", "GET * HTTP/1.1", TargetForm),
        ("a fragment", "GET /a?b#c HTTP/1.1", TargetForm),
        ("HTTP/0.9", "GET /", OldVersion),
        ("HTTP/1.0", "GET / HTTP/1.0", OldVersion),
        ("HTTP/1.2", "GET / HTTP/1.2", Version),
        ("http/1.1", "GET / http/1.1", Version),
        ("the preface of HTTP/2", "PRI * HTTP/2.0", TargetForm),
    ];

    #[test]
    fn each_fault_of_a_header_is_noted() {
        for (name, headers, fault) in HEADERS {
            let head = format!("GET / HTTP/1.1\r\n{headers}\r\n\r\n");
            assert_eq!(whole(&head), (Progress::Complete(head.len()), Some(*fault)), "{name}");
        }
    }

    #[test]
    fn each_fault_of_a_request_line_is_noted() {
        for (name, line, fault) in LINES {
            let head = format!("{line}\r\nHost: a\r\n\r\n");
            assert_eq!(whole(&head), (Progress::Complete(head.len()), Some(*fault)), "{name}");
        }
    }

    #[test]
    fn every_fault_has_a_case() {
        let cases: Vec<HeadFault> = HEADERS.iter().chain(LINES).map(|(_, _, fault)| *fault).collect();
        assert!(HeadFault::ALL.iter().all(|fault| cases.contains(fault)), "{cases:?}");
    }

    #[test]
    fn limits_are_exact() {
        let limits = HeadLimits { bytes: 64, headers: 2, request_line_bytes: 24 };
        let head = |target: usize, value: usize, more: &str| {
            format!(
                "GET /{} HTTP/1.1\r\nHost: a\r\nA: {}\r\n{more}\r\n",
                "a".repeat(target),
                "b".repeat(value)
            )
        };
        let cases = [
            ("the longest request line", head(8, 1, ""), None),
            ("one byte more", head(9, 1, ""), Some(HeadRefusal::RequestLineTooLong)),
            ("the longest head", head(8, 24, ""), None),
            ("one byte more", head(8, 25, ""), Some(HeadRefusal::TooLarge)),
            ("one header more", head(0, 0, "B:\r\n"), Some(HeadRefusal::TooManyHeaders)),
            ("an endless line", format!("GET /{}", "a".repeat(1000)), Some(HeadRefusal::RequestLineTooLong)),
            ("endless empty lines", "\r\n".repeat(100), Some(HeadRefusal::TooLarge)),
        ];
        for (name, head, refusal) in cases {
            let expected = refusal.map_or(Progress::Complete(head.len()), Progress::Refused);
            assert_eq!(read(limits, head.as_bytes(), &[]).0, expected, "{name}");
        }
    }

    #[test]
    fn a_cut_line_is_kept_up_to_the_limit_only() {
        let mut scan = HeadScan::new(HeadLimits { bytes: 1024, headers: 100, request_line_bytes: 64 });
        for _ in 0..64 {
            assert_eq!(scan.read(b"a"), Progress::More);
        }
        assert_eq!(scan.read(b"a"), Progress::Refused(HeadRefusal::RequestLineTooLong));
        assert_eq!(scan.cut.len(), 64);
    }

    /// Bytes that look enough like a head to get far into it.
    fn headlike() -> impl Strategy<Value = Vec<u8>> {
        let words: Vec<&[u8]> = vec![
            b"GET ",
            b"/",
            b" HTTP/1.1",
            b"\r\n",
            b"\n",
            b"\r",
            b"Host: a",
            b"Content-Length: 1",
            b"Transfer-Encoding: chunked",
            b" ",
            b"\t",
            b":",
            b"\0",
            b"X_A: b",
            b"\r\n\r\n",
            b"\xff",
            b"post",
            b"http://a/",
            b"HTTP/1.0",
            b"a",
        ];
        prop::collection::vec(prop::sample::select(words), 0..24).prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn a_head_means_the_same_however_it_is_cut(
            head in headlike(),
            cuts in prop::collection::vec(any::<usize>(), 0..8),
            bytes in 1usize..200, headers in 0usize..6, request_line_bytes in 1usize..64,
        ) {
            let limits = HeadLimits { bytes, headers, request_line_bytes };
            let every: Vec<usize> = (0..head.len()).collect();
            let once = read(limits, &head, &[]);
            prop_assert_eq!(read(limits, &head, &cuts), once);
            prop_assert_eq!(read(limits, &head, &every), once);
        }

        #[test]
        fn a_head_ends_where_the_http_library_ends_it(head in headlike()) {
            let mut headers = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut headers);
            if let Ok(httparse::Status::Complete(length)) = request.parse(&head) {
                let (progress, faults) = read(HeadLimits::default(), &head, &[]);
                prop_assert_eq!(progress, Progress::Complete(length));
                let lengths = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length")).count();
                let encodings = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("transfer-encoding")).count();
                prop_assert_eq!(faults.has(RepeatedLength), lengths > 1);
                prop_assert_eq!(faults.has(LengthWithEncoding), lengths > 0 && encodings > 0);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
            prop_assert_eq!(read(HeadLimits::default(), &bytes, &cuts), read(HeadLimits::default(), &bytes, &[]));
        }
    }
}
