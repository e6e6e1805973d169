//! Two gates at one Redis server: who signs in at one goes on at the other, and whose access is ended at one is out at both.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and how long things took is told"
)]

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use poort_demo::{
    client::{Browser, plain},
    gate::binary,
    issuer::{CLIENT, Token},
    layout::Layout,
    pki::Pki,
    ports,
    zone::Zone,
};
use poort_tests::{
    PERSON, World, eventually,
    redis::{PASSWORD, Redis},
    signing_in::{sign_in, signed_in},
    without_limits,
};
use serde_json::Value;

const AN: &str = "zone|an.janssens";
const FIRST: &str = "deploy/poort.yaml";
const SECOND: &str = "deploy/second.yaml";

/// Points a gate of the layout at the server.
fn share(zone: &Zone, file: &str, redis: &Redis, ca: Option<&str>) {
    zone.layout.write_file("deploy/redis.password", PASSWORD).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(zone.layout.path("deploy/redis.password"), mode).unwrap();
    zone.layout
        .edit(file, |yaml| {
            yaml["state"]["redis"]["address"] = redis.address().into();
            yaml["state"]["redis"]["password"] = "redis.password".into();
            if let Some(ca) = ca {
                yaml["state"]["redis"]["ca"] = ca.into();
            }
        })
        .unwrap();
}

/// Another gate of the same zone.
struct Second {
    child: Child,
    address: std::net::SocketAddr,
    admin: std::net::SocketAddr,
    config: std::path::PathBuf,
}

impl Second {
    async fn start(world: &World) -> Self {
        let layout = &world.zone.layout;
        let (address, admin) = (ports::free().unwrap(), ports::free().unwrap());
        layout.write_file(SECOND, &layout.read_file(FIRST).unwrap()).unwrap();
        layout
            .edit(SECOND, |yaml| {
                yaml["listeners"][0]["address"] = address.to_string().into();
                yaml["admin"]["address"] = admin.to_string().into();
                for more in ["service", "console"] {
                    if let Some(listener) = yaml.get_mut(more).and_then(|listener| listener.as_mapping_mut())
                    {
                        listener.insert("address".into(), ports::free().unwrap().to_string().into());
                    }
                }
                yaml["state"]["directory"] = "./state-2".into();
                yaml["audit"]["directory"] = "./audit-2".into();
            })
            .unwrap();
        let config = layout.path(SECOND);
        let log = std::fs::File::create(layout.path("second.log")).unwrap();
        let errors = log.try_clone().unwrap();
        let mut run = Command::new(binary().unwrap());
        run.arg("run").arg("--config").arg(&config).stdin(Stdio::null()).stdout(log).stderr(errors);
        let second = Self { child: run.spawn().unwrap(), address, admin, config };
        let ready = eventually(async || {
            (second.admin("/readyz").await? == (200, "ready\n".to_owned())).then_some(())
        })
        .await;
        assert!(ready.is_some(), "{}", std::fs::read_to_string(layout.path("second.log")).unwrap());
        second
    }

