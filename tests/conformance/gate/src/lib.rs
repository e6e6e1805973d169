//! CRS's regression tests through a gate process over real sockets, and go-ftw on the same gate.
//!
//! | module | what |
//! |---|---|
//! | [`stand`] | the gate, what stands behind it, and who may call it |
//! | [`backend`] | the suite's back end, as a source |
//! | [`exchange`] | one request and its answer, byte by byte |
//! | [`records`] | the gate's record, read as it grows |
//! | [`suite`] | the tests, judged |
//! | [`engine`] | the engine in the gate's place |
//! | [`front`] | what go-ftw talks to, and the log it reads |
//! | [`go_ftw`] | go-ftw's verdicts beside ours |
//! | [`fault`] | why a suite cannot be run |

pub mod backend;
pub mod engine;
pub mod exchange;
pub mod fault;
pub mod front;
pub mod go_ftw;
pub mod records;
pub mod stand;
pub mod suite;

pub use fault::Fault;
pub use stand::Stand;
pub use suite::Verdict;
