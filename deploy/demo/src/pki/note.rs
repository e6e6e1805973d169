use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::DemoError;

/// Ed25519 in a signed note.
const ALGORITHM: u8 = 1;

/// A key that signs notes, and the one that checks them, as text (<https://c2sp.org/signed-note>).
pub(super) fn key(name: &str) -> Result<(String, String), DemoError> {
    let no_key = || DemoError::Signing("signed-note");
    let mut seed = [0; 32];
    fill(&mut seed).map_err(|_| no_key())?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| no_key())?;
    let public = [&[ALGORITHM], pair.public_key().as_ref()].concat();
    let hash = digest(&SHA256, &[name.as_bytes(), b"\n", &public].concat());
    let hash: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let secret = BASE64.encode([&[ALGORITHM], seed.as_slice()].concat());
    Ok((
        format!("PRIVATE+KEY+{name}+{hash}+{secret}\n"),
        format!("{name}+{hash}+{}\n", BASE64.encode(public)),
    ))
}
