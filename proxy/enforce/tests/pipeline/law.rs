//! Laws that hold for every head, whatever is in it.
