//! What one configuration makes of signing in.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use poort_enforce::{
    ports::{Endings as _, Standing, Withdrawn},
    stated::Purposes,
};
use poort_identity::{
    session::{Seal, SessionFault, SessionId},
    sign_in::{SignInFault, Tokens},
    token::{Expected, IdToken, Issuers, KeyLookup, KeySet, Keys, SubjectKind, TokenFault},
};
use tokio::sync::watch;

use super::{
    Kept, State, Store, exchange,
    journey::{self, Journey},
    place::Place,
};
use crate::{
    audit::Reviews,
    carry_over::CarryOver,
    config::checked::zone::{Dispatch, Missions, SignIn},
    ending::Endings,
    keys::KeyRing,
    metrics::Metrics,
};

/// For how long an issuer's word is good that does not say so.
const USUAL_GOOD: Duration = Duration::from_secs(300);

/// What one configuration makes of signing in.
pub struct Desk {
    pub(super) host: String,
    pub(super) origin: String,
    pub(super) seal: Arc<Seal>,
    pub(super) lifetime: Duration,
    pub(super) outage: Duration,
    pub(super) strong: Vec<String>,
    pub(super) places: Vec<Place>,
    pub(super) state: Arc<Store>,
    pub(super) endings: Arc<Endings>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) reviews: Arc<Reviews>,
    pub(super) confirming: Mutex<HashMap<SessionId, watch::Receiver<()>>>,
    pub(super) issuers: Issuers,
    pub(super) keys: KeyRing,
    pub(super) purposes: Arc<Purposes>,
    /// How long a mission lasts.
    pub(super) mission: Duration,
    /// How long a broken glass does.
    pub(super) glass: Duration,
    pub(super) dispatch: Option<Links>,
}

/// What verifies links from dispatch.
pub(super) struct Links {
    pub(super) issuers: Issuers,
    pub(super) keys: Arc<KeySet>,
}

impl KeyLookup for Links {
    fn keys(&self, _: &str) -> Keys {
        Keys::Fresh(Arc::clone(&self.keys))
    }
}

/// What officers may state, and for how long it holds.
#[derive(Clone, Copy)]
pub struct Stating<'a> {
    /// The zone's purposes.
    pub purposes: &'a Arc<Purposes>,
    /// How long each holds.
    pub missions: &'a Missions,
}

impl Desk {
    /// For this configuration.
    ///
    /// # Errors
    /// When no client for an issuer can be made.
    pub fn new(
        sign_in: &SignIn,
        issuers: Issuers,
        keys: KeyRing,
        strong: Vec<String>,
        stating: Stating<'_>,
        carry: &CarryOver,
    ) -> Result<Self, String> {
        let links = |dispatch: &Dispatch| {
            let issuers = Issuers::new(vec![dispatch.rules.clone()]);
            let told = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Ok::<_, String>(Links { issuers: issuers.map_err(told)?, keys: Arc::clone(&dispatch.keys) })
        };
        Ok(Self {
            host: sign_in.host.clone(),
            origin: sign_in.origin.clone(),
            seal: Arc::clone(&sign_in.seal),
            lifetime: sign_in.lifetime,
            outage: sign_in.outage,
            strong,
            places: sign_in
                .providers
                .iter()
                .map(|at| Place::new(at, &keys))
                .collect::<Result<_, String>>()?,
            state: Arc::clone(&carry.sessions),
            endings: Arc::clone(&carry.endings),
            metrics: Arc::clone(&carry.metrics),
            reviews: Arc::clone(&carry.reviews),
            confirming: Mutex::default(),
            issuers,
            keys,
            purposes: Arc::clone(stating.purposes),
            mission: stating.missions.lifetime,
            glass: stating.missions.glass,
            dispatch: stating.missions.dispatch.as_ref().map(links).transpose()?,
        })
    }

    pub(super) fn place(&self, alias: &str) -> Option<&Place> {
        self.places.iter().find(|place| &*place.client.alias == alias)
    }

