//! Why a request was refused: the closed list, and what of it a client may know.

use poort_identity::{device::DeviceFault, session::SessionFault, token::TokenFault};

use crate::normal::TargetFault;

/// A fault of the HTTP message itself, seen before anything about the caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolFault {
    /// Content-Length and Transfer-Encoding in one head (RFC 9112 §6.1: request smuggling).
    LengthAndEncoding,
    /// More than one Content-Length, even if equal, or one that is no number.
    ContentLength,
    /// A Transfer-Encoding other than exactly `chunked`.
    TransferEncoding,
    /// No Host, more than one, an empty or malformed one, or one that differs from `:authority`.
    Host,
    /// A method that is no upper-case token, or TRACE or CONNECT.
    Method,
    /// A target that is not in origin-form or has more than one reading.
    Target(TargetFault),
    /// An ambiguous URL form that the source's file does not allow.
    UrlForm,
    /// Folded header lines, bare CR or LF, a space before the colon, a control byte, an underscore in a name.
    Header,
    /// More or longer headers than allowed.
    HeadTooLarge,
    /// HTTP/1.0 or older.
    Version,
    /// An upgrade that the source's file does not allow.
    Upgrade,
}

impl ProtocolFault {
    /// The stable name in records and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::LengthAndEncoding => "length_and_encoding",
            Self::ContentLength => "content_length",
            Self::TransferEncoding => "transfer_encoding",
            Self::Host => "host",
            Self::Method => "method",
            Self::Target(TargetFault::NotOriginForm) => "target_form",
            Self::Target(TargetFault::TooLong) => "target_length",
            Self::Target(TargetFault::Control) => "target_control_byte",
            Self::Target(TargetFault::Backslash) => "target_backslash",
            Self::Target(TargetFault::DotSegment) => "target_dot_segment",
            Self::Target(TargetFault::Escape) => "target_escape",
            Self::Target(TargetFault::Byte) => "target_byte",
            Self::Target(TargetFault::Overlong) => "target_overlong_utf8",
            Self::UrlForm => "url_form",
            Self::Header => "header",
            Self::HeadTooLarge => "head_too_large",
            Self::Version => "version",
            Self::Upgrade => "upgrade",
        }
    }
}

/// Which budget a request went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Requests from one address prefix without a verified device.
    Address,
    /// Requests from one device.
    Device,
    /// Requests of one user or service.
    User,
    /// Requests of one user to one source.
    UserAtSource,
    /// Requests of one device to one source.
    DeviceAtSource,
    /// Requests to one source.
    Source,
    /// Requests in flight to one source.
    SourceConcurrency,
    /// Requests in flight through the gate.
    Concurrency,
    /// Bytes of bodies held by the gate.
    Bodies,
}

impl Budget {
    /// The stable name in records and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Address => "limit_address",
            Self::Device => "limit_device",
            Self::User => "limit_user",
            Self::UserAtSource => "limit_user_at_source",
            Self::DeviceAtSource => "limit_device_at_source",
            Self::Source => "limit_source",
            Self::SourceConcurrency => "limit_source_concurrency",
            Self::Concurrency => "limit_concurrency",
            Self::Bodies => "limit_bodies",
        }
    }
}

