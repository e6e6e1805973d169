use std::io;
use std::time::Duration;

use super::Table;
use crate::DemoError;
use crate::client::{Answer, Caller};
use crate::issuer::{Issuer, Token};
use crate::layout::Layout;
use crate::sources::{Received, Source};
use crate::zone::Zone;

/// An entry of each register.
pub(super) const PERSON: &str = "/persons/85073100190";
pub(super) const VEHICLE: &str = "/vehicles/0-ABC-123";
pub(super) const FIREARM: &str = "/firearms/DEMO-71802";

const DENIED: &str = "403 not_permitted";

/// More than any limit that the shipped policies set for one officer at one source.
const MANY: usize = 1000;

/// The visitors of the tour.
pub(super) struct Tour<'a> {
    pub(super) zone: &'a Zone,
    /// A managed car's tablet.
    pub(super) car: Caller,
}

impl<'a> Tour<'a> {
    pub(super) fn new(zone: &'a Zone) -> Result<Self, DemoError> {
        Ok(Self { zone, car: zone.caller("car-12")? })
    }

    pub(super) async fn allowed(&self, table: &mut Table) -> Result<(), DemoError> {
        let (zone, persons) = (self.zone, &self.zone.persons);
        let an = self.officer()?;
        table.row(
            "an officer in a car consults a person",
            "200 persons",
            self.get(&an, persons, PERSON).await,
        );
        let strong = zone.zone.mint(&Token::officer("cas.willems").strong())?;
        let search = self.search(&strong).await;
        table.row(
            "one search, three sources, strong sign-in, a purpose",
            "persons 200, vehicles 200, firearms 200",
            search,
        );
        let weak = zone.zone.mint(&Token::officer("an.janssens"))?;
        let search = self.search(&weak).await;
        let expected = "persons 200, vehicles 200, firearms 401 stronger_sign_in";
        table.row("the same search without strong sign-in", expected, search);
        Ok(())
    }

    pub(super) async fn devices(&self, table: &mut Table) -> Result<(), DemoError> {
        for (what, device, expected) in [
            ("no certificate", "none", "no TLS"),
            ("a certificate of another authority", "stranger", "no TLS"),
            ("a revoked certificate", "car-99", "403 device_revoked"),
            ("an expired certificate", "car-31", "403 device_expired"),
            ("an unmanaged device", "private-7", "403 not_permitted"),
        ] {
            let token = self.zone.zone.mint(&Token::officer("an.janssens"))?;
            let caller = self.zone.caller(device)?.bearer(&token);
            table.row(what, expected, self.get(&caller, &self.zone.persons, PERSON).await);
        }
        Ok(())
    }

    pub(super) async fn policies(&self, table: &mut Table) -> Result<(), DemoError> {
        let Zone { zone, federal, persons, vehicles, firearms, .. } = self.zone;
        let weak = Token::officer("an.janssens");
        let strong = weak.clone().strong();
        let supervisor = Token::of("bo.maes").role("supervisor").unit("team-a").strong();
        let partner = Token::of("f.marchal").role("federal-partner");
        // The federal issuer may not say who is an officer of the zone.
        let claims_too_much = Token::officer("f.marchal").strong();
        for (what, issuer, token, method, source, target, expected) in [
            ("a supervisor corrects a person", zone, supervisor, "POST", persons, PERSON, "200 persons"),
            (
                "an officer tries the same: the wrong role",
                zone,
                strong.clone(),
                "POST",
                persons,
                PERSON,
                DENIED,
            ),
            ("firearms without strong sign-in", zone, weak, "GET", firearms, FIREARM, "401 stronger_sign_in"),
            (
                "firearms with strong sign-in, for no stated purpose",
                zone,
                strong,
                "GET",
                firearms,
                FIREARM,
                "403 purpose_required",
            ),
            (
                "a federal partner consults a plate",
                federal,
                partner,
                "GET",
                vehicles,
                VEHICLE,
                "200 vehicles",
            ),
            (
                "the federal issuer claims a local role",
                federal,
                claims_too_much,
                "GET",
                persons,
                PERSON,
                DENIED,
            ),
        ] {
            let caller = self.with(issuer, &token)?;
            table.row(what, expected, self.visit(&caller, method, source, target).await);
        }
        Ok(())
    }

    pub(super) async fn tokens(&self, table: &mut Table) -> Result<(), DemoError> {
        let (zone, persons) = (&self.zone.zone, &self.zone.persons);
        let token = Token::officer("an.janssens");
        let expired = zone.mint(&token.clone().expired(Duration::from_secs(120)))?;
        let elsewhere = zone.mint(&token.clone().audience("another-application"))?;
        let unsigned = zone.mint_unsigned(&token);
        table.row("no token", "401 sign_in_required", self.get(&self.car, persons, PERSON).await);
        for (what, token, expected) in [
            ("an expired token", expired, "401 sign_in_expired"),
            ("a token for another audience", elsewhere, "401 sign_in_invalid"),
            ("a token that says `alg: none`", unsigned, "401 sign_in_invalid"),
        ] {
            table.row(what, expected, self.get(&self.car.bearer(&token), persons, PERSON).await);
        }
        Ok(())
    }

    pub(super) async fn bytes(&self, table: &mut Table) -> Result<(), DemoError> {
        let (an, persons) = (self.officer()?, &self.zone.persons);
        self.forged_header(&an, table).await;
        let seen = self.get(&an, persons, "/persons/%2e%2e/%2e%2e/admin").await;
        table.row("an encoded traversal", "400 malformed_request", seen);
        table.row("Content-Length with Transfer-Encoding", "400 malformed_request", self.smuggle().await?);
        let host = "nowhere.localhost";
        let target = format!("GET / HTTP/1.1\r\nHost: {host}:{}\r\n\r\n", self.zone.layout.address().port());
        let answer = an.send("gate.localhost", target.as_bytes()).await;
        table.row("an unknown host", "404 unknown_address", told(answer, None));
        Ok(())
    }

