//! The one cryptographic provider of the process.

use rustls::{
    NamedGroup,
    crypto::{CryptoProvider, aws_lc_rs},
};

/// Another provider was installed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider without `X25519MLKEM768` was installed before ours; install ours first thing in `main`")]
pub struct ForeignProvider;

/// Makes aws-lc-rs the provider of the process: faster ES256 and RSA than ring, and the hybrid key exchange
/// X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem) as the first choice. Call it first thing in `main`: the server library installs ring
/// when it finds none. A second call does nothing.
///
/// # Errors
/// [`ForeignProvider`] if another one is already there.
pub fn install() -> Result<(), ForeignProvider> {
    // Fails only if there is one; that one is looked at below.
    let _ = aws_lc_rs::default_provider().install_default();
    let preferred = CryptoProvider::get_default().and_then(|provider| provider.kx_groups.first());
    match preferred {
        Some(group) if group.name() == NamedGroup::X25519MLKEM768 => Ok(()),
        _ => Err(ForeignProvider),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hybrid_key_exchange_is_the_first_choice() {
        assert_eq!(install(), Ok(()));
        assert_eq!(install(), Ok(()), "a second call changes nothing");
        let provider = CryptoProvider::get_default().unwrap();
        assert_eq!(provider.kx_groups[0].name(), NamedGroup::X25519MLKEM768);
    }
}
