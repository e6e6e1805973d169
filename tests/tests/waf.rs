//! Inspection: attacks are refused before a source is connected to, ordinary text passes, and the record says which rules matched.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed, and a table is as long as it is"
)]

use poort_demo::{client::Answer, layout::Layout};
use poort_tests::{World, ask};
use serde_yaml::Value;

/// Rules that are few and score as CRS does.
const RULES: &str = r#"
SecRule ARGS|REQUEST_COOKIES|XML:/* "@detectSQLi" \
    "id:50001,phase:2,pass,log,msg:'SQL injection',severity:CRITICAL,setvar:tx.blocking_inbound_anomaly_score=+5"
SecRule ARGS|REQUEST_URI_RAW "@contains odd" \
    "id:50002,phase:2,pass,log,msg:'An odd word',severity:NOTICE,logdata:'%{MATCHED_VAR}',setvar:tx.blocking_inbound_anomaly_score=+2"
SecRule TX:blocking_inbound_anomaly_score "@ge %{tx.inbound_anomaly_score_threshold}" \
    "id:50009,phase:2,deny,status:403,log,msg:'Too much'"
SecRule RESPONSE_BODY "@contains ORA-01756" \
    "id:50011,phase:4,pass,log,msg:'Database error',severity:ERROR,setvar:tx.blocking_outbound_anomaly_score=+4"
SecRule TX:blocking_outbound_anomaly_score "@ge %{tx.outbound_anomaly_score_threshold}" \
    "id:50019,phase:4,deny,status:403,log,msg:'Too much'"
"#;

const ATTACK: &str = "1'+OR+'1'='1";

/// A zone whose sources are inspected as `waf` says, which `persons` may change.
async fn world(waf: &str, persons: &str) -> World {
    World::start_with(|zone| {
        zone.layout.write_file("policies/waf/test.conf", RULES)?;
        zone.layout.edit("policies/poort.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str(waf).unwrap();
            yaml["waf"]["rules"] = Value::Sequence(vec!["waf/test.conf".into()]);
        })?;
        zone.layout.edit("policies/sources/persons.yaml", |yaml| {
            yaml["waf"] = serde_yaml::from_str(persons).unwrap();
        })
    })
    .await
    .unwrap()
}

async fn get(world: &World, target: &str) -> Answer {
    ask(&world.officer().unwrap(), "GET", &world.zone.persons, target, &[]).await.unwrap().0
}

/// A POST with a body and its length.
async fn post(world: &World, kind: &str, body: &[u8]) -> Answer {
    let an = world.officer().unwrap();
    let host = Layout::host("persons");
    let client = an.http(&[&host]).unwrap();
    let response = client
        .post(an.url(&host, "/echo"))
        .header("content-type", kind)
        .body(body.to_vec())
        .send()
        .await
        .unwrap();
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().iter().map(header).collect(),
        body: response.bytes().await.unwrap().to_vec(),
        whole: true,
    }
}

#[tokio::test]
async fn an_attack_is_refused_before_the_source_is_connected_to() {
    let world = world("{ mode: block }", "{}").await;
    let persons = &world.zone.persons;
    let answer = get(&world, &format!("/search?name={ATTACK}")).await;
    assert_eq!((answer.status, answer.reason().as_str()), (403, "refused_content"));
    let form = "application/x-www-form-urlencoded";
    let answer = post(&world, form, format!("remark={ATTACK}").as_bytes()).await;
    assert_eq!((answer.status, answer.reason().as_str()), (403, "refused_content"));
    assert_eq!(persons.count(), 0, "nothing reached the source");

    let decision = world.record("decision", &answer).await.unwrap();
    let waf = &decision["unmapped"]["waf"];
    assert_eq!((&decision["status_detail"], &waf["result"]), (&"waf".into(), &"refused".into()));
    assert_eq!((&waf["score"], &waf["threshold"], &waf["body"]), (&5.into(), &5.into(), &"whole".into()));
    let rules: Vec<_> =
        waf["matches"].as_array().unwrap().iter().map(|found| found["rule"].clone()).collect();
    assert_eq!(rules, [50001, 50009]);
    assert_eq!(waf["matches"][0]["variable"], "ARGS:remark");
    assert!(!decision.to_string().contains("OR '1'"), "{decision}");

    let text = "remark=O'Neill+woont+in+'s-Hertogenbosch";
    let answer = post(&world, form, text.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(persons.last().unwrap().body, text.as_bytes());
}
