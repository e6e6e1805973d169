//! Ambiguous and malformed requests, byte by byte through the whole gate: each is refused, and nothing of it reaches a source.
//!
//! Who smuggles needs two readers that disagree. Every row below has two readings, in some server or other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use std::time::{Duration, Instant};

use poort_demo::{client::Answer, issuer::Token, layout::Layout};
use poort_tests::{PERSON, World, without_limits};

/// A head in which `{host}` and `{token}` are filled in, and lines end as written.
fn filled(template: &str, world: &World, token: &str) -> Vec<u8> {
    let host = format!("{}:{}", Layout::host("persons"), world.zone.layout.address().port());
    let head = template.replace("{host}", &host).replace("{token}", token);
    // One byte a character: what is not ASCII below is meant as a byte.
    head.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

/// A request whose line and headers are these, with a host and a token.
fn request(line: &str, headers: &str) -> String {
    format!("{line}\r\nHost: {{host}}\r\nAuthorization: Bearer {{token}}\r\n{headers}\r\n")
}

/// What becomes of bytes on a connection of their own, with a probe after them that must not be served.
async fn sent(world: &World, token: &str, template: &str) -> Option<Answer> {
    let car = world.zone.caller("car-12").unwrap();
    let mut connection = car.connect(&Layout::host("persons")).await.unwrap();
    connection.send(&filled(template, world, token)).await.unwrap();
    connection.answer(false).await.ok()
}

#[tokio::test]
async fn what_has_two_readings_is_refused_and_reaches_nobody() {
    // Refusals cost more, and this caller makes many.
    let world = World::start_with(without_limits).await.unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let get = format!("GET {PERSON} HTTP/1.1");
    let post = format!("POST {PERSON} HTTP/1.1");
    let target = |target: &str| request(&format!("GET {target} HTTP/1.1"), "");
    let bare = |host: &str| format!("{get}\r\n{host}Authorization: Bearer {{token}}\r\n\r\n");
    #[rustfmt::skip]
    let cases: Vec<(&str, String, &str)> = vec![
        ("length with encoding", request(&post, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", "length_and_encoding"),
        ("encoding with length", request(&post, "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + "0\r\n\r\n", "length_and_encoding"),
        ("two equal lengths", request(&post, "Content-Length: 2\r\nContent-Length: 2\r\n") + "{}", "content_length"),
        ("two lengths", request(&post, "Content-Length: 2\r\nContent-Length: 0\r\n") + "{}", "content_length"),
        ("a list of lengths", request(&post, "Content-Length: 2, 2\r\n") + "{}", "content_length"),
        ("a signed length", request(&post, "Content-Length: +2\r\n") + "{}", "content_length"),
        ("a hexadecimal length", request(&post, "Content-Length: 0x2\r\n") + "{}", "content_length"),
        ("an encoding before chunked", request(&post, "Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", "transfer_encoding"),
        ("two encodings", request(&post, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") + "0\r\n\r\n", "transfer_encoding"),
        ("an encoding that looks like chunked", request(&post, "Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", "transfer_encoding"),
        ("no host", bare(""), "host"),
        ("an empty host", bare("Host:\r\n"), "host"),
        ("two hosts", bare("Host: {host}\r\nHost: {host}\r\n"), "host"),
        ("a host with a user", bare("Host: admin@{host}\r\n"), "host"),
        ("a host with a path", bare("Host: {host}/x\r\n"), "host"),
        ("a host with an odd port", bare("Host: persons.localhost:+1\r\n"), "host"),
        ("a host with a trailing dot", bare("Host: persons.localhost.\r\n"), "host"),
        ("dots", target("/persons/../admin"), "target_dot_segment"),
        ("dots at the end", target("/persons/.."), "target_dot_segment"),
        ("encoded dots", target("/persons/%2e%2E/admin"), "target_dot_segment"),
        ("a double slash", target("//persons/1"), "url_form"),
        ("an encoded slash", target("/persons%2F1"), "url_form"),
        ("a backslash", target("/persons\\1"), "target_backslash"),
        ("an encoded backslash", target("/persons%5c1"), "target_backslash"),
        ("an encoded zero", target("/persons/1%00"), "target_control_byte"),
        ("an encoded line feed", target("/persons/1%0a"), "target_control_byte"),
        ("a broken escape", target("/persons/%zz"), "target_escape"),
        ("an overlong slash", target("/persons/%c0%af"), "target_overlong_utf8"),
        ("absolute-form", request("GET https://{host}/persons/1 HTTP/1.1", ""), "target_form"),
        ("absolute-form for somebody else", request("GET https://firearms.localhost/ HTTP/1.1", ""), "target_form"),
        ("no slash", target("persons"), "target_form"),
        ("TRACE", request("TRACE / HTTP/1.1", ""), "method"),
        ("a lower-case method", request("get / HTTP/1.1", ""), "method"),
        ("HTTP/1.0", request("GET / HTTP/1.0", ""), "version"),
        ("an underscore", request(&get, "X_Remote_User: chief\r\n"), "header"),
        ("a folded line", request(&get, "X-Folded: a\r\n b\r\n"), "header"),
        ("a space before the colon", request(&get, "X-Remote-User : chief\r\n"), "header"),
        ("a bare line feed", request(&get, "X-A: a\nX-B: b\r\n"), "header"),
    ];
    for (what, template, code) in cases {
        let answer = sent(&world, &token, &template).await;
        assert_eq!(world.zone.persons.count(), 0, "{what} reached the source");
        let Some(answer) = answer else { panic!("{what}: no answer") };
        assert_eq!(answer.status, 400, "{what}");
        // What even the HTTP library cannot read is answered without a page.
        if answer.header("poort-request-id").is_some() {
            assert_eq!(answer.reason(), "malformed_request", "{what}");
            let decision = world.record("decision", &answer).await.expect("a decision");
            assert_eq!(decision["status_detail"], code, "{what}");
        } else {
            eprintln!("{what}: refused by the library");
        }
    }
    for source in world.zone.sources() {
        assert_eq!(source.count(), 0, "{}", source.id());
    }
    let (_, metrics) = world.gate.admin("/metrics").await.unwrap();
    assert!(metrics.contains("reason=\"length_and_encoding\""), "{metrics}");
}

#[tokio::test]
async fn what_no_library_reads_is_answered_and_reaches_nobody() {
    let world = World::start().await.unwrap();
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let get = format!("GET {PERSON} HTTP/1.1");
    #[rustfmt::skip]
    let cases: [(&str, String); 7] = [
        ("a space in the target", request(&format!("GET {PERSON} x HTTP/1.1"), "")),
        ("a control byte in the target", request(&format!("GET {PERSON}\u{1} HTTP/1.1"), "")),
        ("a tab in the request line", request(&format!("GET\t{PERSON} HTTP/1.1"), "")),
        ("no version", request(&format!("GET {PERSON}"), "")),
        ("a zero in a header", request(&get, "X-A: a\0b\r\n")),
        ("a bare carriage return", request(&get, "X-A: a\rX-B: b\r\n")),
        ("a line without colon", request(&get, "Nonsense\r\n")),
    ];
    for (what, template) in cases {
        let answer = sent(&world, &token, &template).await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "{what}");
        assert_eq!(world.zone.persons.count(), 0, "{what} reached the source");
    }
}

#[tokio::test]
async fn a_request_behind_a_refused_or_served_one_is_not_taken_for_granted() {
    let world = World::start().await.unwrap();
    let persons = &world.zone.persons;
    let token = world.zone.zone.mint(&Token::officer("an.janssens")).unwrap();
    let get = request(&format!("GET {PERSON} HTTP/1.1"), "");
    let smuggled =
        request(&format!("POST {PERSON} HTTP/1.1"), "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")
            + "0\r\n\r\n"
            + &get;
    let car = world.zone.caller("car-12").unwrap();
    for (what, bytes, served) in
        [("behind a refused one", &smuggled, 0), ("behind a served one", &(get.clone() + &get), 1)]
    {
        let mut connection = car.connect(&Layout::host("persons")).await.unwrap();
        connection.send(&filled(bytes, &world, &token)).await.unwrap();
        let all = connection.rest(Duration::from_secs(20)).await;
        let all = String::from_utf8_lossy(&all).into_owned();
        assert_eq!(all.matches("HTTP/1.1 200").count(), served, "{what}: {all}");
        assert_eq!(persons.count(), served, "{what}");
    }
    // One after the other is what a connection is for.
    let mut connection = car.connect(&Layout::host("persons")).await.unwrap();
    for _ in 0..3 {
        connection.send(&filled(&get, &world, &token)).await.unwrap();
        assert_eq!(connection.answer(false).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn a_head_has_limits_of_time_and_size() {
    let world = World::start_with(|zone| {
        zone.layout.edit("deploy/poort.yaml", |yaml| {
            yaml["connections"] = serde_yaml::from_str("{ head: 1s }").unwrap();
        })
    })
    .await
    .unwrap();
    let host = Layout::host("persons");
    let car = world.zone.caller("car-12").unwrap();
    // A byte now and then keeps no place.
    let mut slow = car.connect(&host).await.unwrap();
    let begin = Instant::now();
    let drip = async {
        for byte in
            format!("GET {PERSON} HTTP/1.1\r\nHost: {host}\r\nX-Slow: {}", "x".repeat(200)).into_bytes()
        {
            slow.send(&[byte]).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::io::Result::Ok(())
    };
    // A gate that hangs up ends it sooner; either is fine, serving is not.
    let _ = tokio::time::timeout(Duration::from_secs(3), drip).await;
    let answer = slow.rest(Duration::from_secs(5)).await;
    assert!(begin.elapsed() < Duration::from_secs(7));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");

    let an = world.officer().unwrap();
    // Not so much that the gate ends the connection while it is still being sent.
    let huge = format!("X-Huge: {}", "x".repeat(200 * 1024));
    let answer = an.ask("GET", &host, PERSON, &[&huge]).await;
    assert!(matches!(&answer, Ok(answer) if answer.status == 431), "one header of 200 KiB: {answer:?}");
    let many: Vec<String> = (0..1000).map(|number| format!("X-{number}: x")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let answer = an.ask("GET", &host, PERSON, &many).await;
    assert!(answer.is_ok_and(|answer| answer.status == 431), "a thousand headers");
    let answer = an.ask("GET", &host, &format!("/{}", "x".repeat(100_000)), &[]).await;
    assert!(answer.is_ok_and(|answer| matches!(answer.status, 400 | 414 | 431)), "a target without end");
    assert_eq!(world.zone.persons.count(), 0);
    assert_eq!(an.ask("GET", &host, PERSON, &[]).await.unwrap().status, 200, "and it serves on");
}

#[tokio::test]
async fn http2_has_the_same_rules() {
    let world = World::start().await.unwrap();
    let host = Layout::host("persons");
    let an = world.officer().unwrap();
    let client = an.http(&[&host]).unwrap();
    for (what, path, headers) in [
        ("an encoded slash", "/persons%2f1", vec![]),
        ("an encoded zero", "/persons/1%00", vec![]),
        ("a double slash", "//persons/1", vec![]),
        ("an underscore", PERSON, vec![("x_remote_user", "chief")]),
        ("another host", PERSON, vec![("host", "firearms.localhost")]),
    ] {
        let mut request = client.get(an.url(&host, path));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        let refused = answer.map(|answer| (answer.version(), answer.status().as_u16()));
        assert!(
            matches!(refused, Ok((reqwest::Version::HTTP_2, 400 | 421))) || refused.is_err(),
            "{what}: {refused:?}"
        );
        assert!(world.zone.sources().iter().all(|source| source.count() == 0), "{what}");
    }
}
