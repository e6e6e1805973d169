//! Text of a police zone in Dutch, French and English: names, places, citations and sentences.

use super::carrier::Carrier;
use super::random::Random;
use super::words::{Words, lines};
use crate::wire::Received;

/// Carriers of ordinary text, the frequent ones more than once.
const CARRIERS: [Carrier; 16] = [
    Carrier::Query,
    Carrier::Query,
    Carrier::Query,
    Carrier::Form,
    Carrier::Form,
    Carrier::Form,
    Carrier::Json,
    Carrier::Json,
    Carrier::Json,
    Carrier::Json,
    Carrier::Multipart,
    Carrier::Path,
    Carrier::Xml,
    Carrier::Referer,
    Carrier::Cookie,
    Carrier::Plain,
];

/// Which texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What officers write.
    Ordinary,
    /// The same with sentences that happen to look like code: words of SQL and shells, comparisons, comments.
    LookAlike,
}

/// Where sentences and words come from.
#[derive(Debug)]
pub struct Prose {
    pub(super) words: Words,
    languages: [Vec<&'static str>; 3],
    look_alikes: Vec<&'static str>,
    files: Vec<&'static str>,
}

impl Default for Prose {
    fn default() -> Self {
        Self::new()
    }
}

impl Prose {
    /// The text that comes with this crate.
    #[must_use]
    pub fn new() -> Self {
        let languages = [
            include_str!("../../corpus/nl.txt"),
            include_str!("../../corpus/fr.txt"),
            include_str!("../../corpus/en.txt"),
        ];
        Self {
            words: Words::parse(include_str!("../../corpus/words.txt")),
            languages: languages.map(|text| lines(text).collect()),
            look_alikes: lines(include_str!("../../corpus/lookalikes.txt")).collect(),
            files: lines(include_str!("../../corpus/files.txt")).collect(),
        }
    }

    /// `count` requests, the same every time, nearly all of them different.
    pub fn requests(&self, kind: Kind, count: usize) -> impl Iterator<Item = Received> {
        (0_u64..).take(count).map(move |seed| {
            let mut random = Random::new(seed);
            let carrier = random.pick(&CARRIERS);
            let text = match carrier {
                Carrier::Path | Carrier::Cookie if kind == Kind::Ordinary => self.term(&mut random),
                Carrier::Path | Carrier::Cookie => self.text(kind, 1, &mut random),
                Carrier::Query | Carrier::Referer if random.once_in(2) => self.term(&mut random),
                Carrier::Query | Carrier::Referer => self.text(kind, 1, &mut random),
                _ => {
                    let sentences = 1 + random.below(9);
                    self.text(kind, sentences, &mut random)
                }
            };
            carrier.carry(&text, self, &mut random)
        })
    }

    /// Every sentence there is, its slots filled, alone in the note of a form: none is left to chance.
    pub fn each_sentence(&self, kind: Kind) -> impl Iterator<Item = Received> {
        let sentences: Vec<&str> = match kind {
            Kind::Ordinary => self.languages.iter().flatten().copied().collect(),
            Kind::LookAlike => self.look_alikes.clone(),
        };
        (0_u64..).zip(sentences).map(|(seed, sentence)| {
            let mut random = Random::new(seed);
            let text = self.words.fill(sentence, &mut random);
            Carrier::Form.carry(&text, self, &mut random)
        })
    }

    /// What is looked for: a name, a plate, a place.
    pub(super) fn term(&self, random: &mut Random) -> String {
        let list = random
            .pick(&["name", "name", "name", "place", "street", "plate", "law", "object", "pv", "email"]);
        self.words.one(list, random)
    }

    /// So many sentences in one language, as lines or as a paragraph; look-alikes among them, and first.
    fn text(&self, kind: Kind, sentences: usize, random: &mut Random) -> String {
        let language = random.below(self.languages.len());
        let language = self.languages.get(language).map_or(&[][..], Vec::as_slice);
        let apart = random.pick(&[" ", " ", "\n", "\r\n", "\r\n\r\n", "\n- "]);
        let filled = (0..sentences).map(|at| {
            let looks_alike = kind == Kind::LookAlike && (at == 0 || random.once_in(3));
            let list = if looks_alike { self.look_alikes.as_slice() } else { language };
            let sentence = random.pick(list);
            self.words.fill(sentence, random)
        });
        filled.collect::<Vec<_>>().join(apart)
    }

    /// The name of a file, as people give them.
    pub(super) fn file(&self, random: &mut Random) -> String {
        random.pick(&self.files).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Kind, Prose, Random};

    #[test]
    fn requests_are_many_and_the_same_every_time() {
        let prose = Prose::new();
        for kind in [Kind::Ordinary, Kind::LookAlike] {
            let one: Vec<_> = prose.requests(kind, 2000).collect();
            assert!(prose.requests(kind, 2000).eq(one.iter().cloned()), "not the same");
            let distinct: HashSet<_> =
                one.iter().map(|request| (&request.target, &request.headers, &request.body)).collect();
            assert!(distinct.len() > 1960, "{kind:?}: {}", distinct.len());
        }
    }

    #[test]
    fn no_slot_is_misspelt() {
        let prose = Prose::new();
        let mut random = Random::new(0);
        for sentence in prose.languages.iter().flatten().chain(&prose.look_alikes) {
            let filled = prose.words.fill(sentence, &mut random);
            let slots = filled.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
            let is_name = |slot: &str| slot.bytes().all(|byte| byte.is_ascii_lowercase());
            assert!(!slots.into_iter().any(|(slot, _)| is_name(slot)), "{filled}");
        }
    }
}
