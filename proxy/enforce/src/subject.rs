//! A verified subject, and what is worked out from it once and used for as long as its token is.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{SHA256, digest};
use poort_identity::{
    session::Session,
    token::{Subject, SubjectKind},
};
use poort_policy::{Actor, DeviceFacts, Engine, Prepared, Principal, PrincipalKind};

/// A principal with what its requests share: the policy's entities are built once for a (token, device, actor).
#[derive(Debug)]
pub struct Holder {
    /// The verified token; none for a device on its own account.
    pub subject: Option<Arc<Subject>>,
    /// The principal as policies know it.
    pub principal: Principal,
    /// Two, since an officer's token is used at the tablet and by the search application.
    prepared: Kept,
    /// The same as a candidate's policies know it.
    for_candidate: Kept,
    /// The device that the token was first used on, where that is asked for.
    pin: OnceLock<String>,
}

type Kept = [OnceLock<Company>; 2];

/// A principal's entities together with a device or an actor.
#[derive(Debug)]
struct Company {
    device: Option<DeviceFacts>,
    actor: Option<Actor>,
    prepared: Prepared,
}

impl Holder {
    /// The holder of a verified token.
    #[must_use]
    pub fn of_token(subject: Arc<Subject>) -> Self {
        let kind = match subject.kind {
            SubjectKind::User => PrincipalKind::User,
            SubjectKind::Service => PrincipalKind::Service,
        };
        let principal = Principal {
            kind,
            id: subject.id.clone(),
            issuer: Some(Arc::clone(&subject.issuer)),
            roles: subject.roles.clone(),
            units: subject.units.clone(),
        };
        Self {
            subject: Some(subject),
            principal,
            prepared: Kept::default(),
            for_candidate: Kept::default(),
            pin: OnceLock::new(),
        }
    }

    /// A device on its own account.
    #[must_use]
    pub fn of_device(name: &str) -> Self {
        let principal = Principal {
            kind: PrincipalKind::Device,
            id: name.to_owned(),
            issuer: None,
            roles: vec![],
            units: vec![],
        };
        Self {
            subject: None,
            principal,
            prepared: Kept::default(),
            for_candidate: Kept::default(),
            pin: OnceLock::new(),
        }
    }

    /// The device that the token was first used on, once that was asked.
    pub(crate) fn pinned_to(&self) -> Option<&str> {
        self.pin.get().map(String::as_str)
    }

    /// From now on it belongs to a device. Of two who say so at once, both were told the same one.
    pub(crate) fn pin_to(&self, device: String) {
        let _ = self.pin.set(device);
    }

    /// The policy's entities for this holder at a device or on behalf of it; worked out anew only for a third place.
    #[must_use]
    pub fn prepared(&self, engine: &Engine, device: Option<&DeviceFacts>, actor: Option<&Actor>) -> Prepared {
        self.kept(&self.prepared, engine, device, actor)
    }

    /// The same for the engine of a candidate.
    #[must_use]
    pub fn prepared_for_candidate(
        &self,
        candidate: &Engine,
        device: Option<&DeviceFacts>,
        actor: Option<&Actor>,
    ) -> Prepared {
        self.kept(&self.for_candidate, candidate, device, actor)
    }

    fn kept(
        &self,
        places: &Kept,
        engine: &Engine,
        device: Option<&DeviceFacts>,
        actor: Option<&Actor>,
    ) -> Prepared {
        let prepare = || Company {
            device: device.cloned(),
            actor: actor.cloned(),
            prepared: engine.prepare(&self.principal, device, actor),
        };
        let kept = places.iter().map(|place| place.get_or_init(prepare));
        let fits = |company: &&Company| company.device.as_ref() == device && company.actor.as_ref() == actor;
        let found = kept.into_iter().find(fits).map(|company| company.prepared.clone());
        found.unwrap_or_else(|| prepare().prepared)
    }
}

/// A session whose cookie was opened, with its holder.
#[derive(Debug)]
pub struct OpenSession {
    /// What the cookie says.
    pub session: Session,
    /// Who it is, as the cookie says it.
    pub holder: Arc<Holder>,
    /// Who it is, as its issuer said last.
    renewed: ArcSwapOption<Holder>,
}

impl OpenSession {
    fn new(session: Session) -> Self {
        let holder = Arc::new(Holder::of_token(Arc::clone(&session.subject)));
        Self { session, holder, renewed: ArcSwapOption::empty() }
    }

    /// The holder for what the issuer said last of this person; worked out once for each time it said something.
    #[must_use]
    pub fn renewed(&self, subject: Arc<Subject>) -> Arc<Holder> {
        let same = |holder: &Arc<Holder>| {
            holder.subject.as_ref().is_some_and(|known| Arc::ptr_eq(known, &subject) || **known == *subject)
        };
        if let Some(holder) = self.renewed.load_full().filter(same) {
            return holder;
        }
        let holder = Arc::new(Holder::of_token(subject));
        self.renewed.store(Some(Arc::clone(&holder)));
        holder
    }
}

/// A bounded memory of cookies that were opened.
pub struct OpenSessions(quick_cache::sync::Cache<[u8; 32], Arc<OpenSession>>);

impl OpenSessions {
    /// Room for `capacity` cookies; the least useful are dropped beyond that.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self(quick_cache::sync::Cache::new(capacity))
    }

    pub(crate) fn find(&self, cookie: &[u8]) -> Option<Arc<OpenSession>> {
        self.0.get(&name(cookie))
    }

    pub(crate) fn keep(&self, cookie: &[u8], session: Session) -> Arc<OpenSession> {
        let open = Arc::new(OpenSession::new(session));
        self.0.insert(name(cookie), Arc::clone(&open));
        open
    }
}

impl fmt::Debug for OpenSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenSessions").field(&self.0.len()).finish()
    }
}

/// SECURITY: a cryptographic digest, so that no two cookies have one name, and not the cookie itself.
fn name(cookie: &[u8]) -> [u8; 32] {
    let mut name = [0; 32];
    name.iter_mut().zip(digest(&SHA256, cookie).as_ref()).for_each(|(to, from)| *to = *from);
    name
}
