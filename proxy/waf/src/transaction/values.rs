//! Values: every byte string of a transaction in one buffer, with what is known of each, so that nothing is computed
//! twice: which kinds of bytes occur in it, what each transformation makes of it, and which literals it holds.

use super::columns::Item;
use crate::program::{Gate, KindTable, Kinds, Need, Texts};
use crate::transform::{CodePage, Transform};

/// A value's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueId(u32);

/// Bytes of a value that are looked at to learn which occur; a longer one is presumed to hold all.
const KNOWN_BYTES: usize = 4096;
const UNKNOWN: u32 = u32::MAX;
/// Bytes of a buffer that outlive the transaction that needed them.
const KEPT_BYTES: usize = 1 << 20;

#[derive(Clone, Copy)]
struct Value {
    start: u32,
    len: u32,
    kinds: Kinds,
    are_kinds_known: bool,
    /// Where its results of transformations are, by [`Transform`].
    row: u32,
    /// Where its gate bits are, per gate.
    bits: [Place; 2],
    /// The value that holds the same literals: itself, or the one that it is in another case.
    alike: ValueId,
    /// The last question that it was no match for.
    answered: u32,
}

/// What is known of a value at a glance.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(super) kinds: Kinds,
    pub(super) len: u32,
}

/// Where the gate bits of a value are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    /// Of a value that holds no literal.
    pub(super) const NOWHERE: Self = Self(u32::MAX);
    /// Of one that was not scanned yet.
    const UNKNOWN: Self = Self(u32::MAX - 1);
}

/// Places of the table of recent values.
const RECENT: usize = 256;

/// The values of a transaction.
pub(crate) struct Values {
    bytes: Vec<u8>,
    /// The texts of the program, which are there from the start: as values, and their bytes.
    texts: Vec<Value>,
    text_bytes: usize,
    items: Vec<Value>,
    rows: Vec<u32>,
    bits: Vec<u64>,
    scratch: Vec<u8>,
    /// Recent values by hash, so that equal ones get one number.
    recent: Vec<u32>,
    question: u32,
    /// Work left.
    pub(super) fuel: u64,
    /// Bytes that it may still take.
    room: usize,
}

impl Values {
    pub(crate) const EMPTY: ValueId = ValueId(Texts::EMPTY);
    pub(crate) const ZERO: ValueId = ValueId(Texts::ZERO);
    pub(crate) const ONE: ValueId = ValueId(Texts::ONE);

    pub(super) fn new(texts: &Texts) -> Self {
        let mut values = Self {
            bytes: texts.bytes().to_vec(),
            texts: Vec::new(),
            text_bytes: texts.bytes().len(),
            items: Vec::new(),
            rows: Vec::new(),
            bits: Vec::new(),
            scratch: Vec::new(),
            recent: vec![0; RECENT],
            question: 0,
            fuel: 0,
            room: 0,
        };
        texts.places().for_each(|(start, len)| {
            values.push(start, len);
        });
        values.texts = std::mem::take(&mut values.items);
        values.clear(0, 0);
        values
    }

    /// A text of the program, by number.
    pub(crate) fn text(number: u32) -> ValueId {
        ValueId(number)
    }

    /// Drops all values, and says how much work may be done and how many bytes kept.
    pub(super) fn clear(&mut self, fuel: u64, limit_bytes: usize) {
        empty_to(&mut self.bytes, self.text_bytes);
        empty(&mut self.items);
        self.items.extend_from_slice(&self.texts);
        empty(&mut self.rows);
        empty(&mut self.bits);
        empty(&mut self.scratch);
        self.recent.fill(0);
        self.question = 0;
        self.fuel = fuel;
        // Places in the buffers are numbers of 32 bits.
        self.room = limit_bytes.min(Place::UNKNOWN.0 as usize);
    }

    /// Takes room for `more` bytes; if there is none, the transaction is out of fuel.
    pub(super) fn take_room(&mut self, more: usize) -> bool {
        let left = self.room.checked_sub(more);
        match left {
            Some(left) => self.room = left,
            None => self.fuel = 0,
        }
        left.is_some()
    }

    /// Adds a value for which there is room.
    fn push(&mut self, start: usize, len: usize) -> ValueId {
        let id = ValueId(u32::try_from(self.items.len()).unwrap_or(0));
        let (start, len) = (u32::try_from(start).unwrap_or(0), u32::try_from(len).unwrap_or(0));
        self.items.push(Value {
            start,
            len,
            kinds: Kinds::NONE,
            are_kinds_known: false,
            row: UNKNOWN,
            bits: [Place::UNKNOWN; 2],
            alike: id,
            answered: 0,
        });
        id
    }

