//! Ending access at once: of a session, of a person or service, of a device.
//!
//! - [`Endings`] are those in force, kept on disk: asked with every request;
//! - [`Notices`] say what was ended lately, to whatever is open: a stream is admitted again, a download is cut;
//! - [`Order`] is what an operator wants, and [`crate::live::Live::end_access`] does it: written down first, then in force, then told.
//!
//! Sessions themselves are ended where they are kept ([`crate::signin::State`]), which tells [`Notices`] too: so does signing out, and an
//! issuer that says who signed out.

mod in_force;
mod notices;
mod obey;
mod order;
mod watch;

pub use in_force::{Ending, Endings, Extent, Unkept};
pub use notices::{Notices, Party};
pub use obey::{Done, Listed};
pub use order::{Order, Whom};
pub(crate) use watch::Watched;
