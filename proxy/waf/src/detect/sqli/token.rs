//! The tokenizer: reads as many SQL dialects at once as contradict each other little enough.

use memchr::{memchr, memchr2_iter, memmem};

use super::table::class_of;

/// Longest word whose class is looked up, in bytes.
pub(super) const WORD_MAX: usize = 32;
/// Bytes of a token's text that are kept.
const TEXT_MAX: usize = WORD_MAX - 1;

/// Token classes, as they appear in a fingerprint.
pub(super) mod class {
    pub(in super::super) const NONE: u8 = 0;
    pub(in super::super) const KEYWORD: u8 = b'k';
    pub(in super::super) const UNION: u8 = b'U';
    pub(in super::super) const GROUP: u8 = b'B';
    pub(in super::super) const EXPRESSION: u8 = b'E';
    pub(in super::super) const SQL_TYPE: u8 = b't';
    pub(in super::super) const FUNCTION: u8 = b'f';
    pub(in super::super) const BAREWORD: u8 = b'n';
    pub(in super::super) const NUMBER: u8 = b'1';
    pub(in super::super) const VARIABLE: u8 = b'v';
    pub(in super::super) const STRING: u8 = b's';
    pub(in super::super) const OPERATOR: u8 = b'o';
    pub(in super::super) const LOGIC: u8 = b'&';
    pub(in super::super) const COMMENT: u8 = b'c';
    pub(in super::super) const COLLATE: u8 = b'A';
    pub(in super::super) const LEFT_PAREN: u8 = b'(';
    pub(in super::super) const RIGHT_PAREN: u8 = b')';
    pub(in super::super) const LEFT_BRACE: u8 = b'{';
    pub(in super::super) const RIGHT_BRACE: u8 = b'}';
    pub(in super::super) const DOT: u8 = b'.';
    pub(in super::super) const COMMA: u8 = b',';
    pub(in super::super) const COLON: u8 = b':';
    pub(in super::super) const SEMICOLON: u8 = b';';
    pub(in super::super) const TSQL: u8 = b'T';
    pub(in super::super) const UNKNOWN: u8 = b'?';
    pub(in super::super) const EVIL: u8 = b'X';
    pub(in super::super) const BACKSLASH: u8 = b'\\';
}

/// The quote that is presumed to stand before the input.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    None,
    Single,
    Double,
}

/// How `#` and `--x` are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Ansi,
    MySql,
}

/// One token: its class, its first bytes, and how a string opened and closed.
#[derive(Clone, Copy)]
pub(super) struct Token {
    pub(super) class: u8,
    len: u8,
    text: [u8; TEXT_MAX],
    pub(super) open: u8,
    pub(super) close: u8,
}

impl Token {
    pub(super) const NONE: Self = Self { class: class::NONE, len: 0, text: [0; TEXT_MAX], open: 0, close: 0 };

    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Byte `at` of the text, or 0.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.text().get(at).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, class: u8, text: &[u8]) {
        self.class = class;
        let kept = text.get(..TEXT_MAX).unwrap_or(text);
        if let Some(place) = self.text.get_mut(..kept.len()) {
            place.copy_from_slice(kept);
        }
        self.len = u8::try_from(kept.len()).unwrap_or(0);
    }

    /// Whether the text is `word` (upper case), whatever its case.
    pub(super) fn is(&self, word: &[u8]) -> bool {
        self.text().eq_ignore_ascii_case(word)
    }

    pub(super) fn is_arithmetic(&self) -> bool {
        self.class == class::OPERATOR && matches!(self.text(), b"*" | b"/" | b"-" | b"+" | b"%")
    }

    pub(super) fn is_unary(&self) -> bool {
        self.class == class::OPERATOR
            && (matches!(self.text(), b"+" | b"-" | b"!" | b"~" | b"!!") || self.is(b"NOT"))
    }
}

/// Reads tokens from `input`, one at a time.
pub(super) struct Tokenizer<'a> {
    input: &'a [u8],
    pos: usize,
    quote: Quote,
    dialect: Dialect,
    /// Tokens read so far, comments included.
    pub(super) count: u32,
    /// Whether something was read that MySQL reads differently.
    pub(super) dialects_differ: bool,
}

impl<'a> Tokenizer<'a> {
    pub(super) fn new(input: &'a [u8], quote: Quote, dialect: Dialect) -> Self {
        Self { input, pos: 0, quote, dialect, count: 0, dialects_differ: false }
    }

