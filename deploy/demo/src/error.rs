use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong while the demo is put up. Nothing here is on a request's path of the gate.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or directory could not be read, written or copied.
    #[error("cannot {action} `{}`: {source}", path.display())]
    File {
        /// What was tried: `read`, `write`, `create`, `copy`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A socket could not be opened.
    #[error("cannot open {what}: {source}")]
    Socket {
        /// What the socket is for.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// A certificate or revocation list could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate bundle for a browser could not be made.
    #[error("cannot make a `.p12` bundle: {0}")]
    Bundle(#[from] p12_keystore::error::Error),
    /// A TLS configuration does not hold together.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A key could not be made or would not sign.
    #[error("cannot sign with a `{0}` key")]
    Signing(&'static str),
    /// A file holds no key that can be used.
    #[error("`{}` holds no P-256 key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// A request over the network failed before an answer came.
    #[error("no answer from `{what}`: {source}")]
    Request {
        /// Who was asked.
        what: String,
        /// Why not.
        source: reqwest::Error,
    },
    /// A YAML file could not be parsed.
    #[error("`{}` is not the YAML the demo expects: {message}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A dashboard is not what Grafana reads.
    #[error("`{}` is no dashboard: {message}", path.display())]
    Dashboard {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Somebody was to look at a console, and there is none.
    #[error("this layout has no console")]
    NoConsole,
    /// The gate would not start, or not stop.
    #[error("{what}\n--- what the gate said ---\n{log}")]
    Gate {
        /// What happened.
        what: String,
        /// The end of its standard error.
        log: String,
    },
}

impl DemoError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn socket(what: &str) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_owned();
        move |source| Self::Socket { what, source }
    }

    pub(crate) fn request(what: &str) -> impl FnOnce(reqwest::Error) -> Self {
        let what = what.to_owned();
        move |source| Self::Request { what, source }
    }
}
