//! Targets: `ARGS|!ARGS:token|&REQUEST_HEADERS:Host|REQUEST_COOKIES:/^wp-/`.

use super::Variable;
use super::line::Word;
use crate::fault::Fault;

/// One target of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) variable: Variable,
    pub(crate) selector: Selector,
    /// `&`: how many there are, instead of what they hold.
    pub(crate) count: bool,
    /// `!`: these not.
    pub(crate) exclude: bool,
}

/// Which members of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Selector {
    /// All of them.
    All,
    /// The one of this name, whatever its case; kept in lower case.
    Name(String),
    /// Those whose names this regular expression matches.
    Pattern(String),
    /// `XML` only: the text of the document (`/*`) …
    XmlText,
    /// … or its attribute values (`//@*`).
    XmlAttributes,
}

/// Parses a `|`-separated list.
pub(crate) fn parse_targets(word: &Word, faults: &mut Vec<Fault>) -> Vec<Target> {
    let mut targets = Vec::new();
    for (start, end) in split(&word.text) {
        match parse_target(&word.part(start, end)) {
            Ok(target) => targets.push(target),
            Err(fault) => faults.push(fault),
        }
    }
    targets
}

/// The parts between `|` (or `,`) that stand outside `/…/` and quotes.
fn split(text: &str) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let (mut quoted, mut pattern, mut escaped) = (false, false, false);
    let mut previous = ' ';
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if pattern => escaped = true,
            '\'' if !pattern => quoted = !quoted,
            // A selector that starts with `/` is a pattern up to the next bare `/`, except XPath.
            '/' if pattern => pattern = false,
            '/' if previous == ':' || (previous == '\'' && quoted) => {
                pattern = !is_xpath(text.get(start..at).unwrap_or(""));
            }
            '|' if !quoted && !pattern => {
                parts.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
        previous = char;
    }
    parts.push((start, text.len()));
    parts
}

fn is_xpath(before: &str) -> bool {
    before.trim_start_matches(['!', '&', ' ']).to_ascii_uppercase().starts_with("XML:")
}

/// Parses one target.
pub(crate) fn parse_target(word: &Word) -> Result<Target, Fault> {
    let text = word.text.trim();
    let bare = text.trim_start_matches(['!', '&']);
    let prefix = text.get(..text.len() - bare.len()).unwrap_or_default();
    let (name, selector) = match bare.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (bare, None),
    };
    let variable = Variable::parse(name).map_err(|message| word.fault(message))?;
    let selector = match selector {
        None => Selector::All,
        Some(_) if !variable.is_collection() => {
            return Err(word.fault(format!("`{name}` holds one value and takes no selector; write `{name}`")));
        }
        Some(selector) => parse_selector(variable, selector).map_err(|message| word.fault(message))?,
    };
    Ok(Target { variable, selector, count: prefix.contains('&'), exclude: prefix.contains('!') })
}

fn parse_selector(variable: Variable, text: &str) -> Result<Selector, String> {
    let text = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
    if variable == Variable::Xml {
        return match text {
            "/*" | "//*" | "//text()" => Ok(Selector::XmlText),
            "//@*" => Ok(Selector::XmlAttributes),
            other => Err(format!("XPath `{other}` is not supported; `/*` and `//@*` are")),
        };
    }
    if text.is_empty() {
        return Err(format!("the selector after `{}:` is empty; drop the colon", variable.name()));
    }
    if text.len() > 1
        && let Some(pattern) = text.strip_prefix('/').and_then(|text| text.strip_suffix('/'))
    {
        return Ok(Selector::Pattern(pattern.to_owned()));
    }
    Ok(Selector::Name(text.to_ascii_lowercase()))
}
