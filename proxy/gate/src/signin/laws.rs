//! What holds of the state wherever it is kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use poort_enforce::stated::{Mission, Statements};
use poort_identity::{
    session::{Seal, SessionId},
    token::{Subject, SubjectKind},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Disk, HandOver, KEPT_FORM_LIMIT_BYTES, Kept, KeptForm, Memory, State, Unkept, Waiting, Whose, Writer,
    arrivals, forms::MOST_OF_DEVICE,
};
use crate::ending::{Notices, Party};

/// A refresh token, which must lie nowhere in clear.
const SECRET: &str = "a-refresh-token-that-nobody-may-read";

pub(super) fn at(second: u64) -> SystemTime {
    SystemTime::now() + Duration::from_secs(second)
}

/// A session of ten minutes.
pub(super) fn kept(user: &str, device: &str, sid: Option<&str>) -> Kept {
    let subject = Subject {
        id: user.to_owned(),
        kind: SubjectKind::User,
        issuer: "zone".into(),
        roles: vec!["officer".into()],
        units: vec![],
        acr: None,
        amr: vec!["pwd".to_owned()],
        auth_time: Some(1_893_456_000),
        issued: None,
        expires: at(600),
        token_id: None,
        client: None,
        actor: None,
        display: Some("An".to_owned()),
        dropped: vec![],
        certificate: None,
        generation: 0,
    };
    Kept {
        subject: Arc::new(subject),
        renewed: false,
        statements: Arc::default(),
        device: device.to_owned(),
        sid: sid.map(str::to_owned),
        id_token: Some(Zeroizing::new("an-id-token".to_owned())),
        refresh: Some(Zeroizing::new(SECRET.to_owned())),
        good_until: at(300),
        seen: at(0),
        ended: false,
    }
}

fn hand_over(session: SessionId) -> HandOver {
    HandOver {
        session,
        host: "persons.example".to_owned(),
        target: "/".to_owned(),
        device: "car-12".to_owned(),
        tag: "tag".to_owned(),
        browser: [7; 32],
    }
}

fn new_id() -> SessionId {
    SessionId::random().unwrap()
}

pub(super) fn seal(keys: &[u8]) -> Arc<Seal> {
    let lines: Vec<_> = keys.iter().map(|key| format!("{key:02x}").repeat(32)).collect();
    Arc::new(Seal::from_lines(&lines.join("\n")).unwrap())
}

/// Everything that whoever keeps it promises. Names begin with `mark`, so that several may be tried at one place.
pub(super) async fn hold(store: &impl State, notices: &Notices, mark: &str) {
    sessions_are_found_changed_and_ended(store, notices, mark).await;
    what_is_taken_is_given_once(store, mark).await;
    a_name_keeps_the_value_that_it_was_first_given(store, mark).await;
    leave_is_given_to_one(store, mark).await;
    one_device_is_waited_for_so_often_at_most(store, mark).await;
    nothing_that_is_over_is_given(store, mark).await;
    changes_at_once_are_all_made(store, mark).await;
    forms_wait_for_a_while_and_are_given_once(store, mark).await;
}

fn form(device: &str, seconds: u64) -> KeptForm {
    let writer = Writer {
        person: "zone|an".to_owned(),
        device: device.to_owned(),
        host: "persons.example".to_owned(),
    };
    let kind = "application/x-www-form-urlencoded".to_owned();
    KeptForm::new(writer, "/x".to_owned(), kind, b"remark=a-form-that-nobody-may-read", at(seconds))
}

