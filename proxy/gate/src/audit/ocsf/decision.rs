//! A Decision as an event.

use poort_enforce::{
    arrival::DeviceState,
    exchange::Step,
    reason::Reason,
    record::{Decision, Request, Verdict},
};
use poort_identity::{
    device::Certificate as Judged,
    token::{Subject, SubjectKind},
};
use poort_policy::{DeviceFacts, PrincipalKind, Question};
use serde::{Serialize, Serializer};

use super::{
    Form,
    envelope::{Envelope, Event},
    event::{
        Actor, Authorization, Certificate, DECISION, Device, Endpoint, Fingerprint, Group, HttpActivity,
        HttpRequest, Message, Metadata, Named, Policy, San, Session, Tls, Url, User,
    },
    inspection::{Inspection, is_zero},
    subject::{About, about},
    text::{Cut, Hex, PATH_BYTES, Shown, micros, name, timestamp},
    words,
};
use crate::audit::record::Digests;

/// A user's groups are written up to here; the question has them all.
const GROUPS: usize = 32;

/// What OCSF has no word for.
#[derive(Serialize)]
pub(super) struct Unmapped<'a> {
    code: String,
    connection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<Cut<'a>>,
    /// The glass that was broken for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    glass: Option<Hex>,
    /// Whom the request is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<About>,
    /// How many more it is about.
    #[serde(skip_serializing_if = "is_zero")]
    more_subjects: usize,
    verdict: &'static str,
    certificate: &'static str,
    waf: Inspection<'a>,
    steps: Steps<'a>,
    digests: Configuration<'a>,
    /// Roles and units that the token claims and its issuer may not assert.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a poort_policy::Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<&'a Question>,
}

#[derive(Serialize)]
struct Configuration<'a> {
    policies: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<&'a str>,
    configuration: &'a str,
}

/// Microseconds by check, in order.
struct Steps<'a>(&'a [Step]);

impl Serialize for Steps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|step| (step.check.as_str(), micros(step.took))))
    }
}

/// The event of a decision. `id` is the request's name as text.
pub(super) fn event<'a>(
    decision: &'a Decision,
    digests: &'a Digests,
    id: &'a str,
    form: Form,
) -> Event<'a, HttpActivity<'a, Unmapped<'a>>> {
    let whole = form.is_whole();
    Event {
        envelope: envelope(decision, id, form),
        body: HttpActivity {
            actor: actor(decision, whole),
            device: device(decision),
            src_endpoint: Some(caller(decision)),
            http_request: decision.request.as_ref().map(|request| http_request(request, id)),
            tls: Some(tls(decision)),
            policy: decision.policy.as_ref().map(|_| policy(&digests.policies, Some(true))),
            authorizations: if whole { authorizations(decision) } else { vec![] },
            ..HttpActivity::at(destination(decision), unmapped(decision, digests, form))
        },
    }
}

fn envelope<'a>(decision: &'a Decision, id: &'a str, form: Form) -> Envelope<'a> {
    let (activity, activity_name) = activity(decision.request.as_ref());
    let reason = reason(&decision.verdict);
    let status_detail = reason.map(Reason::code);
    let metadata = Metadata::new(DECISION, Some(id)).in_form(form);
    let message = Message { what: message(&decision.verdict), why: status_detail };
    let decided = Envelope {
        activity_name,
        status_detail,
        ..Envelope::new(words::HTTP_ACTIVITY, activity, decision.received, message, metadata)
    };
    match reason {
        None => decided,
        Some(reason) => decided.refused(reason.class()),
    }
}

const fn reason(verdict: &Verdict) -> Option<&Reason> {
    match verdict {
        Verdict::Allow | Verdict::Answer => None,
        Verdict::Refuse(reason) => Some(reason),
    }
}

const fn message(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "request allowed",
        Verdict::Answer => "request answered by the gate",
        Verdict::Refuse(_) => "request refused",
    }
}

fn activity(request: Option<&Request>) -> (u32, Option<Cut<'_>>) {
    request.map_or((0, None), |request| match words::activity(&request.method) {
        (activity, true) => (activity, None),
        (activity, false) => (activity, Some(name(request.method.as_str()))),
    })
}

fn http_request<'a>(request: &'a Request, id: &'a str) -> HttpRequest<'a> {
    let (_, known) = words::activity(&request.method);
    HttpRequest {
        uid: id,
        http_method: known.then(|| request.method.as_str()),
        version: if request.version == http::Version::HTTP_2 { "2" } else { "1.1" },
        url: Url { scheme: "https", hostname: name(&request.host), path: Cut(&request.path, PATH_BYTES) },
    }
}

/// The user of the token, or the device where it asked on its own account; nobody where neither was verified.
fn actor(decision: &Decision, whole: bool) -> Option<Actor<'_>> {
    let question = decision.question.as_ref();
    let Some(subject) = decision.subject.as_deref() else {
        let principal = &question?.principal;
        let user = User {
            uid: name(&principal.id),
            name: None,
            type_id: 99,
            kind: match principal.kind {
                PrincipalKind::Device => "Device",
                PrincipalKind::User => "User",
                PrincipalKind::Service => "Service",
            },
            groups: vec![],
        };
        return Some(Actor::of(user));
    };
    let (type_id, kind) = match subject.kind {
        SubjectKind::User => (1, "User"),
        SubjectKind::Service => (4, "Service"),
    };
    let workload = question.and_then(|question| question.actor.as_ref()).map(|actor| &actor.device.id);
    Some(Actor {
        user: User {
            uid: name(&subject.id),
            name: subject.display.as_deref().map(name),
            type_id,
            kind,
            groups: if whole { subject_groups(subject) } else { vec![] },
        },
        session: Some(session(subject, question)),
        app_uid: subject.client.as_deref().map(name),
        invoked_by: workload.or(subject.actor.as_ref()).map(|actor| name(actor)),
        idp: Some(Named { name: name(&subject.issuer) }),
    })
}

