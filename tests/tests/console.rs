//! The console: whom it shows what, that every look at the record is in the record, and that nothing which somebody sent is ever markup.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::time::Duration;

use poort_demo::{
    client::{Answer, Caller},
    issuer::Token,
};
use poort_tests::{
    PERSON, World, ask, eventually, get,
    glass::{WRITTEN, breaks, browser, offered},
    without_limits,
};
use serde_json::{Value, json};

const HOST: &str = "console.localhost";

/// Somebody at the console, with a certificate that is made for them.
fn visitor(world: &World, team: &str, person: &str) -> Caller {
    let certificate = world.zone.pki.colleague(team, person).unwrap();
    world.zone.visitor(Some(&certificate)).unwrap()
}

async fn look(visitor: &Caller, target: &str) -> Answer {
    visitor.ask("GET", HOST, target, &["Accept: text/html"]).await.unwrap()
}

/// The page once it says something, waited for.
async fn shown(visitor: &Caller, target: &str, part: &str) -> Answer {
    let found = eventually(async || {
        let page = look(visitor, target).await;
        (page.status == 200 && page.text().contains(part)).then_some(page)
    })
    .await;
    match found {
        Some(page) => page,
        None => panic!("{part} is not on {target}: {}", look(visitor, target).await.text()),
    }
}

fn looks(world: &World) -> Vec<Value> {
    let records = world.zone.layout.records().into_iter();
    records.filter(|record| record["metadata"]["event_code"] == "access").collect()
}

fn looks_at(world: &World, page: &str) -> Vec<Value> {
    let all = looks(world).into_iter();
    all.filter(|look| look["unmapped"]["command"] == format!("console {page}")).collect()
}

#[tokio::test]
async fn only_certificates_of_the_staff_get_in() {
    let world = World::start().await.unwrap();
    let car = world.zone.pki.issued("car-12").unwrap();
    for (who, certificate) in [("nobody", None), ("a device of the zone", Some(&car))] {
        let refused = world.zone.visitor(certificate).unwrap().ask("GET", HOST, "/decisions", &[]).await;
        assert!(refused.is_err(), "{who}: {refused:?}");
    }
    let guest = visitor(&world, "guest", "tom");
    for page in ["decisions", "explain", "sources", "waf", "reviews", "log", "", "decisions"] {
        let refused = look(&guest, &format!("/{page}")).await;
        assert_eq!(refused.status, 403, "{page}: {}", refused.text());
        assert!(!refused.text().contains("<table") && !refused.text().contains("<a "), "{}", refused.text());
    }
    assert_eq!(guest.ask("GET", HOST, "/events", &[]).await.unwrap().status, 403);
    let refusals = looks(&world);
    assert_eq!(refusals.len(), 6, "each page once, however often it was tried: {refusals:#?}");
    for refusal in &refusals {
        assert_eq!((&refusal["status_id"], &refusal["action_id"]), (&json!(2), &json!(2)), "{refusal}");
        assert_eq!(refusal["actor"]["user"]["uid"], "spiffe://zone.example/staff/guest/tom");
        assert_eq!(refusal["src_endpoint"]["ip"], "127.0.0.1");
    }
    let dpo = visitor(&world, "dpo", "mia");
    assert_eq!(look(&dpo, "/sources").await.status, 403);
    let page = look(&dpo, "/log").await;
    assert!(
        page.text().contains("href=\"/reviews\"") && !page.text().contains("href=\"/sources\""),
        "{}",
        page.text()
    );
    assert_eq!(look(&dpo, "/nothing").await.status, 404);
    assert_eq!(dpo.ask("POST", HOST, "/decisions", &["Content-Length: 0"]).await.unwrap().status, 405);
    assert_eq!(dpo.ask("DELETE", HOST, "/log", &[]).await.unwrap().status, 405);
    // Past the end of its list nobody would get in: it is watched as the devices' is.
    let watched = "poort_crl_past_half_life{issuer=\"CN=Zone Example Staff CA,O=Zone Example (demo)\"} 0";
    assert!(world.counts(watched).await);
}

