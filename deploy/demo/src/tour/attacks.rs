use super::{
    Table,
    rows::{PERSON, Tour, told},
};
use crate::{DemoError, issuer::Token, layout::Layout};

const REFUSED: &str = "403 refused_content";

impl Tour<'_> {
    /// What inspection refuses, and what it must not: names and sentences that only look like an attack.
    pub(super) async fn attacks(&self, table: &mut Table) -> Result<(), DemoError> {
        let (an, persons) = (self.officer()?, &self.zone.persons);
        for (what, target, expected) in [
            (
                "an SQL injection in a search",
                "/search?name=x%27+UNION+SELECT+username%2Cpassword+FROM+users--+-",
                REFUSED,
            ),
            (
                "a script in a search",
                "/search?name=%3Cscript%3Ealert(document.cookie)%3C%2Fscript%3E",
                REFUSED,
            ),
            ("a traversal in a parameter", "/search?name=..%2F..%2F..%2F..%2Fetc%2Fpasswd", REFUSED),
            (
                "a search for O'Neill of 's-Hertogenbosch",
                "/search?name=O%27Neill%2C+%27s-Hertogenbosch",
                "200 persons",
            ),
            ("an answer with a database's innards", "/leak", "502 answer_withheld persons"),
        ] {
            table.row(what, expected, self.get(&an, persons, target).await);
        }
        let injected = self.remark("x'); DROP TABLE persons; --").await?;
        table.row("an SQL injection in a form", REFUSED, injected);
        let written = self
            .remark("Vue avec J. D'Hondt (art. 47bis §2, 1° Sv.): \"1=1\" stond op de muur; select the right photo & call back.")
            .await?;
        table.row("ordinary text in the same form", "200 persons", written);
        Ok(())
    }

    /// A supervisor's remark on a person, as a form.
    async fn remark(&self, text: &str) -> Result<String, DemoError> {
        let (zone, persons) = (self.zone, &self.zone.persons);
        let token = zone.zone.mint(&Token::of("bo.maes").role("supervisor").unit("team-a").strong())?;
        let (host, port) = (Layout::host(persons.id()), zone.layout.address().port());
        let body = format!("remark={}", escaped(text));
        let request = format!(
            "POST {PERSON} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let before = persons.count();
        let answer = self.car.send(&host, request.as_bytes()).await;
        Ok(told(answer, (persons.count() > before).then_some(persons)))
    }
}

/// As a browser sends a form's field.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
