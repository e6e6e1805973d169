use serde_json::Value;

use super::*;
use crate::client;
use crate::pki::{Authority, AuthorityOptions, Leaf};

const PATIENCE: Duration = Duration::from_secs(5);

fn persons() -> Source {
    Source::start(SourceOptions::new(Register::Persons)).unwrap()
}

/// Sends bytes on a connection of their own and gives everything that comes back until the close.
async fn talk(source: &Source, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(source.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A reset is one of the things asked for; what came before it is the answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_invented_number_could_be_a_persons() {
    for number in Register::Persons.keys() {
        assert_eq!(number.len(), 11, "{number}");
        assert!(!has_valid_check_digits(number), "{number}");
    }
    // 850731001: 97 - 850731001 % 97, so that the check itself is known to find real ones.
    let check = 97 - 850_731_001_u64 % 97;
    assert!(has_valid_check_digits(&format!("850731001{check:02}")));
}

#[tokio::test]
async fn entries_are_found_by_key_and_by_name() {
    for (register, key, name) in [
        (Register::Persons, "85073100190", "Peeters, Lotte"),
        (Register::Vehicles, "0-ABC-123", "Peeters, Lotte"),
        (Register::Firearms, "DEMO-71802", "Peeters, Lotte"),
    ] {
        let source = Source::start(SourceOptions::new(register)).unwrap();
        let root = format!("http://{}", source.address());
        let get = async |path: &str| -> (u16, Value) {
            let answer = client::plain().get(format!("{root}{path}")).send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        };
        let (status, entry) = get(&format!("/{}/{key}", register.id())).await;
        assert_eq!((status, entry.to_string().contains(name)), (200, true), "{entry}");
        let (_, found) = get("/search?name=lotte").await;
        assert_eq!(found["found"].as_array().unwrap().len(), 1, "{found}");
        assert_eq!(get(&format!("/{}/none", register.id())).await.0, 404);
        assert_eq!(source.count(), 3);
    }
}

#[tokio::test]
async fn an_entry_is_altered_and_shown_as_a_page() {
    let source = persons();
    let url = format!("http://{}/persons/85073100190", source.address());
    let form = client::plain().post(&url).header("content-type", "application/x-www-form-urlencoded");
    let altered: Value = form.body("remark=seen+today").send().await.unwrap().json().await.unwrap();
    assert_eq!(altered["remark"], "seen today");
    assert_eq!(source.last().unwrap().body, b"remark=seen+today");
    let page =
        client::plain().get(&url).header("accept", "text/html").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<td>Peeters, Lotte"), "{page}");
}

#[tokio::test]
async fn what_was_received_is_kept_byte_by_byte() {
    let source = persons();
    let request = b"POST //persons/../%2e?x=%zz HTTP/1.1\r\nHost: h\r\nX_Odd:  a\r\nx-odd: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    talk(&source, request).await;
    let received = source.last().unwrap();
    assert_eq!(received.head, request.split(|byte| *byte == b'3').next().unwrap());
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "//persons/../%2e?x=%zz"));
    assert_eq!((received.header("x_odd"), received.header("X-Odd")), (Some("a"), Some("b")));
    assert_eq!((received.body.as_slice(), received.whole), (&b"abc"[..], Some(true)));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_as_such() {
    let source = persons();
    talk(&source, b"POST /persons/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf").await;
    let received = source.wait_for_end(0, PATIENCE).await.unwrap();
    assert_eq!((received.body.as_slice(), received.whole), (&b"half"[..], Some(false)));
}

#[tokio::test]
async fn broken_answers_are_broken() {
    for (how, begins, ends) in [
        ("truncated", "HTTP/1.1 200 OK", "xxx"),
        ("chunked", "HTTP/1.1 200 OK", "hello\r\n"),
        ("garbage", "!! 9=3@", "\r\n\r\n"),
        ("half-head", "HTTP/1.1 200 OK", "Content-Ty"),
        ("two-lengths", "HTTP/1.1 200 OK", "four"),
        ("reset", "", ""),
        ("reset-body", "", ""),
        ("empty", "", ""),
        ("silent", "", ""),
        ("advert", "HTTP/1.1 200 OK", "hello"),
        ("identity", "HTTP/1.1 200 OK", "hello"),
        ("switch", "HTTP/1.1 101", "\r\n\r\n"),
        ("early", "HTTP/1.1 400", "\r\n\r\n"),
    ] {
        assert!(BROKEN.contains(&how));
        let source = persons();
        let request = format!("GET /broken/{how} HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = talk(&source, request.as_bytes()).await;
        assert!(answer.starts_with(begins) && answer.ends_with(ends), "{how}: {answer}");
        assert_eq!(source.count(), 1, "{how}");
    }
}

#[tokio::test]
async fn redirects_and_cookies_name_the_host_it_believes_in() {
    let options = SourceOptions { prefix: "/app".into(), ..SourceOptions::new(Register::Persons) };
    let source = Source::start(options).unwrap();
    let moved = talk(&source, b"GET /app/moved HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert!(moved.contains("Location: http://persons.internal/app/echo?moved=1\r\n"), "{moved}");
    let login = talk(&source, b"GET /app/login?user=an HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(login.contains("JSESSIONID=0a1b2c-an; Domain=persons.internal; Path=/app; HttpOnly"), "{login}");
    assert!(talk(&source, b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn events_come_one_by_one() {
    let source = persons();
    let answer = talk(&source, b"GET /events?count=3&interval=1 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(answer.matches("event: sighting").count(), 3, "{answer}");
    assert!(answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_websocket_sends_back_what_it_hears() {
    use futures_util::{SinkExt, StreamExt};
    let source = persons();
    let stream = tokio::net::TcpStream::connect(source.address()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://persons.internal/ws", stream).await.unwrap();
    socket.send("hello".into()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().to_text().unwrap(), "hello");
}

#[tokio::test]
async fn a_connection_belongs_to_whoever_named_himself_first() {
    let authentication = Authentication::Connection;
    let source =
        Source::start(SourceOptions { authentication, ..SourceOptions::new(Register::Persons) }).unwrap();
    let get = |line: &str| format!("GET /echo HTTP/1.1\r\nHost: h\r\n{line}\r\n");
    let pooled = get("X-Connection-User: an\r\n") + &get("X-Connection-User: bo\r\n");
    let answer = talk(&source, pooled.as_bytes()).await;
    assert_eq!(answer.matches("X-Signed-In-As: an").count(), 2, "{answer}");
    assert!(talk(&source, get("").as_bytes()).await.contains("WWW-Authenticate: NTLM\r\n"));
    // base64 of `negotiate` and `user:cas`.
    let ntlm =
        get("Authorization: NTLM bmVnb3RpYXRl\r\n") + &get("Authorization: NTLM dXNlcjpjYXM=\r\n") + &get("");
    let answer = talk(&source, ntlm.as_bytes()).await;
    assert!(answer.contains("WWW-Authenticate: NTLM Y2hhbGxlbmdl"), "{answer}");
    assert_eq!(answer.matches("X-Signed-In-As: cas").count(), 2, "{answer}");
}

#[tokio::test]
async fn over_tls_it_may_demand_a_certificate_and_the_old_version() {
    let authority = Authority::new(&AuthorityOptions::named("internal")).unwrap();
    let certificate = Box::new(authority.issue(&Leaf::server(&["persons.internal"])).unwrap());
    let clients = Some(authority.certificate().der().clone());
    let over = ServedOver::Tls { certificate, clients, only_tls12: true };
    let source = Source::start(SourceOptions { over, ..SourceOptions::new(Register::Persons) }).unwrap();
    let gate = authority.issue(&Leaf::client("poort gate")).unwrap();
    let root = authority.certificate().der();
    let known = client::Caller::new(source.address(), root, Some(&gate)).unwrap();
    let answer = known.ask("GET", "persons.internal", "/echo", &[]).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(source.last().unwrap().client.as_deref(), Some(gate.der().as_ref()));
    let stranger = client::Caller::new(source.address(), root, None).unwrap();
    assert!(stranger.ask("GET", "persons.internal", "/echo", &[]).await.is_err());
    let identity = Some((vec![gate.der().clone()], gate.key_der()));
    let modern =
        client::Caller::with_chain(source.address(), root, identity, &[&rustls::version::TLS13]).unwrap();
    assert!(modern.ask("GET", "persons.internal", "/echo", &[]).await.is_err());
}

#[tokio::test]
async fn a_closed_source_refuses_and_comes_back() {
    let source = persons();
    source.close().await;
    assert!(tokio::net::TcpStream::connect(source.address()).await.is_err());
    source.open().unwrap();
    talk(&source, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(source.wait_for(1, PATIENCE).await.len(), 1);
}

#[tokio::test]
async fn an_application_that_verifies_assertions_takes_nobody_elses_word() {
    use crate::issuer::{Algorithm, SigningKey};
    use serde_json::json;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("assertion.key");
    std::fs::write(&file, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let vouched = Some(Vouched::by(&file).unwrap());
    let source = Source::start(SourceOptions { vouched, ..SourceOptions::new(Register::Firearms) }).unwrap();
    let other = SigningKey::generate(Algorithm::Es256, "other").unwrap();
    let claims = json!({ "iss": "https://gate.localhost", "aud": "firearms", "exp": 4_000_000_000_u64 });
    let forged = other.sign(&json!({ "alg": "ES256", "typ": "poort-assertion+jwt" }), &claims).unwrap();
    for lines in [String::new(), format!("Poort-Assertion: {forged}\r\n")] {
        let request = format!("GET /echo HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n");
        let answer = talk(&source, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{lines}");
    }
    assert!(Vouched::by(&directory.path().join("none")).is_err());
}
