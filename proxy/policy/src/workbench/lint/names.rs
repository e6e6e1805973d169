//! Names that nobody and nothing bears: in open worlds a load cannot call them wrong, and they mostly are.

use std::collections::BTreeSet;

use cedar_policy_core::ast::{EntityUID, Expr, ExprKind, Literal, Pattern, PatternElem};
use cedar_policy_core::fuzzy_match::fuzzy_search_limited;

use crate::corpus::Place;
use crate::facts::{Fact, Text};
use crate::names::Kind;
use crate::parse::Lines;
use crate::question::RequestContext;
use crate::slices::is_in;

use super::super::Sheet;
use super::{Lint, Surroundings, Workbench};

/// How many letters a name may be off for us to suggest another.
const TYPO: usize = 2;
/// Authentication methods (RFC 8176).
const METHODS: [&str; 19] = [
    "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pwd", "rba", "retina", "sc",
    "sms", "swk", "tel", "user", "vbm",
];
/// Methods that everybody knows, and no request has.
const UNUSED: [&str; 2] = ["CONNECT", "TRACE"];

pub(super) fn all(bench: &Workbench, around: &Surroundings, found: &mut Vec<Lint>) {
    let lines: Vec<Lines<'_>> = bench.corpus.policies.iter().map(Lines::new).collect();
    for sheet in &bench.sheets {
        let Some(lines) = lines.get(sheet.parsed.file) else { continue };
        let mut reader = Reader { bench, around, sheet, lines, seen: BTreeSet::new(), found };
        let condition = sheet.parsed.policy.condition();
        for part in condition.subexpressions() {
            reader.entity(part);
            reader.text(part);
        }
    }
}

struct Reader<'r> {
    bench: &'r Workbench,
    around: &'r Surroundings,
    sheet: &'r Sheet,
    lines: &'r Lines<'r>,
    seen: BTreeSet<String>,
    found: &'r mut Vec<Lint>,
}

