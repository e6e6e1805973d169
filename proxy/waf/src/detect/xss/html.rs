//! An HTML5 tokenizer (WHATWG, "Tokenization") with the departures of old browsers: zero bytes in names, backquoted
//! values, `<%` comments.

use memchr::{memchr, memmem};

/// Where a page puts the input.
#[derive(Clone, Copy)]
pub(super) enum Context {
    Text,
    Unquoted,
    SingleQuoted,
    DoubleQuoted,
    BackQuoted,
}

/// What a token is, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    TagOpen,
    AttributeName,
    AttributeValue,
    Comment,
    Doctype,
    Other,
}

/// A token: `len` bytes from `start`.
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) len: usize,
}

#[derive(Clone, Copy)]
enum State {
    End,
    Data,
    TagOpen,
    EndTagOpen,
    TagName,
    TagNameClose,
    SelfClosing,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
    AfterQuoted,
    Markup,
    Comment,
    BogusComment,
    PercentComment,
    CData,
    Doctype,
}

enum Step {
    Token(Token),
    Go(State),
    End,
}

/// Reads tokens from `input`, one at a time.
pub(super) struct Tokenizer<'a> {
    input: &'a [u8],
    pos: usize,
    state: State,
    closing: bool,
}

impl<'a> Tokenizer<'a> {
    pub(super) fn new(input: &'a [u8], context: Context) -> Self {
        let state = match context {
            Context::Text => State::Data,
            Context::Unquoted => State::BeforeName,
            Context::SingleQuoted => State::Quoted(b'\''),
            Context::DoubleQuoted => State::Quoted(b'"'),
            Context::BackQuoted => State::Quoted(b'`'),
        };
        Self { input, pos: 0, state, closing: false }
    }

    pub(super) fn next_token(&mut self) -> Option<Token> {
        loop {
            match self.step() {
                Step::Token(token) => return Some(token),
                Step::Go(state) => self.state = state,
                Step::End => return None,
            }
        }
    }

    fn step(&mut self) -> Step {
        match self.state {
            State::End => Step::End,
            State::Data => self.data(),
            State::TagOpen => self.tag_open(),
            State::EndTagOpen => self.end_tag_open(),
            State::TagName => self.tag_name(),
            State::TagNameClose => self.tag_name_close(),
            State::SelfClosing => self.self_closing(),
            State::BeforeName => self.before_name(),
            State::Name => self.name(),
            State::AfterName => self.after_name(),
            State::BeforeValue => self.before_value(),
            State::Quoted(quote) => self.quoted(quote),
            State::Unquoted => self.unquoted(),
            State::AfterQuoted => self.after_quoted(),
            State::Markup => self.markup(),
            State::Comment => self.comment(),
            State::BogusComment => self.until(b">", Kind::Comment),
            State::PercentComment => self.until(b"%>", Kind::Comment),
            State::CData => self.until(b"]]>", Kind::Other),
            State::Doctype => self.until(b">", Kind::Doctype),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.pos).copied()
    }

    /// A token of `len` bytes from here; reading goes on `skip` bytes after it, in `state`.
    fn emit(&mut self, kind: Kind, len: usize, skip: usize, state: State) -> Step {
        let token = Token { kind, start: self.pos, len };
        self.pos += len + skip;
        self.state = state;
        Step::Token(token)
    }

    fn emit_rest(&mut self, kind: Kind) -> Step {
        self.emit(kind, self.rest().len(), 0, State::End)
    }

    fn advance(&mut self, state: State) -> Step {
        self.pos += 1;
        Step::Go(state)
    }

    fn until(&mut self, end: &[u8], kind: Kind) -> Step {
        match memmem::find(self.rest(), end) {
            Some(len) => self.emit(kind, len, end.len(), State::Data),
            None => self.emit_rest(kind),
        }
    }

    fn data(&mut self) -> Step {
        match memchr(b'<', self.rest()) {
            None if self.rest().is_empty() => Step::End,
            None => self.emit_rest(Kind::Other),
            Some(0) => self.advance(State::TagOpen),
            Some(len) => self.emit(Kind::Other, len, 1, State::TagOpen),
        }
    }

    fn tag_open(&mut self) -> Step {
        match self.peek() {
            None => Step::End,
            Some(b'!') => self.advance(State::Markup),
            Some(b'/') => {
                self.closing = true;
                self.advance(State::EndTagOpen)
            }
            Some(b'?') => self.advance(State::BogusComment),
            Some(b'%') => self.advance(State::PercentComment),
            Some(byte) if byte.is_ascii_alphabetic() || byte == 0 => Step::Go(State::TagName),
            Some(_) => {
                self.state = State::Data;
                Step::Token(Token { kind: Kind::Other, start: self.pos.saturating_sub(1), len: 1 })
            }
        }
    }

    fn end_tag_open(&mut self) -> Step {
        match self.peek() {
            None => Step::End,
            Some(b'>') => Step::Go(State::Data),
            Some(byte) if byte.is_ascii_alphabetic() => Step::Go(State::TagName),
            Some(_) => {
                self.closing = false;
                Step::Go(State::BogusComment)
            }
        }
    }

