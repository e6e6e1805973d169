//! The head of a request, laid out as variables.

use std::io::Write as _;
use std::time::Duration;

use super::values::{ValueId, Values};
use super::{Opening, State};
use crate::body::{charset, cookie, urlencoded};
use crate::program::{Processor, Program};
use crate::syntax::Variable;
use crate::transform::Transform;

impl State {
    fn uses(&self, program: &Program, variable: Variable) -> bool {
        program.uses.get(variable as usize).copied().unwrap_or(false)
    }

    /// Sets a variable only when some rule looks at it.
    fn used_scalar(&mut self, program: &Program, variable: Variable, value: &[u8]) {
        if self.uses(program, variable) {
            self.scalar(variable, value);
        }
    }

    /// The same with what is written out.
    fn used_text(&mut self, program: &Program, variable: Variable, text: &dyn std::fmt::Display) {
        if self.uses(program, variable) {
            let mut out = std::mem::take(&mut self.expansion);
            out.clear();
            // Writing to memory does not fail.
            let _ = write!(out, "{text}");
            self.scalar(variable, &out);
            self.expansion = out;
        }
    }

    pub(super) fn open_variables(&mut self, program: &Program, opening: &Opening<'_>) {
        let ((client, client_port), (server, server_port)) = (opening.client, opening.server);
        self.used_scalar(program, Variable::UniqueId, opening.id.as_bytes());
        self.used_text(program, Variable::RemoteAddr, &client);
        self.used_text(program, Variable::RemoteHost, &client);
        self.used_text(program, Variable::RemotePort, &client_port);
        self.used_text(program, Variable::ServerAddr, &server);
        self.used_text(program, Variable::ServerPort, &server_port);
        self.used_scalar(program, Variable::Duration, b"0");
        self.used_scalar(program, Variable::WebAppId, program.settings().web_app_id.as_bytes());
        self.open_time(program, opening.now);
        for flag in FLAGS {
            if self.uses(program, flag) {
                self.store.push(flag, Values::EMPTY, Values::ZERO);
            }
        }
        self.used_scalar(program, Variable::ReqbodyErrorMsg, b"");
        self.used_scalar(program, Variable::ReqbodyProcessorErrorMsg, b"");
    }

    pub(super) fn set_duration(&mut self, program: &Program, elapsed: Duration) {
        if self.uses(program, Variable::Duration) {
            self.store.empty(Variable::Duration);
            self.used_text(program, Variable::Duration, &elapsed.as_millis());
        }
    }

    /// Replaces the one value of a variable.
    pub(super) fn replace(&mut self, variable: Variable, value: &[u8]) {
        self.store.empty(variable);
        self.scalar(variable, value);
    }

    fn open_time(&mut self, program: &Program, now: u64) {
        let date = civil(now);
        for (variable, number) in [
            (Variable::TimeEpoch, now),
            (Variable::TimeHour, now / 3600 % 24),
            (Variable::TimeMin, now / 60 % 60),
            (Variable::TimeSec, now % 60),
            // 1970-01-01 was a Thursday; Sunday is 0.
            (Variable::TimeWday, (now / 86_400 + 4) % 7),
            (Variable::TimeDay, date.day),
            (Variable::TimeMon, date.month - 1),
            (Variable::TimeYear, date.year),
        ] {
            self.used_text(program, variable, &number);
        }
        let time = format_args!("{:02}:{:02}:{:02}", now / 3600 % 24, now / 60 % 60, now % 60);
        self.used_text(program, Variable::Time, &time);
    }

    pub(super) fn request_line(&mut self, program: &Program, method: &[u8], target: &[u8], protocol: &[u8]) {
        self.scalar(Variable::RequestMethod, method);
        self.scalar(Variable::RequestProtocol, protocol);
        let mut line = std::mem::take(&mut self.expansion);
        line.clear();
        [method, b" ", target, b" ", protocol].iter().for_each(|piece| line.extend_from_slice(piece));
        let text = line;
        let line = self.values.add(&text);
        self.store.push(Variable::RequestLine, Values::EMPTY, line);
        let raw = self.values.part(line, method.len() + 1, method.len() + 1 + target.len());
        self.store.push(Variable::RequestUriRaw, Values::EMPTY, raw);
        let start = authority_len(target);
        let path_and_query = self.values.part(raw, start, target.len());
        self.store.push(Variable::RequestUri, Values::EMPTY, path_and_query);
        let rest = target.get(start..).unwrap_or_default();
        let rest = rest.split(|byte| *byte == b'#').next().unwrap_or_default();
        let query_at = memchr::memchr(b'?', rest);
        let path_len = query_at.unwrap_or(rest.len());
        let path = rest.get(..path_len).unwrap_or_default();
        // The path is decoded once, as servers do before they look for the file; `REQUEST_URI` is not.
        let mut decoded = text;
        decoded.clear();
        urlencoded::decode_path(path, &mut decoded);
        let base = decoded.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(0, |slash| slash + 1);
        let path = if decoded == path {
            self.values.part(path_and_query, 0, path_len)
        } else {
            self.values.add(&decoded)
        };
        self.store.push(Variable::RequestFilename, Values::EMPTY, path);
        let base = self.values.part(path, base, decoded.len());
        self.store.push(Variable::RequestBasename, Values::EMPTY, base);
        let query = self.values.part(path_and_query, (path_len + 1).min(rest.len()), rest.len());
        self.store.push(Variable::QueryString, Values::EMPTY, query);
        self.used_scalar(program, Variable::PathInfo, &decoded);
        self.expansion = decoded;
        let query = rest.get(path_len + 1..).unwrap_or_default();
        if !query.is_empty() {
            self.arguments_of(program, query, [Variable::ArgsGet, Variable::ArgsGetNames]);
        }
    }

