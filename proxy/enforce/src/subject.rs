//! A verified subject, and what is worked out from it once and used for as long as its token is.

use std::sync::{Arc, OnceLock};

use poort_identity::token::{Subject, SubjectKind};
use poort_policy::{Actor, DeviceFacts, Engine, Prepared, Principal, PrincipalKind};

/// A principal with what its requests share: the policy's entities are built once for a (token, device, actor).
#[derive(Debug)]
pub struct Holder {
    /// The verified token; none for a device on its own account.
    pub subject: Option<Arc<Subject>>,
    /// The principal as policies know it.
    pub principal: Principal,
    /// Two, since an officer's token is used at the tablet and by the search application.
    prepared: [OnceLock<Company>; 2],
}

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
        Self { subject: Some(subject), principal, prepared: Default::default() }
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
        Self { subject: None, principal, prepared: Default::default() }
    }

    /// The policy's entities for this holder at a device or on behalf of it; worked out anew only for a third place.
    #[must_use]
    pub fn prepared(&self, engine: &Engine, device: Option<&DeviceFacts>, actor: Option<&Actor>) -> Prepared {
        let prepare = || Company {
            device: device.cloned(),
            actor: actor.cloned(),
            prepared: engine.prepare(&self.principal, device, actor),
        };
        let kept = self.prepared.iter().map(|place| place.get_or_init(prepare));
        let fits = |company: &&Company| company.device.as_ref() == device && company.actor.as_ref() == actor;
        let found = kept.into_iter().find(fits).map(|company| company.prepared.clone());
        found.unwrap_or_else(|| prepare().prepared)
    }
}