    /// Reads the next token into `into`; `false`, and no class, at the end.
    pub(super) fn next(&mut self, into: &mut Token) -> bool {
        *into = Token::NONE;
        if self.pos == 0 && self.quote != Quote::None {
            let delimiter = if self.quote == Quote::Single { b'\'' } else { b'"' };
            self.pos = self.string(into, 0, delimiter, 0);
            self.count += 1;
            return true;
        }
        while let Some(byte) = self.input.get(self.pos).copied() {
            self.pos = self.dispatch(into, byte);
            if into.class != class::NONE {
                self.count += 1;
                return true;
            }
        }
        false
    }

    fn dispatch(&mut self, into: &mut Token, byte: u8) -> usize {
        match byte {
            0..=32 | 0x7f | 0xa0 => self.pos + 1,
            b'\'' | b'"' => self.string(into, self.pos, byte, 1),
            b'#' => self.hash(into),
            b'$' => self.money(into),
            b'%' | b'^' | b'+' | b'~' => self.one(into, class::OPERATOR),
            b'!' | b'&' | b'*' | b':' | b'<' | b'=' | b'>' | b'|' => self.operator(into),
            b'(' | b')' | b',' | b';' | b'{' | b'}' => self.one(into, byte),
            b'-' => self.dash(into),
            b'.' | b'0'..=b'9' => self.number(into),
            b'/' => self.slash(into),
            b'?' | b']' => self.one(into, class::UNKNOWN),
            b'@' => self.variable(into),
            b'[' => self.bracketed(into),
            b'\\' => self.backslash(into),
            b'`' => self.tick(into),
            b'b' | b'B' => self.radix_string(into, b"01\0"),
            b'x' | b'X' => self.radix_string(into, b"0123456789ABCDEFabcdef\0"),
            b'e' | b'E' => self.escaped_string(into),
            b'n' | b'N' => self.national_string(into),
            b'q' | b'Q' => self.delimited_string(into, 0),
            b'u' | b'U' => self.unicode_string(into),
            _ => self.word(into),
        }
    }

    fn at(&self, pos: usize) -> u8 {
        self.input.get(pos).copied().unwrap_or(0)
    }

