//! `tests/*.yaml` in the security team's directory.

use std::collections::{BTreeMap, BTreeSet};

use poort_policy::{
    BreakGlass, DeviceFacts, Principal, PrincipalKind, ShiftFacts,
    workbench::{Case, Expectation},
};

use crate::{
    config::{
        checked::{policies::Policies, zone::InventoryDevice},
        fault::Place,
        raw::{Node, Part, Scalar, Table, Text, trial as raw},
    },
    trials::{NONE, Phrase, Situation, Trials, Word, Words, World, joined},
};

use super::{
    cursor::{Field, Here, Opened},
    desk::{Desk, Document},
    entities::Vocabulary,
    folder, inventory,
    report::{File, Spot},
    suggest, value,
};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const COLUMNS: [&str; 10] = ["what", "who", "on", "through", "does", "to", "given", "expect", "by", "shadow"];

/// Reads every test of a directory; none after a fault.
pub(super) fn check(
    desk: &Desk<'_>,
    vocabulary: &Vocabulary<'_>,
    directory: &File,
    policies: &Policies,
) -> Option<Trials> {
    let files = folder::files(desk, directory, "yaml", "tests of policies, such as `officers.yaml`");
    let documents: Vec<Document<raw::Trials>> =
        files.into_iter().filter_map(|(_, file)| desk.document(file, None)).collect();
    let mut reader = Reader::new(vocabulary, policies);
    let opened: Vec<Opened<'_, raw::Trials>> = documents
        .iter()
        .filter_map(|document| document.field(desk.report).required("tests:", |here| Some(here.open())))
        .collect();
    // All words first: a test may use those of another file.
    let declared: Vec<Option<()>> = opened.iter().map(|file| reader.declare(*file)).collect();
    declared.into_iter().collect::<Option<()>>()?;
    let world = World { words: &reader.words, around: &policies.around, operations: &policies.operations };
    let cases = opened.iter().map(|file| cases(world, *file)).collect::<Vec<_>>();
    let cases: Vec<Vec<Case>> = cases.into_iter().collect::<Option<_>>()?;
    Some(Trials { cases: cases.into_iter().flatten().collect(), words: reader.words })
}

/// What words mean, and where they were given their meaning.
struct Reader<'v> {
    vocabulary: &'v Vocabulary<'v>,
    purposes: &'v [String],
    words: Words,
    known: BTreeMap<(&'static str, String), Place>,
}

impl<'v> Reader<'v> {
    fn new(vocabulary: &'v Vocabulary<'v>, policies: &'v Policies) -> Self {
        let inventory = &policies.inventory;
        let mut words = Words::default();
        let mut short: BTreeMap<&str, Vec<&InventoryDevice>> = BTreeMap::new();
        for device in inventory {
            words.devices.insert(device.name.clone(), device.facts());
            short.entry(device.name.rsplit('/').next().unwrap_or_default()).or_default().push(device);
        }
        for (name, devices) in short {
            if let [device] = devices.as_slice() {
                words.devices.insert(name.to_owned(), device.facts());
            }
        }
        Self { vocabulary, purposes: &policies.corpus.purposes, words, known: BTreeMap::new() }
    }

    fn declare(&mut self, file: Opened<'_, raw::Trials>) -> Option<()> {
        let people = self.accounts(file.field("people", |raw| &raw.people), PrincipalKind::User);
        let services = self.accounts(file.field("services", |raw| &raw.services), PrincipalKind::Service);
        let devices = file
            .field("devices", |raw| &raw.devices)
            .or((), |table| table.each(|name, spot, here| self.device(name, spot, here)).map(|_| ()));
        let situations = file
            .field("situations", |raw| &raw.situations)
            .or((), |table| table.each(|name, spot, here| self.situation(name, spot, here)).map(|_| ()));
        people.and(services).and(devices).and(situations)
    }

    /// A name has one meaning, whatever file it is in.
    fn first(&mut self, kind: &'static str, name: &str, spot: Spot<'_>) -> Option<()> {
        if name == NONE || name.contains('+') {
            spot.fault(format!(
                "`{name}` cannot be a name: `none` is nothing, and `+` joins names; choose another"
            ));
            return None;
        }
        match self.known.insert((kind, name.to_owned()), spot.place()) {
            None => Some(()),
            Some(Place { file, line, .. }) => {
                spot.fault(format!("`{name}` has a meaning already, at {file}:{line}; keep one of them"));
                None
            }
        }
    }