    fn tag_name(&mut self) -> Step {
        let end = self.rest().iter().position(|byte| is_white(*byte) || matches!(byte, b'/' | b'>'));
        let Some(len) = end else { return self.emit_rest(Kind::TagOpen) };
        match self.rest().get(len) {
            Some(b'/') => self.emit(Kind::TagOpen, len, 1, State::SelfClosing),
            Some(b'>') if self.closing => {
                self.closing = false;
                self.emit(Kind::Other, len, 1, State::Data)
            }
            Some(b'>') => self.emit(Kind::TagOpen, len, 0, State::TagNameClose),
            _ => self.emit(Kind::TagOpen, len, 1, State::BeforeName),
        }
    }

    fn tag_name_close(&mut self) -> Step {
        self.closing = false;
        let state = if self.pos + 1 < self.input.len() { State::Data } else { State::End };
        self.emit(Kind::Other, 1, 0, state)
    }

    fn skip_white(&mut self) -> Option<u8> {
        while let Some(byte) = self.peek() {
            if !(is_white(byte) || byte == 0) {
                return Some(byte);
            }
            self.pos += 1;
        }
        None
    }

    fn before_name(&mut self) -> Step {
        match self.skip_white() {
            None => Step::End,
            Some(b'/') => self.advance(State::SelfClosing),
            Some(b'>') => self.emit(Kind::Other, 1, 0, State::Data),
            Some(_) => Step::Go(State::Name),
        }
    }

    fn self_closing(&mut self) -> Step {
        match self.peek() {
            None => Step::End,
            Some(b'>') => self.emit(Kind::Other, 1, 0, State::Data),
            Some(_) => Step::Go(State::BeforeName),
        }
    }

    fn name(&mut self) -> Step {
        let tail = self.rest().get(1..).unwrap_or_default();
        let end = tail.iter().position(|byte| is_white(*byte) || matches!(byte, b'/' | b'=' | b'>'));
        let Some(len) = end.map(|at| at + 1) else { return self.emit_rest(Kind::AttributeName) };
        let (skip, state) = match self.rest().get(len) {
            Some(b'/') => (1, State::SelfClosing),
            Some(b'=') => (1, State::BeforeValue),
            Some(b'>') => (0, State::TagNameClose),
            _ => (1, State::AfterName),
        };
        self.emit(Kind::AttributeName, len, skip, state)
    }

    fn after_name(&mut self) -> Step {
        match self.skip_white() {
            None => Step::End,
            Some(b'/') => self.advance(State::SelfClosing),
            Some(b'=') => self.advance(State::BeforeValue),
            Some(b'>') => Step::Go(State::TagNameClose),
            Some(_) => Step::Go(State::Name),
        }
    }

    fn before_value(&mut self) -> Step {
        match self.skip_white() {
            None => Step::End,
            Some(quote @ (b'"' | b'\'' | b'`')) => Step::Go(State::Quoted(quote)),
            Some(_) => Step::Go(State::Unquoted),
        }
    }

    fn quoted(&mut self, quote: u8) -> Step {
        // At the very start the quote is presumed, not there.
        if self.pos > 0 {
            self.pos += 1;
        }
        match memchr(quote, self.rest()) {
            Some(len) => self.emit(Kind::AttributeValue, len, 1, State::AfterQuoted),
            None => self.emit_rest(Kind::AttributeValue),
        }
    }

    fn unquoted(&mut self) -> Step {
        let end = self.rest().iter().position(|byte| is_white(*byte) || *byte == b'>');
        match end {
            None => self.emit_rest(Kind::AttributeValue),
            Some(len) if self.rest().get(len) == Some(&b'>') => {
                self.emit(Kind::AttributeValue, len, 0, State::TagNameClose)
            }
            Some(len) => self.emit(Kind::AttributeValue, len, 1, State::BeforeName),
        }
    }

    fn after_quoted(&mut self) -> Step {
        match self.peek() {
            None => Step::End,
            Some(byte) if is_white(byte) => self.advance(State::BeforeName),
            Some(b'/') => self.advance(State::SelfClosing),
            Some(b'>') => self.emit(Kind::Other, 1, 0, State::Data),
            Some(_) => Step::Go(State::BeforeName),
        }
    }

    fn markup(&mut self) -> Step {
        let rest = self.rest();
        if rest.get(..7).is_some_and(|head| head.eq_ignore_ascii_case(b"DOCTYPE")) {
            return Step::Go(State::Doctype);
        }
        if rest.starts_with(b"[CDATA[") {
            self.pos += 7;
            return Step::Go(State::CData);
        }
        if rest.starts_with(b"--") {
            self.pos += 2;
            return Step::Go(State::Comment);
        }
        Step::Go(State::BogusComment)
    }

    /// Ends at `-->` or `-!>`, with zero bytes allowed after the first dash.
    fn comment(&mut self) -> Step {
        let rest = self.rest();
        let mut from = 0;
        while let Some(dash) = memchr(b'-', rest.get(from..).unwrap_or_default()).map(|at| from + at) {
            if dash + 3 > rest.len() {
                break;
            }
            let zeros = rest.iter().skip(dash + 1).take_while(|byte| **byte == 0).count();
            let mark = dash + 1 + zeros;
            match (rest.get(mark), rest.get(mark + 1)) {
                (None, _) | (Some(b'-' | b'!'), None) => break,
                (Some(b'-' | b'!'), Some(b'>')) => {
                    return self.emit(Kind::Comment, dash, zeros + 3, State::Data);
                }
                _ => from = dash + 1,
            }
        }
        self.emit_rest(Kind::Comment)
    }
}

/// White space as browsers see it; the zero byte counts in the original, whose search finds its own terminator.
fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}