async fn forms_wait_for_a_while_and_are_given_once(store: &impl State, mark: &str) {
    let (name, car, now) = (|number: u64| format!("{mark}form {number}"), format!("{mark}car-20"), at(0));
    for number in 0..=MOST_OF_DEVICE as u64 {
        store.keep_form(&name(number), form(&car, 60 + number), now).await.unwrap();
    }
    assert!(store.form(&name(0), now).await.unwrap().is_none(), "the oldest made room");
    let seen = store.form(&name(1), now).await.unwrap().unwrap();
    assert_eq!((&*seen.writer.device, seen.filled().unwrap().fields.len()), (&*car, 1));
    assert!(store.form(&name(1), at(600)).await.unwrap().is_none(), "its time is over");
    let waiting = name(1);
    let (one, other) =
        tokio::join!(store.take_form(&waiting, &seen, now), store.take_form(&waiting, &seen, now));
    assert_eq!([one, other].into_iter().filter(|taken| matches!(taken, Ok(Some(_)))).count(), 1, "once");
    assert!(store.form(&name(1), now).await.unwrap().is_none());
    let large = |car: &str| {
        KeptForm::new(
            Writer { device: car.to_owned(), ..form(car, 60).writer },
            "/x".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
            &vec![b'a'; KEPT_FORM_LIMIT_BYTES],
            SystemTime::now() + Duration::from_secs(2),
        )
    };
    let (mut kept, mut refused) = (0, 0);
    for number in 0..300 {
        match store.keep_form(&format!("{mark}large {number}"), large(&format!("{mark}{number}")), now).await
        {
            Ok(()) => kept += 1,
            Err(Unkept::Full) => refused += 1,
            Err(Unkept::Unreachable) => panic!("it is there"),
        }
    }
    assert!(kept > 100 && refused > 0, "{kept} of 300 large ones were kept");
    tokio::time::sleep(Duration::from_secs(3)).await;
    store.keep_form(&name(9), form(&car, 60), at(0)).await.unwrap();
    assert!(store.form(&name(9), now).await.unwrap().is_some(), "what is over makes room");
}

async fn sessions_are_found_changed_and_ended(store: &impl State, notices: &Notices, mark: &str) {
    let (one, other, third) = (new_id(), new_id(), new_id());
    let (an, bo) = (format!("zone|{mark}an"), format!("zone|{mark}bo"));
    let (car, sid) = (format!("{mark}car-12"), format!("{mark}s-1"));
    assert!(store.find(one).await.unwrap().is_none());
    store.keep(one, kept(&an, &car, Some(&sid))).await.unwrap();
    store.keep(other, kept(&an, "elsewhere", None)).await.unwrap();
    store.keep(third, kept(&bo, &car, None)).await.unwrap();
    let found = store.find(one).await.unwrap().unwrap();
    assert_eq!((&*found.subject.id, found.refresh.as_deref().map(|text| &**text)), (&*an, Some(SECRET)));
    let mission = Mission { purpose: "patrol".into(), case: None, until: at(60) };
    let change = |kept: &mut Kept| kept.statements = Arc::new(Statements::default().on(mission.clone()));
    assert!(store.change(one, change).await.unwrap());
    assert_eq!(
        store.find(one).await.unwrap().unwrap().statements.mission.as_ref().unwrap().purpose,
        mission.purpose
    );
    assert!(!store.change(new_id(), |_| panic!("there is none")).await.unwrap());

    let mut seen = notices.count();
    let sign_in = Whose::SignIn { issuer: "zone", sid: &sid, user: Some(&bo) };
    assert_eq!(store.end(sign_in).await, Ok(0), "somebody else's");
    let sign_in = Whose::SignIn { issuer: "zone", sid: &sid, user: None };
    assert_eq!(store.end(sign_in).await, Ok(1));
    assert_eq!(store.end(sign_in).await, Ok(0), "once");
    assert!(notices.concern(&mut seen, Party { session: Some(one), ..Party::default() }).is_some());
    let ended = store.find(one).await.unwrap().unwrap();
    assert!(ended.ended && ended.refresh.is_none(), "what could still ask the issuer goes too");
    assert!(!store.change(one, |_| panic!("it is over")).await.unwrap());
    assert!(!store.find(other).await.unwrap().unwrap().ended);
    assert_eq!(store.end(Whose::OthersOnDevice { user: &an, device: &car }).await, Ok(1));
    assert!(store.find(third).await.unwrap().unwrap().ended);
    assert_eq!(store.end(Whose::UserOnDevice { user: &an, device: &car }).await, Ok(0));
    assert_eq!(store.end(Whose::User(&an)).await, Ok(1));
    assert_eq!(store.end(Whose::Device(&car)).await, Ok(0));
    assert_eq!(store.end(Whose::Session(other)).await, Ok(0));
}

