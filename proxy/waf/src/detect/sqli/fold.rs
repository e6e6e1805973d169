//! Folding: `1 + 1`, `a.b`, repeated strings and the like say nothing about an attack; what is left fits in five tokens.

use super::token::{Dialect, Quote, Token, Tokenizer, class};
use super::{Fingerprint, table};

/// Tokens a fingerprint has at most.
const KEPT: usize = 5;

/// What folding left.
pub(super) struct Folded {
    tokens: [Token; KEPT + 3],
    len: usize,
    /// Tokens read, before folding.
    pub(super) read: u32,
    /// Whether MySQL reads the input differently.
    pub(super) dialects_differ: bool,
}

impl Folded {
    pub(super) fn token(&self, at: usize) -> &Token {
        static NONE: Token = Token::NONE;
        self.tokens.get(at).unwrap_or(&NONE)
    }

    /// The classes of the tokens; `X` alone when one of them cannot be read.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = Fingerprint::EMPTY;
        for token in self.tokens.iter().take(self.len) {
            fingerprint.push(token.class);
        }
        if fingerprint.as_bytes().contains(&class::EVIL) {
            fingerprint = Fingerprint::EMPTY;
            fingerprint.push(class::EVIL);
        }
        fingerprint
    }
}

/// Tokenizes and folds `input`.
pub(super) fn fold(input: &[u8], quote: Quote, dialect: Dialect) -> Folded {
    let mut folder = Folder {
        source: Tokenizer::new(input, quote, dialect),
        tokens: [Token::NONE; KEPT + 3],
        next: 0,
        left: 0,
        more: true,
        comment: Token::NONE,
    };
    let len = folder.run();
    let mut folded = Folded {
        tokens: folder.tokens,
        len,
        read: folder.source.count,
        dialects_differ: folder.source.dialects_differ,
    };
    end_with_backquote_comment(&mut folded);
    folded
}

/// An empty, unclosed backquoted word at the end is PHP's way to comment out the rest.
fn end_with_backquote_comment(folded: &mut Folded) {
    if folded.len > 2
        && let Some(last) = folded.tokens.get_mut(folded.len - 1)
        && last.class == class::BAREWORD
        && last.open == b'`'
        && last.text().is_empty()
        && last.close == 0
    {
        last.class = class::COMMENT;
    }
}

struct Folder<'a> {
    source: Tokenizer<'a>,
    tokens: [Token; KEPT + 3],
    /// Where the next token goes.
    next: usize,
    /// Tokens that are done with.
    left: usize,
    more: bool,
    comment: Token,
}

/// What a folding rule did.
enum Step {
    /// Changed something: start over.
    Again,
    /// Nothing to fold here.
    Pass,
    /// Stop with this many tokens.
    Stop(usize),
}

