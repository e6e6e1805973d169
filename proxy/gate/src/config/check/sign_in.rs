//! How browsers sign in.

use std::{sync::Arc, time::Duration};

use poort_identity::{
    Seal,
    sign_in::{Client, ClientKey, ClientProof, Endpoints},
};

use crate::{
    config::{
        checked::zone::{Issuer, SignIn, SignInAt, SignInPlace},
        raw::{Scalar, zone as raw},
    },
    discovery::Written,
};

use super::{
    cursor::{Here, Opened},
    desk::Desk,
    distinct::distinct_by,
    name, suggest, value,
};

/// A shift, with what comes before and after it.
const USUAL_LIFETIME: Duration = Duration::from_secs(12 * 3600);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// An issuer that is away for longer has been seen to; until then nobody in a car is signed out.
const USUAL_OUTAGE: Duration = Duration::from_secs(3600);

/// `known` are the issuers; none if they are not known for what is wrong with them.
pub(super) fn check(
    desk: &Desk<'_>,
    known: Option<&[Issuer]>,
    sign_in: Opened<'_, raw::SignIn>,
) -> Option<SignIn> {
    let url = sign_in.field("url", |raw| &raw.url);
    let url = url.required("url: https://signin.zone.example", |here| here.parse(origin));
    let keys = sign_in.field("keys", |raw| &raw.keys);
    let seal = keys.required("keys: secrets/session.keys", |here| seal(desk, here));
    let lifetime = sign_in.field("lifetime", |raw| &raw.lifetime).or(USUAL_LIFETIME, lifetime);
    let outage = sign_in.field("outage", |raw| &raw.outage).or(USUAL_OUTAGE, value::duration);
    let origin = url.as_ref().map_or("", |(_, origin)| origin);
    let issuers = sign_in.field("issuers", |raw| &raw.issuers);
    let providers = issuers.some_items("issuers: [{ issuer: zone, client_id: poort, … }]", |here| {
        let opened = here.open();
        let spot = opened.field("issuer", |raw| &raw.issuer).spot();
        Some((provider(desk, known, origin, opened)?, spot))
    });
    let providers = distinct_by(providers, |at: &SignInAt| Some(at.client.alias.to_string()));
    let (host, origin) = url?;
    Some(SignIn {
        place: sign_in.spot.place(),
        host,
        origin,
        seal: seal?,
        lifetime: lifetime?,
        outage: outage?,
        providers: providers?,
    })
}

/// What seals sessions, and whatever else is kept.
pub(super) fn seal(desk: &Desk<'_>, here: Here<'_, Scalar>) -> Option<Arc<Seal>> {
    let seal = Seal::from_lines(&desk.secret(here)?);
    let seal =
        seal.map_err(|fault| here.spot.fault(format!("this file is not fit to seal sessions: {fault}")));
    seal.ok().map(Arc::new)
}

fn provider(
    desk: &Desk<'_>,
    known: Option<&[Issuer]>,
    origin: &str,
    at: Opened<'_, raw::Provider>,
) -> Option<SignInAt> {
    let issuer = at.field("issuer", |raw| &raw.issuer).required("issuer: zone", |here| issuer(known, here));
    let client = at.field("client_id", |raw| &raw.client_id).required("client_id: poort", value::text);
    let proof = client_proof(desk, at);
    let title = at.field("title", |raw| &raw.title).optional(value::text);
    let asked = issuer.as_ref().is_none_or(|issuer| issuer.discovery.is_some());
    let place = place(at, asked);
    let ca = at.field("ca", |raw| &raw.ca).optional(|here| desk.authorities(here));
    let scopes = at.field("scopes", |raw| &raw.scopes).each(scope);
    let rules = &issuer?.rules;
    let client = Client {
        redirect: format!("{origin}/callback/{}", rules.alias),
        alias: rules.alias.as_str().into(),
        issuer: rules.issuer.clone(),
        id: client?,
        proof: proof?,
        scopes: scopes?,
    };
    let title = title?.unwrap_or_else(|| rules.alias.clone());
    Some(SignInAt { client: Arc::new(client), at: place?, title, ca: ca? })
}