    async fn admin(&self, path: &str) -> Option<(u16, String)> {
        let answer = plain().get(format!("http://{}{path}", self.admin)).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    fn command(&self, words: &[&str]) -> bool {
        let mut command = Command::new(binary().unwrap());
        command.args(words).arg("--config").arg(&self.config).output().unwrap().status.success()
    }

    /// The same browser at this gate: a balancer would have brought it here.
    async fn fetch(&self, world: &World, browser: &Browser, path: &str) -> reqwest::Response {
        let host = Layout::host("persons");
        let cookies = browser.cookies("persons").into_iter().map(|(name, value)| format!("{name}={value}"));
        let car = world.zone.caller("car-12").unwrap().at(self.address);
        let (url, client) = (car.url(&host, path), car.http(&[&host]).unwrap());
        client.get(url).header("cookie", cookies.collect::<Vec<_>>().join("; ")).send().await.unwrap()
    }

    /// The same of any method, with a body, from a page of the gate's own address.
    async fn post(&self, world: &World, browser: &Browser, path: &str, body: &str) -> reqwest::Response {
        let host = Layout::host("persons");
        let cookies = browser.cookies("persons").into_iter().map(|(name, value)| format!("{name}={value}"));
        let car = world.zone.caller("car-12").unwrap().at(self.address);
        let (url, client) = (car.url(&host, path), car.http(&[&host]).unwrap());
        let request =
            client.post(url).header("origin", car.url(&host, "")).header("sec-fetch-site", "same-origin");
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
        request.header("cookie", cookies.collect::<Vec<_>>().join("; ")).send().await.unwrap()
    }

    async fn status(&self, world: &World, browser: &Browser) -> u16 {
        self.fetch(world, browser, PERSON).await.status().as_u16()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn here(browser: &Browser) -> u16 {
    browser.fetch("GET", &browser.at("persons", PERSON), &[]).await.unwrap().status
}

/// How long it took until something was so; a second at most, or rather more on a busy machine.
async fn soon(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(3), "{what}: not yet");
    }
    println!("{what}: after {:?}", begin.elapsed());
}

/// A gate that shares what it keeps at a Redis server of its own; none, and loudly, where there is no such server.
async fn sharing(directory: &Path) -> Option<(Redis, World)> {
    let redis = Redis::start(directory, &[])?;
    let world = World::start_with(|zone| {
        share(zone, FIRST, &redis, None);
        Ok(())
    });
    let world = world.await.unwrap();
    Some((redis, world))
}

#[tokio::test]
async fn two_gates_share_sessions_and_whose_access_is_ended() {
    let directory = tempfile::tempdir().unwrap();
    let Some((_redis, world)) = sharing(directory.path()).await else { return };
    let second = Second::start(&world).await;
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    assert_eq!(second.status(&world, &browser).await, 200, "signed in at the one, known at the other");
    let received = world.zone.persons.last().unwrap();
    assert_eq!(received.header("x-remote-user"), Some("an.janssens"));

    let mut stream = second.fetch(&world, &browser, "/events?interval=60000").await;
    assert!(stream.chunk().await.unwrap().is_some());
    let output = world.gate.command("access end", &["--user", AN]).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let begin = Instant::now();
    let cut = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(Duration::from_secs(3), cut).await.expect("the other gate's stream goes on");
    println!("the other gate's stream was cut after {:?}", begin.elapsed());
    assert_eq!((here(&browser).await, second.status(&world, &browser).await), (401, 401));

    // Times in tokens are whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(sign_in(&world, &browser, "an.janssens").await.status, 200);
    assert_eq!(second.status(&world, &browser).await, 200);
    let device = "spiffe://zone.example/device/car-12";
    assert!(second.command(&["access", "end", "--device", device]));
    soon("the first gate refuses a device that was blocked at the second", async || {
        here(&browser).await == 403
    })
    .await;
    let (_, metrics) = second.admin("/metrics").await.unwrap();
    assert!(metrics.contains("poort_access_endings{kind=\"device\"} 1"), "{metrics}");
    assert!(world.gate.command("access restore", &["--device", device]).await.unwrap().status.success());
    soon("and lets it in when the first gave it back", async || {
        let car = world.officer().unwrap().at(second.address);
        poort_tests::get(&car, &world.zone.persons, PERSON).await.unwrap().0.status == 200
    })
    .await;
}

#[tokio::test]
async fn without_the_server_nobody_signs_in_and_tokens_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let Some((mut redis, world)) = sharing(directory.path()).await else { return };
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    redis.stop();
    let said = async || world.gate.admin("/readyz").await.ok().filter(|(status, _)| *status == 200);
    let down = eventually(async || said().await?.1.contains("Redis").then_some(()));
    assert!(down.await.is_some(), "it says so, and stays with its balancer for the sake of tokens");
    assert!(world.counts("poort_state_failing 1").await);
    let refused = eventually(async || (here(&browser).await == 503).then_some(()));
    assert!(refused.await.is_some(), "a session that cannot be looked up is not believed for long");
    let anew = Browser::new(&world.zone, &world.zone.caller("car-12").unwrap()).unwrap();
    let page = anew.go(&anew.at("signin", "/start")).await.unwrap();
    assert_eq!(page.status, 503, "{page:?}");
    let an = world.officer().unwrap();
    assert_eq!(
        poort_tests::get(&an, &world.zone.persons, PERSON).await.unwrap().0.status,
        200,
        "tokens go on"
    );
    let output = world.gate.command("access end", &["--user", AN, "--block"]).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("is ended at this gate"), "{told}");
    let (answer, _) = poort_tests::get(&an, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!(answer.status, 403, "here at once");

    redis.start_again();
    let up = eventually(async || (said().await?.1 == "ready\n").then_some(()));
    assert!(up.await.is_some());
    let second = Second::start(&world).await;
    soon("a gate that comes later hears of it", async || {
        second.admin("/metrics").await.unwrap().1.contains("poort_access_endings{kind=\"user\"} 1")
    })
    .await;
}

