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
    prepared: OnceLock<(Option<DeviceFacts>, Option<Actor>, Prepared)>,
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
            id: subject.id.to_string(),
            issuer: Some(subject.issuer.clone()),
            roles: subject.roles.clone(),
            units: subject.units.clone(),
        };
        Self { subject: Some(subject), principal, prepared: OnceLock::new() }
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
        Self { subject: None, principal, prepared: OnceLock::new() }
    }

    /// The policy's entities for this holder at a device. A token is nearly always used at one, so one is kept.
    #[must_use]
    pub fn prepared(&self, engine: &Engine, device: Option<&DeviceFacts>, actor: Option<&Actor>) -> Prepared {
        let prepare = || engine.prepare(&self.principal, device, actor);
        let (kept_device, kept_actor, prepared) =
            self.prepared.get_or_init(|| (device.cloned(), actor.cloned(), prepare()));
        if kept_device.as_ref() == device && kept_actor.as_ref() == actor {
            prepared.clone()
        } else {
            prepare()
        }
    }
}
