//! What goes wrong while a request is served: reasons as errors of the server library, and its errors as reasons.

use http::StatusCode;
use pingora::{Error, ErrorSource, ErrorType, proxy::Session};
use poort_enforce::{
    reason::{ProtocolFault, Reason},
    reply::Reply,
};

/// An error that carries the reason for the record and the reply.
pub(super) fn failure(reason: Reason) -> Box<Error> {
    let status = Reply::status(&reason);
    Error::because(ErrorType::HTTPStatus(status.as_u16()), reason.code(), Failure(reason))
}

#[derive(Debug, thiserror::Error)]
#[error("{}", .0.code())]
struct Failure(Reason);

/// The status of the answer that the client has got. Leave to send a body (RFC 9110 §15.2.1) is none yet.
pub(super) fn answered(session: &Session) -> Option<StatusCode> {
    let status = session.response_written().map(|response| response.status);
    status.filter(|status| !status.is_informational() || *status == StatusCode::SWITCHING_PROTOCOLS)
}

/// Whether a source did not answer because it still had not got the whole request. Its time to answer begins anew with each piece that
/// is sent to it; one that does not take what it is sent is another error. In HTTP/2 the server library waits for ever for the client.
pub(super) fn waited_for_client(session: &mut Session, error: &Error) -> bool {
    let unanswered = (error.esource(), error.etype()) == (&ErrorSource::Upstream, &ErrorType::ReadTimedout);
    unanswered && answered(session).is_none() && !session.as_downstream_mut().is_body_done()
}

/// What an error of the server library means; none if the client is gone and there is nothing to say.
pub(super) fn reason_of(error: &Error) -> Option<Reason> {
    if let Some(Failure(reason)) = error.root_cause().downcast_ref() {
        return Some(reason.clone());
    }
    match (error.esource(), error.etype()) {
        (ErrorSource::Downstream, ErrorType::ReadTimedout) => Some(Reason::BodyIncomplete),
        // A chunk that is none (RFC 9112 §7.1).
        (ErrorSource::Downstream, ErrorType::Custom("InvalidChunk")) => {
            Some(Reason::Protocol(ProtocolFault::TransferEncoding))
        }
        // A Connection header that nominates what it may not.
        (_, ErrorType::InvalidHTTPHeader) if error.esource() != &ErrorSource::Upstream => {
            Some(Reason::Protocol(ProtocolFault::Header))
        }
        (ErrorSource::Downstream, _) => None,
        (_, ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout) => Some(Reason::SourceTimeout),
        (_, ErrorType::ReadTimedout | ErrorType::WriteTimedout) => Some(Reason::SourceTimeout),
        (
            _,
            ErrorType::ConnectRefused
            | ErrorType::ConnectNoRoute
            | ErrorType::ConnectError
            | ErrorType::SocketError
            | ErrorType::TLSHandshakeFailure
            | ErrorType::InvalidCert,
        ) => Some(Reason::SourceUnreachable),
        (ErrorSource::Upstream, _) => Some(Reason::SourceMalformed),
        _ => Some(Reason::Internal),
    }
}