    /// Parses `text` as urlencoded pairs.
    pub(super) fn arguments_of(&mut self, program: &Program, text: &[u8], into: [Variable; 2]) {
        let mut decoded = (std::mem::take(&mut self.expansion), std::mem::take(&mut self.argument));
        let mut bad = false;
        // Plain text is no form to anybody else, and people write with semicolons.
        let parts = into[0] == Variable::ArgsGet || self.is_form;
        for pair in urlencoded::pairs(text, program.settings().separator, parts.then_some(b';')) {
            bad |= urlencoded::decode(pair.name, &mut decoded.0)
                | urlencoded::decode(pair.value, &mut decoded.1);
            let (name, value) = (self.values.add_shared(&decoded.0), self.values.add_shared(&decoded.1));
            if !self.argument(program, name, value, into) {
                break;
            }
        }
        (self.expansion, self.argument) = decoded;
        if bad {
            self.replace(Variable::UrlencodedError, b"1");
        }
    }

    /// Adds an argument; `false` once there are too many.
    pub(super) fn argument(
        &mut self,
        program: &Program,
        name: ValueId,
        value: ValueId,
        [values, names]: [Variable; 2],
    ) -> bool {
        self.arguments += 1;
        if self.arguments > self.limits.arguments.min(program.settings().arguments) {
            self.body_error("more arguments than allowed");
            return false;
        }
        if charset::says_unread(self.values.get(name), self.values.get(value)) {
            self.body_error("the field `_charset_` names a charset that is not read as its bytes are");
        }
        for variable in [values, Variable::Args] {
            self.store.push(variable, name, value);
        }
        for variable in [names, Variable::ArgsNames] {
            self.store.push(variable, name, name);
        }
        true
    }

    pub(super) fn body_error(&mut self, message: &'static str) {
        // `ProcessPartial` asks for the part to be inspected, and a part is malformed.
        if !self.is_request_body_cut {
            self.uninspected.get_or_insert(message);
        }
        for (flag, text) in [
            (Variable::ReqbodyError, Variable::ReqbodyErrorMsg),
            (Variable::ReqbodyProcessorError, Variable::ReqbodyProcessorErrorMsg),
        ] {
            self.replace(flag, b"1");
            self.replace(text, message.as_bytes());
        }
    }

