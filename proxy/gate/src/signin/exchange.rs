//! Speaking to an issuer's token endpoint.

use std::time::SystemTime;

use poort_identity::sign_in::{Provider, SignInFault, Tokens};

use crate::keys::chain;

/// Posts a form to the token endpoint. The client follows no redirect and waits for nobody.
pub(super) async fn post(
    client: &reqwest::Client,
    provider: &Provider,
    form: &str,
) -> Result<Tokens, SignInFault> {
    let proof = provider.proof(SystemTime::now())?;
    let proven = proof.form.map(|more| format!("{form}&{}", *more));
    let mut request = client
        .post(&provider.endpoints.token)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .body(proven.unwrap_or_else(|| form.to_owned()));
    if let Some(header) = proof.authorization {
        request = request.header("authorization", header.as_str());
    }
    let unreachable = |fault: reqwest::Error| SignInFault::Unreachable(chain(&fault.without_url()));
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if !(status.is_success() || status.is_client_error()) {
        return Err(SignInFault::Unreachable(format!("the answer was {status}")));
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unreachable)? {
        if body.len() + piece.len() > Tokens::LIMIT_BYTES {
            return Err(SignInFault::Response);
        }
        body.extend_from_slice(&piece);
    }
    Tokens::read(status == 200, &body)
}
