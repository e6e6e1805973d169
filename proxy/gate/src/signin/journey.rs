//! Where a person was going: carried by the browser through the sign-in, sealed, so that it leads nowhere else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use poort_identity::session::{Purpose, Seal};
use serde::{Deserialize, Serialize};

use super::Visit;

/// How long a person may take to sign in.
pub(super) const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// For how long it is still known where somebody was going who took longer.
pub(super) const LATE: Duration = Duration::from_secs(2 * 3600);
/// Longest path with its query that is come back to, in bytes; what is longer is come back to at the application's front page.
const TARGET_LIMIT: usize = 2048;

/// Why a way to a source is interrupted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// To sign in.
    SignIn {
        /// Whether the session there was too weak.
        stronger: bool,
        /// The `acr` that a policy asks for; none: any strong sign-in will do.
        #[serde(default)]
        class: Option<String>,
        /// How long ago the sign-in may have been at most, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_age: Option<u64>,
    },
    /// To say what it is for.
    Mission {
        /// Whether a case number is demanded.
        case: bool,
    },
    /// To break the glass, which was offered to this person at this source.
    BreakGlass {
        /// The source's id.
        source: String,
        /// `issuer-alias|sub`.
        person: String,
    },
}

impl Errand {
    /// To sign in, in any way.
    #[must_use]
    pub const fn sign_in() -> Self {
        Self::SignIn { stronger: false, class: None, max_age: None }
    }
}

/// A way to a source, interrupted on the sign-in host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journey {
    /// The source's host.
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
    /// The name in the device's certificate.
    pub(super) device: String,
    /// Names the cookie that this browser was given at the source's host; empty: none, and no session is handed over there.
    pub(super) tag: String,
    /// SHA-256 of that cookie's value.
    pub(super) browser: [u8; 32],
    /// Why it was interrupted.
    pub(super) errand: Errand,
    /// When it was interrupted, in seconds since 1970.
    pub(super) at: u64,
    /// How often the issuer was asked in vain.
    #[serde(default)]
    pub(super) in_vain: u8,
}

impl Journey {
    /// A way that begins now, without a session at its end.
    pub(super) fn to(host: String, target: String, errand: Errand, visit: Visit<'_>) -> Self {
        let (device, at) = (visit.device.to_owned(), seconds(visit.now));
        Self { host, target, device, tag: String::new(), browser: [0; 32], errand, at, in_vain: 0 }
    }

    /// The stronger sign-in that it waits for, if it does; inside: the `acr` that it has to be.
    pub(super) fn stronger(&self) -> Option<Option<&str>> {
        match &self.errand {
            Errand::SignIn { stronger: true, class, .. } => Some(class.as_deref()),
            _ => None,
        }
    }

    /// How long ago the sign-in that it waits for may have been at most, in seconds.
    pub(super) fn max_age(&self) -> Option<u64> {
        if let Errand::SignIn { max_age, .. } = &self.errand { *max_age } else { None }
    }

    pub(super) fn seal(&self, seal: &Seal) -> Option<String> {
        seal.seal(Purpose::Journey, &serde_json::to_vec(self).ok()?).ok()
    }

    /// Opens a journey that this device's browser was sent on a short while ago.
    pub(super) fn open(seal: &Seal, sealed: &str, device: &str, now: SystemTime) -> Option<Self> {
        Self::recall(seal, sealed, device).filter(|journey| !journey.is_over(now))
    }

    /// The same, however long ago that was: good for nothing but to know where it was going.
    pub(super) fn recall(seal: &Seal, sealed: &str, device: &str) -> Option<Self> {
        let journey: Self = serde_json::from_slice(&seal.open(Purpose::Journey, sealed.as_bytes())?).ok()?;
        (journey.device == device).then_some(journey)
    }

    /// Whether it took too long.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        let begun = UNIX_EPOCH.checked_add(Duration::from_secs(self.at));
        // Gates differ by some seconds.
        begun.is_none_or(|begun| now.duration_since(begun).unwrap_or(Duration::ZERO) >= PATIENCE)
    }
}

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Path and query as they are come back to.
pub(super) fn target(path: &str, query: Option<&str>) -> String {
    whole_target(path, query).unwrap_or_else(|| "/".to_owned())
}

/// Path and query, if they are not too long.
pub(super) fn whole_target(path: &str, query: Option<&str>) -> Option<String> {
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    (target.len() <= TARGET_LIMIT).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journey_goes_on_only_where_it_was_going() {
        let seal = Seal::from_lines(&"0f".repeat(32)).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_893_456_000);
        let journey = Journey {
            host: "persons.example".to_owned(),
            target: target("/persons/1", Some("a=b")),
            device: "car-1".to_owned(),
            tag: "abc".to_owned(),
            browser: [1; 32],
            errand: Errand::sign_in(),
            at: seconds(now),
            in_vain: 0,
        };
        let sealed = journey.seal(&seal).unwrap();
        assert_eq!(journey.target, "/persons/1?a=b");
        assert_eq!(Journey::open(&seal, &sealed, "car-1", now), Some(journey.clone()));
        assert_eq!(Journey::open(&seal, &sealed, "car-2", now), None, "another device");
        assert_eq!(Journey::open(&seal, &sealed, "car-1", now + PATIENCE), None, "too late");
        assert_eq!(
            Journey::recall(&seal, &sealed, "car-1"),
            Some(journey),
            "where it was going is known all the same"
        );
        assert_eq!(Journey::recall(&seal, &sealed, "car-2"), None, "another device");
        for forged in
            ["https://evil.example", "//evil.example", "", &seal.seal(Purpose::Session, b"{}").unwrap()]
        {
            assert_eq!(Journey::open(&seal, forged, "car-1", now), None, "{forged}");
            assert_eq!(Journey::recall(&seal, forged, "car-1"), None, "{forged}");
        }
        assert_eq!(target(&"/a".repeat(2000), None), "/");
    }
}