    /// The address of a path on any host of the gate.
    pub(super) fn address(&self, host: &str, target: &str) -> String {
        let port = self.origin.strip_prefix("https://").and_then(|rest| rest.split_once(':'));
        let port = port.map_or(String::new(), |(_, port)| format!(":{port}"));
        format!("https://{host}{port}{target}")
    }

    /// Whether a sign-in counts as strong.
    pub(super) fn is_strong(&self, kept: &Kept) -> bool {
        let said: HashSet<&String> = kept.subject.acr.iter().chain(&kept.subject.amr).collect();
        self.strong.iter().any(|strong| said.contains(strong))
    }

    /// Whether a sign-in is what a journey waits for.
    pub(super) fn is_enough(&self, kept: &Kept, journey: Option<&Journey>, now: SystemTime) -> bool {
        is_recent(kept, journey, now) && self.is_strong_enough(kept, journey)
    }

    pub(super) fn is_strong_enough(&self, kept: &Kept, journey: Option<&Journey>) -> bool {
        match journey.and_then(Journey::stronger) {
            None => true,
            Some(Some(class)) => kept.subject.acr.as_deref() == Some(class),
            Some(None) => self.is_strong(kept),
        }
    }

    /// What an issuer is asked to make of a sign-in for a journey (`acr_values`); none: nothing special.
    pub(super) fn wanted(&self, journey: &Journey) -> Option<String> {
        journey.stronger().map(|class| class.map_or_else(|| self.strong.join(" "), str::to_owned))
    }

    /// How a session stands; its issuer is asked again in the background when its last word is no longer good, and waited for only when
    /// that was too long ago.
    pub async fn standing(self: &Arc<Self>, id: SessionId, now: SystemTime) -> Standing {
        let mut kept = match self.state.find(id).await {
            Ok(Some(kept)) => kept,
            Ok(None) => return Standing::Closed(SessionFault::Unknown),
            Err(_) => return Standing::Closed(SessionFault::Unreachable),
        };
        if kept.refresh.is_some() && now >= kept.good_until {
            let asked = self.confirm(id, now).await;
            if now >= kept.good_until + self.outage {
                asked.wait().await;
                let Ok(Some(again)) = self.state.find(id).await else {
                    return Standing::Closed(SessionFault::Unreachable);
                };
                kept = again;
            }
        }
        match self.fault(&kept, now) {
            Some(fault) => Standing::Closed(fault),
            None => {
                self.state.used(id, now).await;
                // SECURITY: what an issuer may assert no more, it may not have asserted before either: a session outlives a reload.
                let subject = self.issuers.still_granted(&kept.subject);
                let renewed = kept.renewed || !Arc::ptr_eq(&subject, &kept.subject);
                Standing::Open { renewed: renewed.then_some(subject), statements: kept.statements }
            }
        }
    }

    /// Whether somebody who signs in now may: whoever is blocked may not, and an issuer that remembers a sign-in from before access was ended
    /// has to ask again.
    pub(super) fn admits(&self, kept: &Kept, now: SystemTime) -> Result<(), SignInFault> {
        match self.endings.withdrawn(&kept.subject.id, now) {
            Withdrawn::Everything => Err(SignInFault::Blocked),
            Withdrawn::Before(moment) if kept.subject.signed_in().is_some_and(|second| second <= moment) => {
                Err(SignInFault::Ended)
            }
            Withdrawn::Before(_) | Withdrawn::Nothing => Ok(()),
        }
    }

    /// Whether a session of somebody whom an issuer named now may begin; `afresh` says that it was asked for a new sign-in.
    ///
    /// SECURITY: an issuer that does not say when somebody signed in may go by what it remembers from before their access was ended, which a
    /// lost tablet's browser shows it without a word. It is believed where it was to ask who it is.
    pub(super) fn admits_anew(&self, kept: &Kept, afresh: bool, now: SystemTime) -> Result<(), SignInFault> {
        self.admits(kept, now)?;
        let was_ended = self.endings.withdrawn(&kept.subject.id, now) != Withdrawn::Nothing;
        let is_new = afresh || kept.subject.auth_time.is_some();
        if was_ended && !is_new { Err(SignInFault::Ended) } else { Ok(()) }
    }

