//! Signing in with a browser: the gate's own pages, and sessions behind them.
//!
//! - [`Desk`] is what one configuration makes of it: hosts, issuers, keys; [`endpoints`] answers its pages;
//! - [`state`] is what several gates must share, as a port; [`Memory`] keeps it in one process;
//! - [`exchange`] speaks to an issuer; [`confirm`] asks it again, once however many requests wait;
//! - [`backchannel`] hears from issuers who signed out there;
//! - [`mission`] asks what it is for, [`glass`] why somebody has to look despite a refusal;
//! - [`forms`] keeps what was being sent when a session ended;
//! - [`journey`] is where a person was going; [`cookies`], [`pages`] and [`texts`] are what a browser gets.
//!
//! A person who goes to a source without a session is sent to the sign-in host with a sealed [`journey`]. There an issuer signs them in, once;
//! the sign-in host then hands the session to each source's host by a code that works once, on one device, in the browser that was sent.

mod backchannel;
mod confirm;
mod cookies;
mod desk;
mod endpoints;
mod exchange;
mod forms;
mod glass;
mod journey;
mod memory;
mod mission;
mod pages;
mod sessions;
mod state;
mod texts;

pub use desk::{Desk, Stating};
pub use endpoints::Visit;
pub use forms::{KeptForms, LIMIT_BYTES as KEPT_FORM_LIMIT_BYTES};
pub use journey::Errand;
pub use memory::{Count, Memory};
pub use state::{Full, HandOver, Kept, State, Waiting, Whose};