#[tokio::test]
async fn decisions_are_shown_with_what_the_record_has_and_the_look_is_recorded() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let (allowed, _) = get(&an, persons, &format!("{PERSON}?token=s3cret")).await.unwrap();
    let (refused, _) = get(&an, &world.zone.firearms, "/firearms/DEMO-71802").await.unwrap();
    assert_eq!((allowed.status, refused.status), (200, 401), "{}", refused.text());
    let hostile = Token::officer("ann").claim("preferred_username", "<img src=x onerror=alert(1)>");
    let hostile = world.caller(&hostile).unwrap();
    let agent = "User-Agent: <script>alert(2)</script>";
    ask(&hostile, "GET", persons, "/search?name=%3Cscript%3Ealert(3)", &[agent]).await.unwrap();
    let els = visitor(&world, "security", "els");
    let code = refused.code();
    assert_eq!(looks_at(&world, "decisions").len(), 0);
    let page = shown(&els, "/decisions", &code).await;
    let text = page.text();
    for part in ["an.janssens", "car-12", "persons", "consult", "firearms", "team-a"] {
        assert!(text.contains(part) || part == "team-a", "{part}: {text}");
    }
    assert!(text.contains("onerror"), "the officer is in the record: {text}");
    assert!(!text.contains("<img") && !text.contains("<script>") && !text.contains("s3cret"), "{text}");
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert_eq!(
        (page.header("cache-control"), page.header("x-content-type-options")),
        (Some("no-store"), Some("nosniff"))
    );
    assert!(
        text.matches("src=\"").count() == 1 && text.contains("src=\"/console.js\""),
        "nothing of elsewhere: {text}"
    );
    for (path, kind) in
        [("/console.css", "text/css"), ("/console.js", "text/javascript"), ("/icon.svg", "image/svg+xml")]
    {
        let file = look(&els, path).await;
        assert!(file.status == 200 && file.header("content-type").unwrap().starts_with(kind), "{path}");
    }
    let filtered = shown(&els, "/decisions?source=firearms&verdict=refuse", &code).await.text();
    assert!(!filtered.contains("/persons"), "{filtered}");
    let none = look(&els, "/decisions?source=%22%3E%3Cscript%3E").await;
    assert!(
        none.text().contains("There is no such decision yet") && !none.text().contains("\"><script>"),
        "{}",
        none.text()
    );

    let looks = looks_at(&world, "decisions");
    assert_eq!(looks.len(), 3, "once for each thing that was looked for: {looks:#?}");
    assert_eq!(looks[0]["actor"]["user"]["uid"], "spiffe://zone.example/staff/security/els");
    assert_eq!(looks[1]["unmapped"]["wanted"], json!({ "source": "firearms", "verdict": "refuse" }));
    assert!(looks[0]["status_id"] == 1 && looks[0]["count"].as_u64().unwrap() > 0, "{looks:#?}");
    let home = look(&els, "/").await;
    assert_eq!((home.status, home.header("location")), (303, Some("/decisions")));
}

#[tokio::test]
async fn a_refusal_is_explained_by_its_code() {
    let world = World::start().await.unwrap();
    let nobody = world.caller(&Token::of("jan.niemand")).unwrap();
    let (refused, _) = get(&nobody, &world.zone.persons, PERSON).await.unwrap();
    assert_eq!(refused.status, 403, "{}", refused.text());
    let els = visitor(&world, "security", "els");
    let target = format!("/explain?code={}", refused.code().to_lowercase());
    let page = shown(&els, &target, "jan.niemand").await.text();
    for part in [
        "The policies in force say",
        "refused",
        "What would have opened it",
        "policies are about this source",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let told = world
        .gate
        .policy(
            "explain",
            &world.zone.layout.path("policies"),
            &[&refused.code(), "--config", world.zone.layout.config().to_str().unwrap()],
        )
        .await
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let change =
        told.lines().skip_while(|line| !line.contains("would be allowed with")).nth(1).unwrap().trim();
    let change = change.trim_start_matches("- ").replace('"', "&quot;");
    assert!(page.contains(&change), "what the command says too: {change}\n{page}");
    assert_eq!(looks_at(&world, "explain").len(), 1);
    let hostile = look(&els, "/explain?code=%3Cscript%3Ealert(1)%3C/script%3E").await.text();
    assert!(hostile.contains("No decision") && !hostile.contains("<script>"), "{hostile}");
    assert!(look(&els, "/explain").await.text().contains("six characters"));
}

#[tokio::test]
async fn sources_that_are_closed_or_down_are_seen() {
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/vehicles.yaml", |yaml| {
            // Nobody listens there.
            yaml["upstream"]["addresses"] = serde_yaml::from_str("[\"127.0.0.1:1\"]").unwrap();
        })
    })
    .await
    .unwrap();
    let els = visitor(&world, "soc", "els");
    let row = |page: &str, source: &str| {
        let rows = page.split("<tr>").filter(|row| row.contains(&format!("source={source}\"")));
        rows.map(str::to_owned).next().unwrap()
    };
    let page = look(&els, "/sources").await.text();
    assert!(row(&page, "persons").contains(">up<") && row(&page, "vehicles").contains(">up<"), "{page}");
    let (failed, _) =
        get(&world.officer().unwrap(), &world.zone.vehicles, "/vehicles/0-ABC-123").await.unwrap();
    assert_eq!(failed.status, 502, "{}", failed.text());
    let (done, said) = world.reload(&["--deny", "persons"]).await.unwrap();
    assert!(done, "{said}");
    let page = shown(&els, "/sources", ">closed<").await.text();
    assert!(row(&page, "persons").contains(">closed<"), "{page}");
    let vehicles = row(&page, "vehicles");
    assert!(
        vehicles.contains(">down<") && vehicles.contains("ago") && vehicles.contains("/explain?code="),
        "{vehicles}"
    );
    assert!(row(&page, "firearms").contains(">up<"), "{page}");
    assert_eq!(looks(&world).len(), 0, "nothing of the record was shown");
}

