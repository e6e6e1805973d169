//! What Poort's words are in OCSF's numbers, in total matches.

use http::Method;
use poort_enforce::reason::Class;

/// Classes of events.
pub(super) const DETECTION_FINDING: u32 = 2004;
pub(super) const AUTHENTICATION: u32 = 3002;
pub(super) const AUTHORIZE_SESSION: u32 = 3003;
pub(super) const ENTITY_MANAGEMENT: u32 = 3004;
pub(super) const HTTP_ACTIVITY: u32 = 4002;

/// The category of a class: Findings, Identity and Access Management, Network Activity.
pub(super) const fn category(class: u32) -> u32 {
    class / 1000
}

/// Neither success nor failure is known.
pub(super) const STATUS_UNKNOWN: u32 = 0;
pub(super) const STATUS_SUCCESS: u32 = 1;
pub(super) const STATUS_FAILURE: u32 = 2;

pub(super) const ACTION_ALLOWED: u32 = 1;
pub(super) const ACTION_DENIED: u32 = 2;
/// Neither allowed nor denied: an outcome decides nothing.
pub(super) const ACTION_OBSERVED: u32 = 3;

pub(super) const DISPOSITION_ALLOWED: u32 = 1;
pub(super) const DISPOSITION_BLOCKED: u32 = 2;
pub(super) const DISPOSITION_LOGGED: u32 = 17;
/// A stronger sign-in, or a purpose, is asked for.
pub(super) const DISPOSITION_CHALLENGE: u32 = 23;
pub(super) const DISPOSITION_ACCESS_REVOKED: u32 = 24;
/// The request itself was bad.
pub(super) const DISPOSITION_REJECTED: u32 = 25;
/// A check of who asks, or of what they may, failed.
pub(super) const DISPOSITION_UNAUTHORIZED: u32 = 26;
pub(super) const DISPOSITION_ERROR: u32 = 27;

pub(super) const SEVERITY_INFORMATIONAL: u32 = 1;
pub(super) const SEVERITY_LOW: u32 = 2;
pub(super) const SEVERITY_MEDIUM: u32 = 3;
/// From here on a record is an alert.
pub(super) const SEVERITY_HIGH: u32 = 4;

/// The activity of a method, and whether OCSF has a word for the method.
pub(super) fn activity(method: &Method) -> (u32, bool) {
    match method.as_str() {
        "CONNECT" => (1, true),
        "DELETE" => (2, true),
        "GET" => (3, true),
        "HEAD" => (4, true),
        "OPTIONS" => (5, true),
        "POST" => (6, true),
        "PUT" => (7, true),
        "TRACE" => (8, true),
        "PATCH" => (9, true),
        _ => (99, false),
    }
}

/// How a refusal of a class is called.
pub(super) const fn disposition(class: Class) -> u32 {
    match class {
        Class::MalformedRequest | Class::HeadTooLarge | Class::BodyTooLarge => DISPOSITION_REJECTED,
        Class::BodyIncomplete | Class::LengthRequired => DISPOSITION_REJECTED,
        Class::Inspection | Class::AnswerWithheld => DISPOSITION_BLOCKED,
        Class::TooManyRequests | Class::Busy | Class::SourceClosed => DISPOSITION_BLOCKED,
        Class::UnknownAddress | Class::Misdirected => DISPOSITION_REJECTED,
        Class::DeviceRevoked | Class::AccessBlocked => DISPOSITION_ACCESS_REVOKED,
        Class::DeviceRequired | Class::DeviceExpired | Class::DeviceRejected => DISPOSITION_UNAUTHORIZED,
        Class::SignInRequired | Class::SignInInvalid | Class::SignInExpired => DISPOSITION_UNAUTHORIZED,
        Class::NotPermitted | Class::SignInElsewhere => DISPOSITION_UNAUTHORIZED,
        Class::StrongerSignIn | Class::PurposeRequired => DISPOSITION_CHALLENGE,
        Class::PurposeInvalid => DISPOSITION_REJECTED,
        Class::SourceUnavailable | Class::SourceTimeout | Class::GateUnavailable => DISPOSITION_ERROR,
    }
}

/// How bad a refusal of a class is: daily life is low, what an attacker looks like is medium, what must not happen is high.
pub(super) const fn severity(class: Class) -> u32 {
    match class {
        Class::SignInRequired | Class::SignInExpired | Class::StrongerSignIn => SEVERITY_INFORMATIONAL,
        Class::PurposeRequired => SEVERITY_INFORMATIONAL,
        Class::PurposeInvalid => SEVERITY_LOW,
        Class::UnknownAddress | Class::Misdirected | Class::Busy | Class::SourceClosed => SEVERITY_LOW,
        Class::DeviceExpired | Class::DeviceRequired => SEVERITY_LOW,
        Class::BodyTooLarge | Class::BodyIncomplete | Class::LengthRequired => SEVERITY_LOW,
        Class::Inspection => SEVERITY_MEDIUM,
        // What a source lets out is no longer an attempt.
        Class::AnswerWithheld => SEVERITY_HIGH,
        Class::MalformedRequest | Class::HeadTooLarge | Class::TooManyRequests => SEVERITY_MEDIUM,
        Class::DeviceRejected | Class::SignInInvalid | Class::NotPermitted => SEVERITY_MEDIUM,
        Class::SourceUnavailable | Class::SourceTimeout => SEVERITY_MEDIUM,
        // Somebody holds a token or cookie that was made for another device.
        Class::SignInElsewhere => SEVERITY_HIGH,
        Class::DeviceRevoked | Class::AccessBlocked | Class::GateUnavailable => SEVERITY_HIGH,
    }
}
