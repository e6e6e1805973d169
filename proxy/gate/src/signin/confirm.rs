//! Asking an issuer again who a session belongs to: in the background of a request, once however many come.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::{session::SessionId, sign_in::SignInFault};
use tokio::sync::watch;

use super::{Desk, State, Whose};

/// For how long no other gate asks; after a failure it is asked again no sooner.
const LEASE: Duration = Duration::from_secs(15);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(6);

/// An issuer that is being asked; nothing where nobody asks.
pub(super) struct Asked(Option<watch::Receiver<()>>);

impl Asked {
    /// Waits for its answer, bounded.
    pub(super) async fn wait(self) {
        if let Some(mut answered) = self.0 {
            // An error says that the asking is over, however it went.
            let _ = tokio::time::timeout(PATIENCE, answered.changed()).await;
        }
    }
}

impl Desk {
    /// Sees to it that a session's issuer is asked, by one request of one gate.
    pub(super) async fn confirm(self: &Arc<Self>, id: SessionId, now: SystemTime) -> Asked {
        // What cannot be reached gives no leave: the issuer is asked when it can.
        if self.state.lease(id, now, LEASE).await != Ok(true) {
            return Asked(self.confirming.lock().get(&id).cloned());
        }
        let (done, answered) = watch::channel(());
        self.confirming.lock().insert(id, answered.clone());
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            let outcome = desk.ask_again(id).await;
            let code = outcome.as_ref().map_or_else(SignInFault::code, |()| "confirmed");
            desk.metrics.signed_in("refresh", code);
            if let Err(fault) = outcome {
                tracing::warn!(event = "session_not_confirmed", %fault);
            }
            desk.confirming.lock().remove(&id);
            drop(done);
        });
        Asked(Some(answered))
    }

    async fn ask_again(&self, id: SessionId) -> Result<(), SignInFault> {
        let now = SystemTime::now();
        let Some(kept) = self.state.find(id).await?.filter(|kept| !kept.ended) else { return Ok(()) };
        let (Some(refresh), Some(place)) = (&kept.refresh, self.place(&kept.subject.issuer)) else {
            return Ok(());
        };
        let form = place.provider()?.refresh(refresh);
        let (tokens, read) = match self.tokens(place, &form, None, now).await {
            Ok(answer) => answer,
            Err(fault) => {
                // RFC 6749, 5.2: the person signed out there, or may not sign in any more.
                if fault.is_spent() {
                    self.state.end(Whose::Session(id)).await?;
                }
                return Err(fault);
            }
        };
        if read.as_ref().is_some_and(|read| read.subject.id != kept.subject.id) {
            self.state.end(Whose::Session(id)).await?;
            return Err(SignInFault::Subject);
        }
        let good_until = Self::good_until(&tokens, now);
        let change = |kept: &mut super::Kept| {
            kept.good_until = good_until;
            // RFC 6749, 6: where the issuer gives another, the old one is spent.
            kept.refresh = tokens.refresh_token.clone().or_else(|| kept.refresh.take());
            if let Some(read) = &read {
                let mut subject = read.subject.clone();
                subject.expires = kept.subject.expires;
                subject.token_id = Some(id.to_string());
                // A refresh is no sign-in: how and when that was stays as it was, unless the issuer says it again.
                subject.acr = subject.acr.or_else(|| kept.subject.acr.clone());
                subject.auth_time = subject.auth_time.or(kept.subject.auth_time);
                subject.issued = kept.subject.issued;
                if subject.amr.is_empty() {
                    subject.amr.clone_from(&kept.subject.amr);
                }
                kept.subject = Arc::new(subject);
                kept.renewed = true;
                kept.id_token = tokens.id_token.clone().map(Into::into);
            }
        };
        self.state.change(id, change).await?;
        Ok(())
    }
}
