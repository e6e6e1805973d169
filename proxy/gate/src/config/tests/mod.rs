//! Whole configurations: the valid one, every way in which it can be broken, and the shipped one.

mod ground;
mod broken;
mod laws;
mod shipped;
mod valid;