    /// Whether work may go on; spends `work`.
    #[inline]
    pub(super) fn spend(&mut self, work: usize) -> bool {
        self.fuel = self.fuel.saturating_sub(1 + work as u64);
        self.fuel > 0
    }

    /// Keeps `bytes` as a new value. A transaction that would hold more than its limit runs out of fuel instead.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> ValueId {
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        if !self.take_room(bytes.len() + size_of::<Value>()) {
            return Self::EMPTY;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.push(start, bytes.len())
    }

    /// Keeps `bytes` as a value that may be an equal one from before.
    pub(crate) fn add_shared(&mut self, bytes: &[u8]) -> ValueId {
        if bytes.len() > 64 {
            return self.add(bytes);
        }
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let place = (hash ^ hash >> 32) as usize % RECENT;
        let known = ValueId(self.recent.get(place).copied().unwrap_or(0));
        if self.get(known) == bytes {
            return known;
        }
        let id = self.add(bytes);
        if let Some(slot) = self.recent.get_mut(place) {
            *slot = id.0;
        }
        id
    }

    /// Starts a new question: no value is answered yet.
    pub(super) fn next_question(&mut self) {
        self.question = self.question.wrapping_add(1);
    }

    /// Notes that a value was no match.
    #[inline]
    pub(super) fn answer(&mut self, id: ValueId) {
        if let Some(value) = self.items.get_mut(id.0 as usize) {
            value.answered = self.question;
        }
    }

    /// A value that is part of another.
    pub(crate) fn part(&mut self, of: ValueId, start: usize, end: usize) -> ValueId {
        let value = self.item(of);
        let (start, end) = (start.min(value.len as usize), end.min(value.len as usize));
        if start >= end || !self.take_room(size_of::<Value>()) {
            return Self::EMPTY;
        }
        self.push(value.start as usize + start, end - start)
    }

    pub(crate) fn add_number(&mut self, number: i64) -> ValueId {
        match number {
            0 => return Self::ZERO,
            1 => return Self::ONE,
            _ => {}
        }
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        while rest > 0 {
            at -= 1;
            if let Some(slot) = digits.get_mut(at) {
                *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            }
            rest /= 10;
        }
        if number < 0 {
            at -= 1;
            if let Some(slot) = digits.get_mut(at) {
                *slot = b'-';
            }
        }
        self.add(digits.get(at..).unwrap_or_default())
    }

    #[inline]
    fn item(&self, id: ValueId) -> Value {
        const NONE: Value = Value {
            start: 0,
            len: 0,
            kinds: Kinds::NONE,
            are_kinds_known: true,
            row: UNKNOWN,
            bits: [Place::UNKNOWN; 2],
            alike: Values::EMPTY,
            answered: 0,
        };
        self.items.get(id.0 as usize).copied().unwrap_or(NONE)
    }