/// Why a request was refused, in full. This goes to the record; the client sees its [`Class`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The message is ambiguous or malformed.
    Protocol(ProtocolFault),
    /// A budget is used up.
    Limit(Budget),
    /// No source answers for this host and path.
    NoRoute,
    /// SNI and Host belong to sources with different TLS and device rules.
    Misdirected,
    /// The source was closed in an emergency.
    SourceClosed,
    /// A cross-origin request that the source's file does not allow.
    Origin,
    /// No operation of the source's file matches method and path.
    NoOperation,
    /// A query key that is captured occurs more than once.
    RepeatedCapture,
    /// The source demands a device certificate and there is none.
    DeviceMissing,
    /// The device certificate is not accepted.
    Device(DeviceFault),
    /// The device's access was ended.
    DeviceBlocked,
    /// No token, and the source demands a subject.
    SubjectMissing,
    /// The Authorization header is doubled or no bearer token.
    Authorization,
    /// A token in the query, where it would end in logs (RFC 6750 §2.3, RFC 9700 §4.3.2).
    TokenInQuery,
    /// The token is not accepted.
    Token(TokenFault),
    /// The token is bound to another device's certificate (RFC 8705 §3).
    TokenOfAnotherDevice,
    /// The token is bound to no certificate, and the source demands that it is.
    TokenUnbound,
    /// The session's cookie is not accepted.
    Session(SessionFault),
    /// The session was begun on another device.
    SessionOfAnotherDevice,
    /// The person's, or the service's, access was ended until it is given back.
    UserBlocked,
    /// The token is from before its subject's access was ended.
    SignInEnded,
    /// A page of another origin asks in the name of a session, and the source's file does not allow it to.
    CrossOrigin,
    /// The token's `act` names somebody else than the calling workload.
    ActorMismatch,
    /// This workload may not act for officers at this source.
    NotOnBehalf,
    /// The policy says no.
    Policy,
    /// The policy asks for a stronger sign-in.
    StrongerSignIn,
    /// What the request is for was not stated, and its source's file or a policy demands it.
    PurposeRequired,
    /// The same of a case number.
    CaseRequired,
    /// What an application states is none of the zone's purposes.
    PurposeUnknown,
    /// What an application states is no case number.
    CaseMalformed,
    /// A policy could not be evaluated, which is a no.
    PolicyError,
    /// The request's body is larger than the source's limit.
    BodyTooLarge,
    /// The request's body did not end, or not in time.
    BodyIncomplete,
    /// The request's body is longer than what may come without a length.
    LengthRequired,
    /// The rules of inspection refuse the request.
    Inspection,
    /// Inspection of the request took more work than it may.
    InspectionExhausted,
    /// A stream, of which nothing but the head would be inspected.
    StreamUninspected,
    /// The rules of inspection refuse the answer.
    AnswerInspection,
    /// The answer cannot be inspected, and what is not inspected does not pass.
    AnswerUninspected,
    /// The decision could not be written, so nothing passes.
    RecordUnwritable,
    /// The source refused the connection or could not be found.
    SourceUnreachable,
    /// The source did not connect or answer in time.
    SourceTimeout,
    /// The source reset the connection or answered what is no HTTP.
    SourceMalformed,
    /// The gate itself failed.
    Internal,
}

