//! What is tried: each of the ways to a source, with and without what an attacker could write.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{forged::Forgeries, target::Target, verdict::Check};

/// Over which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As the gate: its TLS, with its certificate where it has one.
    Gate,
    /// Plain HTTP.
    Plain,
    /// TLS without a certificate.
    Anyone,
    /// TLS with a certificate that says all the gate's says, of an authority that nobody knows.
    Strange,
    /// The same, and that it is of the gate's own authority.
    Unsigned,
    /// TLS with the certificate of a neighbour, of the gate's own authority.
    Neighbour,
}

/// Which wall is tried; each has its part in `deploy/sources/README.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wall {
    Certificate,
    Headers,
    Assertion,
    Password,
}

/// One request that must be refused.
pub(super) struct Attempt {
    pub(super) check: &'static str,
    pub(super) what: String,
    pub(super) way: Way,
    pub(super) wall: Wall,
    headers: Vec<(String, String)>,
}

/// Headers by which a source may be told who asks. A server in front of it sets some of them; some applications believe anybody.
const BELIEVED: [&str; 6] = [
    "X-Remote-User",
    "Remote-User",
    "X-Forwarded-User",
    "X-Authenticated-User",
    "X-Client-Cert-Dn",
    "X-SSL-Client-S-DN",
];

/// The assertion's header.
const ASSERTION: &str = "Poort-Assertion";

impl Attempt {
    /// The gate's own: this one is answered, or nothing is proved.
    pub(super) fn own(target: &Target<'_>, forgeries: &Forgeries) -> Self {
        let with = match (target.tls, target.is_mutual()) {
            (None, _) => "plain HTTP",
            (Some(_), false) => "TLS",
            (Some(_), true) => "TLS with the gate's certificate",
        };
        let assertion = forgeries.genuine.as_ref();
        let what = if assertion.is_some() { " and a fresh assertion" } else { "" };
        let mut headers = as_gate(target);
        headers.extend(assertion.map(|assertion| (ASSERTION.to_owned(), assertion.clone())));
        Self {
            check: "own-way",
            what: format!("the gate's own way: {with}{what}"),
            way: Way::Gate,
            wall: Wall::Certificate,
            headers,
        }
    }

    /// Somebody who guesses a password.
    pub(super) fn basic(way: Way) -> Self {
        let wrong = STANDARD.encode("poort-doctor:wrong");
        Self {
            check: "basic-credentials",
            what: "wrong basic credentials".to_owned(),
            way,
            wall: Wall::Password,
            headers: vec![("Authorization".to_owned(), format!("Basic {wrong}"))],
        }
    }

    /// The request in bytes, on a connection of its own.
    pub(super) fn request(&self, target: &Target<'_>) -> Vec<u8> {
        let mut request = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", target.method, target.path, target.host);
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("User-Agent: poort-doctor\r\nAccept: */*\r\nConnection: close\r\n\r\n");
        request.into_bytes()
    }
}

/// Everything that must be refused, and what cannot be tried.
pub(super) fn all(
    target: &Target<'_>,
    forgeries: &Forgeries,
    neighbour: bool,
) -> Vec<Result<Attempt, Check>> {
    let mut all = plain(target);
    all.extend(strangers(target, forgeries, neighbour));
    all.extend(assertions(target, forgeries));
    all
}

fn plain(target: &Target<'_>) -> Vec<Result<Attempt, Check>> {
    if target.name.is_some() {
        return vec![Ok(attempt(
            "plain-http",
            "plain HTTP on the port of TLS",
            Way::Plain,
            Wall::Certificate,
            Vec::new(),
        ))];
    }
    let all = vec![
        Ok(attempt("nobody", "plain HTTP, as nobody", Way::Plain, unproved(target), Vec::new())),
        Ok(attempt(
            "forged-headers",
            "plain HTTP, with forged identity headers",
            Way::Plain,
            Wall::Headers,
            forged(target),
        )),
    ];
    if !target.is_gate {
        return all;
    }
    let none = "the source's file has no `tls:`: what goes there can be read and changed on the way, and whoever reaches it is taken for the gate";
    let not_tried = Err(Check::not_applicable("no-certificate", "TLS without a certificate", none));
    all.into_iter().chain([not_tried]).collect()
}