    /// The bytes of a value.
    #[inline]
    pub(crate) fn get(&self, id: ValueId) -> &[u8] {
        let Some(value) = self.items.get(id.0 as usize) else { return b"" };
        self.bytes.get(value.start as usize..value.start as usize + value.len as usize).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn len(&self, id: ValueId) -> u32 {
        self.items.get(id.0 as usize).map_or(0, |value| value.len)
    }

    /// What is known of a value; the kinds of bytes that occur in it, or more.
    #[inline]
    pub(super) fn known(&mut self, id: ValueId, table: &KindTable) -> Known {
        match self.items.get(id.0 as usize) {
            Some(value) if value.are_kinds_known => Known { kinds: value.kinds, len: value.len },
            _ => Known { kinds: self.find_kinds(id, table), len: self.len(id) },
        }
    }

    fn find_kinds(&mut self, id: ValueId, table: &KindTable) -> Kinds {
        let bytes = self.get(id);
        let kinds = if bytes.len() > KNOWN_BYTES { Kinds::ALL } else { table.of(bytes) };
        if let Some(value) = self.items.get_mut(id.0 as usize) {
            value.kinds = kinds;
            value.are_kinds_known = true;
        }
        kinds
    }

    /// Whether a value may match where a match needs `need`; it is scanned only when all but the gate lets it through.
    #[inline]
    pub(super) fn may_match(&mut self, item: &Item, need: &Need, gate: &Gate) -> bool {
        item.common().may_meet(need)
            && need.has_choice(item.kinds)
            && need.bit.is_none_or(|bit| {
                need.is_met_instead(item.kinds) || {
                    let place = self.gate_bits(item.value, gate);
                    self.has_bit(place, bit)
                }
            })
    }

    /// Whether an equal value was no match.
    #[inline]
    pub(super) fn is_answered(&self, id: ValueId) -> bool {
        self.items.get(id.0 as usize).is_none_or(|value| value.answered == self.question)
    }

    /// What a transformation makes of a value that has bytes it acts on.
    #[inline]
    pub(super) fn step(&mut self, id: ValueId, transform: Transform, page: Option<&CodePage>) -> ValueId {
        let row = self.items.get(id.0 as usize).map_or(UNKNOWN, |value| value.row);
        match self.rows.get((row as usize).saturating_add(transform as usize)) {
            Some(&known) if known != UNKNOWN => ValueId(known),
            _ => self.first_step(id, transform, page),
        }
    }

    /// The same when the value has not been transformed so yet.
    #[inline(never)]
    fn first_step(&mut self, id: ValueId, transform: Transform, page: Option<&CodePage>) -> ValueId {
        let row = self.item(id).row;
        if row == UNKNOWN && !self.take_room(Transform::COUNT * size_of::<u32>()) {
            return id;
        }
        if row == UNKNOWN {
            let row = u32::try_from(self.rows.len()).unwrap_or(UNKNOWN);
            self.rows.resize(self.rows.len() + Transform::COUNT, UNKNOWN);
            if let Some(value) = self.items.get_mut(id.0 as usize) {
                value.row = row;
            }
        }
        let cell = self.item(id).row as usize + transform as usize;
        let result = self.compute(id, transform, page);
        if let Some(slot) = self.rows.get_mut(cell) {
            *slot = result.0;
        }
        result
    }

    fn compute(&mut self, id: ValueId, transform: Transform, page: Option<&CodePage>) -> ValueId {
        if !self.spend(self.len(id) as usize) {
            return id;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let changed = transform.apply(self.get(id), &mut scratch, page);
        let result = if changed { self.add(&scratch) } else { id };
        self.scratch = scratch;
        if matches!(transform, Transform::Lowercase | Transform::Uppercase) && result != Self::EMPTY {
            let alike = self.item(id).alike;
            if let Some(value) = self.items.get_mut(result.0 as usize) {
                value.alike = alike;
            }
        }
        result
    }

    /// Where the gate bits of a value are.
    #[inline]
    pub(super) fn gate_bits(&mut self, id: ValueId, gate: &Gate) -> Place {
        match self.items.get(id.0 as usize).and_then(|value| value.bits.get(gate.side)) {
            Some(place) if *place != Place::UNKNOWN => *place,
            _ => self.find_bits(id, gate),
        }
    }

    #[inline(never)]
    fn find_bits(&mut self, id: ValueId, gate: &Gate) -> Place {
        // Literals are found whatever their case.
        let alike = self.item(id).alike;
        let place = if alike != id {
            self.gate_bits(alike, gate)
        } else if self.spend(self.len(id) as usize) {
            self.scan(id, gate)
        } else {
            Place::NOWHERE
        };
        if let Some(slot) = self.items.get_mut(id.0 as usize).and_then(|value| value.bits.get_mut(gate.side))
        {
            *slot = place;
        }
        place
    }

    fn scan(&mut self, id: ValueId, gate: &Gate) -> Place {
        if !self.take_room(gate.words * size_of::<u64>()) {
            return Place::NOWHERE;
        }
        let place = self.bits.len();
        let value = self.item(id);
        self.bits.resize(place + gate.words, 0);
        let bytes = self
            .bytes
            .get(value.start as usize..value.start as usize + value.len as usize)
            .unwrap_or_default();
        let any = gate.scan(bytes, self.bits.get_mut(place..).unwrap_or_default());
        if !any {
            self.bits.truncate(place);
            self.room += gate.words * size_of::<u64>();
            return Place::NOWHERE;
        }
        u32::try_from(place).map_or(Place::NOWHERE, Place)
    }

    /// Adds the bits at a place to `union`.
    #[inline]
    pub(super) fn add_bits(&self, place: Place, union: &mut [u64]) {
        let bits = self.bits.get(place.0 as usize..).unwrap_or_default();
        union.iter_mut().zip(bits).for_each(|(word, more)| *word |= more);
    }

    /// Whether a bit at a place is set.
    #[inline]
    fn has_bit(&self, place: Place, bit: u32) -> bool {
        let word = self.bits.get((place.0 as usize).saturating_add((bit >> 6) as usize));
        word.is_some_and(|word| word >> (bit & 63) & 1 == 1)
    }
}

/// Empties a buffer; one that a costly transaction blew up shrinks.
pub(super) fn empty<T>(buffer: &mut Vec<T>) {
    empty_to(buffer, 0);
}

/// The same of all but the first `kept`.
fn empty_to<T>(buffer: &mut Vec<T>, kept: usize) {
    buffer.truncate(kept);
    buffer.shrink_to(KEPT_BYTES / size_of::<T>().max(1));
}
