//! OpenID Connect Back-Channel Logout 1.0: an issuer says that somebody signed out, or was signed out, there.

use std::{sync::Arc, time::SystemTime};

use poort_identity::{
    sign_in::SignInFault,
    token::{Expected, IssuerRules, TokenFault},
};

use crate::audit::{Act, Audit, Authentication, Who};

use super::{
    Desk, State, Whose,
    visit::{one, record},
};

impl Desk {
    /// Obeys a logout token, posted as a form: the sessions it means are ended when this returns. How many there were.
    ///
    /// # Errors
    /// [`SignInFault`] for a token that is not believed, or was obeyed before. Where it could not be obeyed, it may come again.
    pub async fn end_by_issuer(
        &self,
        alias: &str,
        form: &[u8],
        now: SystemTime,
        audit: &Audit,
    ) -> Result<usize, SignInFault> {
        let ended = self.obey(alias, form, now, audit).await;
        let code = ended.as_ref().map_or_else(SignInFault::code, |_| "obeyed");
        self.metrics.signed_in("back_channel_logout", code);
        ended
    }

    async fn obey(
        &self,
        alias: &str,
        form: &[u8],
        now: SystemTime,
        audit: &Audit,
    ) -> Result<usize, SignInFault> {
        let form = std::str::from_utf8(form).map_err(|_| SignInFault::Response)?;
        let token = one(form, "logout_token")?.ok_or(SignInFault::Response)?;
        let place = self.place(alias).ok_or(SignInFault::Issuer)?;
        let expected = Expected { alias, client: &place.client.id, nonce: None };
        let verify = || self.issuers.verify_logout_token(token.as_bytes(), expected, &self.keys, now);
        let mut read = verify();
        if let Err(TokenFault::UnknownKey { .. } | TokenFault::KeysAbsent { .. }) = &read
            && self.keys.refresh(alias).await
        {
            read = verify();
        }
        let read = read?;
        // Remembered for longer than it could be believed again, leeway included.
        let until = read.expires.checked_add(2 * IssuerRules::LEEWAY_LIMIT).unwrap_or(read.expires);
        let name = format!("logout {alias} {}", read.id);
        if self.state.is_known(&name, now).await? {
            return Err(SignInFault::Repeated);
        }
        let ended = match (&read.sid, &read.subject) {
            (Some(sid), user) => {
                self.state.end(Whose::SignIn { issuer: alias, sid, user: user.as_deref() }).await?
            }
            // A subject's name begins with its issuer's alias.
            (None, Some(user)) => self.state.end(Whose::User(user)).await?,
            (None, None) => 0,
        };
        let signed_out = Authentication {
            time: now,
            act: Act::SignedOutByIssuer,
            who: read.subject.clone().map(|id| Who { id, name: None, issuer: Arc::clone(&read.issuer) }),
            device: None,
            session: None,
            request: None,
            ended: ended as u64,
        };
        record(audit, signed_out).await?;
        // Used up only now: one that could not be obeyed comes again. Of two at once, both end what is there.
        self.state.is_first(&name, until, now).await?;
        tracing::info!(event = "signed_out_by_issuer", issuer = alias, ended);
        Ok(ended)
    }
}
