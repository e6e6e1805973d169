//! An answer judged before the client gets any of it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, header};
use pingora::{Error, http::ResponseHeader};
use poort_enforce::{
    inspect::{AnswerRules, BodySeen, Held, Inspection, Mode, Pass, Room},
    reason::{Budget, Reason},
};

use super::source::Answered;

/// An answer that may go to the client.
pub enum Judged {
    /// It has no body.
    Head,
    /// All of it was inspected, and this is its body.
    Whole(Bytes, Option<Held>),
    /// Its body is not inspected; this much was read of it.
    Passing(Bytes),
}

/// Why an answer goes no further.
pub enum Fault {
    /// It is refused.
    Refused(Reason),
    /// It broke off.
    Broken(Box<Error>),
}

impl From<Reason> for Fault {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<Box<Error>> for Fault {
    fn from(error: Box<Error>) -> Self {
        Self::Broken(error)
    }
}

/// Judges an answer: its head, and its body where the rules look into that.
///
/// # Errors
/// What the rules refuse, what cannot be inspected and may not pass, what breaks off.
pub async fn judge(
    answered: &mut Answered,
    inspection: &mut Inspection,
    rules: AnswerRules,
    method: &Method,
    room: &Arc<Room>,
) -> Result<Judged, Fault> {
    let head = &answered.head;
    let looks = inspection.judge_answer_head(head.status, head.version, &head.headers)?;
    if *method == Method::HEAD || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        inspection.leave_answer(BodySeen::None, Pass::Pass)?;
        return Ok(Judged::Head);
    }
    let limit = rules.limit.min(inspection.answer_limit());
    let left = if is_events(head) {
        Some((BodySeen::Stream, if inspection.inspector().streams { Pass::Pass } else { Pass::Refuse }))
    } else if !looks {
        Some((BodySeen::OtherType, rules.other_types))
    } else if is_encoded(head) {
        Some((BodySeen::Encoded, Pass::Refuse))
    } else if length(head).is_some_and(|length| length > limit) {
        Some((BodySeen::TooLarge, rules.larger))
    } else {
        None
    };
    match left {
        Some((why, pass)) => {
            inspection.leave_answer(why, pass)?;
            Ok(Judged::Passing(Bytes::new()))
        }
        None => read(answered, inspection, rules, limit, room).await,
    }
}

async fn read(
    answered: &mut Answered,
    inspection: &mut Inspection,
    rules: AnswerRules,
    limit: u64,
    room: &Arc<Room>,
) -> Result<Judged, Fault> {
    let mut body = BytesMut::new();
    let mut held = room.hold(0);
    while let Some(piece) = answered.read().await? {
        let has_room = held.as_mut().is_some_and(|held| held.grow(piece.len() as u64));
        body.extend_from_slice(&piece);
        if body.len() as u64 > limit {
            inspection.leave_answer(BodySeen::TooLarge, rules.larger)?;
            return Ok(Judged::Passing(body.freeze()));
        }
        if !has_room {
            inspection.leave_answer(BodySeen::NoRoom, Pass::Pass)?;
            return match inspection.inspector().mode {
                Mode::Detect => Ok(Judged::Passing(body.freeze())),
                Mode::Block => Err(Reason::Limit(Budget::Bodies).into()),
            };
        }
    }
    inspection.judge_answer(&body)?;
    Ok(Judged::Whole(body.freeze(), held))
}

fn length(head: &ResponseHeader) -> Option<u64> {
    head.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether a body is not what it says to be: in a content coding, or a part of something. Neither was asked for.
fn is_encoded(head: &ResponseHeader) -> bool {
    let mut codings = head.headers.get_all(header::CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        || head.status == StatusCode::PARTIAL_CONTENT
}

fn is_events(head: &ResponseHeader) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    kind.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
}