/// Where people sign in. What is left out, the issuer says itself, where it is `asked`.
fn place(at: Opened<'_, raw::Provider>, asked: bool) -> Option<SignInPlace> {
    let authorization = at.field("authorization", |raw| &raw.authorization);
    let token = at.field("token", |raw| &raw.token);
    let end_session = at.field("end_session", |raw| &raw.end_session).optional(address);
    let says_iss = at.field("says_iss", |raw| &raw.says_iss).optional(value::switch);
    if asked {
        let (authorization, token) = (authorization.optional(address), token.optional(address));
        return Some(SignInPlace::Discovered(Written {
            authorization: authorization?,
            token: token?,
            end_session: end_session?,
            says_iss: says_iss?,
        }));
    }
    let authorization = authorization.required("authorization: https://…/auth", address);
    let token = token.required("token: https://…/token", address);
    Some(SignInPlace::Written(Arc::new(Endpoints {
        authorization: authorization?,
        token: token?,
        end_session: end_session?,
        says_iss: says_iss?.unwrap_or_default(),
        secret_in_form: false,
    })))
}

/// What proves to the issuer that the gate is its client: a secret, a key, or nothing.
fn client_proof(desk: &Desk<'_>, at: Opened<'_, raw::Provider>) -> Option<ClientProof> {
    let secret = at.field("client_secret_file", |raw| &raw.client_secret_file);
    let key = at.field("client_key_file", |raw| &raw.client_key_file);
    let place = key.spot();
    let secret = secret.optional(|here| desk.secret(here))?;
    let key = key.optional(|here| {
        let text = desk.secret(here)?;
        let read = ClientKey::from_pem(text.as_bytes());
        read.map_err(|fault| here.spot.fault(format!("this key cannot sign who the gate is: {fault}"))).ok()
    })?;
    match (secret, key) {
        (Some(_), Some(_)) => {
            place.fault("a client has a secret or a key, not both; leave out `client_secret_file`");
            None
        }
        (Some(secret), None) => Some(ClientProof::Secret(secret)),
        (None, Some(key)) => Some(ClientProof::Key(Arc::new(key))),
        (None, None) => Some(ClientProof::None),
    }
}

/// One of the issuers, by its alias.
fn issuer<'i>(known: Option<&'i [Issuer]>, here: Here<'_, Scalar>) -> Option<&'i Issuer> {
    let known = known?;
    here.parse(|text| {
        let found = known.iter().find(|issuer| issuer.rules.alias == text);
        let aliases = known.iter().map(|issuer| issuer.rules.alias.as_str());
        let unknown = || format!("`{text}` is no alias of an issuer{}", suggest::instead(text, aliases));
        found.ok_or_else(unknown)
    })
}

/// `https` with a DNS name and perhaps a port, and nothing behind it: the host, and all of it.
fn origin(text: &str) -> Result<(String, String), String> {
    let wanted = || format!("`{text}` is no origin; write `https://`, a name and, if it is not 443, a port");
    let url = name::plain_url(text)?;
    let bare = url.path() == "/" && url.query().is_none() && url.scheme() == "https";
    let host = url.domain().filter(|_| bare).ok_or_else(wanted)?.to_owned();
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    Ok((host.clone(), format!("https://{host}{port}")))
}

fn address(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| name::secure_url(text).map(|_| text.to_owned()))
}

fn scope(here: Here<'_, Scalar>) -> Option<String> {
    here.parse(|text| {
        let sound = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        sound
            .then(|| text.to_owned())
            .ok_or_else(|| format!("`{text}` is no scope; write one such as `profile`"))
    })
}

fn lifetime(here: Here<'_, Scalar>) -> Option<Duration> {
    let lifetime = value::some_time(here)?;
    if lifetime > LONGEST_LIFETIME {
        here.spot.fault("a session of more than `24h` outlives the day it was begun on; write less");
        return None;
    }
    Some(lifetime)
}
