//! Lists of words, sentences with slots, and what fills them.

use std::collections::BTreeMap;

use super::random::Random;

/// Slots that slots may hold in turn.
const DEPTH: usize = 4;

/// Lists by name, from text: `[name]` starts one, each line is an entry, `#` starts a line that is none.
#[derive(Debug)]
pub(crate) struct Words(BTreeMap<&'static str, Vec<&'static str>>);

impl Words {
    pub(crate) fn parse(text: &'static str) -> Self {
        let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut name = "";
        for line in lines(text) {
            match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                Some(next) => name = next,
                None => lists.entry(name).or_default().push(line),
            }
        }
        Self(lists)
    }

    /// An entry of the list `name`, its slots filled.
    pub(crate) fn one(&self, name: &str, random: &mut Random) -> String {
        self.fill(&format!("{{{name}}}"), random)
    }

    /// `text` with each `{slot}` replaced; braces around anything else stay.
    pub(crate) fn fill(&self, text: &str, random: &mut Random) -> String {
        let mut filled = text.to_owned();
        for _ in 0..DEPTH {
            let next = self.fill_once(&filled, random);
            if next == filled {
                break;
            }
            filled = next;
        }
        filled
    }

    fn fill_once(&self, text: &str, random: &mut Random) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let slot = after.split_once('}').and_then(|(slot, after)| Some((self.0.get(slot)?, after)));
            match slot {
                Some((list, after)) => {
                    out.push_str(random.pick(list));
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// The lines of `text` that are entries.
pub(crate) fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
}

#[cfg(test)]
mod tests {
    use super::{Random, Words};

    #[test]
    fn slots_are_filled_in_turn() {
        let words = Words::parse("# a comment\n[street]\nKerkstraat {number}\n[number]\n7\n");
        let mut random = Random::new(1);
        assert_eq!(words.fill("in {street}, {other} {", &mut random), "in Kerkstraat 7, {other} {");
        assert_eq!(words.one("number", &mut random), "7");
    }
}
