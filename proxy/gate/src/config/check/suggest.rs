//! Did you mean?

/// `; did you mean …` or `; use one of …`, for a word that is none of the `known`.
pub(in crate::config) fn instead<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.collect();
    match closest(word, &known) {
        Some(close) => format!("; did you mean `{close}`?"),
        None if known.is_empty() => "; remove it".to_owned(),
        None if known.len() <= 20 => format!("; use one of `{}`", known.join("`, `")),
        None => "; check its spelling".to_owned(),
    }
}

/// The word that a slip of the hand makes into `word`: a third of its letters at most.
fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    // Names from an inventory can be long and many; comparing is quadratic in their length.
    if word.len() > 64 {
        return None;
    }
    let distance = |one: &&'k str| strsim::osa_distance(&word.to_lowercase(), &one.to_lowercase());
    known
        .iter()
        .filter(|one| one.len() <= 64)
        .map(|one| (distance(one), *one))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::instead;

    #[test]
    fn slips_are_recognised() {
        let keys = ["hosts", "host", "prefixes", "prefix", "in"];
        for (word, expected) in [
            ("hosst", "; did you mean `hosts`?"),
            ("Hosts", "; did you mean `hosts`?"),
            ("prefxi", "; did you mean `prefix`?"),
            ("prfeixes", "; did you mean `prefixes`?"),
            ("inn", "; did you mean `in`?"),
            ("nothing", "; use one of `hosts`, `host`, `prefixes`, `prefix`, `in`"),
        ] {
            assert_eq!(instead(word, keys.into_iter()), expected, "{word}");
        }
        assert_eq!(instead("x", std::iter::empty()), "; remove it");
        assert_eq!(instead(&"x".repeat(100), ["y"; 21].into_iter()), "; check its spelling");
    }
}
