//! What holds whatever is wrong.

use proptest::prelude::*;
use serde_yaml::Value;

use super::ground::{FILES, Ground};

/// A step down into a document.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// Every place in a document, the document itself first.
fn places(value: &Value) -> Vec<Vec<Step>> {
    let mut found = vec![Vec::new()];
    let inside: Vec<(Step, &Value)> = match value {
        Value::Mapping(entries) => {
            entries.iter().map(|(key, value)| (Step::Key(key.as_str().unwrap().to_owned()), value)).collect()
        }
        Value::Sequence(items) => {
            items.iter().enumerate().map(|(index, value)| (Step::Item(index), value)).collect()
        }
        _ => Vec::new(),
    };
    for (step, value) in inside {
        found.extend(places(value).into_iter().map(|rest| [vec![step.clone()], rest].concat()));
    }
    found
}

fn at<'v>(value: &'v mut Value, place: &[Step]) -> &'v mut Value {
    place.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Item(index) => &mut value[*index],
    })
}

/// Every file, with every place in it.
fn everywhere() -> impl Iterator<Item = (&'static str, Value, Vec<Step>)> {
    FILES.into_iter().flat_map(|(file, text)| {
        let value: Value = serde_yaml::from_str(text).unwrap();
        places(&value).into_iter().map(move |place| (file, value.clone(), place))
    })
}

#[test]
fn no_key_is_ignored_anywhere() {
    let ground = Ground::new();
    for (file, mut value, place) in everywhere() {
        let Value::Mapping(entries) = at(&mut value, &place) else { continue };
        entries.insert("zzz".into(), 1.into());
        let text = serde_yaml::to_string(&value).unwrap();
        let line = 1 + text.lines().position(|line| line.contains("zzz: 1")).unwrap();
        ground.write(file, text);
        let faults = ground.faults();
        assert!(
            faults.iter().any(|fault| fault.starts_with(&format!("{file}:{line}:"))),
            "{place:?}: {faults:#?}"
        );
        restore(&ground, file);
    }
}

#[test]
fn nothing_of_another_shape_is_taken_for_a_value() {
    let ground = Ground::new();
    for (file, value, place) in everywhere() {
        for other in ["~", "{}", "[[{ a: b }]]", "\"\"", "-1"] {
            let other: Value = serde_yaml::from_str(other).unwrap();
            let mut changed = value.clone();
            let old = std::mem::replace(at(&mut changed, &place), other.clone());
            ground.write(file, serde_yaml::to_string(&changed).unwrap());
            let faults = ground.faults();
            // An empty mapping can be meant where there is one; nothing else is right anywhere.
            let empty = other.as_mapping().is_some_and(serde_yaml::Mapping::is_empty) && old.is_mapping();
            assert!(empty || !faults.is_empty(), "{file} {place:?}: {other:?}");
        }
        restore(&ground, file);
    }
}

#[test]
fn no_key_is_left_out_unnoticed_if_it_is_needed() {
    let ground = Ground::new();
    for (file, value, place) in everywhere() {
        let Some((Step::Key(key), above)) = place.split_last() else { continue };
        let mut changed = value.clone();
        let Value::Mapping(entries) = at(&mut changed, above) else { unreachable!() };
        entries.remove(key.as_str());
        ground.write(file, serde_yaml::to_string(&changed).unwrap());
        // Either there is a default, or it is said that this key is missing, or that its absence breaks something.
        let faults = ground.faults();
        for fault in &faults {
            let says_so = fault.contains(&format!("`{key}` is missing"))
                || fault.contains("entities.yaml")
                || fault.contains("without one")
                || fault.contains("neither a `url`")
                || fault.contains("without its key")
                || fault.contains("there is none")
                || fault.contains("no assertion can be made")
                || fault.contains("claimed by");
            assert!(says_so, "{file} {place:?}: {faults:#?}");
        }
        restore(&ground, file);
    }
}

fn restore(ground: &Ground, file: &str) {
    let (_, text) = FILES.into_iter().find(|(name, _)| *name == file).unwrap();
    ground.write(file, text);
}

/// One thing that happens to the bytes of a file.
#[derive(Clone, Debug)]
enum Accident {
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Word(prop::sample::Index, &'static str),
    Swap(prop::sample::Index, prop::sample::Index),
}

impl Accident {
    fn befall(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Self::Remove(at, length) => {
                let from = at.index(bytes.len() + 1);
                bytes.drain(from..bytes.len().min(from + length));
            }
            Self::Insert(at, new) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Word(at, word) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, word.bytes());
            }
            Self::Swap(one, other) if !bytes.is_empty() => {
                let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
                bytes.swap(one, other);
            }
            Self::Swap(..) => {}
        }
    }
}

fn accident() -> impl Strategy<Value = Accident> {
    let index = any::<prop::sample::Index>;
    let words = prop::sample::select(vec![
        "&a ",
        "*a",
        "<<: ",
        "!!binary ",
        "? ",
        ": ",
        "- ",
        "\n",
        "\n---\n",
        "...",
        "{",
        "}",
        "[",
        "]",
        "|\n",
        ">-\n",
        "\"",
        "'",
        "#",
        "%YAML 1.1\n",
        "\t",
        "\r",
        "~",
        "\u{feff}",
        "\u{85}",
        "é",
        "\0",
        "999999999999999999999999999",
        "-",
        "/",
        "0x",
        ".inf",
        ".nan",
    ]);
    prop_oneof![
        index().prop_map(Accident::Cut),
        (index(), 1_usize..40).prop_map(|(at, length)| Accident::Remove(at, length)),
        (index(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Accident::Insert(at, bytes)),
        (index(), words).prop_map(|(at, word)| Accident::Word(at, word)),
        (index(), index()).prop_map(|(one, other)| Accident::Swap(one, other)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_loading_panic(file in 0..FILES.len(), accidents in prop::collection::vec(accident(), 1..6)) {
        thread_local! { static GROUND: Ground = Ground::new(); }
        let (name, text) = FILES[file];
        let mut bytes = text.as_bytes().to_vec();
        accidents.iter().for_each(|accident| accident.befall(&mut bytes));
        GROUND.with(|ground| {
            ground.write(name, &bytes);
            let result = ground.load();
            restore(ground, name);
            if let Err(faults) = result {
                prop_assert!(!faults.all().is_empty(), "a refusal says why");
                for fault in faults.all() {
                    prop_assert!(!fault.message.is_empty() && fault.message.len() < 4096 + bytes.len());
                    prop_assert!(!fault.place.file.is_empty());
                }
            }
            Ok(())
        })?;
    }
}
