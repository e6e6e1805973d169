//! Puts the demo up.

fn main() {}
