use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};

use super::Signed;
use crate::DemoError;

/// A PKCS#12 bundle (RFC 7292) with key, certificate and authority, as browsers import it.
pub(super) fn bundle(
    alias: &str,
    leaf: &Signed,
    authority: &Signed,
    password: &str,
) -> Result<Vec<u8>, DemoError> {
    let chain = [Certificate::from_der(leaf.der())?, Certificate::from_der(authority.der())?];
    let key = PrivateKey::from_der(leaf.key_der().secret_der())?;
    let mut store = KeyStore::new();
    store.add_entry(
        alias,
        KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(leaf.serial.clone(), key, chain)),
    );
    Ok(store.writer(password).write()?)
}
