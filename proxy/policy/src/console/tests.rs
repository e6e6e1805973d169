use std::net::Ipv4Addr;
use std::time::UNIX_EPOCH;

use super::*;

fn file(text: &str) -> PolicyFile {
    PolicyFile { name: "console.cedar".to_owned(), text: text.to_owned(), shadow: false }
}

fn load(text: &str) -> Result<Console, Vec<Fault>> {
    let units = ["zone", "team-a"].map(|name| Group { name: name.to_owned(), ..Group::default() });
    let [zone, mut team] = units;
    team.parents.push("zone".to_owned());
    Console::load(&file(text), &[zone, team], &["office".to_owned()])
}

fn visitor(name: &str, device: Option<(&str, &str)>) -> Visitor {
    let device = device.map(|(fleet, unit)| DeviceFacts {
        id: name.to_owned(),
        fleet: Some(fleet.into()),
        unit: Some(unit.into()),
        managed: true,
        compliant: true,
    });
    let (address, time) = (Ipv4Addr::LOCALHOST.into(), TimeFacts::at(UNIX_EPOCH, 0));
    Visitor { name: name.to_owned(), device, address, time }
}

const POLICIES: &str = r#"
@id("soc")
permit (principal == Poort::Certificate::"spiffe://zone.example/staff/els", action == Poort::Action::"view", resource);
@id("people")
permit (principal, action, resource == Poort::View::"reviews")
when { principal.name like "spiffe://zone.example/staff/*" && context.address.isLoopback() };
@id("office")
permit (principal in Poort::Fleet::"office", action == Poort::Action::"view", resource == Poort::View::"sources")
when { principal in Poort::Unit::"zone" && principal.managed && context has unit && context.time.hour == 0 };
@id("never")
@reason("Checkpoints are the auditors'.")
forbid (principal, action, resource == Poort::View::"log")
unless { principal.compliant };
"#;

#[test]
fn policies_say_who_sees_what() {
    let console = load(POLICIES).unwrap();
    let (els, bo) = ("spiffe://zone.example/staff/els", "spiffe://zone.example/staff/bo");
    let desk = Some(("office", "team-a"));
    for (name, device, act, view, allow, by) in [
        (els, None, Act::View, View::Decisions, true, "soc"),
        (els, None, Act::Review, View::Decisions, false, ""),
        (els, None, Act::Review, View::Reviews, true, "people"),
        (els, None, Act::View, View::Log, false, "never"),
        (els, desk, Act::View, View::Log, true, "soc"),
        (bo, None, Act::View, View::Decisions, false, ""),
        (bo, None, Act::View, View::Reviews, true, "people"),
        ("spiffe://zone.example/device/desk", desk, Act::View, View::Sources, true, "office"),
        ("spiffe://zone.example/device/desk", Some(("cars", "team-a")), Act::View, View::Sources, false, ""),
        ("spiffe://zone.example/device/desk", Some(("office", "none")), Act::View, View::Sources, false, ""),
        ("spiffe://zone.example/device/desk", None, Act::View, View::Sources, false, ""),
    ] {
        let answer = console.may(&visitor(name, device), act, view);
        assert_eq!((answer.allow, &*answer.determining.join(",")), (allow, by), "{name} {act:?} {view:?}");
        assert_eq!(answer.reason.as_deref(), (by == "never").then_some("Checkpoints are the auditors'."));
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, line, said) in [
        ("// nothing\n", 0, "there is no policy"),
        ("permit (principal, action);\n", 1, "missing the `resource`"),
        ("permit (principal, action, resource == Poort::View::\"logs\");\n", 1, "logs"),
        ("\npermit (principal in Poort::Unit::\"team-b\", action, resource);\n", 2, "no unit `team-b`"),
        ("permit (principal in Poort::Role::\"officer\", action, resource);\n", 1, "Role"),
        ("permit (principal, action, resource) when { principal.clearance };\n", 1, "clearance"),
        ("permit (principal, action, resource) when { context.unit == Poort::Unit::\"zone\" };\n", 1, "unit"),
        (
            "@shadow(\"x\")\npermit (principal, action, resource);\n",
            1,
            "nothing reads the annotation `@shadow`",
        ),
        ("permit (principal, action == Poort::Action::\"consult\", resource);\n", 1, "consult"),
    ] {
        let faults = load(text).unwrap_err();
        let found = faults.iter().any(|fault| fault.line == line && fault.to_string().contains(said));
        assert!(found, "{text}: {faults:?}");
        assert!(
            faults.iter().all(|fault| !fault.help.is_empty() && fault.file == "console.cedar"),
            "{faults:?}"
        );
    }
}