    /// Why a session is not open.
    pub(super) fn fault(&self, kept: &Kept, now: SystemTime) -> Option<SessionFault> {
        // While what keeps sessions does not answer, access is ended and no session is: those from before are told by their age.
        if kept.ended || self.admits(kept, now).is_err() {
            return Some(SessionFault::Ended);
        }
        // Nobody vouches any more for who signed in at an issuer that was taken out of the files.
        if self.place(&kept.subject.issuer).is_none() {
            return Some(SessionFault::Ended);
        }
        if now >= kept.subject.expires {
            return Some(SessionFault::Expired);
        }
        let confirmed = kept.refresh.is_none() || now < kept.good_until + self.outage;
        (!confirmed).then_some(SessionFault::Unconfirmed)
    }

    /// Exchanges a form for tokens, and believes them: who signed in, with what their access token says of roles and units where it is one for
    /// this gate, and otherwise what their ID token says.
    pub(super) async fn tokens(
        &self,
        place: &Place,
        form: &str,
        nonce: Option<&str>,
        now: SystemTime,
    ) -> Result<(Tokens, Option<IdToken>), SignInFault> {
        let tokens = exchange::post(&place.speaks, &place.provider()?, form).await?;
        let Some(id_token) = &tokens.id_token else {
            return if nonce.is_some() { Err(SignInFault::Response) } else { Ok((tokens, None)) };
        };
        let expected = Expected { alias: &place.client.alias, client: &place.client.id, nonce };
        let verify = || self.issuers.verify_id_token(id_token.as_bytes(), expected, &self.keys, now);
        let mut read = verify();
        if let Err(TokenFault::UnknownKey { alias, .. } | TokenFault::KeysAbsent { alias }) = &read
            && self.keys.refresh(alias).await
        {
            read = verify();
        }
        let mut read = read?;
        let access = self.issuers.verify(tokens.access_token.as_bytes(), &self.keys, now);
        if let Ok(access) = access
            && access.id == read.subject.id
            && access.kind == SubjectKind::User
        {
            (read.subject.roles, read.subject.units) = (access.roles, access.units);
            read.subject.dropped = access.dropped;
        }
        Ok((tokens, Some(read)))
    }

    /// What is kept of a session that begins now or is confirmed now.
    pub(super) fn kept(
        &self,
        id: SessionId,
        device: &str,
        tokens: Tokens,
        read: IdToken,
        now: SystemTime,
    ) -> Kept {
        let mut subject = read.subject;
        subject.expires = now + self.lifetime;
        subject.token_id = Some(id.to_string());
        Kept {
            subject: Arc::new(subject),
            renewed: false,
            statements: Arc::default(),
            device: device.to_owned(),
            sid: read.sid,
            id_token: tokens.id_token.map(Into::into),
            refresh: tokens.refresh_token,
            good_until: now + tokens.expires_in.unwrap_or(USUAL_GOOD),
            seen: now,
            ended: false,
        }
    }

    /// Until when an issuer's word of now is good.
    pub(super) fn good_until(tokens: &Tokens, now: SystemTime) -> SystemTime {
        now + tokens.expires_in.unwrap_or(USUAL_GOOD)
    }
}

/// Whether somebody signed in as recently as a journey waits for. An issuer that does not say when says nothing that would do.
fn is_recent(kept: &Kept, journey: Option<&Journey>, now: SystemTime) -> bool {
    let ago = kept.subject.auth_time.map(|at| journey::seconds(now).saturating_sub(at));
    journey.and_then(Journey::max_age).is_none_or(|most| ago.is_some_and(|ago| ago <= most))
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("origin", &self.origin).finish_non_exhaustive()
    }
}
