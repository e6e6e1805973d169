//! An issuer as a place to sign in, wherever that is written down or said.

use std::sync::Arc;

use poort_identity::sign_in::{Client, Endpoints, Provider, SignInFault};

use crate::{
    config::checked::zone::{SignInAt, SignInPlace},
    discovery::{Discovery, Written},
    keys::{self, KeyRing},
};

/// An issuer at which people sign in.
pub(super) struct Place {
    pub(super) client: Arc<Client>,
    pub(super) title: String,
    /// What speaks to its token endpoint.
    pub(super) speaks: reqwest::Client,
    at: At,
}

/// Where that is.
enum At {
    /// As it is written.
    Written(Arc<Endpoints>),
    /// As the issuer says, but for what is written.
    Discovered(Written, Arc<Discovery>),
}

impl Place {
    /// As the configuration has it.
    ///
    /// # Errors
    /// When no client for it can be made.
    pub(super) fn new(at: &SignInAt, keys: &KeyRing) -> Result<Self, String> {
        let (client, title) = (Arc::clone(&at.client), at.title.clone());
        let place = match &at.at {
            SignInPlace::Written(endpoints) => At::Written(Arc::clone(endpoints)),
            SignInPlace::Discovered(written) => {
                let discovery =
                    keys.discovery(&client.alias).ok_or("it is not asked what it says of itself")?;
                At::Discovered(written.clone(), Arc::clone(discovery))
            }
        };
        let speaks = match &place {
            // Where an issuer sends the gate, it goes no further than that issuer may send it.
            At::Discovered(Written { token: None, .. }, discovery) if at.ca.is_none() => {
                discovery.client().clone()
            }
            At::Discovered(Written { token: None, .. }, discovery) => {
                keys::client_within(at.ca.as_deref(), Some(discovery.reach()))?
            }
            At::Discovered(..) | At::Written(_) => keys::client(at.ca.as_deref())?,
        };
        Ok(Self { client, title, speaks, at: place })
    }

    /// The same, asked for where it is not known yet.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn at_hand(&self) -> Result<Provider, SignInFault> {
        if let At::Discovered(_, discovery) = &self.at {
            discovery.at_hand().await;
        }
        self.provider()
    }

    /// The issuer, as far as it is known where it is.
    ///
    /// # Errors
    /// [`SignInFault::Undiscovered`] where it has not said so yet; [`SignInFault::ClientProof`] where it takes none that this gate has.
    pub(super) fn provider(&self) -> Result<Provider, SignInFault> {
        let endpoints = match &self.at {
            At::Written(endpoints) => Arc::clone(endpoints),
            At::Discovered(written, discovery) => {
                let said = discovery.metadata().ok_or(SignInFault::Undiscovered)?;
                Arc::new(said.endpoints(written, &self.client.proof)?)
            }
        };
        Ok(Provider { client: Arc::clone(&self.client), endpoints })
    }
}
