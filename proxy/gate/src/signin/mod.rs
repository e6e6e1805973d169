//! Signing in with a browser: the gate's own pages, and sessions behind them.
//!
//! - [`Desk`] is what one configuration makes of it: hosts, issuers, keys; [`place`] is one of the issuers; [`endpoints`] says which room answers a [`visit`];
//! - [`way`] leads from a source to the sign-in host and back; [`at_issuer`] from there to an issuer, [`sign_out`] out again;
//! - [`state`] is what several gates must share, as a port; [`Memory`] keeps it in one process, [`Disk`] on one machine over restarts,
//!   [`Shared`] at a server for several, and [`Store`] is the one of them that the operators have;
//! - [`exchange`] speaks to an issuer; [`confirm`] asks it again, once however many requests wait;
//! - [`backchannel`] hears from issuers who signed out there;
//! - [`mission`] asks what it is for, [`glass`] why somebody has to look despite a refusal;
//! - [`arrivals`] are those who are at an issuer, so many of one device;
//! - [`forms`] keeps what was being sent when a session ended;
//! - [`journey`] is where a person was going; [`cookies`], [`pages`] and [`texts`] are what a browser gets.
//!
//! A person who goes to a source without a session is sent to the sign-in host with a sealed [`journey`]. There an issuer signs them in, once;
//! the sign-in host then hands the session to each source's host by a code that works once, on one device, in the browser that was sent.

mod arrivals;
mod at_issuer;
mod backchannel;
mod confirm;
mod cookies;
mod desk;
mod disk;
mod endpoints;
mod exchange;
mod forms;
mod glass;
mod journey;
#[cfg(test)]
mod laws;
mod memory;
mod mission;
mod pages;
mod pen;
mod place;
mod sessions;
mod shared;
mod sign_out;
mod state;
mod store;
mod texts;
mod visit;
mod way;
mod written;

pub(crate) use cookies::no_session;
pub use desk::{Desk, Stating};
pub use disk::{Disk, Read};
pub use forms::{KeptForm, LIMIT_BYTES as KEPT_FORM_LIMIT_BYTES, Writer};
pub use journey::Errand;
pub use memory::{Count, Memory};
pub use shared::{FRESH, Shared};
pub use state::{HandOver, Kept, State, Unkept, Waiting, Whose};
pub use store::Store;
pub use visit::Visit;
