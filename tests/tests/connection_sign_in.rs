//! Applications that know their users by connection, as NTLM and Negotiate do: a pooled connection would swap users.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use poort_demo::{
    client::{Answer, RawConnection},
    layout::Layout,
    sources::{Authentication, Register, Source, SourceOptions},
};
use poort_tests::{World, get};

/// `negotiate`, `user:an` and `user:bo` in base64.
const NEGOTIATE: &str = "Authorization: NTLM bmVnb3RpYXRl\r\n";
const AN: &str = "Authorization: NTLM dXNlcjphbg==\r\n";
const BO: &str = "Authorization: NTLM dXNlcjpibw==\r\n";

/// A vehicles register that signs in by connection, and a gate that was told so or not.
async fn world(told: bool) -> (World, Source) {
    let register = Source::start(SourceOptions {
        authentication: Authentication::Connection,
        ..SourceOptions::new(Register::Vehicles)
    })
    .unwrap();
    let address = register.address().to_string();
    let world = World::start_with(|zone| {
        zone.layout.edit("policies/sources/vehicles.yaml", |yaml| {
            yaml["upstream"] = serde_yaml::from_str(&format!("{{ addresses: [\"{address}\"] }}")).unwrap();
            if told {
                yaml["upstream"]["authentication"] = "connection".into();
            }
        })
    })
    .await
    .unwrap();
    (world, register)
}

async fn connect(world: &World) -> RawConnection {
    world.zone.caller("car-12").unwrap().connect(&Layout::host("vehicles")).await.unwrap()
}

async fn ask(connection: &mut RawConnection, line: &str) -> Answer {
    let head = format!("GET /echo HTTP/1.1\r\nHost: {}\r\n{line}\r\n", Layout::host("vehicles"));
    connection.send(head.as_bytes()).await.unwrap();
    connection.answer(false).await.unwrap()
}

#[tokio::test]
async fn a_users_connection_serves_nobody_else() {
    let (world, register) = world(true).await;
    let mut an = connect(&world).await;
    let challenge = ask(&mut an, NEGOTIATE).await;
    assert_eq!(challenge.status, 401);
    assert_eq!(
        challenge.header("www-authenticate"),
        Some("NTLM Y2hhbGxlbmdl"),
        "the application's own words"
    );
    assert_eq!(ask(&mut an, AN).await.header("x-signed-in-as"), Some("an"));
    // Many clients in turn: each would find an's connection idle in a shared pool.
    for _ in 0..5 {
        let mut stranger = connect(&world).await;
        assert_eq!(ask(&mut stranger, "").await.status, 401, "nobody is signed in as somebody else");
    }
    let mut bo = connect(&world).await;
    ask(&mut bo, NEGOTIATE).await;
    assert_eq!(ask(&mut bo, BO).await.header("x-signed-in-as"), Some("bo"));
    for _ in 0..2 {
        assert_eq!(ask(&mut an, "").await.header("x-signed-in-as"), Some("an"));
        assert_eq!(ask(&mut bo, "").await.header("x-signed-in-as"), Some("bo"));
    }
    let theirs = |from: usize| register.received().get(from).map(|received| received.connection);
    assert_eq!((theirs(0), theirs(1)), (theirs(1), theirs(0)), "a sign-in stays on one connection");
}

#[tokio::test]
async fn an_application_nobody_told_of_is_not_let_sign_in_by_connection() {
    let (world, register) = world(false).await;
    let mut an = connect(&world).await;
    let answer = ask(&mut an, "").await;
    assert_eq!((answer.status, answer.reason().as_str()), (502, "source_unavailable"));
    assert_eq!(answer.header("www-authenticate"), None, "no client is asked to sign in a shared connection");
    assert_eq!(register.count(), 1);
    assert!(world.gate.log().contains("authentication: connection"), "the log says what to do");
    let mut an = connect(&world).await;
    let answer = ask(&mut an, NEGOTIATE).await;
    assert_eq!((answer.status, register.count()), (401, 1), "its sign-in does not pass");
    let an = world.officer().unwrap();
    let (answer, _) = get(&an, &register, "/echo").await.unwrap();
    assert_eq!(answer.status, 502, "not for officers either");
}