async fn what_is_taken_is_given_once(store: &impl State, mark: &str) {
    let (code, session, now) = (format!("{mark}code"), new_id(), at(0));
    store.hand_over(&code, hand_over(session), at(60)).await.unwrap();
    assert_eq!(store.take_over(&code, now).await.unwrap().unwrap().session, session);
    assert!(store.take_over(&code, now).await.unwrap().is_none());
    let name = format!("{mark}logout zone 1");
    assert_eq!(store.is_known(&name, now).await, Ok(false));
    assert_eq!(store.is_first(&name, at(60), now).await, Ok(true));
    assert_eq!(store.is_known(&name, now).await, Ok(true));
    assert_eq!(store.is_first(&name, at(60), now).await, Ok(false));
    assert!(store.arrived(&format!("{mark}never"), now).await.unwrap().is_none());
}

async fn a_name_keeps_the_value_that_it_was_first_given(store: &impl State, mark: &str) {
    let (name, other) = (format!("{mark}token"), format!("{mark}other token"));
    for (value, first) in [("car-12", "car-12"), ("car-13", "car-12"), ("car-12", "car-12")] {
        assert_eq!(store.first(&name, value, at(60), at(0)).await.as_deref(), Ok(first), "{value}");
    }
    assert_eq!(store.first(&other, "car-13", at(60), at(0)).await.as_deref(), Ok("car-13"));
    let contested = format!("{mark}contested token");
    let by = async |device| store.first(&contested, device, at(60), at(0)).await.unwrap();
    let (one, two, three) = tokio::join!(by("car-1"), by("car-2"), by("car-3"));
    assert!(one == two && two == three, "{one} {two} {three}");
}

fn waiting(device: &str) -> Waiting {
    let flow =
        json!({ "alias": "zone", "nonce": "n", "verifier": "v", "browser": vec![0; 32], "device": device });
    Waiting { flow: serde_json::from_value(flow).unwrap(), journey: None, until: at(60) }
}

async fn one_device_is_waited_for_so_often_at_most(store: &impl State, mark: &str) {
    let (state, car) = (|number: usize| format!("{mark}state {number}"), format!("{mark}car-30"));
    let (other, now) = (format!("{mark}another's state"), at(0));
    store.wait_for(&other, waiting(&format!("{mark}car-31")), at(60)).await.unwrap();
    for number in 0..arrivals::MOST_OF_DEVICE {
        store.wait_for(&state(number), waiting(&car), at(60 + number as u64)).await.unwrap();
    }
    assert!(store.arrived(&state(0), now).await.unwrap().is_some(), "so many");
    for number in 0..2 {
        let more = arrivals::MOST_OF_DEVICE + number;
        store.wait_for(&state(more), waiting(&car), at(60 + more as u64)).await.unwrap();
    }
    assert!(store.arrived(&state(1), now).await.unwrap().is_none(), "the oldest made room");
    for number in [2, 3, arrivals::MOST_OF_DEVICE, arrivals::MOST_OF_DEVICE + 1] {
        assert!(store.arrived(&state(number), now).await.unwrap().is_some(), "{number}");
    }
    assert!(store.arrived(&other, now).await.unwrap().is_some(), "nobody else did");
}

async fn leave_is_given_to_one(store: &impl State, mark: &str) {
    let id = new_id();
    store.keep(id, kept(&format!("zone|{mark}leased"), "car-1", None)).await.unwrap();
    let long = Duration::from_secs(60);
    assert_eq!(store.lease(id, at(0), long).await, Ok(true));
    assert_eq!(store.lease(id, at(0), long).await, Ok(false));
    assert_eq!(store.end(Whose::Session(id)).await, Ok(1));
    assert_eq!(store.lease(new_id(), at(0), long).await, Ok(false), "of a session that is not there");
}