    fn accounts(&mut self, field: Field<'_, Table<Part<raw::Person>>>, kind: PrincipalKind) -> Option<()> {
        field.or((), |table| {
            table
                .each(|name, spot, here| {
                    self.first("principal", name, spot)?;
                    let person = here.open();
                    let id = person.field("id", |raw| &raw.id).or(format!("zone|{name}"), value::text);
                    let roles =
                        person.field("roles", |raw| &raw.roles).each(|here| self.vocabulary.roles.read(here));
                    let units =
                        person.field("units", |raw| &raw.units).each(|here| self.vocabulary.units.read(here));
                    let id = id?;
                    let issuer = id.split_once('|').map(|(issuer, _)| issuer.into());
                    let groups = |names: Vec<String>| names.into_iter().map(Into::into).collect();
                    let principal =
                        Principal { kind, id, issuer, roles: groups(roles?), units: groups(units?) };
                    self.words.principals.insert(name.to_owned(), principal);
                    Some(())
                })
                .map(|_| ())
        })
    }

    fn device(&mut self, name: &str, spot: Spot<'_>, here: Here<'_, Part<raw::Device>>) -> Option<()> {
        self.first("device", name, spot)?;
        let device = here.open();
        let id = device.field("name", |raw| &raw.name).or(name.to_owned(), inventory::certified_name);
        let managed = device.field("managed", |raw| &raw.managed).or(true, value::switch);
        let compliant = device.field("compliant", |raw| &raw.compliant).or(true, value::switch);
        let fleet =
            device.field("fleet", |raw| &raw.fleet).optional(|here| self.vocabulary.fleets.read(here));
        let unit = device.field("unit", |raw| &raw.unit).optional(|here| self.vocabulary.units.read(here));
        let facts = DeviceFacts {
            id: id?,
            fleet: fleet?.map(Into::into),
            unit: unit?.map(Into::into),
            managed: managed?,
            compliant: compliant?,
        };
        self.words.devices.insert(name.to_owned(), facts);
        Some(())
    }

    fn situation(&mut self, name: &str, spot: Spot<'_>, here: Here<'_, Part<raw::Situation>>) -> Option<()> {
        self.first("situation", name, spot)?;
        let situation = situation(here.open(), self.purposes)?;
        self.words.situations.insert(name.to_owned(), situation);
        Some(())
    }
}

/// A purpose that an officer can choose; any word where the zone has no list.
fn purpose(here: Here<'_, Scalar>, known: &[String]) -> Option<String> {
    let word = words(here)?;
    if known.is_empty() || known.contains(&word) {
        return Some(word);
    }
    let instead = suggest::instead(&word, known.iter().map(String::as_str));
    here.spot.fault(format!("`{word}` is none of the zone's `purposes`{instead}"));
    None
}

fn situation(raw: Opened<'_, raw::Situation>, purposes: &[String]) -> Option<Situation> {
    let text = |key, of: fn(&raw::Situation) -> &Text| raw.field(key, of).optional(words);
    let strong = raw.field("sign_in", |raw| &raw.sign_in);
    let strong = strong.optional(|here| value::word(here, &[("strong", true), ("weak", false)]));
    let auth_age = raw.field("signed_in", |raw| &raw.signed_in).optional(ago);
    let (acr, case) = (text("acr", |raw| &raw.acr), text("case", |raw| &raw.case));
    let purpose = raw.field("purpose", |raw| &raw.purpose).optional(|here| purpose(here, purposes));
    let amr = raw.field("amr", |raw| &raw.amr);
    let amr = if amr.is_absent() { Some(None) } else { amr.each(value::text).map(Some) };
    let break_glass = raw.field("break_glass", |raw| &raw.break_glass).optional(|here| {
        let glass = here.open();
        let reason = glass.field("reason", |raw| &raw.reason).required("reason: weapon found", words);
        let case = glass.field("case", |raw| &raw.case).required("case: 2026/4711", words);
        Some(BreakGlass { reason: reason?, case: case? })
    });
    let score = raw.field("inspection", |raw| &raw.inspection).optional(|here| {
        here.parse(|text| {
            text.parse().map_err(|_| format!("`{text}` is no score; write a whole number, such as `5`"))
        })
    });
    let shift = raw.field("shift", |raw| &raw.shift).or(ShiftFacts::default(), |here| shift(here.open()));
    let time = raw.field("time", |raw| &raw.time).optional(|here| here.parse(clock));
    let method = raw.field("method", |raw| &raw.method).optional(value::method);
    let (path, host) = (text("path", |raw| &raw.path), text("host", |raw| &raw.host));
    let address = raw.field("address", |raw| &raw.address).optional(|here| {
        here.parse(|text| {
            text.parse().map_err(|_| format!("`{text}` is no address; write one such as `10.0.0.1`"))
        })
    });
    let captures = raw.field("captures", |raw| &raw.captures);
    let captures =
        captures.or(Vec::new(), |table| table.each(|name, _, here| Some((name.to_owned(), words(here)?))));
    Some(Situation {
        strong: strong?,
        auth_age: auth_age?,
        acr: acr?,
        amr: amr?,
        purpose: purpose?,
        case: case?,
        break_glass: break_glass?,
        score: score?,
        shift: shift?,
        time: time?,
        method: method?.map(|method| method.to_string()),
        path: path?,
        host: host?,
        address: address?,
        captures: captures?.into_iter().collect(),
    })
}

