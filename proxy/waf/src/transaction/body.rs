//! Request bodies, laid out as variables.
//!
//! `REQUEST_BODY` is filled for urlencoded bodies, for bodies no processor reads when a rule forces it
//! (`ctl:forceRequestBodyVariable`), and for nothing else, as the reference of ModSecurity 2 has it. Rules see multipart,
//! JSON and XML through `ARGS`, `FILES` and `XML`; to match their raw syntax as well, quotes, braces and boundaries
//! included, doubles the work and is where false positives on such bodies come from.

use super::State;
use super::outcome::{Interruption, InterruptionKind};
use super::values::Values;
use crate::body::{charset, json, multipart, xml};
use crate::program::{Allowed, Engine, OverLimit, Processor, Program};
use crate::syntax::Variable;

impl State {
    pub(super) fn take_request_body(&mut self, piece: &[u8], over: OverLimit) -> Option<Interruption> {
        let limit = self.request_body_limit.min(self.limits.request_body_bytes);
        let room = limit.saturating_sub(self.request_body.len());
        if piece.len() > room {
            if over == OverLimit::Reject {
                self.phase = 2;
                return Some(self.limit_reached(InterruptionKind::BodyTooLarge, 413));
            }
            self.is_request_body_cut = true;
        }
        self.request_body.extend_from_slice(piece.get(..room).unwrap_or(piece));
        None
    }

    /// The refusal of a body that is declared larger than its limit, before any of it has come.
    pub(super) fn declared_too_large(&self, program: &Program) -> Option<Interruption> {
        let limit = self.request_body_limit.min(self.limits.request_body_bytes);
        let refuses = self.engine != Engine::Off
            && self.request_body_access
            && program.settings().request_body_over == OverLimit::Reject
            && self.declared_bytes > limit as u64;
        refuses.then(|| self.limit_reached(InterruptionKind::BodyTooLarge, 413))
    }

    /// The refusal of a request that could not be inspected whole.
    pub(super) fn refuse_uninspected(&self) -> Option<Interruption> {
        let is_allowed = matches!(self.allowed, Some(Allowed::All | Allowed::Request));
        let reason = self.uninspected.filter(|_| self.engine == Engine::On && !is_allowed)?;
        Some(self.limit_reached(InterruptionKind::Uninspected(reason), 400))
    }

    pub(super) fn process_request_body(&mut self, program: &Program) {
        if self.is_request_body_cut {
            self.replace(Variable::InboundDataError, b"1");
        }
        let body = std::mem::take(&mut self.request_body);
        if self.request_body_access && !self.values.spend(body.len()) {
            self.values.fuel = 0;
        } else if self.request_body_access {
            self.parse_request_body(program, &body);
        }
        self.full_request(program, &body);
        self.request_body = body;
        self.sizes(program);
    }

    /// `FULL_REQUEST`: request line, headers and body, as far as it is inspected.
    fn full_request(&mut self, program: &Program, body: &[u8]) {
        let uses = |variable: Variable| program.uses.get(variable as usize) == Some(&true);
        if !uses(Variable::FullRequest) && !uses(Variable::FullRequestLength) {
            return;
        }
        let mut text = Vec::new();
        if let Some(line) = self.store.entries(Variable::RequestLine).first() {
            text.extend_from_slice(self.values.get(line.value));
        }
        text.extend_from_slice(b"\r\n");
        for header in self.store.entries(Variable::RequestHeaders) {
            for piece in [self.values.get(header.key), b": ", self.values.get(header.value), b"\r\n"] {
                text.extend_from_slice(piece);
            }
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(body);
        self.replace(Variable::FullRequestLength, text.len().to_string().as_bytes());
        self.replace(Variable::FullRequest, &text);
    }

    fn parse_request_body(&mut self, program: &Program, body: &[u8]) {
        self.scalar_number(Variable::RequestBodyLength, body.len());
        let processor = match self.processor {
            None if self.force_request_body => {
                self.scalar(Variable::RequestBody, body);
                return;
            }
            processor => processor,
        };
        if body.is_empty() {
            return;
        }
        if self.has_two_types {
            self.body_error("the request names two types of its body, of which servers choose either");
        }
        if self.has_content_coding {
            self.body_error("the request body has a content coding, which is not undone");
        }
        if processor.is_some() && !charset::is_read(&self.content_type) {
            self.body_error("the request body is in a charset that is not read as its bytes are");
        }
        match processor {
            None => {}
            Some(Processor::UrlEncoded) => {
                self.scalar(Variable::RequestBody, body);
                self.arguments_of(program, body, [Variable::ArgsPost, Variable::ArgsPostNames]);
                if json::may_be(body) {
                    // What is none is a form all the same.
                    let _ = self.json_arguments(program, body);
                }
            }
            Some(Processor::Multipart) => self.parse_multipart(program, body),
            Some(Processor::Json) => self.parse_json(program, body),
            Some(Processor::Xml) => self.parse_xml(program, body),
        }
        if processor.is_some_and(|processor| processor != Processor::UrlEncoded) && self.force_request_body {
            self.scalar(Variable::RequestBody, body);
        }
    }

    fn parse_json(&mut self, program: &Program, body: &[u8]) {
        if let Err(message) = self.json_arguments(program, body) {
            self.body_error(message);
        }
    }

    fn json_arguments(&mut self, program: &Program, body: &[u8]) -> Result<(), &'static str> {
        let depth = self.limits.depth.min(program.settings().json_depth);
        json::parse(body, depth, &mut |name, value| {
            let (name, value) = (self.values.add_shared(name), self.values.add_shared(value));
            self.argument(program, name, value, [Variable::ArgsPost, Variable::ArgsPostNames])
        })
    }

