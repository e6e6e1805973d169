//! Traffic in quantity: ordinary text as officers write it, and attacks from the literature, each in the places of a
//! request where such text travels. The same every time; made from the lists in `corpus/`.

mod attacks;
mod carrier;
mod prose;
mod random;
mod words;

pub use attacks::{Attack, attacks};
pub use carrier::{Carrier, in_query};
pub use prose::{Kind, Prose};
