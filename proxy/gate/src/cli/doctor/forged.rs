//! What an attacker would show: assertions that are wrong in one thing each, and certificates that are the gate's but for the key.
//! All of it is made on the spot and kept nowhere.

mod certificate;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poort_identity::{Assertions, Statement, StatementKind};

pub(super) use self::certificate::Certificate;
use self::certificate::NOBODY;
use super::target::Target;

/// How long ago the expired assertion was minted: beyond what a source may forgive a clock.
const LONG_AGO: Duration = Duration::from_secs(60 * 60);

/// What is shown to one source.
#[derive(Default)]
pub(super) struct Forgeries {
    /// The gate's word, fresh; none if the source gets none.
    pub(super) genuine: Option<String>,
    /// Check, what was tried, assertion.
    pub(super) assertions: Vec<(&'static str, &'static str, String)>,
    /// In the gate's name, of an authority that nobody knows; none if the gate shows the source no certificate.
    pub(super) strange: Option<Certificate>,
    /// The same, in the name of the gate's authority, which did not sign it.
    pub(super) unsigned: Option<Certificate>,
}

impl Forgeries {
    /// For this source; `other` is one that its assertions are not for.
    pub(super) fn new(
        target: &Target<'_>,
        assertions: Option<&Assertions>,
        other: Option<&str>,
    ) -> Result<Self, String> {
        let leaf =
            target.tls.and_then(|tls| tls.identity.as_ref()).and_then(|identity| identity.chain.first());
        let strange = leaf.map(|leaf| Certificate::like(leaf, Some(&NOBODY))).transpose()?;
        let unsigned = leaf.map(|leaf| Certificate::like(leaf, None)).transpose()?;
        let Some(assertions) = assertions.filter(|_| target.assertion) else {
            return Ok(Self { genuine: None, assertions: Vec::new(), strange, unsigned });
        };
        let roles: Vec<Arc<str>> = target.roles.iter().map(|role| role.as_str().into()).collect();
        let mint = |source, at| {
            let statement = statement(source, target, &roles);
            let minted = assertions.mint(&statement, at).map_err(|fault| fault.to_string());
            minted.map(|assertion| assertion.to_string())
        };
        let now = SystemTime::now();
        let genuine = mint(target.source, now)?;
        let long_ago = now.checked_sub(LONG_AGO).ok_or("this machine's clock is before 1970")?;
        let wrong = vec![
            ("expired-assertion", "an assertion that expired", mint(target.source, long_ago)?),
            (
                "other-audience",
                "an assertion for another source",
                mint(other.unwrap_or("poort-doctor"), now)?,
            ),
            ("other-key", "an assertion signed by another key, under the gate's key id", resigned(&genuine)?),
            ("unsigned-assertion", "an assertion with `alg: none`", without_signature(&genuine)?),
        ];
        Ok(Self { genuine: Some(genuine), assertions: wrong, strange, unsigned })
    }
}

fn statement<'a>(source: &'a str, target: &'a Target<'_>, roles: &'a [Arc<str>]) -> Statement<'a> {
    Statement {
        source,
        subject: target.user,
        kind: StatementKind::User,
        roles,
        units: &[],
        device: None,
        actor: None,
        acr: None,
        purpose: None,
        case: None,
    }
}

/// The same words under a key that was made for this (RFC 7515, 5.1).
fn resigned(genuine: &str) -> Result<String, String> {
    let broken = |_| "no key could be made".to_owned();
    let (words, _) = genuine.rsplit_once('.').ok_or("the assertion is no JWS")?;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(broken)?;
    let signature = pair.sign(&SystemRandom::new(), words.as_bytes()).map_err(broken)?;
    Ok(format!("{words}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The same claims, signed by nobody (RFC 7515, A.5).
fn without_signature(genuine: &str) -> Result<String, String> {
    let claims = genuine.split('.').nth(1).ok_or("the assertion is no JWS")?;
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"poort-assertion+jwt"}"#);
    Ok(format!("{header}.{claims}."))
}
