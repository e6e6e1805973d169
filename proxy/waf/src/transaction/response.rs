//! The response, laid out as variables.

use super::State;
use super::outcome::{Interruption, InterruptionKind};
use super::values::Values;
use crate::program::{OverLimit, Program};
use crate::syntax::Variable;

impl State {
    pub(super) fn response_line(&mut self, program: &Program, status: u16, protocol: &[u8]) {
        self.headers = 0;
        self.scalar_number(Variable::ResponseStatus, usize::from(status));
        self.scalar(Variable::ResponseProtocol, protocol);
        if program.uses.get(Variable::StatusLine as usize) == Some(&true) {
            let line = [protocol, b" ", status.to_string().as_bytes()].concat();
            self.scalar(Variable::StatusLine, &line);
        }
    }

    pub(super) fn response_header(&mut self, name: &[u8], value: &[u8]) {
        self.headers += 1;
        if self.headers > self.limits.headers {
            return;
        }
        let (key, id) = (self.values.add(name), self.values.add(value));
        self.store.push(Variable::ResponseHeaders, key, id);
        self.store.push(Variable::ResponseHeadersNames, key, key);
        if name.eq_ignore_ascii_case(b"content-type") {
            self.response_type.clear();
            let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            self.response_type.extend_from_slice(kind);
            self.response_type.make_ascii_lowercase();
            self.store.empty(Variable::ResponseContentType);
            self.store.push(Variable::ResponseContentType, Values::EMPTY, id);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.store.empty(Variable::ResponseContentLength);
            self.store.push(Variable::ResponseContentLength, Values::EMPTY, id);
        }
    }

    pub(super) fn wants_response_body(&self, program: &Program) -> bool {
        let types = &program.settings().response_body_types;
        // `(null)` stands for a response without a type.
        let kind: &[u8] = if self.response_type.is_empty() { b"(null)" } else { &self.response_type };
        self.response_body_access && types.iter().any(|known| known.as_bytes() == kind)
    }

    pub(super) fn take_response_body(&mut self, piece: &[u8], over: OverLimit) -> Option<Interruption> {
        let limit = self.response_body_limit.min(self.limits.response_body_bytes);
        let room = limit.saturating_sub(self.response_body.len());
        if piece.len() > room {
            if over == OverLimit::Reject {
                self.phase = 4;
                return Some(self.limit_reached(InterruptionKind::BodyTooLarge, 502));
            }
            self.is_response_body_cut = true;
        }
        self.response_body.extend_from_slice(piece.get(..room).unwrap_or(piece));
        None
    }

    pub(super) fn process_response_body(&mut self, program: &Program) {
        if self.is_response_body_cut {
            self.replace(Variable::OutboundDataError, b"1");
        }
        if !self.wants_response_body(program) {
            return;
        }
        let body = std::mem::take(&mut self.response_body);
        self.scalar(Variable::ResponseBody, &body);
        self.response_body = body;
    }
}
