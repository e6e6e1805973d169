//! Body processors: bytes in, names and values out. Each is one pass without recursion, bounded in depth and count by
//! its caller; what is malformed is said, and what came before it stays inspected.

pub(crate) mod charset;
pub(crate) mod cookie;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod urlencoded;
pub(crate) mod xml;
