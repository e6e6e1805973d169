//! Exclusions beside the rules: what rules leave alone in one transaction, settled against a program at load.
//!
//! They do what `ctl:ruleRemoveById` and `ctl:ruleRemoveTargetById` do, for callers that keep their exclusions as data rather than as
//! rules: one program then serves transactions with different exclusions.

use std::sync::Arc;

use crate::operator::Pattern;
use crate::program::{
    Control, Disruption, Excluded, MANY, Program, Rule, RuleSelector, Select, Source, TargetPlace,
};
use crate::syntax::Variable;
use crate::transaction::Transaction;

/// Bytes that a selector's regular expression may take.
const REGEX_BYTES: usize = 1 << 20;

/// Rules that do not run, or a target that they do not look at. Valid for transactions of the program it was made of.
#[derive(Debug, Clone)]
pub struct Exclusion {
    control: Control,
    idle: Option<String>,
    wide: Option<String>,
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
        let mut wide = None;
        let running = || found().map(|(_, rule)| rule).filter(|rule| !rule.links.is_empty());
        let control = match target {
            None => {
                wide = without_rules(running(), program);
                Control::RemoveRules(places)
            }
            Some(text) => {
                let target = place(text)?;
                let count = running().filter(|rule| looks_at(rule, program, &target)).count();
                if idle.is_none() && count == 0 {
                    idle = Some(format!("rule `{rules}` does not look at `{text}`"));
                }
                // No name is so odd but where all are meant.
                if count > MANY && target.select.takes(b"\0", &program.names) {
                    wide = Some(format!("{count} rules do not look at `{text}` then"));
                }
                Control::RemoveTarget(places, Arc::new(Excluded(target)))
            }
        };
        Ok(Self { control, idle, wide })
    }

    /// Why it excludes nothing: there is no such rule, it never runs, or it looks at no such target.
    #[must_use]
    pub fn idle(&self) -> Option<&str> {
        self.idle.as_deref()
    }

    /// Why it may take away more than is meant: many rules, for all values, or one that refuses for what others found.
    #[must_use]
    pub fn wide(&self) -> Option<&str> {
        self.wide.as_deref()
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

/// What is odd about leaving these rules out.
fn without_rules<'a>(running: impl Iterator<Item = &'a Rule> + Clone, program: &Program) -> Option<String> {
    if let Some(verdict) = running.clone().find(|rule| is_verdict(rule, program)) {
        let id = verdict.meta.id;
        return Some(format!("rule `{id}`, which refuses for what others found, does not run then"));
    }
    let count = running.count();
    (count > MANY).then(|| format!("{count} rules do not run then"))
}

/// Whether a rule refuses for what others found, such as a score.
fn is_verdict(rule: &Rule, program: &Program) -> bool {
    let is_found =
        |at: &u32| program.columns.get(*at as usize).is_some_and(|column| column.variable == Variable::Tx);
    let mut groups = rule.links.iter().map(|link| program.groups.get(link.group? as usize));
    matches!(rule.disruption, Disruption::Deny | Disruption::Drop | Disruption::Redirect(_))
        && groups.all(|group| group.is_some_and(|group| group.columns.iter().all(is_found)))
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
    fn what_excludes_much_says_so() {
        let many = (10..30).fold(RULES.to_owned(), |text, id| {
            text + &format!("SecRule ARGS \"@rx attack{id}\" \"id:{id},phase:2,pass\"\n")
        }) + "SecRule TX:score \"@ge 5\" \"id:99,phase:2,deny\"\n";
        let files: Files = [("main.conf".to_owned(), many.into_bytes())].into();
        let program = Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap();
        for (rules, target, wide) in [
            ("10-19", None, None),
            ("10-20", None, Some("11 rules do not run then")),
            ("10-20", Some("ARGS:note"), None),
            ("10-20", Some("ARGS:/^note/"), None),
            ("1-20", Some("ARGS"), Some("12 rules do not look at `ARGS` then")),
            ("1-20", Some("ARGS:/.*/"), Some("12 rules do not look at `ARGS:/.*/` then")),
            ("10-20", Some("REQUEST_HEADERS"), None),
            ("1", None, None),
            ("99", None, Some("rule `99`, which refuses for what others found, does not run then")),
            ("1-999", None, Some("rule `99`, which refuses for what others found, does not run then")),
        ] {
            assert_eq!(Exclusion::new(&program, rules, target).unwrap().wide(), wide, "{rules} {target:?}");
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
