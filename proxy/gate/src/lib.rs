//! The Poort gate: everything that touches the network, the disk and the clock, around the decision of `poort-enforce`.
//!
//! From the outside in:
//! - [`cli`]: `run`, `check`, `reload`, `policy`, `waf`, `audit`, `access`, `doctor`; [`config`]: from files to proven types;
//! - [`listen`]: connections, TLS and the raw request head; [`listeners`] sets it up, `doorkeeper` notes what happens there;
//! - [`service`]: a request's phases; [`adapt`]: what the pipeline sees of it; [`streams`]: what lasts is admitted again;
//! - [`inspect`]: bodies and answers under a source's rules; [`forward`]: to the source and back; [`signin`]: how browsers sign in;
//! - [`trials`]: questions in plain words, for tests of policies; [`prover`]: what holds for all of them, by a solver;
//! - [`snapshot`]: everything built from files, immutable; [`live`]: the one in force; [`carry_over`]: what outlives it;
//!   [`last_good`]: what a gate with broken files starts from;
//! - [`world`]: the ports of the decision: [`limits`], [`keys`], [`discovery`], [`time_zone`], [`metrics`];
//! - [`audit`]: the record; [`outcome`]: how each request's ends up in it; [`request_ids`]: its name;
//! - [`ending`]: whose access was ended, at once;
//! - [`admin`], [`machines`], [`console`], [`control`], [`housekeeping`]: how it is seen, asked, told and kept;
//! - `machine_users`: who types at the machine; `service_manager`: what systemd is told.

pub mod adapt;
pub mod admin;
pub mod audit;
pub mod carry_over;
pub mod cli;
pub mod config;
pub mod console;
pub mod control;
pub mod discovery;
mod doorkeeper;
pub mod editions;
pub mod ending;
pub mod forward;
pub mod housekeeping;
pub mod inspect;
pub mod keys;
pub mod last_good;
pub mod limits;
pub mod listen;
pub mod listeners;
pub mod live;
mod machine_users;
pub mod machines;
pub mod metrics;
pub mod outcome;
pub mod prover;
pub mod request_ids;
pub mod service;
mod service_manager;
pub mod shifts;
pub mod signin;
pub mod snapshot;
pub mod streams;
pub mod time_zone;
pub mod trials;
pub mod world;
