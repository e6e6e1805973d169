//! Circumstances that have a name.

use std::{collections::BTreeMap, net::IpAddr};

use poort_policy::{BreakGlass, Context, ShiftFacts};

/// Circumstances; what is none is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Situation {
    /// Whether the sign-in was strong.
    pub strong: Option<bool>,
    /// How long ago it was, in seconds.
    pub auth_age: Option<u64>,
    /// Its class.
    pub acr: Option<String>,
    /// Its methods.
    pub amr: Option<Vec<String>>,
    /// The purpose.
    pub purpose: Option<String>,
    /// The case.
    pub case: Option<String>,
    /// A broken glass.
    pub break_glass: Option<BreakGlass>,
    /// What inspection found.
    pub score: Option<u32>,
    /// What the person has come to in the shift.
    pub shift: ShiftFacts,
    /// Day of the week from 1 (Monday), hour and minute, on the zone's clock.
    pub time: Option<(u8, u8, u8)>,
    /// The request's method.
    pub method: Option<String>,
    /// Its path.
    pub path: Option<String>,
    /// Its host.
    pub host: Option<String>,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// What is captured from it.
    pub captures: BTreeMap<String, String>,
}

impl Situation {
    /// These circumstances where they say something, otherwise `others`.
    #[must_use]
    pub fn before(self, others: Self) -> Self {
        let mut captures = others.captures;
        captures.extend(self.captures);
        Self {
            strong: self.strong.or(others.strong),
            auth_age: self.auth_age.or(others.auth_age),
            acr: self.acr.or(others.acr),
            amr: self.amr.or(others.amr),
            purpose: self.purpose.or(others.purpose),
            case: self.case.or(others.case),
            break_glass: self.break_glass.or(others.break_glass),
            score: self.score.or(others.score),
            shift: over(self.shift, others.shift),
            time: self.time.or(others.time),
            method: self.method.or(others.method),
            path: self.path.or(others.path),
            host: self.host.or(others.host),
            address: self.address.or(others.address),
            captures,
        }
    }

    /// The usual circumstances, with these in their place.
    #[must_use]
    pub fn over(self, mut usual: Context) -> Context {
        let put = |place: &mut String, value: Option<String>| {
            if let Some(value) = value {
                *place = value;
            }
        };
        put(&mut usual.request.method, self.method);
        put(&mut usual.request.path, self.path);
        put(&mut usual.request.host, self.host);
        usual.request.address = self.address.unwrap_or(usual.request.address);
        usual.request.captures.extend(self.captures);
        usual.session.strong = self.strong.unwrap_or(usual.session.strong);
        usual.session.auth_age = self.auth_age.or(usual.session.auth_age);
        usual.session.acr = self.acr.or(usual.session.acr);
        usual.session.amr = self.amr.unwrap_or(usual.session.amr);
        usual.inspection.score = self.score.unwrap_or(usual.inspection.score);
        usual.purpose = self.purpose.or(usual.purpose);
        usual.case = self.case.or(usual.case);
        usual.break_glass = self.break_glass.or(usual.break_glass);
        usual.shift = over(self.shift, usual.shift);
        if let Some((weekday, hour, minute)) = self.time {
            let moved = i64::from(weekday) - i64::from(usual.time.weekday);
            let hours = i64::from(hour) - i64::from(usual.time.hour);
            let minutes = i64::from(minute) - i64::from(usual.time.minute);
            usual.time.epoch += moved * 86_400 + hours * 3_600 + minutes * 60;
            (usual.time.weekday, usual.time.hour, usual.time.minute) = (weekday, hour, minute);
        }
        usual
    }
}

/// Numbers that are there, otherwise the others'.
fn over(shift: ShiftFacts, others: ShiftFacts) -> ShiftFacts {
    ShiftFacts {
        subjects: shift.subjects.or(others.subjects),
        devices: shift.devices.or(others.devices),
        officers: shift.officers.or(others.officers),
    }
}
