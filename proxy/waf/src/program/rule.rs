//! Rules, compiled.

use std::sync::Arc;

use super::Engine;
use super::group::Place as TargetPlace;
use super::kinds::Kinds;
use super::template::{Piece, Template};
use crate::bytes::integer;
use crate::fault::Place;
use crate::operator::Operator;
use crate::syntax::Variable;

/// A rule with the rules chained to it.
pub(crate) struct Rule {
    pub(crate) meta: Arc<Meta>,
    pub(crate) phase: u8,
    /// Its conditions; none when no transaction comes to it.
    pub(crate) links: Vec<Link>,
    pub(crate) disruption: Disruption,
    pub(crate) status: u16,
    /// Position in the phase to go on at after a match.
    pub(crate) jump: Option<u32>,
    pub(crate) log: bool,
    pub(crate) message: Option<Template>,
    pub(crate) data: Option<Template>,
    /// Whether its only condition is a guard, and a match does nothing but jump.
    pub(crate) is_jump: bool,
}

/// What a rule says about itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Meta {
    /// The `id` action.
    pub id: u64,
    /// The `tag` actions.
    pub tags: Vec<String>,
    /// The `severity` action: 0 is the gravest (emergency), 2 critical, 7 debug.
    pub severity: Option<u8>,
    /// The `ver` action.
    pub version: Option<String>,
    /// The `rev` action.
    pub revision: Option<String>,
    /// The `accuracy` action.
    pub accuracy: Option<u8>,
    /// The `maturity` action.
    pub maturity: Option<u8>,
    /// The `msg` action, macros unexpanded.
    pub message: String,
    /// The rule's file.
    pub file: Arc<str>,
    /// The rule's line.
    pub line: u32,
}

/// One condition of a rule.
pub(crate) struct Link {
    /// What it looks at; `None` for `SecAction`.
    pub(crate) group: Option<u32>,
    pub(crate) operator: Operator,
    pub(crate) negated: bool,
    pub(crate) argument: Argument,
    pub(crate) need: Need,
    pub(crate) capture: bool,
    pub(crate) guard: Option<Guard>,
    pub(crate) effects: Vec<Effect>,
}

/// The operator's argument.
pub(crate) enum Argument {
    Literal(Vec<u8>),
    Template(Template),
}

/// What a value must have for the operator to be asked.
pub(crate) struct Need {
    /// A bit of the gate.
    pub(crate) bit: Option<u32>,
    /// Whether the bit is the operator's answer, so that it need not be asked.
    pub(crate) is_exact: bool,
    /// Without the bit, a value with all kinds of one of these may still match.
    pub(crate) instead: Vec<Kinds>,
    pub(crate) kinds: Kinds,
    /// All kinds of one of these; none: no such need.
    pub(crate) choices: Vec<Kinds>,
    pub(crate) len: u32,
    /// What the value has before its white space goes, where that is cheaper to see than the value itself.
    pub(crate) before: Option<Arc<Before>>,
}

/// A text that untransformed values hold, white space and case apart.
pub(crate) struct Before {
    /// The untransformed values.
    pub(crate) group: u32,
    pub(crate) text: Vec<u8>,
}

impl Number {
    /// The number a template expands to, where that needs no expansion.
    pub(crate) fn of(template: &Template) -> Option<Self> {
        match template.pieces.as_slice() {
            [Piece::Tx(slot)] => Some(Self::Tx(*slot)),
            _ => template.literal().map(|text| Self::Fixed(integer(text))),
        }
    }
}

impl Need {
    pub(crate) const NOTHING: Self = Self {
        bit: None,
        is_exact: false,
        instead: Vec::new(),
        kinds: Kinds::NONE,
        choices: Vec::new(),
        len: 0,
        before: None,
    };

    /// Whether a value with bytes of these kinds may match in any of the ways there are.
    pub(crate) fn has_choice(&self, kinds: Kinds) -> bool {
        self.choices.is_empty() || self.choices.iter().any(|needed| kinds.have(*needed))
    }

    /// Whether a value with bytes of these kinds may match without the bit.
    pub(crate) fn is_met_instead(&self, kinds: Kinds) -> bool {
        self.instead.iter().any(|needed| kinds.have(*needed))
    }
}

/// A condition on one number: `TX:name`, compared. It is decided without finding or keeping anything.
#[derive(Clone, Copy)]
pub(crate) struct Guard {
    pub(crate) slot: u32,
    pub(crate) count: bool,
    pub(crate) negated: bool,
    pub(crate) comparison: crate::operator::Comparison,
    pub(crate) number: Number,
}

/// A number that is given, or that a member of `TX` holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Fixed(i64),
    Tx(u32),
}

/// What a match of the whole rule does to the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Disruption {
    None,
    Deny,
    Drop,
    Redirect(Template),
    Allow(Allowed),
}

/// How far `allow` reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// The rest of the transaction, logging apart.
    All,
    /// The rest of the phase.
    Phase,
    /// The rest of the request phases.
    Request,
}