/// How many of each there are in a shift.
fn shift(raw: Opened<'_, raw::Shift>) -> Option<ShiftFacts> {
    let count = |key, of: fn(&raw::Shift) -> &Text| {
        raw.field(key, of).optional(|here| {
            here.parse(|text| {
                let number = text.parse().ok().filter(|number| *number <= ShiftFacts::MOST);
                number.ok_or_else(|| {
                    format!("`{text}` is no number up to {}, which stands for more too", ShiftFacts::MOST)
                })
            })
        })
    };
    let subjects = count("subjects", |raw| &raw.subjects);
    let devices = count("devices", |raw| &raw.devices);
    let officers = count("officers", |raw| &raw.officers);
    Some(ShiftFacts { subjects: subjects?, devices: devices?, officers: officers? })
}

/// What was written, whatever YAML takes it for: a plate may look like a number.
fn words(here: Here<'_, Scalar>) -> Option<String> {
    Some(here.value.to_string())
}

/// `15m ago`.
fn ago(here: Here<'_, Scalar>) -> Option<u64> {
    here.parse(|text| {
        let length = text.strip_suffix(" ago").unwrap_or(text);
        crate::config::quantity::duration(length).map(|length| length.as_secs())
    })
}

/// `Sun 03:30`.
fn clock(text: &str) -> Result<(u8, u8, u8), String> {
    let wanted = || format!("`{text}` is no time of the week; write one such as `Sun 03:30`");
    let (day, time) = text.split_once(' ').ok_or_else(wanted)?;
    let (hour, minute) = time.split_once(':').ok_or_else(wanted)?;
    let weekday = DAYS.iter().position(|known| *known == day).ok_or_else(wanted)?;
    let number =
        |text: &str, most: u8| text.parse::<u8>().ok().filter(|number| *number <= most).ok_or_else(wanted);
    Ok((u8::try_from(weekday + 1).unwrap_or(1), number(hour, 23)?, number(minute, 59)?))
}

/// The cells of one test, each with its place.
type Cells<'a> = BTreeMap<&'static str, Here<'a, Scalar>>;

fn cases(world: World<'_>, file: Opened<'_, raw::Trials>) -> Option<Vec<Case>> {
    let tests = file.field("tests", |raw| &raw.tests).each(|here| {
        let cells = cells(here.open())?;
        case(world, None, &cells, here.spot)
    });
    let tables = file.field("tables", |raw| &raw.tables).each(|here| table(world, here.open()));
    let (mut all, tables) = (tests?, tables?);
    all.extend(tables.into_iter().flatten());
    all.sort_by(|one, other| one.place.cmp(&other.place));
    Some(all)
}

