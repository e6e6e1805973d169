use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::wire::{Head, Reply};

/// What one connection knows about its user, in the manner of NTLM: negotiate, challenge, authenticate, and from then on every
/// request on the connection is that user's, whoever sends it.
///
/// The tokens are not NTLM's, its way is: `Authorization: NTLM base64(negotiate)`, then `NTLM base64(user:NAME)`. A header
/// `X-Connection-User: NAME` does the same in one step.
#[derive(Default)]
pub(super) struct Bound {
    user: Option<String>,
}

impl Bound {
    /// The user of this connection, or the 401 that asks for one.
    pub(super) fn judge(&mut self, head: &Head) -> Result<String, Reply> {
        if let Some(user) = &self.user {
            return Ok(user.clone());
        }
        if let Some(name) = head.header("x-connection-user") {
            return Ok(self.user.insert(name.to_owned()).clone());
        }
        let token = head.header("authorization").and_then(|value| value.strip_prefix("NTLM "));
        let token = token.and_then(|token| STANDARD.decode(token).ok()).unwrap_or_default();
        match token.strip_prefix(b"user:") {
            Some(name) => Ok(self.user.insert(String::from_utf8_lossy(name).into_owned()).clone()),
            None if token == b"negotiate" => {
                Err(challenge(&format!("NTLM {}", STANDARD.encode("challenge"))))
            }
            None => Err(challenge("NTLM")),
        }
    }
}

fn challenge(value: &str) -> Reply {
    Reply::text(401, "text/plain", "who is this connection?\n").header("WWW-Authenticate", value)
}