/// What a match of a condition does besides.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Set {
        place: Slot,
        change: Change,
    },
    Expire {
        place: Slot,
        seconds: Template,
    },
    /// Attaches a persistent collection under a key.
    Attach {
        collection: Variable,
        key: Template,
    },
    Environment {
        name: Template,
        value: Option<Template>,
    },
    Control(Control),
}

/// A variable that rules write.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Tx(u32),
    Member(Variable, Template),
}

/// How a variable changes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    To(Template),
    /// To a text of the program, and the number it starts with.
    Text(u32, i64),
    Add(Term),
    Subtract(Term),
    Unset,
}

/// How much a number changes by.
#[derive(Debug, Clone)]
pub(crate) enum Term {
    Number(Number),
    Text(Template),
}

/// `ctl`.
#[derive(Debug, Clone)]
pub(crate) enum Control {
    Engine(Engine),
    RequestBody(bool),
    ResponseBody(bool),
    RequestBodyLimit(usize),
    ResponseBodyLimit(usize),
    ForceRequestBody(bool),
    BodyProcessor(Option<Processor>),
    ParseXmlIntoArgs(bool),
    /// Rules (by index) that do not run any more.
    RemoveRules(Arc<[u32]>),
    /// A target that these rules do not look at any more.
    RemoveTarget(Arc<[u32]>, Arc<Excluded>),
}

/// A target left out of some rules for one transaction.
pub(crate) struct Excluded(pub(crate) TargetPlace);

impl std::fmt::Debug for Excluded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.variable.name())
    }
}

/// Reads request bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    UrlEncoded,
    Multipart,
    Json,
    Xml,
}

impl Processor {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "URLENCODED" => Some(Self::UrlEncoded),
            "MULTIPART" => Some(Self::Multipart),
            "JSON" => Some(Self::Json),
            "XML" => Some(Self::Xml),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UrlEncoded => "URLENCODED",
            Self::Multipart => "MULTIPART",
            Self::Json => "JSON",
            Self::Xml => "XML",
        }
    }
}

/// Rules that may be in the way of one page; whoever leaves out more leaves out a whole kind of attack.
pub(crate) const MANY: usize = 10;

/// Which rules a directive or `ctl` means.
pub(crate) enum RuleSelector {
    /// Ranges, sorted and apart.
    Ids(Vec<(u64, u64)>),
    Tag(crate::operator::Pattern),
    Message(crate::operator::Pattern),
}

impl RuleSelector {
    /// `by` is `id`, `tag` or `msg`.
    pub(crate) fn parse(by: &str, text: &str, regex_bytes: usize) -> Result<Self, String> {
        let pattern = |text: &str| crate::operator::Pattern::new(text, regex_bytes);
        match by {
            "tag" => Ok(Self::Tag(pattern(text)?)),
            "msg" => Ok(Self::Message(pattern(text)?)),
            _ => Ok(Self::Ids(ids(text)?)),
        }
    }

    pub(crate) fn takes(&self, meta: &Meta) -> bool {
        match self {
            Self::Ids(ranges) => {
                let at = ranges.partition_point(|(low, _)| *low <= meta.id);
                at.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, high)| meta.id <= *high)
            }
            Self::Tag(pattern) => meta.tags.iter().any(|tag| pattern.is_match(tag.as_bytes())),
            Self::Message(pattern) => pattern.is_match(meta.message.as_bytes()),
        }
    }
}

fn ids(text: &str) -> Result<Vec<(u64, u64)>, String> {
    let mut ranges = Vec::new();
    for part in text.split([',', ' ', '"']).map(str::trim).filter(|part| !part.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let id = |text: &str| {
            text.trim()
                .parse::<u64>()
                .map_err(|_| format!("`{part}` is no rule id; write `920100` or `920100-920199`"))
        };
        ranges.push((id(low)?, id(high)?));
    }
    if ranges.is_empty() {
        return Err("no rule id is given; name at least one".to_owned());
    }
    ranges.sort_unstable();
    ranges.dedup_by(|next, before| {
        let joins = next.0 <= before.1;
        before.1 = if joins { before.1.max(next.1) } else { before.1 };
        joins
    });
    Ok(ranges)
}

pub(crate) fn place_of(meta: &Meta) -> Place {
    Place { file: meta.file.clone(), line: meta.line, column: 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ids;

    proptest! {
        #[test]
        fn ranges_join_without_loss(ranges in prop::collection::vec((0_u64..40, 0_u64..8), 1..8), id in 0_u64..50) {
            let text = ranges.iter().map(|(low, more)| format!("{low}-{}", low + more)).collect::<Vec<_>>().join(",");
            let joined = ids(&text).unwrap();
            let holds = |ranges: &[(u64, u64)]| ranges.iter().any(|(low, high)| (*low..=*high).contains(&id));
            let plain: Vec<_> = ranges.iter().map(|(low, more)| (*low, low + more)).collect();
            prop_assert_eq!(holds(&joined), holds(&plain), "{}", text);
            prop_assert!(joined.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", joined);
        }
    }
}