/// Until the gate says that the server answers, or that it does not.
async fn is_ready(world: &World, ready: bool) {
    let said = eventually(async || {
        ((world.gate.admin("/readyz").await.ok()?.1 == "ready\n") == ready).then_some(())
    });
    assert!(said.await.is_some(), "{}", world.gate.log());
}

#[tokio::test]
async fn who_is_signed_out_during_an_outage_stays_out_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let Some((redis, world)) = sharing(directory.path()).await else { return };
    let second = Second::start(&world).await;
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    assert_eq!((here(&browser).await, second.status(&world, &browser).await), (200, 200));
    redis.pause();
    is_ready(&world, false).await;
    let output = world.gate.command("access end", &["--user", AN]).await.unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    redis.go_on();
    is_ready(&world, true).await;
    assert_eq!(here(&browser).await, 401, "at the gate where it was said");
    soon("the other gate refuses them too", async || second.status(&world, &browser).await == 401).await;
    // Times in tokens are whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(sign_in(&world, &browser, "an.janssens").await.status, 200);
    assert_eq!(
        (here(&browser).await, second.status(&world, &browser).await),
        (200, 200),
        "who signs in anew"
    );
}

#[tokio::test]
async fn who_cannot_be_signed_out_is_told_so_and_can_be_later() {
    let directory = tempfile::tempdir().unwrap();
    let Some((redis, world)) = sharing(directory.path()).await else { return };
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    let (own, address) = (browser.at("signin", ""), browser.at("signin", "/sign-out"));
    redis.pause();
    is_ready(&world, false).await;
    let page = browser.go(&address).await.unwrap();
    let form = format!("proof={}", page.field("proof").unwrap());
    let page = browser.submit(&own, &address, &form).await.unwrap();
    assert_eq!(page.status, 503, "{page:?}");
    assert!(page.body.contains("you are still signed in"), "{}", page.body);
    redis.go_on();
    is_ready(&world, true).await;
    assert_eq!(here(&browser).await, 200, "so they are");
    let page = browser.go(&browser.at("signin", "/signed-out")).await.unwrap();
    assert!(page.body.contains("Sign out?"), "whoever leads there signs nobody out: {}", page.body);
    let landed = browser.submit(&own, &address, &form).await.unwrap();
    assert_eq!(landed.url.as_str(), browser.at("signin", "/signed-out"), "{landed:?}");
    assert!(landed.body.contains("You are signed out."), "{}", landed.body);
    assert_eq!(here(&browser).await, 401);
}

