//! x
#![allow(dead_code, unused)]
pub mod detect;
mod bytes;
mod fault;
mod limits;
mod operator;
mod program;
mod source;
mod syntax;
mod transform;