    fn from(&self, pos: usize) -> &'a [u8] {
        self.input.get(pos..).unwrap_or_default()
    }

    fn between(&self, start: usize, end: usize) -> &'a [u8] {
        self.input.get(start..end).unwrap_or_default()
    }

    fn has(&self, pos: usize) -> bool {
        pos < self.input.len()
    }

    fn one(&self, into: &mut Token, class: u8) -> usize {
        into.set(class, self.between(self.pos, self.pos + 1));
        self.pos + 1
    }

    fn span(&self, into: &mut Token, class: u8, len: usize) -> usize {
        into.set(class, self.between(self.pos, self.pos + len));
        self.pos + len
    }

    fn line_comment(&self, into: &mut Token) -> usize {
        match memchr(b'\n', self.from(self.pos)) {
            Some(len) => self.span(into, class::COMMENT, len) + 1,
            None => self.span(into, class::COMMENT, self.input.len() - self.pos),
        }
    }

    fn hash(&mut self, into: &mut Token) -> usize {
        self.dialects_differ = true;
        if self.dialect == Dialect::MySql { self.line_comment(into) } else { self.one(into, class::OPERATOR) }
    }

    /// `--` before white space or the end is a comment everywhere; before anything else, everywhere but in MySQL.
    fn dash(&mut self, into: &mut Token) -> usize {
        if self.at(self.pos + 1) != b'-' {
            return self.one(into, class::OPERATOR);
        }
        if !self.has(self.pos + 2) || is_white(self.at(self.pos + 2)) {
            return self.line_comment(into);
        }
        if self.dialect == Dialect::Ansi {
            self.dialects_differ = true;
            return self.line_comment(into);
        }
        self.one(into, class::OPERATOR)
    }

    /// A nested comment (PostgreSQL) or a conditional one (MySQL) cannot be read without knowing the engine: `EVIL`.
    fn slash(&self, into: &mut Token) -> usize {
        if self.at(self.pos + 1) != b'*' {
            return self.one(into, class::OPERATOR);
        }
        let body = self.from(self.pos + 2);
        let close = memmem::find(body, b"*/");
        let nested =
            close.is_some_and(|end| memmem::find(body.get(..=end).unwrap_or_default(), b"/*").is_some());
        let class = if nested || self.at(self.pos + 2) == b'!' { class::EVIL } else { class::COMMENT };
        let len = close.map_or(self.input.len() - self.pos, |end| end + 4);
        self.span(into, class, len)
    }

    fn backslash(&self, into: &mut Token) -> usize {
        if self.at(self.pos + 1) == b'N' {
            self.span(into, class::NUMBER, 2)
        } else {
            self.one(into, class::BACKSLASH)
        }
    }

    fn operator(&self, into: &mut Token) -> usize {
        if !self.has(self.pos + 1) {
            return self.one(into, class::OPERATOR);
        }
        if self.from(self.pos).starts_with(b"<=>") {
            return self.span(into, class::OPERATOR, 3);
        }
        let class = class_of(self.between(self.pos, self.pos + 2));
        if class != class::NONE {
            return self.span(into, class, 2);
        }
        let single = if self.at(self.pos) == b':' { class::COLON } else { class::OPERATOR };
        self.one(into, single)
    }

    /// A string from `start`, its opening quote `offset` bytes long (0: the quote is presumed).
    fn string(&self, into: &mut Token, start: usize, delimiter: u8, offset: usize) -> usize {
        into.open = if offset > 0 { delimiter } else { 0 };
        let first = start + offset;
        let mut from = first;
        loop {
            let Some(found) = memchr(delimiter, self.from(from)).map(|at| from + at) else {
                into.set(class::STRING, self.from(first));
                into.close = 0;
                return self.input.len();
            };
            if self.is_escaped(first, found) {
                from = found + 1;
            } else if self.has(found + 1) && self.at(found + 1) == delimiter {
                from = found + 2;
            } else {
                into.set(class::STRING, self.between(first, found));
                into.close = delimiter;
                return found + 1;
            }
        }
    }

    fn is_escaped(&self, first: usize, quote: usize) -> bool {
        self.between(first, quote).iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
    }

    fn escaped_string(&self, into: &mut Token) -> usize {
        if !self.has(self.pos + 2) || self.at(self.pos + 1) != b'\'' {
            return self.word(into);
        }
        self.string(into, self.pos, b'\'', 2)
    }

    fn national_string(&self, into: &mut Token) -> usize {
        if self.has(self.pos + 2) && self.at(self.pos + 1) == b'\'' {
            return self.escaped_string(into);
        }
        self.delimited_string(into, 1)
    }

    fn unicode_string(&self, into: &mut Token) -> usize {
        if !self.from(self.pos + 1).starts_with(b"&'") {
            return self.word(into);
        }
        let end = self.string(into, self.pos + 2, b'\'', 1);
        into.open = b'u';
        if into.close == b'\'' {
            into.close = b'u';
        }
        end
    }

    /// Oracle's `q'[…]'`, with an `n` before it when `offset` is 1.
    fn delimited_string(&self, into: &mut Token, offset: usize) -> usize {
        let start = self.pos + offset;
        let open = self.at(start + 2);
        if !matches!(self.at(start), b'q' | b'Q')
            || !self.has(start + 2)
            || self.at(start + 1) != b'\''
            || !(33..128).contains(&open)
        {
            return self.word(into);
        }
        let close = match open {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            other => other,
        };
        let first = start + 3;
        into.open = b'q';
        if let Some(len) = memmem::find(self.from(first), &[close, b'\'']) {
            into.set(class::STRING, self.between(first, first + len));
            into.close = b'q';
            first + len + 2
        } else {
            into.set(class::STRING, self.from(first));
            self.input.len()
        }
    }

    /// `b'0101'` and `x'0aff'`. A zero byte counts as a digit, as it does in the original.
    fn radix_string(&self, into: &mut Token, digits: &[u8]) -> usize {
        if !self.has(self.pos + 2) || self.at(self.pos + 1) != b'\'' {
            return self.word(into);
        }
        let len = run(self.from(self.pos + 2), |byte| digits.contains(&byte));
        if self.at(self.pos + 2 + len) != b'\'' {
            return self.word(into);
        }
        self.span(into, class::NUMBER, len + 3)
    }

    fn bracketed(&self, into: &mut Token) -> usize {
        let len = memchr(b']', self.from(self.pos)).map_or(self.input.len() - self.pos, |end| end + 1);
        self.span(into, class::BAREWORD, len)
    }

    fn word(&self, into: &mut Token) -> usize {
        let len = run(self.from(self.pos), |byte| !ends_word(byte));
        let text = self.between(self.pos, self.pos + len.min(TEXT_MAX));
        for at in memchr2_iter(b'.', b'`', text) {
            let class = class_of(text.get(..at).unwrap_or_default());
            if class != class::NONE && class != class::BAREWORD {
                // `SELECT.1` and SELECT`column`: the keyword counts alone.
                return self.span(into, class, at);
            }
        }
        let class = if len < WORD_MAX { class_of(text) } else { class::NONE };
        self.span(into, if class == class::NONE { class::BAREWORD } else { class }, len)
    }

    fn tick(&self, into: &mut Token) -> usize {
        let end = self.string(into, self.pos, b'`', 1);
        let function = class_of(into.text()) == class::FUNCTION;
        into.class = if function { class::FUNCTION } else { class::BAREWORD };
        end
    }

    fn variable(&self, into: &mut Token) -> usize {
        let at = self.pos;
        let mut pos = at + 1;
        if self.at(pos) == b'@' {
            pos += 1;
        }
        if matches!(self.at(pos), b'`' | b'\'' | b'"') {
            let end = self.string(into, pos, self.at(pos), 1);
            into.class = class::VARIABLE;
            return end;
        }
        let len = run(self.from(pos), |byte| !ends_variable(byte));
        into.set(class::VARIABLE, self.between(pos, pos + len));
        pos + len
    }

    fn money(&self, into: &mut Token) -> usize {
        if !self.has(self.pos + 1) {
            return self.one(into, class::BAREWORD);
        }
        let rest = self.from(self.pos + 1);
        let amount = run(rest, |byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | 0));
        match (amount, rest.first()) {
            (0, Some(b'$')) => self.dollar_string(into, 2),
            (0, _) => {
                let tag = run(rest, |byte| byte.is_ascii_alphabetic() || byte == 0);
                if tag == 0 || rest.get(tag) != Some(&b'$') {
                    return self.one(into, class::BAREWORD);
                }
                self.dollar_string(into, tag + 2)
            }
            (1, Some(b'.')) => self.word(into),
            _ => self.span(into, class::NUMBER, amount + 1),
        }
    }

    /// PostgreSQL's `$$…$$` and `$tag$…$tag$`; `tag` counts both dollars.
    fn dollar_string(&self, into: &mut Token, tag: usize) -> usize {
        let first = self.pos + tag;
        into.open = b'$';
        match memmem::find(self.from(first), self.between(self.pos, first)) {
            Some(len) => {
                into.set(class::STRING, self.between(first, first + len));
                into.close = b'$';
                first + len + tag
            }
            None => {
                into.set(class::STRING, self.from(first));
                self.input.len()
            }
        }
    }

    fn number(&self, into: &mut Token) -> usize {
        if self.at(self.pos) == b'0' && self.has(self.pos + 1) {
            let digits: &[u8] = match self.at(self.pos + 1) {
                b'x' | b'X' => b"0123456789ABCDEFabcdef\0",
                b'b' | b'B' => b"01\0",
                _ => b"",
            };
            if !digits.is_empty() {
                let len = run(self.from(self.pos + 2), |byte| digits.contains(&byte));
                let class = if len == 0 { class::BAREWORD } else { class::NUMBER };
                return self.span(into, class, len + 2);
            }
        }
        self.decimal(into)
    }

    fn decimal(&self, into: &mut Token) -> usize {
        let digits = |pos: usize| pos + run(self.from(pos), |byte| byte.is_ascii_digit());
        let mut pos = digits(self.pos);
        if self.at(pos) == b'.' {
            pos = digits(pos + 1);
            if pos == self.pos + 1 {
                return self.one(into, class::DOT);
            }
        }
        let mut wordlike = false;
        if matches!(self.at(pos), b'e' | b'E') {
            pos += 1;
            if matches!(self.at(pos), b'+' | b'-') {
                pos += 1;
            }
            let end = digits(pos);
            wordlike = end == pos;
            pos = end;
        }
        if matches!(self.at(pos), b'd' | b'D' | b'f' | b'F') {
            // Oracle's suffix; `1fUNION` is read as `1f UNION`.
            let next = self.at(pos + 1);
            if !self.has(pos + 1) || is_white(next) || matches!(next, b';' | b'u' | b'U') {
                pos += 1;
            }
        }
        let class = if wordlike { class::BAREWORD } else { class::NUMBER };
        self.span(into, class, pos - self.pos)
    }
}

fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !belongs(*byte)).unwrap_or(bytes.len())
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0xa0 | 0)
}

fn ends_word(byte: u8) -> bool {
    is_white(byte)
        || matches!(
            byte,
            b'[' | b']'
                | b'{'
                | b'}'
                | b'<'
                | b'>'
                | b':'
                | b'\\'
                | b'?'
                | b'='
                | b'@'
                | b'!'
                | b'#'
                | b'~'
                | b'+'
                | b'-'
                | b'*'
                | b'/'
                | b'&'
                | b'|'
                | b'^'
                | b'%'
                | b'('
                | b')'
                | b','
                | b'\''
                | b';'
                | b'"'
        )
}

fn ends_variable(byte: u8) -> bool {
    byte != 0xa0 && !matches!(byte, b'[' | b']' | b'{' | b'}') && (ends_word(byte) || byte == b'`')
}