/// Rules that are few and score as CRS does.
const RULES: &str = r#"
SecRule ARGS|ARGS_NAMES "@detectSQLi" \
    "id:50001,phase:2,pass,log,msg:'SQL <b>injection</b>',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule ARGS "@contains odd" \
    "id:50002,phase:2,pass,log,msg:'An odd word',severity:NOTICE,setvar:tx.blocking_inbound_anomaly_score=+2"
SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" \
    "id:50009,phase:2,deny,status:403,log,msg:'Too much'"
"#;

#[tokio::test]
async fn what_inspection_refused_comes_with_the_exclusions_that_let_it_pass() {
    let world = World::start_with(|zone| {
        without_limits(zone)?;
        zone.layout.write_file("policies/waf/test.conf", RULES)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str("{ mode: block, rules: [waf/test.conf] }").unwrap();
        })
    })
    .await
    .unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let els = visitor(&world, "security", "els");
    assert!(look(&els, "/waf").await.text().contains("No rule has matched lately"));
    let (target, named) = ("/search?remark=1'+OR+'1'='1+odd", "/search?%3Cscript%3E=1'+OR+'1'='1");
    let (refused, received) = ask(&an, "GET", persons, target, &[]).await.unwrap();
    assert_eq!((refused.status, received.is_none()), (403, true));
    let (hostile, _) = ask(&an, "GET", persons, named, &[]).await.unwrap();
    assert_eq!(hostile.status, 403);
    shown(&els, "/waf?source=persons", &hostile.code()).await;
    let page = look(&els, "/waf").await.text();
    for part in [
        "50001",
        "SQL &lt;b&gt;injection&lt;/b&gt;",
        "ARGS:remark",
        "An odd word",
        "threshold 5",
        &*refused.code(),
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script>") && !page.contains("<b>inj") && !page.contains("OR '1'"), "{page}");
    assert!(!look(&els, "/waf?source=vehicles").await.text().contains("50001"));

    let card =
        page.split("<section").find(|card| card.contains(&refused.code()) && card.contains("<pre>")).unwrap();
    let yaml = card.split("<pre>").nth(1).unwrap().split("</pre>").next().unwrap();
    let yaml = yaml.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let proposed: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
    let rules: Vec<_> = proposed["exclusions"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|one| one["rule"].as_u64().unwrap())
        .collect();
    assert_eq!(rules, [50001, 50002], "nothing that only adds up: {yaml}");
    assert_eq!(
        (proposed["exclusions"][0]["target"].as_str(), proposed["exclusions"][0]["path"].as_str()),
        (Some("ARGS:remark"), Some("/search"))
    );
    world.edit("policies/sources/persons.yaml", |source| source["waf"] = proposed.clone()).unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(done && !said.contains("exclu"), "{said}");
    let (passed, received) = ask(&an, "GET", persons, target, &[]).await.unwrap();
    assert_eq!(passed.status, 200, "{}", passed.text());
    assert!(received.unwrap().target.contains("remark="), "and reached the source");
    let (still, _) = ask(&an, "GET", persons, &target.replace("remark", "other"), &[]).await.unwrap();
    assert_eq!(still.status, 403, "and nothing else does");
    assert!(looks_at(&world, "waf").len() >= 2);
}

/// A form of the reviews' page, posted with these lines.
async fn post(visitor: &Caller, form: &str, lines: &[&str]) -> Answer {
    let port = visitor.address().port();
    let mut request = format!(
        "POST /reviews HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
        form.len()
    );
    for line in lines {
        request.push_str(&format!("{line}\r\n"));
    }
    request.push_str(&format!("\r\n{form}"));
    visitor.send(HOST, request.as_bytes()).await.unwrap()
}

