//! What is claimed of policies is proved, or a request is shown for which it does not hold. By a real solver, where there is one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on has failed"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use poort_demo::gate::binary;
use poort_tests::tools::{program, repository, solver_libraries};
use serde_json::Value;
use tempfile::TempDir;

/// A copy of the shipped policies, and how `poort policy` is run beside it.
struct Desk {
    directory: TempDir,
    cvc5: PathBuf,
}

impl Desk {
    /// None, said aloud, where there is no solver.
    fn with_cvc5() -> Option<Self> {
        program("cvc5").map(Self::with)
    }

    fn with(cvc5: PathBuf) -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy(&repository("policies"), &directory.path().join("policies"));
        Self { directory, cvc5 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces what is there once.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// Exit code, standard output and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let binary = std::path::absolute(binary().unwrap()).unwrap();
        let mut command = Command::new(binary);
        command.arg("policy").args(arguments).current_dir(self.directory.path()).env("CVC5", &self.cvc5);
        if solver_libraries().is_dir() {
            command.env("LD_LIBRARY_PATH", solver_libraries());
        }
        let done = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    fn prove(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run(&[&["prove"], arguments].concat())
    }

    /// The exit code, and what came of each claim.
    fn verdicts(&self, arguments: &[&str]) -> (i32, Vec<(String, String)>, Value) {
        let (exit, said, complained) = self.prove(&[arguments, &["--json"]].concat());
        let told: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{complained}"));
        let claims = told["claims"].as_array().unwrap();
        let word = |claim: &Value, key: &str| claim[key].as_str().unwrap().to_owned();
        (exit, claims.iter().map(|claim| (word(claim, "name"), word(claim, "verdict"))).collect(), told)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn refuted(verdicts: &[(String, String)]) -> Vec<&str> {
    verdicts.iter().filter(|(_, verdict)| verdict != "proved").map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_is_shipped_is_proved_for_every_principal_and_operation() {
    let Some(desk) = Desk::with_cvc5() else { return };
    let (exit, verdicts, told) = desk.verdicts(&[]);
    assert_eq!((exit, refuted(&verdicts)), (0, vec![]), "{told}");
    assert_eq!(told["environments"], 21);
    assert!(verdicts.len() >= 8 && verdicts.iter().any(|(name, _)| name == "no-policy-errs"), "{verdicts:?}");
    assert_eq!(told["assumptions"].as_array().unwrap().len(), 6);
    let (exit, said, _) = desk.prove(&["--only", "firearms-strong"]);
    assert_eq!(exit, 0);
    assert!(said.starts_with("proved   firearms-strong  The firearms register opens"), "{said}");
    assert!(said.contains("taken for granted") && said.contains("`entities.yaml`"), "{said}");
    // The set to copy from keeps to them, too.
    copy(&repository("policies/examples/case-files"), &desk.path("policies"));
    let (exit, verdicts, told) = desk.verdicts(&[]);
    assert_eq!((exit, refuted(&verdicts)), (0, vec![]), "{told}");
}

#[test]
fn what_does_not_hold_is_shown_and_becomes_a_test_that_fails_until_it_does() {
    let Some(desk) = Desk::with_cvc5() else { return };
    let (file, strong) = ("policies/access/firearms.cedar", "unless { context.session.strong };");
    let glass = "when { context has break_glass && context.session.strong };";
    desk.edit(file, strong, "unless { context.session.strong || context has break_glass };");
    desk.edit(file, glass, "when { context has break_glass };");
    let (exit, said, complained) = desk.prove(&["--save", "policies/tests/found.yaml"]);
    assert_eq!(exit, 1, "{said}{complained}");
    let told = "refuted  firearms-strong              The firearms register opens to a strong sign-in only, a broken glass or not.";
    assert!(said.contains(told), "{said}");
    let (_, shown) = said.split_once(told).unwrap();
    let shown: Vec<&str> = shown.lines().skip(1).take(5).map(str::trim).collect();
    // The smallest one: nothing is in it that does not matter.
    assert_eq!(
        shown,
        [
            "this is allowed by `firearms-break-glass`:",
            "who      a person with the role `officer` and no unit: `zone|somebody`",
            "on       a device that is managed and compliant",
            "does     `consult` to `firearms`",
            "given    no strong sign-in, purpose `patrol`, no case, a broken glass, Tue 10:00, `GET /` from 10.0.0.1",
        ]
    );
    assert!(said.contains("proved   fit-devices"), "{said}");

    let (exit, said, _) = desk.run(&["test", "--only", "found.yaml"]);
    assert_eq!(exit, 1, "{said}");
    let failed = "firearms-strong: found-1 on found-1-device consult firearms, given found-1: expected: refused; it is allowed by `firearms-break-glass`";
    assert!(said.contains(failed), "{said}");
    // What is there is not written over, and nobody waits for a proof to hear so.
    let (exit, _, complained) = desk.prove(&["--save", "policies/tests/found.yaml"]);
    assert_eq!(exit, 2);
    assert!(
        complained.contains("policies/tests/found.yaml") && complained.contains("is there already"),
        "{complained}"
    );
    // Mended, the test passes, and it holds again.
    desk.edit(file, "unless { context.session.strong || context has break_glass };", strong);
    let (exit, said, _) = desk.run(&["test", "--only", "found.yaml"]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(desk.prove(&["--only", "firearms-strong"]).0, 0);
}

#[test]
fn a_candidate_that_allows_more_or_less_is_found_out() {
    let Some(desk) = Desk::with_cvc5() else { return };
    copy(&repository("policies"), &desk.path("live"));
    let only = ["--against", "live", "--equal", "--only"];
    let nothing = |name| [&only[..], &[name]].concat();
    assert_eq!(desk.prove(&nothing("nothing-new")).0, 0);
    assert_eq!(desk.prove(&nothing("nothing-lost")).0, 0);

    desk.edit(
        "policies/access/supervisors.cedar",
        "context.session.auth_age <= 900",
        "context.session.auth_age <= 901",
    );
    desk.edit(
        "policies/access/officers.cedar",
        "principal in Poort::Unit::\"zone\" &&",
        "principal in Poort::Unit::\"team-a\" &&",
    );
    let (exit, said, complained) =
        desk.prove(&[&nothing("nothing-new")[..], &["--save", "policies/tests/more.yaml"]].concat());
    assert_eq!(exit, 1, "{said}{complained}");
    assert!(
        said.contains(
            "this is allowed by `supervisors-erase`; there it is refused, since no policy permits it:"
        ),
        "{said}"
    );
    assert!(said.contains("signed in 901 s ago"), "{said}");
    let (exit, said, _) = desk.run(&["test", "--only", "more.yaml"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("expected: refused; it is allowed by `supervisors-erase`"), "{said}");
    let (exit, said, _) = desk.run(&["test", "--policies", "live"]);
    assert_eq!(exit, 0, "{said}");
    fs::copy(desk.path("policies/tests/more.yaml"), desk.path("live/tests/more.yaml")).unwrap();
    let (exit, said, _) = desk.run(&["test", "--policies", "live", "--only", "more.yaml"]);
    assert_eq!(exit, 0, "it is what the live policies say: {said}");

    let (exit, said, _) =
        desk.prove(&[&nothing("nothing-lost")[..], &["--save", "policies/tests/less.yaml"]].concat());
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("there it is allowed by `officers-consult`:"), "{said}");
    let (exit, said, _) = desk.run(&["test", "--only", "less.yaml"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("expected: allowed; it is refused"), "{said}");
}

#[test]
fn what_a_source_demands_to_be_stated_is_part_of_what_is_proved() {
    let Some(desk) = Desk::with_cvc5() else { return };
    copy(&repository("policies"), &desk.path("live"));
    let (exit, said, _) = desk.prove(&["--only", "firearms-for-a-purpose"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("and what the sources' files demand to be stated"), "{said}");
    // One line of the file that no longer demands it, and it does not hold any more.
    desk.edit(
        "policies/sources/firearms.yaml",
        "query: [name], operation: consult }",
        "query: [name], operation: consult, purpose: optional }",
    );
    let (exit, said, _) = desk.prove(&["--only", "firearms-for-a-purpose"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("does     `consult` to `firearms`") && said.contains("no purpose"), "{said}");
    assert!(!said.contains("`alter`"), "every line that alters demands it still: {said}");
    let (exit, said, _) = desk.prove(&["--against", "live", "--only", "nothing-new"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("there it is refused by `sources/firearms.yaml`:"), "{said}");
}

#[test]
fn a_new_source_is_something_new_and_another_hierarchy_cannot_be_compared() {
    let Some(desk) = Desk::with_cvc5() else { return };
    copy(&repository("policies"), &desk.path("live"));
    copy(&repository("policies/examples/case-files"), &desk.path("policies"));
    let (exit, verdicts, told) = desk.verdicts(&["--against", "live", "--only", "nothing-new"]);
    assert_eq!((exit, refuted(&verdicts)), (1, vec!["nothing-new"]), "{told}");
    for example in told["claims"][0]["counterexamples"].as_array().unwrap() {
        assert_eq!(example["question"]["source"], "case-files");
        assert_eq!(
            (&example["decision"]["allow"], &example["before"]["allow"]),
            (&true.into(), &false.into())
        );
    }
    desk.edit("policies/entities.yaml", "federal-partner: {}", "federal-partner: { in: [officer] }");
    let (exit, _, complained) = desk.prove(&["--against", "live"]);
    assert_eq!(exit, 2);
    assert!(
        complained.contains("role `federal-partner` is in `officer` in one of the two only"),
        "{complained}"
    );
    assert!(complained.contains("poort policy replay"), "{complained}");
}

#[test]
fn what_errs_for_somebody_is_found() {
    let Some(desk) = Desk::with_cvc5() else { return };
    let always = "permit (principal, action == Poort::Action::\"consult\", resource == Poort::Source::\"persons\")\n\
                  when { principal is Poort::User && principal in Poort::Role::\"supervisor\" && context.time.epoch * 1000 > 0 };";
    desk.write("policies/access/odd.cedar", &format!("@id(\"odd\")\n{always}\n"));
    let (exit, said, _) = desk.prove(&["--only", "no-policy-errs"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("`odd`: integer overflow"), "{said}");
    // Cedar would leave the policy out; the engine refuses, so nothing is allowed that should not be.
    let (exit, verdicts, told) = desk.verdicts(&["--only", "partners-look-only"]);
    assert_eq!((exit, refuted(&verdicts)), (0, vec![]), "{told}");
    // And what should always be allowed is not: the counter-example is one that errs.
    desk.write(
        "policies/properties/always.cedar",
        "@id(\"always\") @says(\"Bosses see persons.\")\npermit (principal is Poort::User in Poort::Role::\"supervisor\", action == Poort::Action::\"consult\", resource == Poort::Source::\"persons\")\n\
         when { principal in Poort::Unit::\"zone\" && !(principal in Poort::Role::\"federal-partner\") && context has device && context.device.managed && context.device.compliant && !(context has actor) };",
    );
    let (exit, verdicts, told) = desk.verdicts(&["--only", "always"]);
    assert_eq!((exit, refuted(&verdicts)), (1, vec!["always"]), "{told}");
    let example = &told["claims"][0]["counterexamples"][0];
    assert!(example["decision"]["errors"][0].as_str().unwrap().contains("overflow"), "{told}");
}

#[test]
fn a_property_that_describes_nothing_is_not_proved() {
    let Some(desk) = Desk::with_cvc5() else { return };
    desk.write(
        "policies/properties/idle.cedar",
        "@id(\"idle\") @says(\"Nothing is open after midnight.\")\nforbid (principal, action, resource) when { context.time.hour >= 24 };",
    );
    let (exit, said, _) = desk.prove(&["--only", "idle"]);
    assert_eq!(exit, 1, "{said}");
    assert!(
        said.starts_with("idle     idle") && said.contains("describes no request that there can be"),
        "{said}"
    );
}

#[test]
fn a_broken_property_is_told_with_its_place_and_what_to_do() {
    let desk = Desk::with("/nowhere/cvc5".into());
    let scope = "forbid (principal, action, resource)";
    let cases = [
        ("no name", format!("@says(\"x\")\n{scope};"), ":1:1", "has no name", "@id("),
        ("no words", format!("\n@id(\"a\")\n{scope};"), ":2:1", "`a` has no words", "@says("),
        (
            "a policy's name",
            format!("@id(\"officers-consult\") @says(\"x\")\n{scope};"),
            ":1:1",
            "a policy is called",
            "of its own",
        ),
        (
            "another annotation",
            format!("@id(\"a\") @says(\"x\")\n@shadow(\"since 1 March\")\n{scope};"),
            ":2:",
            "nothing reads the annotation `@shadow` of a property",
            "the annotations are `@id` and `@says`",
        ),
        (
            "no such role",
            "@id(\"a\") @says(\"x\")\nforbid (principal in Poort::Role::\"oficer\", action, resource);"
                .to_owned(),
            ":2:22",
            "no role `oficer`",
            "write `officer`",
        ),
        (
            "no such word",
            format!("@id(\"a\") @says(\"x\")\n{scope} when {{ context.purpos == \"x\" }};"),
            ":2:45",
            "purpos",
            "did you mean `purpose`?",
        ),
        (
            "no Cedar",
            format!("@id(\"a\") @says(\"x\")\n{scope} when"),
            ":2:42",
            "unexpected end of input",
            "expected `{`",
        ),
        (
            "twice",
            format!("@id(\"a\") @says(\"x\") {scope};\n@id(\"a\") @says(\"x\") {scope};"),
            ":2:1",
            "already used",
            "of its own",
        ),
        ("empty", " \n".to_owned(), ":1:1", "the file is empty", ""),
    ];
    for (name, text, place, what, help) in cases {
        desk.write("policies/properties/zone.cedar", &text);
        told(&desk, name, place, what, help);
    }
}

/// Both verbs that read properties say what is wrong with them.
fn told(desk: &Desk, name: &str, place: &str, what: &str, help: &str) {
    for verb in ["prove", "check"] {
        let (exit, said, complained) = desk.run(&[verb]);
        assert_eq!(exit, 2, "{name}: {said}{complained}");
        let place = format!("policies/properties/zone.cedar{place}");
        assert!(
            complained.contains(&place) && complained.contains(what) && complained.contains(help),
            "{name}: {complained}"
        );
    }
}

#[test]
fn without_a_solver_it_is_said_how_to_get_one() {
    let desk = Desk::with("/nowhere/cvc5".into());
    let remedy = "there is no solver `/nowhere/cvc5`; install cvc5 (`apt install cvc5`), or say where it is with `--cvc5 PATH` or in the environment variable `CVC5`";
    for arguments in [&[][..], &["--json"], &["--cvc5", "/nowhere/cvc5"]] {
        let (exit, _, complained) = desk.prove(arguments);
        assert_eq!(exit, 2);
        assert!(complained.contains(remedy), "{complained}");
    }
    let (exit, _, complained) = desk.prove(&["--only", "firearm-strong"]);
    assert_eq!(exit, 2);
    assert!(complained.contains("there is no claim `firearm-strong`"), "{complained}");
}

/// Name, what the program does after it has said its version, and what is said of it.
#[test]
fn a_solver_that_hangs_dies_or_babbles_is_killed_and_told() {
    let cases = [
        ("hangs", "sleep 600", "the solver has no answer within 1 s"),
        ("hangs with a child", "sleep 600 & wait", "the solver has no answer within 1 s"),
        ("babbles", "while :; do printf 'all is well '; done", "which is no answer, and was killed"),
        ("babbles in lines", "while :; do echo all is well; done", "says `all is well`, which is no answer"),
        ("binary", "printf '\\377\\033[31m\\n'; sleep 600", "which is no answer"),
        ("dies", "exit 3", "ended by itself"),
        (
            "no model",
            "while read line; do case $line in *check-sat*) echo sat;; *get-model*) echo '(error \"no\")';; esac; done",
            "no",
        ),
        (
            "half a model",
            "while read line; do case $line in *check-sat*) echo sat;; *get-model*) echo '('; echo '(define-fun';; esac; done",
            "no answer within 1 s",
        ),
    ];
    for (name, does, told) in cases {
        let desk = Desk::with("/nowhere".into());
        let (script, pids) = (desk.path("cvc5"), desk.path("pids"));
        let head = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 'This is cvc5 version 0.0.0'; exit; }}\necho $$ >>'{}'\n",
            pids.display()
        );
        fs::write(&script, format!("{head}{does}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let started = Instant::now();
        let script = script.display().to_string();
        let (exit, said, complained) =
            desk.prove(&["--cvc5", &script, "--time-out", "1", "--jobs", "2", "--only", "firearms-strong"]);
        assert!(started.elapsed() < Duration::from_secs(60), "{name}: {:?}", started.elapsed());
        assert_eq!(exit, 2, "{name}: {said}{complained}");
        assert!(said.contains(told) || complained.contains(told), "{name}: {said}{complained}");
        assert!(!complained.contains('\u{1b}') && !said.contains('\u{1b}'), "{name}");
        let pids = fs::read_to_string(pids).unwrap();
        for pid in pids.lines() {
            let gone = || !is_running(pid);
            let end = Instant::now() + Duration::from_secs(5);
            while !gone() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(gone(), "{name}: {pid} is still there");
        }
    }
    let desk = Desk::with("/bin/echo".into());
    let (exit, _, complained) = desk.prove(&[]);
    assert_eq!(exit, 2);
    assert!(complained.contains("`/bin/echo` is no cvc5: `--version` makes it say"), "{complained}");
}

/// Whether a process, or one of its group, is there and not merely unburied.
fn is_running(group: &str) -> bool {
    fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // Behind the name, which is in brackets: state, parent, group.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or(vec![], |(_, rest)| rest.split_whitespace().collect());
        fields.len() > 2 && fields[2] == group && fields[0] != "Z"
    })
}