    pub(super) async fn limits(&self, table: &mut Table) -> Result<(), DemoError> {
        // An officer of his own, so that nobody else on the tour pays for it.
        let dirk = self.with(&self.zone.zone, &Token::officer("dirk.hasty"))?;
        let vehicles = &self.zone.vehicles;
        let mut seen = String::from("no end");
        for _ in 0..MANY {
            let before = vehicles.count();
            let answer = dirk.ask("GET", &Layout::host(vehicles.id()), VEHICLE, &[]).await;
            if !matches!(&answer, Ok(answer) if answer.status == 200) {
                let waits = matches!(&answer, Ok(answer) if answer.header("retry-after").is_some());
                let reached = (vehicles.count() > before).then_some(vehicles);
                seen = told(answer, reached) + if waits { ", Retry-After" } else { "" };
                break;
            }
        }
        table.row("over the limit", "429 too_many_requests, Retry-After", seen);
        Ok(())
    }

    /// What the record says of the aggregated search: the officer, not only the application that asked.
    pub(super) fn record(&self, table: &mut Table) {
        let said = self.zone.layout.records().into_iter().find_map(|record| {
            let application = record.pointer("/actor/invoked_by")?.as_str()?.to_owned();
            let officer = record.pointer("/actor/user/uid")?.as_str()?.to_owned();
            Some(format!("{officer} through {application}"))
        });
        let expected = "zone|cas.willems through spiffe://zone.example/workload/search";
        table.row("the record of that search", expected, said.unwrap_or_else(|| "nothing".to_owned()));
    }

    /// An officer of team A with a password, in the car.
    pub(super) fn officer(&self) -> Result<Caller, DemoError> {
        self.with(&self.zone.zone, &Token::officer("an.janssens"))
    }

    /// The same, signed in strongly.
    pub(super) fn strong(&self) -> Result<Caller, DemoError> {
        self.with(&self.zone.zone, &Token::officer("an.janssens").strong())
    }

    fn with(&self, issuer: &Issuer, token: &Token) -> Result<Caller, DemoError> {
        Ok(self.car.bearer(&issuer.mint(token)?))
    }

    /// One GET on a connection of its own, and what an observer at both ends sees.
    pub(super) async fn get(&self, caller: &Caller, source: &Source, target: &str) -> String {
        self.visit(caller, "GET", source, target).await
    }

    async fn visit(&self, caller: &Caller, method: &str, source: &Source, target: &str) -> String {
        let lines: &[&str] = if method == "GET" { &[] } else { &["Content-Length: 0"] };
        let before = source.count();
        let answer = caller.ask(method, &Layout::host(source.id()), target, lines).await;
        told(answer, (source.count() > before).then_some(source))
    }

    async fn search(&self, token: &str) -> String {
        let answer = self.zone.aggregator.search(token, "peeters, lotte").await;
        let parts = answer.parts.iter().map(|part| {
            let reason = part.body.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default();
            format!("{} {} {reason}", part.source, part.status).trim_end().to_owned()
        });
        parts.collect::<Vec<_>>().join(", ")
    }

    /// Whatever a client says about who it is, the source hears it from the gate alone.
    async fn forged_header(&self, an: &Caller, table: &mut Table) {
        let forged = ["X-Remote-User: chief", "X-Forwarded-For: chief", "Poort-Assertion: chief"];
        let (seen, received) = self.ask_with(an, &forged).await;
        let user =
            received.as_ref().and_then(|received| received.header("x-remote-user")).unwrap_or("nobody");
        let believed = if received.as_ref().is_some_and(says_chief) { ", and of the chief" } else { "" };
        let seen = format!("{seen}, which hears of {user}{believed}");
        table.row("forged identity headers", "200 persons, which hears of an.janssens", seen);
        let (seen, _) = self.ask_with(an, &["X_Remote_User: chief"]).await;
        table.row("a forged header spelled with underscores", "400 malformed_request", seen);
    }

    async fn ask_with(&self, an: &Caller, lines: &[&str]) -> (String, Option<Received>) {
        let persons = &self.zone.persons;
        let before = persons.count();
        let answer = an.ask("GET", &Layout::host(persons.id()), PERSON, lines).await;
        let received = persons.received().into_iter().nth(before);
        (told(answer, received.is_some().then_some(persons)), received)
    }

    /// Two framings, of which each side might believe another (RFC 9112, 11.2).
    async fn smuggle(&self) -> Result<String, DemoError> {
        let (zone, persons) = (self.zone, &self.zone.persons);
        let token = zone.zone.mint(&Token::officer("an.janssens"))?;
        let (host, port) = (Layout::host(persons.id()), zone.layout.address().port());
        let request = format!(
            "POST {PERSON} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"
        );
        let before = persons.count();
        let answer = self.car.send(&host, request.as_bytes()).await;
        Ok(told(answer, (persons.count() > before).then_some(persons)))
    }
}

fn says_chief(received: &Received) -> bool {
    received.head.windows(5).any(|five| five.eq_ignore_ascii_case(b"chief"))
}

/// Status, the gate's reason if it gave one, and the source's name if the request reached it.
pub(super) fn told(answer: io::Result<Answer>, reached: Option<&Source>) -> String {
    let Ok(answer) = answer else {
        return match reached {
            Some(source) => format!("no answer, {}", source.id()),
            None => "no TLS".to_owned(),
        };
    };
    let reached = reached.map_or("", Source::id);
    format!("{} {} {reached}", answer.status, answer.reason())
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