#[tokio::test]
async fn a_logout_token_that_could_not_be_obeyed_comes_again() {
    let directory = tempfile::tempdir().unwrap();
    let Some((redis, world)) = sharing(directory.path()).await else { return };
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    let event = serde_json::json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    let token = Token::of("an.janssens").audience(CLIENT).claim("events", event);
    let token = ["typ", "azp", "sid"].iter().fold(token, |token, name| token.claim(name, Value::Null));
    let token = world.zone.zone.mint(&token).unwrap();
    let post = async || {
        let url = format!("http://{}/backchannel-logout/zone", world.zone.layout.admin());
        let request = plain().post(url).header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("logout_token={token}")).send().await.unwrap().status().as_u16()
    };
    redis.pause();
    is_ready(&world, false).await;
    assert_eq!(post().await, 503);
    redis.go_on();
    is_ready(&world, true).await;
    assert_eq!(here(&browser).await, 200);
    assert_eq!(post().await, 200, "it was not used up");
    assert_eq!(here(&browser).await, 401);
    assert_eq!(post().await, 400, "and is now");
}

#[tokio::test]
async fn the_server_is_reached_over_tls() {
    let directory = tempfile::tempdir().unwrap();
    let signed = Pki::create(&directory.path().join("pki")).unwrap();
    signed.server("redis", &["localhost"]).unwrap();
    let path = |name: &str| signed.path(name).display().to_string();
    let (certificate, key) = (path("redis.crt"), path("redis.key"));
    let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    let tls: Vec<_> = tls.into_iter().chain(["--tls-auth-clients", "no"]).collect();
    let Some(redis) = Redis::start(directory.path(), &tls) else { return };
    let ca = signed.gate.certificate().pem.clone();
    let world = World::start_with(|zone| {
        zone.layout.write_file("deploy/redis-ca.crt", &ca)?;
        share(zone, FIRST, &redis, Some("redis-ca.crt"));
        Ok(())
    });
    let world = world.await.unwrap();
    let browser = signed_in(&world, "car-12", "an.janssens").await;
    assert_eq!(here(&browser).await, 200);
}

#[tokio::test]
async fn a_form_that_one_gate_keeps_another_lets_go_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let Some(redis) = Redis::start(directory.path(), &[]) else { return };
    let world = World::start_with(|zone| {
        share(zone, FIRST, &redis, None);
        without_limits(zone)
    });
    let world = world.await.unwrap();
    let second = Second::start(&world).await;
    let browser = signed_in(&world, "car-12", "bo.maes&strong=1").await;
    let page = browser.go(&browser.at("signin", "/sign-out")).await.unwrap();
    let form = format!("proof={}", page.field("proof").unwrap());
    browser.submit(&browser.at("signin", ""), &browser.at("signin", "/sign-out"), &form).await.unwrap();
    let (address, own) = (browser.at("persons", PERSON), browser.at("persons", ""));
    let headers = [
        ("origin", &*own),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let page = browser.post_page(&address, &headers, "remark=bij+de+brug").await.unwrap();
    let issuer = browser.go(&page.link("/start?to=").unwrap()).await.unwrap();
    let asked = browser.go(&format!("{}&user=bo.maes&strong=1", issuer.url)).await.unwrap();
    assert_eq!(asked.field("remark"), Some("bij de brug"), "{asked:?}\n{}", world.gate.log());
    let path = format!("{}?{}", asked.url.path(), asked.url.query().unwrap());
    let shown = second.fetch(&world, &browser, &path).await.text().await.unwrap();
    assert!(shown.contains("value=\"bij de brug\""), "the other gate has it: {shown}");
    let sent = second.post(&world, &browser, &path, "remark=bij+de+brug").await;
    assert_eq!(sent.status(), 307, "and lets it go");
    assert!(sent.headers()["location"].to_str().unwrap().ends_with(PERSON));
    for again in [
        second.post(&world, &browser, &path, "remark=bij+de+brug").await.status().as_u16(),
        browser.post_page(asked.url.as_str(), &headers, "remark=bij+de+brug").await.unwrap().status,
    ] {
        assert_eq!(again, 400, "once, at whichever gate");
    }
}
