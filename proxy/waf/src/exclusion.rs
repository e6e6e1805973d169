//! Exclusions beside the rules: what rules leave alone in one transaction, settled against a program at load.
//!
//! They do what `ctl:ruleRemoveById` and `ctl:ruleRemoveTargetById` do, for callers that keep their exclusions as data rather than as
//! rules: one program then serves transactions with different exclusions.

use std::sync::Arc;

use crate::operator::Pattern;
use crate::program::{Control, Excluded, Program, Rule, RuleSelector, Select, Source, TargetPlace};
use crate::syntax::Variable;
use crate::transaction::Transaction;

/// Bytes that a selector's regular expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// Rules that do not run, or a target that they do not look at. Valid for transactions of the program it was made of.
#[derive(Debug, Clone)]
pub struct Exclusion {
    control: Control,
    idle: Option<String>,
}

impl Exclusion {
    /// Of `rules` by id (`942100`, `942100-942199`, several with commas); with a `target` such as `ARGS:note`, `REQUEST_COOKIES:/^wp-/`
    /// or `FILES`, they run but leave that out.
    ///
    /// # Errors
    /// What is malformed, and what to write instead.
    pub fn new(program: &Program, rules: &str, target: Option<&str>) -> Result<Self, String> {
        let selector = RuleSelector::parse("id", rules, REGEX_BYTES)?;
        let found = || (0..).zip(&program.rules).filter(|(_, rule)| selector.takes(&rule.meta));
        let places: Arc<[u32]> = found().map(|(at, _)| at).collect();
        let mut idle = places.is_empty().then(|| format!("no rule has the id `{rules}`"));
        if idle.is_none() && found().all(|(_, rule)| rule.links.is_empty()) {
            idle = Some(format!("rule `{rules}` does not run at this level"));
        }
        let control = match target {
            None => Control::RemoveRules(places),
            Some(text) => {
                let target = place(text)?;
                if idle.is_none() && !found().any(|(_, rule)| looks_at(rule, program, &target)) {
                    idle = Some(format!("rule `{rules}` does not look at `{text}`"));
                }
                Control::RemoveTarget(places, Arc::new(Excluded(target)))
            }
        };
        Ok(Self { control, idle })
    }

    /// Why it excludes nothing: there is no such rule, it never runs, or it looks at no such target.
    #[must_use]
    pub fn idle(&self) -> Option<&str> {
        self.idle.as_deref()
    }
}

impl Transaction {
    /// Leaves something out of this transaction, from now on. [`open`](Self::open) forgets it.
    pub fn exclude(&mut self, exclusion: &Exclusion) {
        let program = self.program.clone();
        self.state.control(&program, &exclusion.control);
    }
}

fn place(text: &str) -> Result<TargetPlace, String> {
    let (name, selector) =
        text.split_once(':').map_or((text, None), |(name, selector)| (name, Some(selector)));
    let variable = Variable::parse(name.trim())?;
    if variable == Variable::Tx {
        return Err(
            "`TX` holds what rules think, not what was sent; write a variable such as `ARGS:note`".to_owned()
        );
    }
    let select = match selector {
        None => Select::All,
        Some(_) if variable == Variable::Xml || !variable.is_collection() => {
            return Err(format!("`{name}` has no members to choose from; write `{name}` alone"));
        }
        Some("") => return Err(format!("`{text}` names no member; write `{name}` for all of them")),
        Some(text) => match text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            Some(pattern) if !pattern.is_empty() => {
                Select::Pattern(Box::new(Pattern::new(&format!("(?i){pattern}"), REGEX_BYTES)?), Vec::new())
            }
            _ => Select::Name(text.as_bytes().to_vec()),
        },
    };
    Ok(TargetPlace { variable, select })
}

