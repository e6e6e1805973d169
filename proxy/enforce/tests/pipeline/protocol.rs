//! `protocol`: a head with one reading. Its faults have a table of their own beside the reader; here, that they end the way.

use http::{Method, Version};
use poort_enforce::{
    normal::TargetFault,
    reason::{ProtocolFault, Reason},
};

use crate::fixture::{Ask, Zone, expect};

#[test]
fn a_head_with_two_readings_goes_nowhere() {
    let zone = Zone::new();
    let token = zone.issuer.officer();
    let ask = |target: &str| Ask::get("persons.example", target).token(&token);
    let version = |version| {
        let mut ask = ask("/status");
        ask.head.version = version;
        ask
    };
    let refused = |fault| Some(Reason::Protocol(fault));
    let smuggled = || ask("/status").header("content-length", "5").header("transfer-encoding", "chunked");
    expect(
        &zone,
        vec![
            ("one reading", ask("/status"), None),
            (
                "seen on the wire",
                ask("/status").fault(ProtocolFault::ContentLength),
                refused(ProtocolFault::ContentLength),
            ),
            ("length and encoding", smuggled(), refused(ProtocolFault::LengthAndEncoding)),
            ("two hosts", ask("/status").header("host", "persons.example"), refused(ProtocolFault::Host)),
            ("old version", version(Version::HTTP_10), refused(ProtocolFault::Version)),
            ("HTTP/2", version(Version::HTTP_2), None),
            ("trace", ask("/status").method(Method::TRACE), refused(ProtocolFault::Method)),
            ("traversal", ask("/a/%2e%2e/status"), refused(ProtocolFault::Target(TargetFault::DotSegment))),
            (
                "absolute form",
                ask("http://persons.example/"),
                refused(ProtocolFault::Target(TargetFault::NotOriginForm)),
            ),
            (
                "too long",
                ask(&format!("/{}", "a".repeat(8192))),
                refused(ProtocolFault::Target(TargetFault::TooLong)),
            ),
            (
                "forged twin of a header",
                ask("/status").header("x_remote_user", "chief"),
                refused(ProtocolFault::Header),
            ),
            ("h2c", ask("/status").header("upgrade", "h2c"), refused(ProtocolFault::Upgrade)),
        ],
    );
}