fn subject_groups(subject: &Subject) -> Vec<Group<'_>> {
    let roles = subject.roles.iter().map(|role| Group { name: name(role), kind: "role" });
    let units = subject.units.iter().map(|unit| Group { name: name(unit), kind: "unit" });
    roles.take(GROUPS).chain(units.take(GROUPS)).collect()
}

fn session<'a>(subject: &'a Subject, question: Option<&Question>) -> Session<'a> {
    Session {
        credential_uid: subject.token_id.as_deref().map(name),
        created_time: subject
            .auth_time
            .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)),
        expiration_time: timestamp(subject.expires),
        issuer: name(&subject.issuer),
        is_mfa: question.map(|question| question.context.session.strong),
    }
}

/// The client certificate, where it is proven to be ours.
fn certificate(decision: &Decision) -> Option<&Judged> {
    match &decision.connection.device {
        DeviceState::Absent => None,
        DeviceState::Accepted(certificate) => Some(certificate),
        DeviceState::Rejected(rejected) => rejected.certificate.as_deref(),
    }
}

/// The device at hand: the officer's, or the workload's that acts for one.
fn device(decision: &Decision) -> Option<Device<'_>> {
    let posture = decision.device.as_ref();
    let id =
        posture.map(|posture| &posture.id).or_else(|| certificate(decision).map(|judged| &judged.name))?;
    Some(Device {
        uid: name(id),
        name: name(id),
        type_id: 0,
        is_trusted: decision.connection.device.accepted().is_some(),
        is_managed: posture.map(|posture| posture.managed),
        is_compliant: posture.map(|posture| posture.compliant),
        groups: posture.map(device_groups).unwrap_or_default(),
    })
}

fn device_groups(posture: &DeviceFacts) -> Vec<Group<'_>> {
    let fleet = posture.fleet.as_deref().map(|fleet| Group { name: name(fleet), kind: "fleet" });
    let unit = posture.unit.as_deref().map(|unit| Group { name: name(unit), kind: "unit" });
    fleet.into_iter().chain(unit).collect()
}

fn caller(decision: &Decision) -> Endpoint<'_> {
    let named = certificate(decision).map_or("unknown", |judged| &judged.name);
    let address = Some(Shown(decision.connection.address));
    Endpoint { name: name(named), ip: address, subnet_uid: None, hostname: None, svc_name: None }
}

fn destination(decision: &Decision) -> Endpoint<'_> {
    let host = decision.request.as_ref().map(|request| name(&request.host));
    Endpoint { hostname: host, ..Endpoint::of_source(decision.source.as_deref()) }
}

fn tls(decision: &Decision) -> Tls<'_> {
    Tls {
        version: decision.connection.tls,
        sni: decision.connection.sni.as_deref().map(name),
        certificate: certificate(decision).map(|judged| Certificate {
            issuer: name(&judged.issuer),
            serial_number: name(&judged.serial),
            created_time: timestamp(judged.not_before),
            expiration_time: timestamp(judged.not_after),
            fingerprints: [Fingerprint { algorithm_id: 3, value: Hex::of(&judged.sha256) }],
            sans: [San { kind: judged.kind.as_str(), name: name(&judged.name) }],
        }),
    }
}

fn policy(uid: &str, is_applied: Option<bool>) -> Policy<'_> {
    Policy { uid: name(uid), is_applied }
}

fn authorizations(decision: &Decision) -> Vec<Authorization<'_>> {
    let Some(said) = &decision.policy else { return vec![] };
    let word = if said.allow { "allow" } else { "deny" };
    let ids = said.determining.iter().take(GROUPS);
    ids.map(|id| Authorization { decision: word, policy: policy(id, None) }).collect()
}

fn unmapped<'a>(decision: &'a Decision, digests: &'a Digests, form: Form) -> Unmapped<'a> {
    let whole = form.is_whole();
    let (subjects, more_subjects) = about(&decision.subjects, form);
    let question = decision.question.as_ref();
    let dropped = decision.subject.iter().flat_map(|subject| &subject.dropped);
    Unmapped {
        code: decision.id.code(),
        connection: decision.connection.id,
        source: decision.source.as_deref(),
        operation: question.map(|question| question.operation.as_str()),
        purpose: question.and_then(|question| question.context.purpose.as_deref()).map(name),
        case: question.and_then(|question| question.context.case.as_deref()).map(name),
        glass: decision.glass.map(|request| Hex::of(&request.0)),
        subjects,
        more_subjects,
        verdict: decision.verdict.outcome(),
        certificate: match &decision.connection.device {
            DeviceState::Absent => "absent",
            DeviceState::Accepted(_) => "accepted",
            DeviceState::Rejected(rejected) => rejected.fault.code(),
        },
        waf: Inspection::of(decision.inspection.as_deref(), form),
        steps: Steps(&decision.steps),
        digests: Configuration {
            policies: &digests.policies,
            candidate: digests.candidate.as_deref(),
            configuration: &digests.configuration,
        },
        dropped: if whole { dropped.map(|claim| name(claim)).collect() } else { vec![] },
        policy: decision.policy.as_ref().filter(|_| whole),
        question: question.filter(|_| whole),
    }
}
