//! x
#![allow(dead_code, unused)]
pub mod detect;
mod bytes;
mod fault;
mod limits;
mod source;
mod syntax;
mod transform;
