//! Signing a person in with an issuer: OpenID Connect's authorization code flow (Core 1.0, 3.1) with PKCE (RFC 7636), as states.
//!
//! A [`Provider`] begins a [`Flow`] and gives the address to send the browser to; what the browser brings back (a [`Callback`]) is held
//! against the flow, which yields a [`Grant`]: the form to post to the issuer. Its answer ([`Tokens`]) is verified with the issuer's keys by
//! [`crate::Issuers::verify_id_token`]. Nothing here sends, waits or keeps anything.

mod client;
mod fault;
mod flow;
mod provider;
mod tokens;

pub use client::{ClientKey, ClientProof, Proof};
pub use fault::SignInFault;
pub use flow::{Callback, Flow, Grant};
pub use provider::{Ask, Client, Endpoints, Provider};
pub use tokens::Tokens;
