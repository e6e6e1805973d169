//! Everything known of one request while it is decided.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use poort_identity::session::SessionId;
use poort_policy::{Actor, DeviceFacts, Question};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    arrival::Connection,
    facts::RequestFacts,
    gauge::Slot,
    hex,
    inspect::Inspection,
    operations::Meaning,
    pipeline::Check,
    sign_in::Endpoint,
    source::Source,
    stated::{Stated, Statements},
    subject::Holder,
};

/// Names one request, in the record, to the source and to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// The six-character code that a person reads from a screen: 30 bits in Crockford's base 32, without I, L, O, U.
    #[must_use]
    pub fn code(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = self.0.iter().rev().take(4).fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        let letter = |place: u32| ALPHABET.get((bits >> (place * 5) & 31) as usize);
        let mut code = String::with_capacity(6);
        code.extend((0..6).filter_map(letter).map(|byte| char::from(*byte)));
        code
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which check.
    pub check: Check,
    /// How long it took.
    pub took: Duration,
    /// Whether the request passed it.
    pub passed: bool,
}

/// One request on its way through the pipeline. Each check adds what it found; the record is made from it.
#[derive(Debug)]
pub struct Exchange {
    /// The request's name.
    pub id: RequestId,
    /// When its head was complete.
    pub received: SystemTime,
    /// The connection it came on.
    pub connection: Connection,
    /// Whether it is open already, and is only admitted again.
    pub again: bool,
    /// How the checks went, in order.
    pub steps: SmallVec<[Step; 8]>,
    /// Its normal form, once `protocol` has passed.
    pub facts: Option<RequestFacts>,
    /// Its source and the prefix that matched, once `route` has.
    pub route: Option<(Arc<Source>, Arc<str>)>,
    /// Which of the gate's own pages it asks for, once `route` has passed; it then has no source.
    pub own: Option<Endpoint>,
    /// What it means at the source; its captures are the question's, once that is put.
    pub meaning: Option<Meaning>,
    /// Its device's posture, once `device` has passed.
    pub device: Option<DeviceFacts>,
    /// Who asks, once `subject` has passed.
    pub holder: Option<Arc<Holder>>,
    /// The workload that acts for the subject.
    pub actor: Option<Actor>,
    /// The session that it came in, once `subject` has looked it up; none: it came in none.
    pub session: Option<SessionId>,
    /// What the officer has stated in that session.
    pub statements: Option<Arc<Statements>>,
    /// What is stated beside it, once `policy` has begun.
    pub stated: Stated,
    /// Its place among the requests in flight.
    pub slots: SmallVec<[Slot; 2]>,
    /// What the policies were asked, and said.
    pub asked: Option<(Question, poort_policy::Decision)>,
    /// The question once more, with its answer, where a body is inspected only after it was put.
    pub question: Option<(Question, poort_policy::Decision)>,
    /// Whether the digest of its body is owed to the record.
    pub hash_body: bool,
    /// Its inspection, once `waf` has begun; none if its source is not inspected.
    pub inspection: Option<Box<Inspection>>,
}

impl Exchange {
    /// Opens an exchange.
    #[must_use]
    pub fn open(id: RequestId, received: SystemTime, connection: Connection) -> Self {
        Self {
            id,
            received,
            connection,
            again: false,
            steps: SmallVec::new(),
            facts: None,
            route: None,
            own: None,
            meaning: None,
            device: None,
            holder: None,
            actor: None,
            session: None,
            statements: None,
            stated: Stated::default(),
            slots: SmallVec::new(),
            asked: None,
            question: None,
            hash_body: false,
            inspection: None,
        }
    }

    /// Opens an exchange for a stream that is to be admitted again. It has its place among those in flight and was counted when it
    /// began: a gate that is full, or a budget that others used up, is no reason to end it.
    #[must_use]
    pub fn reopen(id: RequestId, received: SystemTime, connection: Connection) -> Self {
        Self { again: true, ..Self::open(id, received, connection) }
    }

    /// The source, once `route` has passed.
    #[must_use]
    pub fn source(&self) -> Option<&Arc<Source>> {
        self.route.as_ref().map(|(source, _)| source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_six_readable_characters() {
        assert_eq!(RequestId([0; 16]).code(), "000000");
        let code = RequestId([0xff; 16]).code();
        assert_eq!(code, "ZZZZZZ");
        assert_eq!(RequestId([7; 16]).to_string(), "07".repeat(16));
    }
}