impl Reason {
    /// The stable name in records, metrics and `detail`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protocol(fault) => fault.code(),
            Self::Limit(budget) => budget.code(),
            Self::NoRoute => "no_route",
            Self::Misdirected => "misdirected",
            Self::SourceClosed => "source_closed",
            Self::Origin => "origin",
            Self::NoOperation => "no_operation",
            Self::RepeatedCapture => "repeated_capture",
            Self::DeviceMissing => "device_missing",
            Self::Device(fault) => fault.code(),
            Self::DeviceBlocked => "device_blocked",
            Self::SubjectMissing => "subject_missing",
            Self::Authorization => "authorization",
            Self::TokenInQuery => "token_in_query",
            Self::Token(fault) => fault.code(),
            Self::TokenOfAnotherDevice => "token_of_another_device",
            Self::TokenUnbound => "token_unbound",
            Self::Session(fault) => fault.code(),
            Self::SessionOfAnotherDevice => "session_of_another_device",
            Self::UserBlocked => "user_blocked",
            Self::SignInEnded => "sign_in_ended",
            Self::CrossOrigin => "cross_origin",
            Self::ActorMismatch => "actor_mismatch",
            Self::NotOnBehalf => "not_on_behalf",
            Self::Policy => "policy",
            Self::StrongerSignIn => "stronger_sign_in",
            Self::PurposeRequired => "purpose_required",
            Self::CaseRequired => "case_required",
            Self::PurposeUnknown => "purpose_unknown",
            Self::CaseMalformed => "case_malformed",
            Self::PolicyError => "policy_error",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::LengthRequired => "length_required",
            Self::Inspection => "waf",
            Self::InspectionExhausted => "waf_exhausted",
            Self::StreamUninspected => "stream_uninspected",
            Self::AnswerInspection => "waf_answer",
            Self::AnswerUninspected => "answer_uninspected",
            Self::RecordUnwritable => "record_unwritable",
            Self::SourceUnreachable => "source_unreachable",
            Self::SourceTimeout => "source_timeout",
            Self::SourceMalformed => "source_malformed",
            Self::Internal => "internal",
        }
    }

    /// Whether it may be a sign of guessing or probing, which costs more. Not what is the gate's, the source's or everybody's doing, nor
    /// what happens to everyone in a day's work: a token that ends, a step up, a connection that a browser shared.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        match self.class() {
            Class::MalformedRequest
            | Class::HeadTooLarge
            | Class::UnknownAddress
            | Class::DeviceRequired
            | Class::DeviceExpired
            | Class::DeviceRevoked
            | Class::DeviceRejected
            | Class::SignInRequired
            | Class::SignInInvalid
            | Class::SignInElsewhere
            | Class::AccessBlocked
            | Class::NotPermitted
            | Class::Inspection
            | Class::BodyTooLarge => true,
            Class::TooManyRequests
            | Class::Busy
            | Class::Misdirected
            | Class::SourceClosed
            | Class::SignInExpired
            | Class::StrongerSignIn
            | Class::PurposeRequired
            | Class::PurposeInvalid
            | Class::BodyIncomplete
            | Class::LengthRequired
            | Class::AnswerWithheld
            | Class::SourceUnavailable
            | Class::SourceTimeout
            | Class::GateUnavailable => false,
        }
    }

    /// The class that the client sees.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Protocol(ProtocolFault::HeadTooLarge) => Class::HeadTooLarge,
            Self::Protocol(_) | Self::RepeatedCapture => Class::MalformedRequest,
            Self::Limit(Budget::SourceConcurrency | Budget::Concurrency | Budget::Bodies) => Class::Busy,
            Self::Limit(_) => Class::TooManyRequests,
            Self::NoRoute => Class::UnknownAddress,
            Self::Misdirected => Class::Misdirected,
            Self::SourceClosed => Class::SourceClosed,
            Self::Origin | Self::NoOperation | Self::Policy | Self::PolicyError => Class::NotPermitted,
            Self::NotOnBehalf | Self::ActorMismatch | Self::CrossOrigin => Class::NotPermitted,
            Self::DeviceMissing => Class::DeviceRequired,
            Self::Device(DeviceFault::Expired | DeviceFault::NotYetValid) => Class::DeviceExpired,
            Self::Device(DeviceFault::Revoked) | Self::DeviceBlocked => Class::DeviceRevoked,
            Self::Device(DeviceFault::RevocationUnknown) => Class::GateUnavailable,
            Self::Device(_) => Class::DeviceRejected,
            Self::SubjectMissing => Class::SignInRequired,
            Self::Authorization | Self::TokenInQuery | Self::TokenUnbound => Class::SignInInvalid,
            Self::TokenOfAnotherDevice | Self::SessionOfAnotherDevice => Class::SignInElsewhere,
            Self::Session(SessionFault::Unreadable | SessionFault::Repeated | SessionFault::OtherHost) => {
                Class::SignInInvalid
            }
            Self::Session(SessionFault::Unreachable) => Class::GateUnavailable,
            Self::Session(_) | Self::SignInEnded => Class::SignInExpired,
            Self::UserBlocked => Class::AccessBlocked,
            Self::Token(TokenFault::Expired | TokenFault::TooOld) => Class::SignInExpired,
            Self::Token(TokenFault::KeysStale { .. } | TokenFault::KeysAbsent { .. }) => {
                Class::GateUnavailable
            }
            Self::Token(_) => Class::SignInInvalid,
            Self::StrongerSignIn => Class::StrongerSignIn,
            Self::PurposeRequired | Self::CaseRequired => Class::PurposeRequired,
            Self::PurposeUnknown | Self::CaseMalformed => Class::PurposeInvalid,
            Self::BodyTooLarge => Class::BodyTooLarge,
            Self::BodyIncomplete => Class::BodyIncomplete,
            Self::LengthRequired => Class::LengthRequired,
            Self::Inspection | Self::InspectionExhausted => Class::Inspection,
            Self::StreamUninspected => Class::NotPermitted,
            Self::AnswerInspection | Self::AnswerUninspected => Class::AnswerWithheld,
            Self::RecordUnwritable | Self::Internal => Class::GateUnavailable,
            Self::SourceUnreachable | Self::SourceMalformed => Class::SourceUnavailable,
            Self::SourceTimeout => Class::SourceTimeout,
        }
    }
}

/// What a client may know of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is worded in `words`, for people")]
pub enum Class {
    MalformedRequest,
    HeadTooLarge,
    TooManyRequests,
    Busy,
    UnknownAddress,
    Misdirected,
    SourceClosed,
    DeviceRequired,
    DeviceExpired,
    DeviceRevoked,
    DeviceRejected,
    SignInRequired,
    SignInExpired,
    SignInInvalid,
    SignInElsewhere,
    AccessBlocked,
    StrongerSignIn,
    PurposeRequired,
    PurposeInvalid,
    NotPermitted,
    BodyTooLarge,
    BodyIncomplete,
    LengthRequired,
    Inspection,
    AnswerWithheld,
    SourceUnavailable,
    SourceTimeout,
    GateUnavailable,
}