    fn parse_xml(&mut self, program: &Program, body: &[u8]) {
        let mut text = Vec::new();
        let into_args = self.xml_into_args;
        let parsed = xml::parse(body, self.limits.depth, &mut |piece| match piece {
            xml::Piece::Text(piece) => {
                text.extend_from_slice(piece);
                true
            }
            xml::Piece::Attribute(value) => {
                let (key, value) = (self.values.add(b"//@*"), self.values.add(value));
                self.store.push(Variable::Xml, key, value);
                self.values.fuel > 0
            }
            xml::Piece::Leaf(path, value) if into_args => {
                let (name, value) = (self.values.add(path), self.values.add(value));
                self.argument(program, name, value, [Variable::ArgsPost, Variable::ArgsPostNames])
            }
            xml::Piece::Leaf(..) => true,
        });
        let (key, value) = (self.values.add(b"/*"), self.values.add(&text));
        self.store.push(Variable::Xml, key, value);
        if let Err(message) = parsed {
            self.body_error(message);
        }
    }

    fn parse_multipart(&mut self, program: &Program, body: &[u8]) {
        let limits = multipart::Limits {
            parts: self.limits.parts,
            files: program.settings().files,
            plain_bytes: program.settings().request_body_no_files_limit,
        };
        let content_type = std::mem::take(&mut self.content_type);
        let parsed = multipart::parse(&content_type, body, &limits);
        self.content_type = content_type;
        for part in &parsed.parts {
            self.part(program, part);
        }
        let flags = parsed.flags;
        for (variable, set) in [
            (Variable::MultipartBoundaryQuoted, flags.boundary_quoted),
            (Variable::MultipartBoundaryWhitespace, flags.boundary_whitespace),
            (Variable::MultipartCrlfLfLines, flags.crlf_lf_lines()),
            (Variable::MultipartDataAfter, flags.data_after),
            (Variable::MultipartDataBefore, flags.data_before),
            (Variable::MultipartFileLimitExceeded, flags.too_many_files),
            (Variable::MultipartHeaderFolding, flags.header_folding),
            (Variable::MultipartInvalidHeaderFolding, flags.invalid_header_folding),
            (Variable::MultipartInvalidPart, flags.invalid_part),
            (Variable::MultipartInvalidQuoting, flags.invalid_quoting),
            (Variable::MultipartLfLine, flags.lf_line),
            (Variable::MultipartMissingSemicolon, flags.missing_semicolon),
            (Variable::MultipartSemicolonMissing, flags.missing_semicolon),
            (Variable::MultipartUnmatchedBoundary, flags.unmatched_boundary),
            (Variable::MultipartStrictError, flags.is_strict_error() || parsed.error.is_some()),
        ] {
            if set {
                self.replace(variable, b"1");
            }
        }
        if let Some(message) = parsed.error {
            self.body_error(message);
        }
    }

    fn part(&mut self, program: &Program, part: &multipart::Part<'_>) {
        let name = self.values.add(&part.name);
        for header in &part.headers {
            let header = self.values.add(header);
            self.store.push(Variable::MultipartPartHeaders, name, header);
        }
        self.store.push(Variable::MultipartName, name, name);
        // A browser sends a file that was not chosen without a name and without a byte.
        if part.is_field && (part.filename.is_none() || !part.value.is_empty()) {
            let value = self.values.add(&part.value);
            self.argument(program, name, value, [Variable::ArgsPost, Variable::ArgsPostNames]);
        }
        let Some(filename) = &part.filename else { return };
        let filename = self.values.add(filename);
        self.store.push(Variable::Files, name, filename);
        self.store.push(Variable::MultipartFilename, name, filename);
        self.store.push(Variable::FilesNames, name, name);
        let size = self.values.add_number(i64::try_from(part.value.len()).unwrap_or(i64::MAX));
        self.store.push(Variable::FilesSizes, name, size);
        if program.uses.get(Variable::FilesTmpContent as usize) == Some(&true) {
            let content = self.values.add(&part.value);
            self.store.push(Variable::FilesTmpContent, name, content);
        }
    }

    fn sizes(&mut self, program: &Program) {
        let uses = |variable: Variable| program.uses.get(variable as usize) == Some(&true);
        if uses(Variable::ArgsCombinedSize) {
            let entries = self.store.entries(Variable::Args).iter();
            let total: usize = entries
                .map(|entry| (self.values.len(entry.key) + self.values.len(entry.value)) as usize)
                .sum();
            self.store.empty(Variable::ArgsCombinedSize);
            self.scalar_number(Variable::ArgsCombinedSize, total);
        }
        if uses(Variable::FilesCombinedSize) {
            let entries = self.store.entries(Variable::FilesSizes).iter();
            let total: i64 = entries
                .map(|entry| crate::bytes::integer(self.values.get(entry.value)))
                .fold(0, i64::saturating_add);
            let total = self.values.add_number(total);
            self.store.empty(Variable::FilesCombinedSize);
            self.store.push(Variable::FilesCombinedSize, Values::EMPTY, total);
        }
    }
}
