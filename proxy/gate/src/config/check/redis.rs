//! The server where several gates share sessions.

use crate::config::{checked::deploy::Redis, raw::deploy as raw};

use super::{cursor::Opened, desk::Desk, upstream, value};

pub(super) fn check(desk: &Desk<'_>, redis: Opened<'_, raw::Redis>) -> Option<Redis> {
    let field = redis.field("address", |raw| &raw.address);
    let address = field.required("address: redis.zone.example:6379", upstream::address);
    let user = redis.field("user", |raw| &raw.user).optional(value::text);
    let password = redis.field("password", |raw| &raw.password);
    let secret = password.optional(|here| desk.secret(here));
    let authorities = redis.field("ca", |raw| &raw.ca);
    let ca = authorities.optional(|here| desk.authorities(here));
    if let Some(address) = address.as_ref().filter(|address| !upstream::is_local(address)) {
        if authorities.is_absent() {
            field.spot().fault(format!(
                "`{address}` is another machine, and sessions that go there can be read and changed on the way; name the authority of its certificate in `ca:`"
            ));
            return None;
        }
        if password.is_absent() {
            field.spot().warn(format!(
                "`{address}` lets in whoever asks; give it a password, in a file that `password:` names"
            ));
        }
    }
    if user.as_ref().is_some_and(Option::is_some) && password.is_absent() {
        field.spot().fault("a `user` signs in with a `password`; name the file that holds it");
        return None;
    }
    let place = redis.spot.place();
    Some(Redis { place, address: address?, user: user?, password: secret?, ca: ca? })
}
