//! Lists in which nothing may occur twice.

use std::{collections::BTreeMap, fmt};

use super::{cursor::Items, report::Spot};

/// Values that may occur once each; of those that occur again all are reported.
pub(super) fn distinct<V: Ord + Clone + fmt::Display>(
    values: Option<Items<(V, Spot<'_>)>>,
) -> Option<Vec<V>> {
    distinct_by(values, |value| Some(value.clone()))
}

/// The same, told apart by a part of them; none for what has no such part.
pub(super) fn distinct_by<V, K: Ord + fmt::Display>(
    values: Option<Items<(V, Spot<'_>)>>,
    key: impl Fn(&V) -> Option<K>,
) -> Option<Vec<V>> {
    let mut seen = BTreeMap::new();
    let mut repeated = false;
    let values = values?;
    for (value, spot) in values.iter().flatten() {
        let Some(key) = key(value) else { continue };
        match seen.get(&key) {
            Some(line) => {
                spot.fault(format!("`{key}` is here a second time, after line {line}; keep one of them"));
                repeated = true;
            }
            None => {
                seen.insert(key, spot.mark.line);
            }
        }
    }
    let values: Option<Vec<V>> = values.into_iter().map(|item| item.map(|(value, _)| value)).collect();
    values.filter(|_| !repeated)
}