fn field(page: &str, name: &str) -> String {
    let after =
        page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
    after.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_broken_glass_is_looked_into_by_somebody_else() {
    let world = World::start().await.unwrap();
    let browser = browser(&world, "car-12");
    let page = offered(&world, &browser).await;
    let written = WRITTEN.replace("A+child", "%3Cscript%3Ealert(1)%3C%2Fscript%3E+A+child");
    assert_eq!(breaks(&browser, &page, &written).await.status, 200);
    let (els, mia) = (visitor(&world, "security", "els"), visitor(&world, "dpo", "mia"));
    let eva = visitor(&world, "dpo", "eva.lambert");
    let page = look(&mia, "/reviews").await.text();
    for part in ["zone|eva.lambert", "car-12", "persons", "2026/4711", "1 request", "&lt;script&gt;alert(1)"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script>"), "{page}");
    let (proof, request) = (field(&page, "proof"), field(&page, "request"));
    let code: String = page.split("code=").nth(1).unwrap().chars().take(6).collect();
    for link in [&*code, "call+0900-1234"] {
        let linked = look(&mia, &format!("/reviews?done={link}")).await.text();
        assert!(!linked.contains(">reviewed<") && !linked.contains("0900"), "a link says it: {linked}");
    }
    let origin = format!("Origin: https://{HOST}:{}", mia.address().port());
    let form = |proof: &str, finding: &str| format!("proof={proof}&request={request}&finding={finding}");
    // As many characters as the form takes, and each of them an accent.
    let good = form(&proof, &format!("The+child+was+found%0D%0Asafe{}", "%C3%A9".repeat(970)));
    assert!(!look(&els, "/reviews").await.text().contains("<form"), "who only looks has no form");
    assert!(look(&eva, "/reviews").await.text().contains("somebody else looks into it"));
    for (what, who, form, lines, status) in [
        ("no origin", &mia, &good, vec![], 403),
        ("a source's page", &mia, &good, vec!["Origin: https://persons.localhost"], 403),
        ("a page that is framed", &mia, &good, vec![&*origin, "Sec-Fetch-Site: cross-site"], 403),
        ("no proof", &mia, &form("", "found"), vec![&*origin], 403),
        ("somebody else's proof", &eva, &good, vec![&*origin], 403),
        ("who may only look", &els, &good, vec![&*origin], 403),
        ("nothing found", &mia, &form(&proof, "+"), vec![&*origin], 400),
        ("too much found", &mia, &form(&proof, &"x".repeat(4000)), vec![&*origin], 400),
        ("more than a form", &mia, &form(&proof, &"x".repeat(20_000)), vec![&*origin], 413),
        ("another glass", &mia, &good.replace(&request, &"ab".repeat(16)), vec![&*origin], 409),
    ] {
        let answer = post(who, form, &lines).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    let reviews = || {
        let records = world.zone.layout.records().into_iter();
        records.filter(|record| record["metadata"]["event_code"] == "review").collect::<Vec<_>>()
    };
    assert!(reviews().is_empty());
    let done = post(&mia, &good, &[&origin]).await;
    assert_eq!(
        (done.status, done.header("location").unwrap().starts_with("/reviews?done=")),
        (303, true),
        "{}",
        done.text()
    );
    assert!(look(&mia, done.header("location").unwrap()).await.text().contains(">reviewed<"));
    let [review] = &*reviews() else { panic!("one review") };
    assert_eq!(review["unmapped"]["finding"], format!("The child was found safe{}", "é".repeat(970)));
    assert_eq!(review["unmapped"]["officer"], "zone|eva.lambert");
    assert_eq!(review["unmapped"]["reviewer"], "spiffe://zone.example/staff/dpo/mia");
    assert_eq!(review["actor"]["user"]["uid"], "spiffe://zone.example/staff/dpo/mia");
    assert_eq!(post(&mia, &good, &[&origin]).await.status, 409, "once");
    assert!(look(&mia, "/reviews").await.text().contains("No broken glass waits"));
    assert!(world.counts("poort_break_glass_unreviewed 0").await);
    let listed = world.gate.command("audit review", &[]).await.unwrap();
    assert!(String::from_utf8(listed.stderr).unwrap().contains("0 broken glasses"));
}

#[tokio::test]
async fn decisions_come_as_they_are_made() {
    let world = World::start().await.unwrap();
    let (an, persons) = (world.officer().unwrap(), &world.zone.persons);
    let els = visitor(&world, "security", "els");
    let (first, _) = get(&an, persons, PERSON).await.unwrap();
    let first = first.header("poort-request-id").unwrap().to_owned();
    let page = shown(&els, "/decisions", &first).await.text();
    assert!(
        page.contains("id=\"live\" class=\"quiet\" role=\"status\""),
        "who sees nothing hears whether it is live: {page}"
    );
    let (missed, _) = get(&an, persons, PERSON).await.unwrap();
    world.record("decision", &missed).await.unwrap();
    let listen = async |query: &str| {
        let mut connection = els.connect(HOST).await.unwrap();
        let request = format!("GET /events?{query} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        connection.send(request.as_bytes()).await.unwrap();
        connection
    };
    let mut all = listen(&format!("after={first}")).await;
    let mut of_firearms = listen("source=firearms").await;
    let _third = listen("").await;
    let fourth = listen("").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let fifth = els.ask("GET", HOST, "/events", &[]).await.unwrap();
    assert_eq!(fifth.status, 503, "{}", fifth.text());
    drop(fourth);
    let (live, _) = get(&an, persons, PERSON).await.unwrap();
    let (other, _) = get(&an, &world.zone.firearms, "/firearms/DEMO-71802").await.unwrap();
    let id = |answer: &Answer| answer.header("poort-request-id").unwrap().to_owned();
    let heard = String::from_utf8(all.rest(Duration::from_secs(3)).await).unwrap();
    assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("text/event-stream"), "{heard}");
    let ids: Vec<_> = heard.lines().filter_map(|line| line.strip_prefix("id: ")).map(str::to_owned).collect();
    assert_eq!(
        ids,
        [id(&missed), id(&live), id(&other)],
        "each once, in order, what was missed first: {heard}"
    );
    let data = heard.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!((data["verdict"].as_str(), data["cells"].as_array().unwrap().len()), (Some("allow"), 8));
    let heard = String::from_utf8(of_firearms.rest(Duration::from_secs(1)).await).unwrap();
    assert!(heard.contains(&id(&other)) && !heard.contains(&id(&live)), "{heard}");
    // What may be seen is asked again when something changes.
    let mut open = listen("source=persons").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.zone.layout.remove_file("policies/console.cedar").unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    let begun = std::time::Instant::now();
    open.rest(Duration::from_secs(10)).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "the stream ends");
    let closed = look(&els, "/decisions").await;
    assert_eq!(
        (closed.status, closed.text().contains("there is no console.cedar")),
        (403, true),
        "{}",
        closed.text()
    );
}

#[tokio::test]
async fn the_log_says_what_proves_the_record_and_what_does_not() {
    let mut world = World::start().await.unwrap();
    get(&world.officer().unwrap(), &world.zone.persons, PERSON).await.unwrap();
    let els = visitor(&world, "soc", "els");
    let page = shown(&els, "/log", "as far as the checkpoint").await.text();
    for part in [
        "gate.localhost/audit",
        "Root hash",
        "Free space",
        ">written<",
        "cannot be rewritten or cut off unseen",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    world.gate.stop().await.unwrap();
    world
        .edit("deploy/poort.yaml", |yaml| {
            yaml["audit"]["log"].as_mapping_mut().unwrap().remove("anchor");
        })
        .unwrap();
    world.gate = poort_demo::gate::Gate::start(&world.zone.layout).await.unwrap();
    let page = shown(&els, "/log", "Not proved without an anchor").await.text();
    assert!(page.contains(">none<"), "{page}");
}

#[tokio::test]
async fn what_is_wrong_with_who_may_look_is_said_and_changes_nothing() {
    let world = World::start().await.unwrap();
    let els = visitor(&world, "security", "els");
    let file = "policies/console.cedar";
    let shipped = world.zone.layout.read_file(file).unwrap();
    world
        .zone
        .layout
        .write_file(file, "\npermit (principal, action, resource == Poort::View::\"logs\");\n")
        .unwrap();
    let (done, said) = world.reload(&[]).await.unwrap();
    assert!(!done && said.contains("console.cedar:2:") && said.contains("logs"), "{said}");
    assert_eq!(look(&els, "/log").await.status, 200, "everything stays as it was");
    let checked = world.gate.policy("check", &world.zone.layout.path("policies"), &[]).await.unwrap();
    assert!(
        !checked.status.success() && String::from_utf8(checked.stderr).unwrap().contains("console.cedar:2:")
    );
    world.zone.layout.write_file(file, &shipped.replace("staff/security/*", "staff/other/*")).unwrap();
    assert!(world.reload(&[]).await.unwrap().0);
    assert_eq!(look(&els, "/log").await.status, 403);
}