impl Reader<'_> {
    /// Notes a name, once for each policy.
    fn note(&mut self, expr: &Expr, name: &'static str, message: String, help: String) {
        if !self.seen.insert(message.clone()) {
            return;
        }
        let loc = match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => uid.loc().or(expr.source_loc()),
            _ => expr.source_loc(),
        };
        let place: Place = loc.map_or_else(|| self.sheet.place.clone(), |loc| self.lines.place(loc.start()));
        let length = loc.map_or(0, |loc| loc.end().saturating_sub(loc.start()));
        self.found.push(Lint { place, length, name, message, help });
    }

    fn entity(&mut self, part: &Expr) {
        let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() else { return };
        match Kind::of(uid) {
            Some(Kind::User | Kind::Service) => self.account(part, uid),
            Some(Kind::Device) => self.device(part, uid),
            Some(kind @ (Kind::Role | Kind::Unit)) => self.granted(part, uid, kind),
            _ => {}
        }
    }

    fn account(&mut self, part: &Expr, uid: &EntityUID) {
        let id: &str = uid.eid().as_ref();
        let aliases: Vec<String> = self.around.issuers.iter().map(|issuer| issuer.alias.clone()).collect();
        if aliases.is_empty() {
            return;
        }
        let Some((alias, subject)) = id.split_once('|') else {
            let message = format!("`{id}` is nobody: ids begin with the issuer's alias");
            let first = aliases.first().map_or("zone", String::as_str);
            return self.note(part, "unknown-name", message, format!("write `{first}|{id}`"));
        };
        if !aliases.iter().any(|known| known == alias) {
            let near = near(alias, &aliases);
            let help = near.map_or_else(
                || format!("the issuers are `{}`", aliases.join("`, `")),
                |near| format!("did you mean `{near}|{subject}`?"),
            );
            self.note(part, "unknown-name", format!("no issuer is called `{alias}`"), help);
        }
    }

    fn device(&mut self, part: &Expr, uid: &EntityUID) {
        let id: &str = uid.eid().as_ref();
        if self.around.devices.is_empty() || self.around.devices.iter().any(|known| known == id) {
            return;
        }
        let help = near(id, &self.around.devices).map_or_else(
            || "add it to the inventory, or name one that is there".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.note(part, "unknown-name", format!("no device in the inventory is called `{id}`"), help);
    }

    /// Whether some issuer may assert a role or unit, or one that is in it.
    fn granted(&mut self, part: &Expr, uid: &EntityUID, kind: Kind) {
        if self.around.issuers.is_empty() {
            return;
        }
        let registry = &self.bench.engine.registry;
        let names = self.around.issuers.iter().flat_map(|issuer| match kind {
            Kind::Role => issuer.roles.iter(),
            _ => issuer.units.iter(),
        });
        let granted = names.map(|name| kind.uid(name)).any(|one| one == *uid || is_in(registry, &one, uid));
        if !granted {
            let (word, name): (_, &str) = (kind.word(), uid.eid().as_ref());
            let help =
                format!("add it to `{word}s: {{ grants: … }}` of an issuer in poort.yaml, or remove it here");
            self.note(
                part,
                "ungranted",
                format!("no issuer grants the {word} `{name}`: nobody has it"),
                help,
            );
        }
    }

    fn text(&mut self, part: &Expr) {
        match Fact::of(part, &self.bench.engine.vocabulary.captures) {
            Some(Fact::OneOf(Text::Method, words)) => {
                let known = RequestContext::METHODS.into_iter().chain(UNUSED);
                let known: Vec<String> = known.map(str::to_owned).collect();
                for word in words.iter().filter(|word| known.iter().all(|method| method != *word)) {
                    let upper = word.to_uppercase();
                    let near = if known.contains(&upper) { Some(upper) } else { near(word, &known) };
                    self.wrong(part, &format!("no request has the method `{word}`"), near);
                }
            }
            Some(Fact::OneOf(Text::Host, words)) if !self.around.sources.is_empty() => {
                let hosts: Vec<String> =
                    self.around.sources.iter().flat_map(|source| source.hosts.iter().cloned()).collect();
                for word in words.iter().filter(|word| hosts.iter().all(|host| host != *word)) {
                    let near = near(word, &hosts);
                    self.wrong(part, &format!("no source has the host `{word}`"), near);
                }
            }
            Some(Fact::OneOf(Text::Purpose, words)) if !self.bench.corpus.purposes.is_empty() => {
                let known = &self.bench.corpus.purposes;
                for word in words.iter().filter(|word| known.iter().all(|purpose| purpose != *word)) {
                    let near = near(word, known);
                    self.wrong(part, &format!("the zone has no purpose `{word}`"), near);
                }
            }
            Some(Fact::OneOf(Text::Path, words)) => {
                for word in words.iter().filter(|word| !word.starts_with('/')) {
                    self.wrong(
                        part,
                        &format!("no path is `{word}`: paths begin with `/`"),
                        Some(format!("/{word}")),
                    );
                }
            }
            Some(Fact::Like(Text::Path, pattern)) => self.path(part, &pattern),
            Some(Fact::SignedInBy(method)) => {
                let known: Vec<String> = METHODS
                    .map(str::to_owned)
                    .into_iter()
                    .chain(self.around.strong.iter().cloned())
                    .collect();
                if !known.iter().any(|one| *one == *method)
                    && let near @ Some(_) = near(&method, &known)
                {
                    self.wrong(part, &format!("`{method}` is no way to sign in that is known"), near);
                }
            }
            _ => {}
        }
    }

    fn path(&mut self, part: &Expr, pattern: &Pattern) {
        let first = pattern.iter().next();
        if let Some(PatternElem::Char(first)) = first
            && *first != '/'
        {
            self.wrong(part, "no path looks like this: paths begin with `/`", None);
        }
    }

    fn wrong(&mut self, part: &Expr, message: &str, near: Option<String>) {
        let help = near.map_or_else(
            || "correct it: as it stands it never matches".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.note(part, "unknown-name", message.to_owned(), help);
    }
}

fn near(word: &str, known: &[String]) -> Option<String> {
    fuzzy_search_limited(word, known, Some(TYPO))
}