async fn nothing_that_is_over_is_given(store: &impl State, mark: &str) {
    let (code, name) = (format!("{mark}late"), format!("{mark}late name"));
    let soon = SystemTime::now() + Duration::from_millis(300);
    store.hand_over(&code, hand_over(new_id()), soon).await.unwrap();
    assert_eq!(store.is_first(&name, soon, at(0)).await, Ok(true));
    assert_eq!(store.first(&name, "car-12", soon, at(0)).await.as_deref(), Ok("car-12"));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(store.take_over(&code, at(0)).await.unwrap().is_none());
    assert_eq!(store.is_first(&name, at(60), at(0)).await, Ok(true), "it is forgotten by then");
    assert_eq!(store.first(&name, "car-13", at(60), at(0)).await.as_deref(), Ok("car-13"));
}

async fn changes_at_once_are_all_made(store: &impl State, mark: &str) {
    let id = new_id();
    store.keep(id, kept(&format!("zone|{mark}busy"), "car-1", None)).await.unwrap();
    let asked = AtomicUsize::new(0);
    let one_more = |number: usize| {
        let asked = &asked;
        async move {
            let change = |kept: &mut Kept| {
                asked.fetch_add(1, Ordering::Relaxed);
                let mut subject = Subject::clone(&kept.subject);
                subject.dropped.push(number.to_string());
                kept.subject = Arc::new(subject);
            };
            assert!(store.change(id, change).await.unwrap());
        }
    };
    futures(&one_more).await;
    let mut made = store.find(id).await.unwrap().unwrap().subject.dropped.clone();
    made.sort();
    assert_eq!(made, ["0", "1", "2", "3"]);
    assert!(asked.load(Ordering::Relaxed) >= 4);
    assert_eq!(store.end(Whose::Session(id)).await, Ok(1));
}

/// Four at once.
async fn futures<F: Future<Output = ()>>(one: &impl Fn(usize) -> F) {
    tokio::join!(one(0), one(1), one(2), one(3));
}

#[tokio::test]
async fn they_hold_in_memory() {
    let notices = Arc::<Notices>::default();
    hold(&Memory::new(Arc::clone(&notices)), &notices, "").await;
}

#[tokio::test]
async fn they_hold_on_disk() {
    let (directory, notices) = (tempfile::tempdir().unwrap(), Arc::<Notices>::default());
    let (disk, _) = Disk::open(directory.path(), seal(&[1]), Arc::clone(&notices)).unwrap();
    hold(&disk, &notices, "").await;
}

mod disk {
    use std::path::Path;

    use super::*;
    use crate::signin::Read;

