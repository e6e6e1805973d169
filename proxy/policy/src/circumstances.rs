//! The context of a request, built as Cedar values.
//!
//! Cedar's own constructors go through expressions, which are evaluated and (with a schema) checked for every request:
//! 2.4 to 3.3 µs. Here the values are made directly, and only those that the condition at hand can read. That they fit
//! the schema is checked at load, with a full and a bare example for every kind of principal and operation.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use cedar_policy_core::ast::{Context as CedarContext, EntityUID, Literal, PartialValue, Value};
use cedar_policy_core::extensions::Extensions;
use smol_str::{SmolStr, format_smolstr};

use crate::question::{Context, RequestContext, SessionFacts};
use crate::reads::Reads;
use crate::shift::ShiftCount;

type Record = BTreeMap<SmolStr, Value>;

/// What the context says of devices and actors: the same for every request of a prepared principal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Company(Arc<Record>);

impl Company {
    pub(crate) fn new(device: Option<&EntityUID>, actor: Option<(&EntityUID, Option<&EntityUID>)>) -> Self {
        let mut record = Record::new();
        put_some(&mut record, "device", device.map(known));
        if let Some((device, service)) = actor {
            let mut actor = Record::new();
            put(&mut actor, "device", known(device));
            put_some(&mut actor, "service", service.map(known));
            put(&mut record, "actor", Value::record_arc(Arc::new(actor), None));
        }
        Self(Arc::new(record))
    }

    /// A context with nothing else in it.
    pub(crate) fn context(&self) -> CedarContext {
        CedarContext::Value(Arc::clone(&self.0))
    }

