//! x
#![allow(dead_code, unused)]
pub mod detect;
mod bytes;
mod fault;
mod limits;
mod operator;
mod source;
mod syntax;
mod transform;