    pub(super) fn request_header(&mut self, program: &Program, name: &[u8], value: &[u8]) {
        self.headers += 1;
        if self.headers > self.limits.headers {
            return;
        }
        let (key, id) = (self.values.add(name), self.values.add(value));
        self.store.push(Variable::RequestHeaders, key, id);
        self.store.push(Variable::RequestHeadersNames, key, key);
        if name.eq_ignore_ascii_case(b"cookie") {
            self.cookies(id);
        } else if name.eq_ignore_ascii_case(b"content-type") {
            self.has_two_types |= !self.content_type.is_empty() && self.content_type != value;
            self.content_type.clear();
            self.content_type.extend_from_slice(value);
            let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            // The two that a browser sends by itself; others are a rule's to choose (`ctl:requestBodyProcessor`).
            if kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
                self.processor = Some(Processor::UrlEncoded);
                self.is_form = true;
            } else if kind.eq_ignore_ascii_case(b"multipart/form-data") {
                self.processor = Some(Processor::Multipart);
            }
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let declared = u64::try_from(crate::bytes::integer(value)).unwrap_or(0);
            self.declared_bytes = self.declared_bytes.max(declared);
        } else if name.eq_ignore_ascii_case(b"content-encoding") {
            self.has_content_coding |= !value.trim_ascii().eq_ignore_ascii_case(b"identity");
        } else if name.eq_ignore_ascii_case(b"host")
            && self.uses(program, Variable::ServerName)
            && self.store.entries(Variable::ServerName).is_empty()
        {
            let host = value.split(|byte| *byte == b':').next().unwrap_or_default();
            self.scalar(Variable::ServerName, host);
        } else if name.eq_ignore_ascii_case(b"authorization") {
            let (kind, rest) = value.split_at(memchr::memchr(b' ', value).unwrap_or(value.len()));
            self.used_scalar(program, Variable::AuthType, kind);
            if kind.eq_ignore_ascii_case(b"basic") {
                self.used_scalar(program, Variable::RemoteUser, &basic_user(rest.trim_ascii()));
            }
        }
    }

    /// Cookies as browsers send them (RFC 6265, 5.4): nothing is decoded. One in quotes is there a second time, as servers read it
    /// that mind them.
    fn cookies(&mut self, header: ValueId) {
        let (mut start, mut open) = (0, 0);
        while let Some(rest) = self.values.get(header).get(start..) {
            let pair = rest.get(..memchr::memchr(b';', rest).unwrap_or(rest.len())).unwrap_or_default();
            let end = start + pair.len();
            let first = start + pair.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let equals = memchr::memchr(b'=', pair).map_or(end, |at| start + at);
            start = end + 1;
            if first >= end {
                continue;
            }
            let name = self.values.part(header, first, equals.max(first));
            let from = (equals + 1).min(end);
            let value = self.values.part(header, from, end);
            self.store.push(Variable::RequestCookies, name, value);
            self.store.push(Variable::RequestCookiesNames, name, name);
            for (from, end) in cookie::insides(self.values.get(header), from, end, open).into_iter().flatten()
            {
                open = open.max(end);
                self.unquoted_cookie(name, header, from, end);
            }
        }
    }

    fn unquoted_cookie(&mut self, name: ValueId, header: ValueId, from: usize, end: usize) {
        let mut text = std::mem::take(&mut self.argument);
        cookie::unquote(self.values.get(header).get(from..end).unwrap_or_default(), &mut text);
        let value = self.values.add(&text);
        self.store.push(Variable::RequestCookies, name, value);
        self.argument = text;
    }
}

/// Variables that are 0 until something goes wrong.
const FLAGS: [Variable; 21] = [
    Variable::InboundDataError,
    Variable::OutboundDataError,
    Variable::MultipartBoundaryQuoted,
    Variable::MultipartBoundaryWhitespace,
    Variable::MultipartCrlfLfLines,
    Variable::MultipartDataAfter,
    Variable::MultipartDataBefore,
    Variable::MultipartFileLimitExceeded,
    Variable::MultipartHeaderFolding,
    Variable::MultipartInvalidHeaderFolding,
    Variable::MultipartInvalidPart,
    Variable::MultipartInvalidQuoting,
    Variable::MultipartLfLine,
    Variable::MultipartMissingSemicolon,
    Variable::MultipartSemicolonMissing,
    Variable::MultipartStrictError,
    Variable::MultipartUnmatchedBoundary,
    Variable::ReqbodyError,
    Variable::ReqbodyProcessorError,
    Variable::UrlencodedError,
    Variable::ResponseContentLength,
];

/// The user of `Authorization: Basic` (RFC 7617, 2). It is what the client says, not what anyone has proven.
fn basic_user(credentials: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    Transform::Base64Decode.apply(credentials, &mut text, None);
    text.truncate(memchr::memchr(b':', &text).unwrap_or(text.len()));
    text
}

/// Bytes of `http://host` before the path, when the target is in absolute form (RFC 9112, 3.2.2).
fn authority_len(target: &[u8]) -> usize {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    let Some(scheme) = scheme else { return 0 };
    let rest = target.get(scheme.len()..).unwrap_or_default();
    scheme.len() + rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len())
}

struct Date {
    year: u64,
    month: u64,
    day: u64,
}

/// The date of a time in seconds of the epoch (H. Hinnant, "chrono-compatible low-level date algorithms").
fn civil(now: u64) -> Date {
    let days = now / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    Date { year: era * 400 + year_of_era + u64::from(month <= 2), month, day }
}

#[cfg(test)]
mod tests {
    use super::{authority_len, civil};

    #[test]
    fn dates() {
        for (now, expected) in
            [(0, (1970, 1, 1)), (951_782_400, (2000, 2, 29)), (1_735_603_200, (2024, 12, 31))]
        {
            let date = civil(now);
            assert_eq!((date.year, date.month, date.day), expected);
        }
    }

    #[test]
    fn absolute_form() {
        for (target, expected) in
            [(&b"/a"[..], 0), (b"http://h/a", 8), (b"HTTPS://h?x", 9), (b"http://h", 8), (b"ftp://h/a", 0)]
        {
            assert_eq!(authority_len(target), expected, "{}", target.escape_ascii());
        }
    }
}
