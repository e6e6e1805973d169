//! A request for one of the gate's own pages, and what its rooms have in common.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use poort_enforce::{
    exchange::RequestId,
    facts::RequestFacts,
    language::{Language, Text},
    normal::query_values,
    reply::Reply,
    sign_in::cookie,
};
use poort_identity::{
    session::{Purpose, SessionId},
    sign_in::SignInFault,
};

use super::{Desk, pages::Page};
use crate::audit::{Act, Audit, Authentication, Record};

pub(super) type Answered = Result<Reply, SignInFault>;

/// Somebody whose sign-in failed on the way.
pub(super) struct Stranded {
    /// Why.
    pub(super) fault: SignInFault,
    /// The journey that they were on, sealed, if that is known.
    pub(super) journey: Option<String>,
}

impl<F: Into<SignInFault>> From<F> for Stranded {
    fn from(fault: F) -> Self {
        Self { fault: fault.into(), journey: None }
    }
}

/// An answer, and the word for what came of it in metrics.
pub(super) type Done = Result<(Reply, &'static str), SignInFault>;

/// A request for one of the gate's own pages.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Its name.
    pub id: RequestId,
    /// When it came.
    pub now: SystemTime,
    /// Its normal form.
    pub facts: &'a RequestFacts,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The name in its device's certificate.
    pub device: &'a str,
    /// Whether its Origin is this host's own.
    pub from_here: bool,
    /// Its body, if it has one.
    pub body: &'a [u8],
    /// The record.
    pub audit: &'a Audit,
}

impl Visit<'_> {
    pub(super) fn query(&self, name: &str) -> Result<Option<String>, SignInFault> {
        one(self.facts.target.query.as_deref().unwrap_or_default(), name)
    }

    /// The journey that a page of the sign-in host was to lead on to, sealed.
    pub(super) fn onward(&self) -> Option<String> {
        let form = std::str::from_utf8(self.body).unwrap_or_default();
        self.query("to").ok().flatten().or_else(|| one(form, "to").ok().flatten())
    }

    /// The reader's language.
    pub(super) fn language(&self) -> Language {
        Language::of(self.headers)
    }

    /// A page for its reader.
    pub(super) fn page(&self, title: Text) -> Page {
        Page::new(self.language(), title)
    }

    /// The form that was posted.
    ///
    /// # Errors
    /// [`SignInFault::Browser`] unless it came from a page of this host that was made for this form in this session.
    pub(super) fn posted(&self, desk: &Desk, form: &str, id: SessionId) -> Result<&str, SignInFault> {
        let body = std::str::from_utf8(self.body).map_err(|_| SignInFault::Browser)?;
        let proof = one(body, "proof")?.and_then(|proof| desk.seal.open(Purpose::Form, proof.as_bytes()));
        let proven = proof.as_deref() == Some(format!("{form} {id}").as_bytes());
        if self.from_here && proven { Ok(body) } else { Err(SignInFault::Browser) }
    }

    /// What is written down of signing in or out here.
    pub(super) fn authentication(&self, act: Act) -> Authentication {
        Authentication {
            time: self.now,
            act,
            who: None,
            device: Some(self.device.to_owned()),
            session: None,
            request: Some(self.id),
            ended: 0,
        }
    }

    pub(super) fn secret(&self, cookie_name: &str) -> Option<[u8; 32]> {
        cookie(self.headers, cookie_name).ok().flatten().map(sha256)
    }
}

/// Writes it down; what cannot be written down does not happen.
pub(super) async fn record(audit: &Audit, authentication: Authentication) -> Result<(), SignInFault> {
    let ticket = audit.append(Record::Authentication(Box::new(authentication)));
    ticket.map_err(|_| SignInFault::Full)?.durable().await.map_err(|_| SignInFault::Full)
}

/// The one value of a key in a query or form; two are a fault (RFC 6749, 3.1).
pub(super) fn one(pairs: &str, name: &str) -> Result<Option<String>, SignInFault> {
    let mut values = query_values(pairs, name).map(std::borrow::Cow::into_owned);
    let value = values.next();
    if values.next().is_some() { Err(SignInFault::Repeated) } else { Ok(value) }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    out
}

pub(super) fn secret() -> Result<String, SignInFault> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SignInFault::Internal)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What names a cookie among others of its kind: no secret.
pub(super) fn tag(secret: &str) -> String {
    secret.chars().take(8).collect()
}
