//! Different things that people come to in a shift: counted exactly up to a bound, in memory that is bounded too.
//!
//! They are this gate's own: another gate has its own counts, and a restart begins every shift anew. A reload keeps them.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use poort_enforce::ports::{self, Share};
use poort_policy::{ShiftCount, ShiftFacts};

/// So many people, and so many devices, are counted at once.
const LIMIT: usize = 20_000;

/// So many things of each are told apart.
const MOST: usize = ShiftFacts::MOST as usize;

/// What policies see of shifts, by kind.
#[derive(Debug, Default)]
pub struct Shifts {
    tables: [Mutex<Table>; ShiftCount::ALL.len()],
}

impl Shifts {
    fn at<T>(&self, kind: ShiftCount, act: impl FnOnce(&mut Table) -> T) -> Option<T> {
        self.tables.get(kind as usize).map(|table| act(&mut table.lock()))
    }
}

impl ports::Shifts for Shifts {
    fn count(&self, kind: ShiftCount, share: &Share<'_>) -> u32 {
        let counted = self.at(kind, |table| match share.things {
            [] => Some(table.seen(share.of, share.at, share.shift)),
            things => table.of(share.of, share.at, share.shift).map(|shift| shift.hold(things)),
        });
        // SECURITY: whoever cannot be counted has used up every quota.
        counted.flatten().map_or(ShiftFacts::MOST, |count| u32::try_from(count).unwrap_or(ShiftFacts::MOST))
    }

    fn settle(&self, kind: ShiftCount, share: &Share<'_>, allowed: bool) {
        if share.things.is_empty() {
            return;
        }
        self.at(kind, |table| {
            let Some(shift) = table.of(share.of, share.at, share.shift) else { return };
            share.things.iter().for_each(|thing| match allowed {
                true => shift.keep(*thing),
                false => shift.release(*thing),
            });
        });
    }
}

/// Those whose shift is under way.
#[derive(Debug, Default)]
pub(crate) struct Table(HashMap<Box<str>, Shift>);

impl Table {
    /// Somebody's shift; it begins now if none is under way. None where as many are as may be.
    pub(crate) fn of(&mut self, who: &str, at: SystemTime, length: Duration) -> Option<&mut Shift> {
        let Self(shifts) = self;
        if !shifts.contains_key(who) {
            if shifts.len() >= LIMIT {
                shifts.retain(|_, shift| !shift.is_over(at, length));
            }
            if shifts.len() >= LIMIT {
                return None;
            }
            shifts.insert(who.into(), Shift::begun(at));
        }
        let shift = shifts.get_mut(who)?;
        if shift.is_over(at, length) {
            *shift = Shift::begun(at);
        }
        Some(shift)
    }

    /// How many things there are in a shift, which does not begin by asking.
    fn seen(&self, who: &str, at: SystemTime, length: Duration) -> usize {
        self.0.get(who).filter(|shift| !shift.is_over(at, length)).map_or(0, Shift::len)
    }
}

/// Different things since a time.
#[derive(Debug)]
pub(crate) struct Shift {
    began: SystemTime,
    /// In order, each once.
    seen: Vec<u64>,
    /// Those of them that wait to be settled, as often as they are waited for.
    held: Vec<u64>,
    /// It was said that there are more than so many.
    told: Option<usize>,
}

impl Shift {
    const fn begun(began: SystemTime) -> Self {
        Self { began, seen: Vec::new(), held: Vec::new(), told: None }
    }