    fn find(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

/// The parts of a question's context that `reads` names.
///
/// # Errors
/// When Cedar does not take the client's address for one.
pub(crate) fn build(
    context: &Context,
    company: &Company,
    captures: &BTreeSet<SmolStr>,
    reads: Reads,
) -> Result<CedarContext, String> {
    let mut record = Record::new();
    if reads.any(Reads::DEVICE) {
        put_some(&mut record, "device", company.find("device"));
    }
    if reads.any(Reads::ACTOR) {
        put_some(&mut record, "actor", company.find("actor"));
    }
    if reads.any(Reads::REQUEST) {
        put(&mut record, "request", request(&context.request, captures, reads)?);
    }
    if reads.any(Reads::PURPOSE) {
        put_some(&mut record, "purpose", context.purpose.as_deref().map(text));
    }
    if reads.any(Reads::CASE) {
        put_some(&mut record, "case", context.case.as_deref().map(text));
    }
    if reads.any(Reads::BREAK_GLASS)
        && let Some(glass) = &context.break_glass
    {
        put(
            &mut record,
            "break_glass",
            fields([("reason", text(&glass.reason)), ("case", text(&glass.case))]),
        );
    }
    if reads.any(Reads::INSPECTION) {
        put(&mut record, "inspection", fields([("score", number(context.inspection.score))]));
    }
    if reads.any(Reads::SESSION) {
        put(&mut record, "session", session(&context.session, reads));
    }
    if reads.any(Reads::SHIFT) {
        let counted = ShiftCount::ALL.into_iter().filter(|kind| reads.any(Reads::counted(*kind)));
        let counted = counted.filter_map(|kind| Some((kind.as_str(), number(context.shift.of(kind)?))));
        put(&mut record, "shift", fields(counted));
    }
    if reads.any(Reads::TIME) {
        let time = context.time;
        let parts = [
            ("epoch", number(time.epoch)),
            ("hour", number(time.hour)),
            ("minute", number(time.minute)),
            ("weekday", number(time.weekday)),
        ];
        put(&mut record, "time", fields(parts));
    }
    Ok(CedarContext::Value(Arc::new(record)))
}

fn request(request: &RequestContext, captures: &BTreeSet<SmolStr>, reads: Reads) -> Result<Value, String> {
    let mut record = Record::new();
    if reads.any(Reads::METHOD) {
        put(&mut record, "method", text(&request.method));
    }
    if reads.any(Reads::HOST) {
        put(&mut record, "host", text(&request.host));
    }
    if reads.any(Reads::PATH) {
        put(&mut record, "path", text(&request.path));
    }
    if reads.any(Reads::ADDRESS) {
        put(&mut record, "address", address(request.address)?);
    }
    if reads.any(Reads::CAPTURES) {
        // What the schema does not declare, no policy can name.
        let captured =
            request.captures.iter().filter_map(|(name, value)| Some((captures.get(name.as_str())?, value)));
        let captured: Record = captured.map(|(name, value)| (name.clone(), text(value))).collect();
        put(&mut record, "captures", Value::record_arc(Arc::new(captured), None));
    }
    Ok(Value::record_arc(Arc::new(record), None))
}

fn session(session: &SessionFacts, reads: Reads) -> Value {
    let mut record = Record::new();
    if reads.any(Reads::ACR) {
        put_some(&mut record, "acr", session.acr.as_deref().map(text));
    }
    if reads.any(Reads::AMR) {
        let methods = session.amr.iter().map(|method| Literal::from(method.as_str()));
        put(&mut record, "amr", Value::set_of_lits(methods, None));
    }
    if reads.any(Reads::AUTH_AGE) {
        let age = session.auth_age.map(|age| i64::try_from(age).unwrap_or(i64::MAX));
        put_some(&mut record, "auth_age", age.map(number));
    }
    if reads.any(Reads::STRONG) {
        put(&mut record, "strong", Value::from(session.strong));
    }
    Value::record_arc(Arc::new(record), None)
}

/// An address as Cedar's `ipaddr`, by way of its text: the type itself is not public.
fn address(address: IpAddr) -> Result<Value, String> {
    let written = match address.to_canonical() {
        IpAddr::V4(address) => format_smolstr!("{address}"),
        // Cedar refuses the forms that end in an IPv4 address, so every group is written out.
        IpAddr::V6(address) => plain(address),
    };
    let name = "ip".parse().map_err(|_| "no `ip` function".to_owned())?;
    let function = Extensions::all_available().func(&name).map_err(|error| error.to_string())?;
    match function.call(&[Value::from(written)]).map_err(|error| error.to_string())? {
        PartialValue::Value(value) => Ok(value),
        PartialValue::Residual(_) => Err(format!("address `{address}` has no value")),
    }
}

fn plain(address: Ipv6Addr) -> SmolStr {
    let [a, b, c, d, e, f, g, h] = address.segments();
    format_smolstr!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{f:x}:{g:x}:{h:x}")
}

fn put(record: &mut Record, name: &'static str, value: Value) {
    record.insert(SmolStr::new_static(name), value);
}

fn put_some(record: &mut Record, name: &'static str, value: Option<Value>) {
    if let Some(value) = value {
        put(record, name, value);
    }
}

fn fields(parts: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let record: Record = parts.into_iter().map(|(name, value)| (SmolStr::new_static(name), value)).collect();
    Value::record_arc(Arc::new(record), None)
}

pub(crate) fn known(uid: &EntityUID) -> Value {
    Value::from(Arc::new(uid.clone()))
}

fn text(text: &str) -> Value {
    Value::from(SmolStr::new(text))
}

fn number(number: impl Into<i64>) -> Value {
    Value::from(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cedar_takes_every_form_of_address() {
        let cases = [
            ("10.1.2.3", "10.1.2.3"),
            ("::ffff:10.1.2.3", "10.1.2.3"),
            ("::1", "::1"),
            ("::10.1.2.3", "::a01:203"),
            ("2001:db8::5", "2001:db8::5"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ];
        for (given, expected) in cases {
            let value = address(given.parse().unwrap()).unwrap();
            assert_eq!(value, address(expected.parse().unwrap()).unwrap(), "{given}");
        }
    }
}
