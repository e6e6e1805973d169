//! Certificates of devices and workloads.
//!
//! `rustls-webpki` builds the path and checks signatures, name constraints and path lengths. What it lets through and a
//! device identity must not (a leaf without extended key usage, an expired root, a revocation list whose issuer may not
//! sign one, …) is checked here.
//!
//! - [`Anchors`]: the authorities; [`Revocations`]: their revocation lists;
//! - `soundness`: what every certificate on a path must be; `leaf`: what a device's own must be; `name`: its identity;
//! - `path`: building it; [`Trust`]: the judgement.

mod anchors;
mod certificate;
mod distinguished;
mod leaf;
mod name;
mod path;
mod revocation;
mod soundness;
#[cfg(test)]
pub(crate) mod test_authority;
mod trust;

pub use anchors::{AnchorFault, Anchors};
pub use certificate::{Certificate, NameKind, Unfit};
pub use revocation::{CrlAge, CrlFault, RevocationRule, Revocations};
pub use trust::{DeviceFault, Foreign, Rejected, Trust};