/// The keys of a test that are there.
fn cells(trial: Opened<'_, raw::Trial>) -> Option<Cells<'_>> {
    let of: [fn(&raw::Trial) -> &Text; 10] = [
        |raw| &raw.what,
        |raw| &raw.who,
        |raw| &raw.on,
        |raw| &raw.through,
        |raw| &raw.does,
        |raw| &raw.to,
        |raw| &raw.given,
        |raw| &raw.expect,
        |raw| &raw.by,
        |raw| &raw.shadow,
    ];
    let read: Vec<_> = COLUMNS
        .into_iter()
        .zip(of)
        .map(|(key, of)| trial.field(key, of).optional(|here| Some((key, here))))
        .collect();
    let read: Vec<_> = read.into_iter().collect::<Option<_>>()?;
    Some(read.into_iter().flatten().collect())
}

fn table(world: World<'_>, table: Opened<'_, raw::Table>) -> Option<Vec<Case>> {
    let what = table.field("what", |raw| &raw.what).optional(words)?;
    let always = table.field("always", |raw| &raw.always).or(Cells::new(), |here| cells(here.open()))?;
    let example = "columns: [who, on, does, to, expect, by]";
    let mut seen = BTreeSet::new();
    let columns = table.field("columns", |raw| &raw.columns).some(example, |here| {
        here.parse(|text| {
            let known = COLUMNS.into_iter().find(|known| *known == text).ok_or_else(|| {
                format!("`{text}` is no column{}", suggest::instead(text, COLUMNS.into_iter()))
            })?;
            let is_new = seen.insert(known);
            is_new.then_some(known).ok_or_else(|| format!("there is a column `{text}` already; remove one"))
        })
    })?;
    let rows = table.field("rows", |raw| &raw.rows);
    rows.some("rows: [[amina, car-12, consult, persons, allowed, officers-consult]]", |row| {
        let cells = row_cells(row, &columns, &always)?;
        case(world, what.as_deref(), &cells, row.spot)
    })
}

fn row_cells<'a>(
    row: Here<'a, Vec<Node<Scalar>>>,
    columns: &[&'static str],
    always: &Cells<'a>,
) -> Option<Cells<'a>> {
    if row.value.len() != columns.len() {
        row.spot.fault(format!(
            "this row has {} cells, the table has {} columns; write `none` where there is nothing",
            row.value.len(),
            columns.len()
        ));
        return None;
    }
    let mut cells = always.clone();
    let read = row.each("rows", Some)?;
    cells.extend(columns.iter().copied().zip(read));
    Some(cells)
}

/// One test.
fn case(world: World<'_>, table: Option<&str>, cells: &Cells<'_>, spot: Spot<'_>) -> Option<Case> {
    let text = |key| cells.get(key).map(|here: &Here<'_, Scalar>| here.value.to_string());
    let some = |key| text(key).filter(|text| text != NONE);
    let needed = |key: &'static str, example: &str| {
        let found = some(key);
        if found.is_none() {
            spot.fault(format!("`{key}` is missing; say it, such as `{key}: {example}`"));
        }
        found
    };
    let (who, does, to) = (needed("who", "amina"), needed("does", "consult"), needed("to", "persons"));
    let expect = needed("expect", "allowed");
    let allow =
        expect.and_then(|_| value::word(*cells.get("expect")?, &[("allowed", true), ("refused", false)]));
    let phrase = Phrase {
        who: who?,
        on: some("on"),
        through: some("through"),
        does: does?,
        to: to?,
        given: some("given").map(|given| joined(&given)).unwrap_or_default(),
    };
    let question = world.question(&phrase).map_err(|wrong| {
        for (word, message) in wrong {
            let key = match word {
                Word::Who => "who",
                Word::On => "on",
                Word::Through => "through",
                Word::Does => "does",
                Word::To => "to",
                Word::Given => "given",
            };
            cells.get(key).map_or(spot, |here| here.spot).fault(message);
        }
    });
    let place_of = |key| cells.get(key).map_or(spot, |here: &Here<'_, Scalar>| here.spot).place();
    let named = |key| text(key).map(|names| joined(&names).into_iter().map(Into::into).collect());
    let (by, shadow) = (named("by"), named("shadow"));
    let told = some("what").or_else(|| table.map(str::to_owned));
    let spoken = format!(
        "{}{}{} {} {}",
        phrase.who,
        phrase.on.as_deref().map(|on| format!(" on {on}")).unwrap_or_default(),
        phrase.through.as_deref().map(|through| format!(" through {through}")).unwrap_or_default(),
        phrase.does,
        phrase.to
    );
    let given =
        if phrase.given.is_empty() { String::new() } else { format!(", given {}", phrase.given.join(" + ")) };
    Some(Case {
        name: told.map_or_else(|| format!("{spoken}{given}"), |told| format!("{told}: {spoken}{given}")),
        place: spot.place(),
        question: question.ok()?,
        expect: Expectation {
            allow: allow?,
            by,
            shadow,
            place: place_of("by"),
            shadow_place: place_of("shadow"),
        },
    })
}
