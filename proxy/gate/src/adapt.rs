//! Between the server library and the decision: what of a session the pipeline gets to see.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, header};
use pingora::{Error, http::ResponseHeader, proxy::Session};
use poort_enforce::{
    arrival::{Arrival, Connection as ConnectionFacts, DeviceState},
    normal::TargetFault,
    reason::ProtocolFault,
    reply::Reply,
};

use crate::listen::{Connection, HeadFault, Judgement, LiveTrust};

/// Largest piece of an answer in HTTP/2, in bytes: a client that reads slowly takes so much in the time that a write may stall.
const PIECE_BYTES: usize = 16 * 1024;

/// The connection a request came on; none only where the connection layer was not in front, and then nothing passes.
pub fn connection(session: &Session) -> Option<Arc<Connection>> {
    session.as_downstream().digest().and_then(Connection::of).cloned()
}

/// What the pipeline may know of a connection, its certificate judged as of now.
pub fn connection_facts(connection: &Connection, trust: &LiveTrust, now: SystemTime) -> ConnectionFacts {
    ConnectionFacts {
        id: connection.id(),
        address: connection.peer().ip(),
        tls: connection.tls().version.code(),
        sni: connection.tls().sni.clone(),
        device: connection
            .device(trust, now)
            .map_or(DeviceState::Absent, |judgement| device_state(&judgement)),
    }
}

fn device_state(judgement: &Judgement) -> DeviceState {
    match &judgement.verdict {
        Ok(certificate) => DeviceState::Accepted(Arc::clone(certificate)),
        Err(rejected) => DeviceState::Rejected(Arc::clone(rejected)),
    }
}

/// The request head as it arrived.
pub fn arrival<'a>(session: &'a Session, connection: &Connection) -> Arrival<'a> {
    let head = session.req_header();
    Arrival { head, target: head.raw_path(), fault: head_fault(connection) }
}

/// The fault of the raw head.
pub fn head_fault(connection: &Connection) -> Option<ProtocolFault> {
    connection.head_fault().map(protocol_fault)
}

fn protocol_fault(fault: HeadFault) -> ProtocolFault {
    use HeadFault as H;
    match fault {
        H::LengthWithEncoding => ProtocolFault::LengthAndEncoding,
        H::RepeatedLength | H::OddLength => ProtocolFault::ContentLength,
        H::RepeatedEncoding | H::OddEncoding => ProtocolFault::TransferEncoding,
        H::HostMissing | H::HostRepeated | H::HostEmpty | H::HostOdd => ProtocolFault::Host,
        H::Method | H::LowerCaseMethod => ProtocolFault::Method,
        H::AbsoluteForm | H::TargetForm => ProtocolFault::Target(TargetFault::NotOriginForm),
        H::OldVersion | H::Version => ProtocolFault::Version,
        H::BareLineFeed
        | H::BareCarriageReturn
        | H::ObsoleteFold
        | H::EmptyLine
        | H::NoColon
        | H::SpaceBeforeColon
        | H::HeaderName
        | H::Underscore
        | H::ControlByte
        | H::RequestLine => ProtocolFault::Header,
    }
}

/// Writes a reply of the gate's own. The connection is closed after it if a body may still be on its way.
///
/// # Errors
/// When the client is gone.
pub async fn write_reply(session: &mut Session, reply: Reply) -> pingora::Result<()> {
    let mut response = ResponseHeader::build(reply.status, Some(reply.headers.len() + 1))?;
    for (name, value) in reply.headers {
        response.append_header(name, value)?;
    }
    let unread = !session.as_downstream_mut().is_body_done() && has_body(session);
    let faulty = connection(session).is_some_and(|connection| connection.head_fault().is_some());
    if (unread || faulty) && !session.is_http2() {
        response.insert_header(header::CONNECTION, "close")?;
        session.set_keepalive(None);
    }
    let head_only = session.req_header().method == http::Method::HEAD || reply.body.is_empty();
    session.write_response_header(Box::new(response), head_only).await?;
    if !head_only {
        write_body(session, reply.body.into()).await?;
    }
    Ok(())
}

/// Writes the whole body of an answer. In HTTP/2 how long a client may take is counted for each call of the server library, so that what is
/// large is written in pieces.
///
/// # Errors
/// When the client is gone, or does not read.
pub async fn write_body(session: &mut Session, mut body: Bytes) -> pingora::Result<()> {
    let most = if session.is_http2() { PIECE_BYTES } else { usize::MAX };
    loop {
        let piece = body.split_to(body.len().min(most));
        let end = body.is_empty();
        session.write_response_body(Some(piece), end).await.map_err(Error::into_down)?;
        if end {
            return Ok(());
        }
    }
}

fn has_body(session: &Session) -> bool {
    const FRAMING: [HeaderName; 2] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    FRAMING.iter().any(|name| session.req_header().headers.get(name).is_some_and(|value| value != "0"))
}