    /// Opened once the one before has let go of the file.
    async fn open(directory: &Path, keys: &[u8]) -> (Disk, Read) {
        for _ in 0..200 {
            if let Ok(opened) = Disk::open(directory, seal(keys), Arc::default()) {
                return opened;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the file stays taken")
    }

    #[tokio::test]
    async fn a_restart_finds_everything_as_it_was_and_nothing_lies_in_clear() {
        let directory = tempfile::tempdir().unwrap();
        let (open_one, ended) = (new_id(), new_id());
        let (disk, read) = open(directory.path(), &[1]).await;
        assert_eq!(read, Read::default());
        disk.keep(open_one, kept("zone|an", "car-12", Some("s-1"))).await.unwrap();
        disk.keep(ended, kept("zone|bo", "car-13", None)).await.unwrap();
        assert_eq!(disk.end(Whose::User("zone|bo")).await, Ok(1));
        disk.hand_over("code", hand_over(open_one), at(60)).await.unwrap();
        disk.keep_form("form", form("car-12", 60), at(0)).await.unwrap();
        disk.keep_form("late form", form("car-12", 0), SystemTime::now() - Duration::from_secs(1))
            .await
            .unwrap();
        assert_eq!(disk.is_first("logout zone 1", at(60), at(0)).await, Ok(true));
        assert_eq!(disk.is_first("late", SystemTime::now(), at(0)).await, Ok(true));
        assert_eq!(disk.first("token", "car-12", at(60), at(0)).await.as_deref(), Ok("car-12"));
        drop(disk);
        let file = std::fs::read(directory.path().join("sessions.redb")).unwrap();
        for clear in [SECRET, "an-id-token", "zone|an", "a-form-that-nobody-may-read", "persons.example"] {
            assert!(!file.windows(clear.len()).any(|part| part == clear.as_bytes()), "{clear} lies there");
        }
        let (disk, read) = open(directory.path(), &[1]).await;
        assert_eq!(read, Read { sessions: 1, unreadable: 0 });
        let found = disk.find(open_one).await.unwrap().unwrap();
        assert_eq!((&*found.subject.id, found.device.as_str()), ("zone|an", "car-12"));
        assert!(disk.find(ended).await.unwrap().unwrap().ended, "it stays ended");
        assert_eq!(disk.is_first("logout zone 1", at(60), at(0)).await, Ok(false), "nothing is obeyed twice");
        assert_eq!(disk.first("token", "car-13", at(60), at(0)).await.as_deref(), Ok("car-12"));
        assert_eq!(disk.is_first("late", at(60), at(0)).await, Ok(true));
        assert!(disk.take_over("code", at(0)).await.unwrap().is_some());
        assert!(disk.form("late form", at(0)).await.unwrap().is_none());
        let waits = disk.form("form", at(0)).await.unwrap().unwrap();
        assert!(disk.take_form("form", &waits, at(0)).await.unwrap().is_some());
        drop(disk);
        let (disk, _) = open(directory.path(), &[1]).await;
        assert!(disk.take_over("code", at(0)).await.unwrap().is_none(), "given once, over restarts");
        assert!(disk.form("form", at(0)).await.unwrap().is_none(), "given once, over restarts");
        let whose = Whose::SignIn { issuer: "zone", sid: "s-1", user: None };
        assert_eq!(disk.end(whose).await, Ok(1), "it is under all of its names");
    }

    #[tokio::test]
    async fn keys_rotate_and_what_none_opens_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let id = new_id();
        let (disk, _) = open(directory.path(), &[1]).await;
        disk.keep(id, kept("zone|an", "car-12", None)).await.unwrap();
        drop(disk);
        let (disk, read) = open(directory.path(), &[2, 1]).await;
        assert_eq!(read, Read { sessions: 1, unreadable: 0 });
        disk.change(id, |kept| kept.renewed = true).await.unwrap();
        drop(disk);
        let (disk, read) = open(directory.path(), &[3, 2]).await;
        assert_eq!(read.sessions, 1, "what was written since is under the new one");
        disk.seal_with(seal(&[4, 3]));
        disk.change(id, |kept| kept.renewed = false).await.unwrap();
        drop(disk);
        let (disk, read) = open(directory.path(), &[5]).await;
        assert_eq!(read, Read { sessions: 0, unreadable: 1 });
        assert!(disk.find(id).await.unwrap().is_none());
        disk.keep(new_id(), kept("zone|an", "car-12", None)).await.unwrap();
        drop(disk);
        assert_eq!(open(directory.path(), &[5]).await.1, Read { sessions: 1, unreadable: 0 });
    }

    #[tokio::test]
    async fn what_is_over_is_swept_from_disk_too() {
        let directory = tempfile::tempdir().unwrap();
        let (disk, _) = open(directory.path(), &[1]).await;
        disk.keep(new_id(), kept("zone|an", "car-12", None)).await.unwrap();
        disk.is_first("name", at(1), at(0)).await.unwrap();
        disk.sweep(at(3600));
        disk.is_first("other", at(60), at(0)).await.unwrap();
        drop(disk);
        let (disk, read) = open(directory.path(), &[1]).await;
        assert_eq!(read, Read::default());
        assert_eq!(disk.memory().count(at(0)).open, 0);
    }

    #[tokio::test]
    async fn a_broken_file_is_put_aside_and_one_that_is_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sessions.redb");
        std::fs::write(&file, vec![b'x'; 8192]).unwrap();
        let (disk, read) = open(directory.path(), &[1]).await;
        assert_eq!(read, Read::default());
        assert!(directory.path().join("sessions.broken").exists());
        disk.keep(new_id(), kept("zone|an", "car-12", None)).await.unwrap();
        let second = Disk::open(directory.path(), seal(&[1]), Arc::default());
        assert!(second.is_err(), "another gate has it");
        assert!(disk.find(new_id()).await.unwrap().is_none());
    }
}