    fn is_over(&self, at: SystemTime, length: Duration) -> bool {
        at.duration_since(self.began).is_ok_and(|since| since >= length)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    /// Adds one where there are not as many as may be; whether it is new.
    pub(crate) fn add(&mut self, thing: u64, most: usize) -> bool {
        match self.seen.binary_search(&thing) {
            Err(place) if self.seen.len() < most => {
                self.seen.insert(place, thing);
                true
            }
            _ => false,
        }
    }

    /// Whether it is still to be said that there are more than `usual`. Afterwards it is said, until more than that are usual.
    pub(crate) fn tell(&mut self, usual: usize) -> bool {
        let is_new = self.told.is_none_or(|told| told < usual);
        if is_new {
            self.told = Some(usual);
        }
        is_new
    }

    /// Adds what is to be settled, and says how many there are then.
    fn hold(&mut self, things: &[u64]) -> usize {
        for thing in things {
            if self.add(*thing, MOST) || self.held.contains(thing) {
                self.held.push(*thing);
            }
        }
        self.len()
    }

    fn keep(&mut self, thing: u64) {
        self.held.retain(|held| *held != thing);
        self.add(thing, MOST);
    }

    /// One of those who hold it gives it up; the last one takes it along.
    fn release(&mut self, thing: u64) {
        let Some(place) = self.held.iter().position(|held| *held == thing) else { return };
        self.held.swap_remove(place);
        if !self.held.contains(&thing)
            && let Ok(place) = self.seen.binary_search(&thing)
        {
            self.seen.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use poort_enforce::ports::Shifts as _;

    use super::*;

    const SHIFT: Duration = Duration::from_secs(60);

    fn share<'a>(of: &'a str, things: &'a [u64], seconds: u64) -> Share<'a> {
        Share { of, things, at: UNIX_EPOCH + Duration::from_secs(seconds), shift: SHIFT }
    }

    fn asks(shifts: &Shifts, things: &[u64], seconds: u64, allowed: bool) -> u32 {
        let share = share("an", things, seconds);
        let count = shifts.count(ShiftCount::Subjects, &share);
        shifts.settle(ShiftCount::Subjects, &share, allowed);
        count
    }

    #[test]
    fn different_things_are_counted_once_and_only_if_allowed() {
        let shifts = Shifts::default();
        for (things, seconds, allowed, count) in [
            (&[][..], 0, true, 0),
            (&[1], 1, true, 1),
            (&[1], 2, true, 1),
            (&[2, 3], 3, true, 3),
            (&[4], 4, false, 4),
            (&[5], 5, false, 4),
            (&[1], 6, false, 3),
            (&[], 7, true, 3),
            (&[6], 8, true, 4),
            (&[], 61, true, 0),
            (&[7], 61, true, 1),
        ] {
            assert_eq!(asks(&shifts, things, seconds, allowed), count, "{things:?} at {seconds}");
        }
        assert_eq!(shifts.count(ShiftCount::Devices, &share("an", &[1], 62)), 1, "each kind by itself");
        assert_eq!(shifts.count(ShiftCount::Subjects, &share("bo", &[1], 62)), 1, "and everybody");
    }

    #[test]
    fn of_requests_at_once_each_sees_the_others() {
        let (shifts, of) = (Shifts::default(), ShiftCount::Subjects);
        let [one, two] = [share("an", &[1], 0), share("an", &[2], 0)];
        assert_eq!((shifts.count(of, &one), shifts.count(of, &two)), (1, 2));
        assert_eq!(shifts.count(of, &one), 2, "somebody asks for the first one again");
        shifts.settle(of, &one, false);
        assert_eq!(shifts.count(of, &share("an", &[], 0)), 2, "who asked again still holds it");
        shifts.settle(of, &one, true);
        shifts.settle(of, &two, true);
        shifts.settle(of, &two, false);
        assert_eq!(
            shifts.count(of, &share("an", &[], 0)),
            2,
            "what one was allowed, another's refusal leaves"
        );
    }

    #[test]
    fn many_stay_many_and_nobody_who_cannot_be_counted_has_a_quota_left() {
        let shifts = Shifts::default();
        let many: Vec<u64> = (0..2_000).collect();
        assert_eq!(asks(&shifts, &many, 0, true), ShiftFacts::MOST);
        assert_eq!(asks(&shifts, &[5_000], 1, true), ShiftFacts::MOST);
        for number in 0..LIMIT {
            shifts.count(ShiftCount::Officers, &share(&number.to_string(), &[1], 0));
        }
        let one_more = |seconds| shifts.count(ShiftCount::Officers, &share("one more", &[1], seconds));
        assert_eq!(one_more(1), ShiftFacts::MOST);
        assert_eq!(one_more(60), 1, "the others' shifts are over");
    }
}