impl Folder<'_> {
    fn run(&mut self) -> usize {
        if !self.skip_lead() {
            return 0;
        }
        loop {
            self.fold_five();
            if !self.more || self.left >= KEPT {
                self.left = self.next;
                break;
            }
            self.fill(2);
            if self.next - self.left < 2 {
                self.left = self.next;
                continue;
            }
            match self.fold_two() {
                Step::Again => continue,
                Step::Stop(len) => return len.min(KEPT),
                Step::Pass => {}
            }
            self.fill(3);
            if self.next - self.left < 3 {
                self.left = self.next;
                continue;
            }
            if self.fold_three() {
                continue;
            }
            self.left += 1;
        }
        if self.left < KEPT && self.comment.class == class::COMMENT {
            if let Some(slot) = self.tokens.get_mut(self.left) {
                *slot = self.comment;
            }
            self.left += 1;
        }
        self.left.min(KEPT)
    }

    /// Comments, opening parentheses, types and unary operators at the start say nothing.
    fn skip_lead(&mut self) -> bool {
        let mut token = Token::NONE;
        while self.source.next(&mut token) {
            let skipped = matches!(token.class, class::COMMENT | class::LEFT_PAREN | class::SQL_TYPE)
                || token.is_unary();
            if !skipped {
                if let Some(slot) = self.tokens.first_mut() {
                    *slot = token;
                }
                self.next = 1;
                return true;
            }
        }
        false
    }

    /// Reads tokens until `wanted` lie right of `left`; comments are set aside.
    fn fill(&mut self, wanted: usize) {
        while self.more && self.next <= KEPT && self.next - self.left < wanted {
            let Some(token) = self.tokens.get_mut(self.next) else { break };
            self.more = self.source.next(token);
            if !self.more {
                break;
            }
            if token.class == class::COMMENT {
                self.comment = *token;
            } else {
                self.comment.class = class::NONE;
                self.next += 1;
            }
        }
    }

    fn class(&self, at: usize) -> u8 {
        self.tokens.get(at).map_or(class::NONE, |token| token.class)
    }

    fn token(&self, at: usize) -> &Token {
        static NONE: Token = Token::NONE;
        self.tokens.get(at).unwrap_or(&NONE)
    }

    fn is_unary(&self, at: usize) -> bool {
        self.token(at).is_unary()
    }

    fn set_class(&mut self, at: usize, class: u8) {
        if let Some(token) = self.tokens.get_mut(at) {
            token.class = class;
        }
    }

    fn copy(&mut self, from: usize, to: usize) {
        let token = *self.token(from);
        if let Some(slot) = self.tokens.get_mut(to) {
            *slot = token;
        }
    }

    /// Drops `count` tokens at the end and starts over.
    fn drop_last(&mut self, count: usize) {
        self.next = self.next.saturating_sub(count);
        self.left = 0;
    }

    fn fold_five(&mut self) {
        if self.next < KEPT {
            return;
        }
        use class::{BAREWORD as N, COMMA, LEFT_PAREN as L, NUMBER as D, OPERATOR as O, RIGHT_PAREN as R};
        let classes = [self.class(0), self.class(1), self.class(2), self.class(3), self.class(4)];
        let folds = matches!(
            classes,
            [D, O | COMMA, L, D, R] | [N, O, L, N | D, R] | [D, R, COMMA, L, D] | [N, R, O, L, N]
        );
        if !folds {
            return;
        }
        self.left = 0;
        if self.next > KEPT {
            self.copy(KEPT, 1);
            self.next = 2;
        } else {
            self.next = 1;
        }
    }

    fn fold_two(&mut self) -> Step {
        let right = self.left + 1;
        match (self.class(self.left), self.class(right)) {
            (class::STRING, class::STRING) | (class::SEMICOLON, class::SEMICOLON) => {
                self.next -= 1;
                return Step::Again;
            }
            (class::OPERATOR | class::LOGIC, class) if class == class::SQL_TYPE || self.is_unary(right) => {
                self.drop_last(1);
                return Step::Again;
            }
            (class::LEFT_PAREN, _) if self.is_unary(right) => {
                self.next -= 1;
                self.left = self.left.saturating_sub(1);
                return Step::Again;
            }
            _ => {}
        }
        if self.merge_words() {
            self.next -= 1;
            self.left = self.left.saturating_sub(1);
            return Step::Again;
        }
        self.reclassify()
    }

    /// Words whose class depends on what follows.
    fn reclassify(&mut self) -> Step {
        let (left, right) = (self.left, self.left + 1);
        let (a, b) = (self.class(left), self.class(right));
        let paren = b == class::LEFT_PAREN;
        match a {
            class::SEMICOLON if b == class::FUNCTION && starts_with_if(self.token(right)) => {
                self.set_class(right, class::TSQL);
                Step::Again
            }
            class::BAREWORD | class::VARIABLE if paren && is_function_when_called(self.token(left)) => {
                self.set_class(left, class::FUNCTION);
                Step::Again
            }
            class::KEYWORD if self.token(left).is(b"IN") || self.token(left).is(b"NOT IN") => {
                self.set_class(left, if paren { class::OPERATOR } else { class::BAREWORD });
                Step::Again
            }
            class::OPERATOR if self.token(left).is(b"LIKE") || self.token(left).is(b"NOT LIKE") => {
                if paren {
                    self.set_class(left, class::FUNCTION);
                }
                Step::Pass
            }
            class::SQL_TYPE if is_value_after_type(b) => {
                self.copy(right, left);
                self.drop_last(1);
                Step::Again
            }
            class::COLLATE if b == class::BAREWORD => {
                if self.token(right).text().contains(&b'_') {
                    self.set_class(right, class::SQL_TYPE);
                    self.left = 0;
                }
                Step::Pass
            }
            class::BACKSLASH => {
                // T-SQL reads `\%1` as `0 % 1`, and `\1` as `1`.
                if self.token(right).is_arithmetic() {
                    self.set_class(left, class::NUMBER);
                    self.left = 0;
                } else {
                    self.copy(right, left);
                    self.drop_last(1);
                }
                Step::Again
            }
            _ => self.brackets(),
        }
    }

    fn brackets(&mut self) -> Step {
        let right = self.left + 1;
        match (self.class(self.left), self.class(right)) {
            (class::LEFT_PAREN, class::LEFT_PAREN) | (class::RIGHT_PAREN, class::RIGHT_PAREN) => {
                self.drop_last(1);
                Step::Again
            }
            (class::LEFT_BRACE, class::BAREWORD) => {
                // MySQL takes {``.``.id}; so rare that the shape itself is the attack.
                if self.token(right).text().is_empty() {
                    self.set_class(right, class::EVIL);
                    return Step::Stop(self.left + 2);
                }
                self.drop_last(2);
                Step::Again
            }
            (_, class::RIGHT_BRACE) => {
                self.drop_last(1);
                Step::Again
            }
            _ => Step::Pass,
        }
    }

    /// `UNION` + `ALL` is one word when the table knows the phrase.
    fn merge_words(&mut self) -> bool {
        let (a, b) = (self.token(self.left), self.token(self.left + 1));
        if !is_wordlike(a.class) || !(is_wordlike(b.class) || b.class == class::LOGIC) {
            return false;
        }
        let (first, second) = (a.text(), b.text());
        if !table::may_be_phrase(first, second) {
            return false;
        }
        let len = first.len() + 1 + second.len();
        let mut phrase = [b' '; super::token::WORD_MAX];
        if len >= phrase.len() {
            return false;
        }
        for (slot, byte) in phrase.iter_mut().zip(first.iter().chain(b" ").chain(second)) {
            *slot = *byte;
        }
        let phrase = phrase.get(..len).unwrap_or_default();
        let class = table::class_of(phrase);
        if class == class::NONE {
            return false;
        }
        if let Some(token) = self.tokens.get_mut(self.left) {
            token.set(class, phrase);
        }
        true
    }

    fn fold_three(&mut self) -> bool {
        let (left, middle, last) = (self.left, self.left + 1, self.left + 2);
        let (a, b, c) = (self.class(left), self.class(middle), self.class(last));
        if self.is_redundant_pair(a, b, c) {
            self.drop_last(2);
            return true;
        }
        let opens = matches!(a, class::EXPRESSION | class::GROUP | class::COMMA) && c == class::LEFT_PAREN;
        let negates = matches!(a, class::KEYWORD | class::EXPRESSION | class::GROUP)
            && (is_operand(c) || c == class::FUNCTION);
        let (is_unary, is_comma) = (self.is_unary(middle), a == class::COMMA);
        if is_unary && (opens || negates || (is_comma && c == class::FUNCTION)) {
            self.copy(last, middle);
            self.drop_last(1);
            return true;
        }
        if is_comma && is_unary && is_operand(c) {
            self.copy(last, middle);
            self.drop_last(3);
            return true;
        }
        if a == class::EXPRESSION && b == class::DOT && c == class::BAREWORD {
            self.copy(last, middle);
            self.drop_last(1);
            return true;
        }
        // USER() takes no argument: with one it is an ordinary name.
        if a == class::FUNCTION
            && b == class::LEFT_PAREN
            && c != class::RIGHT_PAREN
            && self.token(left).is(b"USER")
        {
            self.set_class(left, class::BAREWORD);
        }
        false
    }

    /// Whether `b c` adds nothing to `a`: arithmetic, lists, casts, qualified names.
    fn is_redundant_pair(&self, a: u8, b: u8, c: u8) -> bool {
        use class::{
            BAREWORD as N, COMMA, DOT, LEFT_PAREN, LOGIC, NUMBER as D, OPERATOR as O, SQL_TYPE, VARIABLE as V,
        };
        match (a, b, c) {
            (D, O, D) | (LOGIC, _, LOGIC) | (N, DOT, N) => true,
            (O, middle, O) if middle != LEFT_PAREN => true,
            (V, O, V | D | N) | (N | D, O, D | N) => true,
            (first, O, SQL_TYPE) if is_operand(first) && self.token(self.left + 1).text() == b"::" => true,
            (first, COMMA, last) => is_operand(first) && is_operand(last),
            _ => false,
        }
    }
}

