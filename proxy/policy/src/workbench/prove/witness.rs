//! A question of a solver's counter-example.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cedar_policy::{Context as CedarContext, Entities, EntityUid, EvalResult, Record, Request};

use crate::names::Kind;
use crate::question::{
    Actor, BreakGlass, Context, DeviceFacts, Principal, PrincipalKind, Question, RequestContext, SessionFacts,
};
use crate::shift::{ShiftCount, ShiftFacts};
use crate::time::TimeFacts;

use super::super::Workbench;
use super::Environment;

/// The question that a counter-example asks; none where the gate could not ask it. What the policies cannot read is `usual`.
pub(super) fn question(
    benches: &[&Workbench],
    environment: &Environment,
    (request, entities): &(Request, Entities),
    usual: &dyn Fn(&str) -> Context,
) -> Option<Question> {
    let model = Model { benches, entities };
    let principal = request.principal()?;
    let source = request.resource()?.id().unescaped();
    let context = request.context()?;
    let device = entity(context.get("device")).and_then(|uid| model.device(&uid));
    let actor = record(context.get("actor")).and_then(|actor| {
        let service = entity(actor.get("service").cloned()).map(|uid| uid.id().unescaped().to_owned());
        Some(Actor { device: model.device(&entity(actor.get("device").cloned())?)?, service })
    });
    Some(Question {
        principal: model.principal(environment.kind, principal),
        device,
        actor,
        operation: environment.operation,
        source: source.into(),
        context: circumstances(context, &usual(source))?,
    })
}

struct Model<'m> {
    benches: &'m [&'m Workbench],
    entities: &'m Entities,
}

impl Model<'_> {
    fn principal(&self, kind: PrincipalKind, uid: &EntityUid) -> Principal {
        let id = uid.id().unescaped().to_owned();
        if kind == PrincipalKind::Device {
            return Principal { kind, id, issuer: None, roles: Vec::new(), units: Vec::new() };
        }
        let within = |kind: Kind| {
            let all = self.above(uid, kind).into_iter();
            all.filter(|name| self.is_declared(kind, name)).map(Into::into).collect()
        };
        Principal {
            kind,
            issuer: self.attribute(uid, "issuer").and_then(text).map(Into::into),
            roles: within(Kind::Role),
            units: within(Kind::Unit),
            id,
        }
    }

    fn device(&self, uid: &EntityUid) -> Option<DeviceFacts> {
        let fleets = self.above(uid, Kind::Fleet);
        let unit = entity(self.attribute(uid, "unit")).map(|unit| unit.id().unescaped().into());
        Some(DeviceFacts {
            id: uid.id().unescaped().to_owned(),
            fleet: fleets.into_iter().find(|fleet| self.is_declared(Kind::Fleet, fleet)).map(Into::into),
            unit,
            managed: flag(self.attribute(uid, "managed"))?,
            compliant: flag(self.attribute(uid, "compliant"))?,
        })
    }

    /// Names of what an entity is in.
    fn above(&self, uid: &EntityUid, kind: Kind) -> BTreeSet<String> {
        let all = self.entities.ancestors(uid).into_iter().flatten();
        all.filter(|above| above.type_name().to_string() == kind.name())
            .map(|above| above.id().unescaped().to_owned())
            .collect()
    }

    fn is_declared(&self, kind: Kind, name: &str) -> bool {
        self.benches.iter().any(|bench| bench.engine.registry.find(&kind.uid(name)).is_some())
    }

    fn attribute(&self, uid: &EntityUid, name: &str) -> Option<EvalResult> {
        self.entities.get(uid)?.attr(name)?.ok()
    }
}

fn circumstances(context: &CedarContext, usual: &Context) -> Option<Context> {
    let request = record(context.get("request"))?;
    let session = record(context.get("session"))?;
    let time = record(context.get("time"))?;
    let glass = record(context.get("break_glass"));
    let shift = record(context.get("shift"))?;
    let mut counted = ShiftFacts::default();
    for kind in ShiftCount::ALL {
        let count = number(shift.get(kind.as_str()).cloned());
        *counted.of_mut(kind) = count.map(u32::try_from).transpose().ok()?;
    }
    let small = |name: &str| u8::try_from(number(time.get(name).cloned())?).ok();
    let field = |record: &Record, name: &str| record.get(name).cloned().and_then(text);
    let captures = record(request.get("captures").cloned())?;
    Some(Context {
        request: RequestContext {
            method: field(&request, "method")?,
            host: field(&request, "host")?,
            path: field(&request, "path")?,
            address: address(request.get("address")).unwrap_or(usual.request.address),
            captures: captures
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), text(value.clone())?)))
                .collect(),
        },
        purpose: context.get("purpose").and_then(text),
        case: context.get("case").and_then(text),
        break_glass: glass.and_then(|glass| {
            Some(BreakGlass { reason: field(&glass, "reason")?, case: field(&glass, "case")? })
        }),
        inspection: crate::question::Inspection {
            score: u32::try_from(number(record(context.get("inspection"))?.get("score").cloned())?).ok()?,
        },
        session: SessionFacts {
            acr: field(&session, "acr"),
            amr: match session.get("amr")? {
                EvalResult::Set(methods) => methods.iter().cloned().filter_map(text).collect(),
                _ => return None,
            },
            auth_age: number(session.get("auth_age").cloned()).and_then(|age| u64::try_from(age).ok()),
            strong: flag(session.get("strong").cloned())?,
        },
        shift: counted,
        time: TimeFacts {
            epoch: number(time.get("epoch").cloned())?,
            hour: small("hour")?,
            minute: small("minute")?,
            weekday: small("weekday")?,
        },
    })
}

fn text(value: EvalResult) -> Option<String> {
    match value {
        EvalResult::String(text) => Some(text),
        _ => None,
    }
}

fn flag(value: Option<EvalResult>) -> Option<bool> {
    match value? {
        EvalResult::Bool(flag) => Some(flag),
        _ => None,
    }
}

fn number(value: Option<EvalResult>) -> Option<i64> {
    match value? {
        EvalResult::Long(number) => Some(number),
        _ => None,
    }
}

fn entity(value: Option<EvalResult>) -> Option<EntityUid> {
    match value? {
        EvalResult::EntityUid(uid) => Some(uid),
        _ => None,
    }
}

fn record(value: Option<EvalResult>) -> Option<Record> {
    match value? {
        EvalResult::Record(record) => Some(record),
        _ => None,
    }
}

/// The address in `ip("10.0.0.1/32")`, or the first one of a range.
fn address(value: Option<&EvalResult>) -> Option<IpAddr> {
    let EvalResult::ExtensionValue(text) = value? else { return None };
    let inner = text.split('"').nth(1).unwrap_or(text);
    inner.split('/').next()?.parse().ok()
}
