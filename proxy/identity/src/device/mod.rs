//! Certificates of devices and workloads.
//!
//! `rustls-webpki` builds the path and checks signatures, name constraints and path lengths. What it lets through and a
//! device identity must not (a leaf without extended key usage, an expired root, a revocation list whose issuer may not
//! sign one, …) is checked here.

mod anchors;
mod certificate;
mod revocation;
mod trust;

pub use anchors::{AnchorFault, Anchors};
pub use certificate::{Certificate, NameKind, Unfit};
pub use revocation::{CrlAge, CrlFault, RevocationRule, Revocations};
pub use trust::{DeviceFault, Foreign, Rejected, Trust};