fn looks_at(rule: &Rule, program: &Program, target: &TargetPlace) -> bool {
    let groups = rule.links.iter().filter_map(|link| program.groups.get(link.group? as usize));
    groups.flat_map(|group| &group.columns).any(|column| {
        let mut column = program.columns.get(*column as usize);
        // Transformed members stand behind the ones that were sent.
        while let Some(Source::Step { of, .. }) = column.map(|column| &column.source) {
            column = program.columns.get(*of as usize);
        }
        column.is_some_and(|column| {
            let meets = match &column.source {
                Source::Members { select: Select::Name(name), .. } => {
                    target.select.takes(name, &program.names)
                }
                Source::Members { .. } | Source::Step { .. } => true,
            };
            column.variable == target.variable && meets
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::{Engine, Files, LoadLimits, Opening, TransactionLimits, Verdict};

    const RULES: &str = r#"
SecRule ARGS|REQUEST_HEADERS:User-Agent "@rx attack" "id:1,phase:2,deny,status:403,msg:'one'"
SecRule ARGS_NAMES "@rx odd" "id:2,phase:2,deny,status:403,msg:'two'"
"#;

    fn program() -> Arc<Program> {
        let files: Files = [("main.conf".to_owned(), RULES.as_bytes().to_vec())].into();
        Arc::new(Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap())
    }

    fn opened(program: &Arc<Program>, target: &[u8]) -> Transaction {
        let mut transaction = Transaction::new(program.clone(), TransactionLimits::default());
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        transaction.open(&Opening { id: "1", now: 0, client: (address, 1), server: (address, 2) });
        transaction.request_line(b"GET", target, b"HTTP/1.1");
        transaction
    }

    #[test]
    fn an_exclusion_reaches_what_it_names_and_nothing_else() {
        let program = program();
        for (rules, target, request, refused) in [
            ("1", Some("ARGS:note"), "/?note=attack", None),
            ("1", Some("ARGS:NOTE"), "/?note=attack", None),
            ("1", Some("ARGS:/^no/"), "/?note=attack", None),
            ("1", Some("ARGS"), "/?other=attack", None),
            ("1", Some("ARGS:note"), "/?other=attack", Some(1)),
            ("1", Some("ARGS:note"), "/?note=attack&other=attack", Some(1)),
            ("2", Some("ARGS:note"), "/?note=attack", Some(1)),
            ("1", None, "/?note=attack", None),
            ("1", None, "/?odd=attack", Some(2)),
            ("1-2", None, "/?odd=attack", None),
        ] {
            let mut transaction = opened(&program, request.as_bytes());
            transaction.exclude(&Exclusion::new(&program, rules, target).unwrap());
            transaction.phase1();
            let by = match transaction.phase2() {
                Verdict::Continue => None,
                Verdict::Interrupt(interruption) => interruption.rule,
            };
            assert_eq!(by, refused, "{rules} {target:?} {request}");
        }
    }

    #[test]
    fn what_excludes_nothing_says_so() {
        let program = program();
        for (rules, target, idle) in [
            ("1", None, None),
            ("1", Some("ARGS:x"), None),
            ("1", Some("REQUEST_HEADERS:user-agent"), None),
            ("3", None, Some("no rule has the id `3`")),
            ("1", Some("REQUEST_COOKIES:x"), Some("rule `1` does not look at `REQUEST_COOKIES:x`")),
            (
                "1",
                Some("REQUEST_HEADERS:Referer"),
                Some("rule `1` does not look at `REQUEST_HEADERS:Referer`"),
            ),
        ] {
            assert_eq!(Exclusion::new(&program, rules, target).unwrap().idle(), idle, "{rules} {target:?}");
        }
        for (rules, target) in [
            ("x", None),
            ("", None),
            ("1", Some("ARG:x")),
            ("1", Some("TX:x")),
            ("1", Some("ARGS:")),
            ("1", Some("ARGS:/(/")),
        ] {
            assert!(Exclusion::new(&program, rules, target).is_err(), "{rules} {target:?}");
        }
    }

    #[test]
    fn an_engine_that_is_told_to_detect_lets_pass_and_counts() {
        let program = program();
        let mut transaction = opened(&program, b"/?odd=attack");
        transaction.set_engine(Engine::DetectionOnly);
        assert_eq!((transaction.phase1(), transaction.phase2()), (Verdict::Continue, Verdict::Continue));
        assert_eq!(transaction.matches().len(), 2);
    }
}
