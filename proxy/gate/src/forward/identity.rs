//! Who asks, told to a source: as a signed assertion, and as plain headers for applications that cannot verify one.

use std::fmt::Write as _;

use http::{HeaderName, HeaderValue};
use poort_enforce::{exchange::Exchange, subject::Holder};
use poort_identity::{Statement, StatementKind};
use poort_policy::PrincipalKind;

use crate::config::checked::source::IdentityValue;

/// The header that carries the assertion.
pub(super) const ASSERTION: HeaderName = HeaderName::from_static("poort-assertion");

/// A header's value; none if there is nothing to say.
pub(super) fn plain(value: IdentityValue, exchange: &Exchange) -> Option<HeaderValue> {
    let holder = exchange.holder.as_deref()?;
    let text = match value {
        IdentityValue::Subject => holder.principal.id.clone(),
        IdentityValue::User => display(holder).unwrap_or(&holder.principal.id).to_owned(),
        IdentityValue::Roles => holder.principal.roles.join(","),
        IdentityValue::Units => holder.principal.units.join(","),
        IdentityValue::Device => exchange.device.as_ref()?.id.clone(),
        IdentityValue::Actor => exchange.actor.as_ref()?.device.id.clone(),
        IdentityValue::Purpose => exchange.stated.purpose.as_deref()?.to_owned(),
        IdentityValue::Case => exchange.stated.case.as_deref()?.to_owned(),
    };
    (!text.is_empty()).then(|| header_value(&text)).flatten()
}

fn display(holder: &Holder) -> Option<&str> {
    holder.subject.as_ref()?.display.as_deref()
}

/// Visible ASCII goes as it is, everything else as percent-encoded UTF-8: a name must not become two headers, nor be read in
/// another character set.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            value.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(value).ok()
}

/// What an assertion to a source says of an exchange.
pub(super) fn statement<'a>(source: &'a str, holder: &'a Holder, exchange: &'a Exchange) -> Statement<'a> {
    Statement {
        source,
        subject: &holder.principal.id,
        kind: match holder.principal.kind {
            PrincipalKind::User => StatementKind::User,
            PrincipalKind::Service => StatementKind::Service,
            PrincipalKind::Device => StatementKind::Device,
        },
        roles: &holder.principal.roles,
        units: &holder.principal.units,
        device: exchange.device.as_ref().map(|device| &*device.id),
        actor: exchange.actor.as_ref().map(|actor| &*actor.device.id),
        acr: holder.subject.as_ref().and_then(|subject| subject.acr.as_deref()),
        purpose: exchange.stated.purpose.as_deref(),
        case: exchange.stated.case.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_header() {
        for (text, value) in [
            ("zone|jan", "zone|jan"),
            ("Jan Peeters", "Jan Peeters"),
            ("Zoë", "Zo%C3%AB"),
            ("a\r\nX-Role: admin", "a%0D%0AX-Role: admin"),
            ("100%", "100%25"),
        ] {
            assert_eq!(header_value(text).unwrap(), value);
        }
    }
}
