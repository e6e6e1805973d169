//! The people, vehicles and things that a request is about, recorded so that "who looked this one up?" has an answer and the record is no
//! second register.
//!
//! - [`kind`]: what may be named, and the one form in which each is written;
//! - [`pseudonym`]: the key that only its data protection officer has, and what it makes of that form;
//! - [`place`]: where a source's file says they stand;
//! - `body`: what stands there in a body, in whatever form it comes; `lax`: also in one that is nearly JSON.

mod body;
pub mod kind;
mod lax;
pub mod place;
pub mod pseudonym;

pub use kind::Kind;
pub use place::{DataSubjects, Named, Part, Place, Pointer};
pub(crate) use place::{RECORDED, cover_numbers};
pub use pseudonym::{DataSubject, KeyFault, KeyId, PseudonymKey};