mod shared {
    use std::{
        path::PathBuf,
        process::{Child, Command, Stdio},
    };

    use poort_enforce::ports::Endings as _;
    use poort_policy::Place;

    use super::*;
    use crate::{
        config::checked::{
            deploy::Redis,
            source::{UpstreamAddress, UpstreamHost},
        },
        ending::{Ending, Endings, Extent, Whom},
        signin::Shared,
    };

    /// Stopped on drop.
    struct Server(Child, std::num::NonZeroU16);

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// What `.ci/soc` has brought, or this machine has; none is said aloud.
    fn program() -> Option<PathBuf> {
        let test = std::env::current_exe().ok()?;
        let brought = test.ancestors().nth(3)?.join("soc/redis/usr/bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(brought).chain(std::env::split_paths(&path));
        let found = all.map(|directory| directory.join("redis-server")).find(|path| path.is_file());
        if found.is_none() {
            eprintln!("SKIPPED: what needs `redis-server`, as `.ci/soc target/soc` has not brought it");
        }
        found
    }

    async fn server() -> Option<Server> {
        let program = program()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let libraries = program.parent()?.join("../lib/x86_64-linux-gnu");
        let mut command = Command::new(&program);
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
        command.env("LD_LIBRARY_PATH", libraries).stdin(Stdio::null()).stdout(Stdio::null());
        let server = Server(command.spawn().unwrap(), port.try_into().unwrap());
        until("the server listens", async || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        Some(server)
    }

    async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        for _ in 0..1000 {
            if is_so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: not in ten seconds")
    }

    struct Gate {
        store: Arc<Shared>,
        notices: Arc<Notices>,
        endings: Arc<Endings>,
    }

    impl Gate {
        async fn at(server: &Server) -> Self {
            let gate = Self::deaf(server);
            let store = Arc::clone(&gate.store);
            tokio::spawn(async move { store.listen().await });
            until("the gate hears", async || !gate.store.is_failing()).await;
            gate
        }

        /// One that does not listen.
        fn deaf(server: &Server) -> Self {
            let (notices, endings) = (Arc::<Notices>::default(), Arc::<Endings>::default());
            let host = UpstreamHost::Address([127, 0, 0, 1].into());
            let address = UpstreamAddress { host, port: server.1 };
            let settings = Redis { place: Place::default(), address, user: None, password: None, ca: None };
            let store = Shared::new(&settings, seal(&[1]), Arc::clone(&notices), Arc::clone(&endings));
            Self { store: Arc::new(store.unwrap()), notices, endings }
        }
    }

    fn ending(whom: &Whom) -> Ending {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let (extent, by) = (Extent::Blocked, "soc".to_owned());
        Ending { whom: whom.clone(), extent, since, until: None, by, reason: Some("stolen".to_owned()) }
    }

    #[tokio::test]
    async fn they_hold_at_a_server_whether_a_gate_hears_or_not() {
        let Some(server) = server().await else { return };
        let hears = Gate::at(&server).await;
        hold(&*hears.store, &hears.notices, "hears ").await;
        let deaf = Gate::deaf(&server);
        hold(&*deaf.store, &deaf.notices, "deaf ").await;
    }

    #[tokio::test]
    async fn what_one_gate_does_the_other_knows_within_a_second() {
        let Some(server) = server().await else { return };
        let (one, other) = (Gate::at(&server).await, Gate::at(&server).await);
        let id = new_id();
        one.store.keep(id, kept("zone|an", "car-12", None)).await.unwrap();
        assert!(other.store.find(id).await.unwrap().is_some());
        assert!(one.store.change(id, |kept| kept.renewed = true).await.unwrap());
        let begin = SystemTime::now();
        until("a change", async || other.store.find(id).await.unwrap().unwrap().renewed).await;
        assert!(begin.elapsed().unwrap() < Duration::from_secs(1), "{begin:?}");
        assert_eq!(one.store.lease(id, at(0), Duration::from_secs(60)).await, Ok(true));
        assert_eq!(other.store.lease(id, at(0), Duration::from_secs(60)).await, Ok(false));
        one.store.hand_over("code", hand_over(id), at(60)).await.unwrap();
        assert!(other.store.take_over("code", at(0)).await.unwrap().is_some());
        assert!(one.store.take_over("code", at(0)).await.unwrap().is_none());

        let (mut seen, begin) = (other.notices.count(), SystemTime::now());
        assert_eq!(one.store.end(Whose::User("zone|an")).await, Ok(1));
        let party = Party { session: Some(id), ..Party::default() };
        until("the end", async || other.notices.concern(&mut seen, party).is_some()).await;
        assert!(other.store.find(id).await.unwrap().unwrap().ended);
        let heard = begin.elapsed().unwrap();
        println!("the other gate heard of an ended session after {heard:?}");
        assert!(heard < Duration::from_secs(1), "{heard:?}");
    }

    #[tokio::test]
    async fn a_session_is_found_by_its_person_until_it_ends_whatever_began_since() {
        let Some(server) = server().await else { return };
        let gate = Gate::deaf(&server);
        let (long, short) = (new_id(), new_id());
        gate.store.keep(long, kept("zone|an", "car-12", None)).await.unwrap();
        let mut shorter = kept("zone|an", "car-12", None);
        shorter.subject = Arc::new(Subject { expires: at(1), ..Subject::clone(&shorter.subject) });
        gate.store.keep(short, shorter).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(gate.store.end(Whose::User("zone|an")).await, Ok(1));
        assert!(gate.store.find(long).await.unwrap().unwrap().ended);
    }

    #[tokio::test]
    async fn whose_access_is_ended_is_known_to_all_and_to_who_comes_later() {
        let Some(server) = server().await else { return };
        let (one, other) = (Gate::at(&server).await, Gate::at(&server).await);
        let (car, an) = (Whom::Device("car-12".into()), Whom::User("zone|an".into()));
        one.endings.put(ending(&car), at(0)).unwrap();
        one.store.share_ending(&ending(&car)).await.unwrap();
        until("it is blocked", async || other.endings.is_blocked("car-12", at(0))).await;
        let later = Gate::at(&server).await;
        assert!(later.endings.is_blocked("car-12", at(0)), "before it serves anybody");
        other.store.share_restored(&car, at(1)).await.unwrap();
        other.endings.take(&car).unwrap();
        until("it is not", async || !one.endings.is_blocked("car-12", at(0))).await;
        until("nor here", async || !later.endings.is_blocked("car-12", at(0))).await;
        // One that was away: what it did meanwhile is said, and what was given back is not ended again.
        let away = Gate::deaf(&server);
        away.endings.put(Ending { since: 0, ..ending(&car) }, at(0)).unwrap();
        away.endings.put(ending(&an), at(0)).unwrap();
        let store = Arc::clone(&away.store);
        tokio::spawn(async move { store.listen().await });
        until("they hear", async || one.endings.find(&an, at(0)).is_some()).await;
        assert!(!away.endings.is_blocked("car-12", at(0)));
        assert!(!one.endings.is_blocked("car-12", at(0)));
        // Who signs in is looked up even by a gate that hears nothing.
        let deaf = Gate::deaf(&server);
        deaf.store.keep(new_id(), kept("zone|an", "car-13", None)).await.unwrap();
        assert!(deaf.endings.find(&an, at(0)).is_some());
    }

    #[tokio::test]
    async fn of_sessions_that_were_ended_is_told_though_not_all_could_be() {
        let Some(server) = server().await else { return };
        let gate = Gate::at(&server).await;
        let (an, broken) = ("zone|an", new_id());
        let sound: Vec<_> = std::iter::repeat_with(new_id).take(30).collect();
        for id in sound.iter().chain([&broken]) {
            gate.store.keep(*id, kept(an, "car-12", None)).await.unwrap();
        }
        // What is no text there can be neither read nor ended.
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", server.1)).unwrap();
        let mut other = client.get_multiplexed_async_connection().await.unwrap();
        let key = format!("poort:session:{broken}");
        redis::pipe().del(&key).lpush(&key, "x").exec_async(&mut other).await.unwrap();
        let seen = gate.notices.count();
        assert_eq!(gate.store.end(Whose::User(an)).await, Err(Unkept::Unreachable));
        for id in sound {
            let ended = gate.store.find(id).await.unwrap().unwrap().ended;
            let party = Party { session: Some(id), ..Party::default() };
            let told = gate.notices.concern(&mut seen.clone(), party).is_some();
            assert_eq!(ended, told, "what is open in a session that was ended is cut");
        }
    }

    #[tokio::test]
    async fn what_was_said_during_an_outage_is_not_undone_by_what_was_said_before() {
        let Some(server) = server().await else { return };
        let (one, now) = (Gate::at(&server).await, SystemTime::now());
        let an = |extent, ago: u64, until: Option<u64>| {
            let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() - ago;
            let until = until.map(|after| since + after);
            Ending { extent, since, until, ..ending(&Whom::User("zone|an".into())) }
        };
        for (what, before, during) in [
            ("a block that is over", an(Extent::Blocked, 600, Some(60)), an(Extent::Blocked, 10, None)),
            ("a sign-out", an(Extent::SignedOut, 600, None), an(Extent::Blocked, 10, None)),
            ("an earlier sign-out", an(Extent::SignedOut, 600, None), an(Extent::SignedOut, 10, None)),
        ] {
            one.store.share_ending(&before).await.unwrap();
            one.endings.put(before.clone(), now).unwrap();
            let away = Gate::deaf(&server);
            away.endings.put(during.clone(), now).unwrap();
            // Whoever signs in is looked up before it hears.
            away.store.keep(new_id(), kept("zone|an", "car-13", None)).await.unwrap();
            assert_eq!(away.endings.find(&during.whom, now).as_ref(), Some(&during), "{what}: at a sign-in");
            let store = Arc::clone(&away.store);
            tokio::spawn(async move { store.listen().await });
            until("the other gate hears", async || {
                one.endings.find(&during.whom, now).as_ref() == Some(&during)
            })
            .await;
            assert_eq!(away.endings.find(&during.whom, now).as_ref(), Some(&during), "{what}");
            one.endings.take(&during.whom).unwrap();
        }
    }

    #[tokio::test]
    async fn who_was_blocked_during_an_outage_has_no_session_after_it() {
        let Some(server) = server().await else { return };
        let (one, away) = (Gate::at(&server).await, Gate::deaf(&server));
        let (ans, bos) = (new_id(), new_id());
        one.store.keep(ans, kept("zone|an", "car-12", None)).await.unwrap();
        one.store.keep(bos, kept("zone|bo", "car-13", None)).await.unwrap();
        away.endings.put(ending(&Whom::User("zone|an".into())), at(0)).unwrap();
        away.endings.put(ending(&Whom::Device("car-13".into())), at(0)).unwrap();
        let store = Arc::clone(&away.store);
        tokio::spawn(async move { store.listen().await });
        for id in [ans, bos] {
            until("it is over", async || one.store.find(id).await.unwrap().unwrap().ended).await;
        }
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_no_reason_to_believe_anybody() {
        let Some(server) = server().await else { return };
        let gate = Gate::at(&server).await;
        let id = new_id();
        gate.store.keep(id, kept("zone|an", "car-12", None)).await.unwrap();
        drop(server);
        until("it says so", async || gate.store.is_failing()).await;
        until("nothing is known", async || gate.store.find(id).await.is_err()).await;
        assert_eq!(gate.store.keep(new_id(), kept("zone|bo", "car-1", None)).await, Err(Unkept::Unreachable));
        assert_eq!(gate.store.end(Whose::Session(id)).await, Err(Unkept::Unreachable));
        assert!(gate.store.hand_over("code", hand_over(id), at(60)).await.is_err());
        assert!(gate.store.share_ending(&ending(&Whom::User("zone|an".into()))).await.is_err());
    }
}