fn is_operand(class: u8) -> bool {
    matches!(class, class::NUMBER | class::BAREWORD | class::VARIABLE | class::STRING)
}

fn is_wordlike(class: u8) -> bool {
    matches!(
        class,
        class::KEYWORD
            | class::BAREWORD
            | class::OPERATOR
            | class::UNION
            | class::FUNCTION
            | class::EXPRESSION
            | class::TSQL
            | class::SQL_TYPE
    )
}

fn is_value_after_type(class: u8) -> bool {
    is_operand(class) || matches!(class, class::SQL_TYPE | class::LEFT_PAREN | class::FUNCTION)
}

fn starts_with_if(token: &Token) -> bool {
    token.byte(0).eq_ignore_ascii_case(&b'I') && token.byte(1).eq_ignore_ascii_case(&b'F')
}

/// Names that are columns or variables alone, and functions before a parenthesis.
fn is_function_when_called(token: &Token) -> bool {
    const NAMES: [&[u8]; 11] = [
        b"USER_ID",
        b"USER_NAME",
        b"DATABASE",
        b"PASSWORD",
        b"USER",
        b"CURRENT_USER",
        b"CURRENT_DATE",
        b"CURRENT_TIME",
        b"CURRENT_TIMESTAMP",
        b"LOCALTIME",
        b"LOCALTIMESTAMP",
    ];
    NAMES.iter().any(|name| token.is(name))
}