/// By TLS, as everybody but the gate.
fn strangers(target: &Target<'_>, forgeries: &Forgeries, neighbour: bool) -> Vec<Result<Attempt, Check>> {
    if target.name.is_none() {
        return Vec::new();
    }
    let pair = |checks: [&'static str; 2], what: &str, way| {
        let headers = format!("{what}, with forged identity headers");
        [
            Ok(attempt(checks[0], what, way, Wall::Certificate, Vec::new())),
            Ok(attempt(checks[1], &headers, way, Wall::Headers, forged(target))),
        ]
    };
    if !target.is_mutual() {
        let none =
            "the source's file gives the gate no certificate to show (`tls: { certificate: …, key: … }`)";
        let [mut nobody, headers] = pair(["nobody", "forged-headers"], "TLS, as nobody", Way::Anyone);
        if let Ok(attempt) = &mut nobody {
            attempt.wall = unproved(target);
        }
        return vec![
            nobody,
            headers,
            Err(Check::not_applicable("no-certificate", "TLS without a certificate", none)),
        ];
    }
    let mut all = Vec::new();
    all.extend(pair(["no-certificate", "no-certificate-headers"], "TLS without a certificate", Way::Anyone));
    let strange = "TLS with a certificate like the gate's, of another authority";
    let unsigned = "TLS with a certificate like the gate's, which its authority did not sign";
    if forgeries.strange.is_some() {
        all.extend(pair(["other-authority", "other-authority-headers"], strange, Way::Strange));
        all.extend(pair(["wrong-signature", "wrong-signature-headers"], unsigned, Way::Unsigned));
    }
    let what = "TLS with a neighbour's certificate, of the gate's own authority";
    if neighbour {
        all.extend(pair(["neighbour", "neighbour-headers"], what, Way::Neighbour));
    } else {
        let none = "none is at hand: `--neighbour FILE --neighbour-key FILE` name one, and only so is it seen that the subject is pinned";
        all.push(Err(Check::not_applicable("neighbour", what, none)));
    }
    all
}

/// By the gate's own connection, as somebody who took it over: the second wall stands by itself.
fn assertions(target: &Target<'_>, forgeries: &Forgeries) -> Vec<Result<Attempt, Check>> {
    if !target.is_gate {
        return Vec::new();
    }
    if !target.assertion {
        let none = "the source's file says `identity: { assertion: false }`";
        return vec![Err(Check::not_applicable("assertion", "forged assertions", none))];
    }
    let mut all = Vec::new();
    if target.is_mutual() {
        let what = "the gate's certificate, without an assertion";
        all.push(Ok(attempt("no-assertion", what, Way::Gate, Wall::Assertion, as_gate(target))));
    }
    for (check, what, assertion) in &forgeries.assertions {
        let mut headers = as_gate(target);
        headers.push((ASSERTION.to_owned(), assertion.clone()));
        all.push(Ok(attempt(check, what, Way::Gate, Wall::Assertion, headers)));
    }
    all
}

fn attempt(check: &'static str, what: &str, way: Way, wall: Wall, headers: Vec<(String, String)>) -> Attempt {
    Attempt { check, what: what.to_owned(), way, wall, headers }
}

/// What would have to refuse whoever reaches a source without a certificate.
fn unproved(target: &Target<'_>) -> Wall {
    if target.assertion { Wall::Assertion } else { Wall::Certificate }
}

/// What the gate says in plain headers.
fn as_gate(target: &Target<'_>) -> Vec<(String, String)> {
    let mut headers = vec![
        ("X-Forwarded-Proto".to_owned(), "https".to_owned()),
        ("X-Forwarded-Host".to_owned(), target.public_host.to_owned()),
    ];
    headers.extend(target.headers.iter().cloned());
    headers
}

/// The same by somebody who is not the gate, and whatever else applications are known to believe.
fn forged(target: &Target<'_>) -> Vec<(String, String)> {
    let mut headers = as_gate(target);
    let known = |name: &str| target.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let others = BELIEVED.into_iter().filter(|name| !known(name));
    headers.extend(others.map(|name| (name.to_owned(), target.shown_user.clone())));
    headers.push(("X-SSL-Client-Verify".to_owned(), "SUCCESS".to_owned()));
    headers
}
