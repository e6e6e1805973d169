//! Whole configurations: the valid one, every way in which it can be broken, and the shipped one.

mod broken;
mod ground;
mod laws;
mod shipped;
mod valid;
