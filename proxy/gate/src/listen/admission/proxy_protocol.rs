//! PROXY protocol, version 2: a balancer says for whom it connects.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, section 2.2. Version 1, a line of text, is refused: it needs a search for
//! its end, and every balancer that is still maintained speaks version 2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::listen::observer::DropReason;

/// The longest header read, in bytes: what a balancer puts there fits one segment of the smallest MTU.
pub(crate) const HEADER_LIMIT_BYTES: usize = 536;

const START: usize = 16;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// For whom a balancer connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// For this client.
    Client(SocketAddr),
    /// For itself: a health check.
    Balancer,
}

/// Reads a header, and not one byte more.
///
/// # Errors
/// `ProxyHeaderMissing` if it begins otherwise, `ProxyHeaderMalformed` if it is broken, longer than [`HEADER_LIMIT_BYTES`] or names no
/// TCP address, `Gone` if the connection ended or failed.
pub(crate) async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Origin, DropReason> {
    let mut start = [0; START];
    stream.read_exact(&mut start).await.map_err(|_| DropReason::Gone)?;
    let (command, family, length) = read_start(start)?;
    let mut body = [0; HEADER_LIMIT_BYTES - START];
    let body = body.get_mut(..length).ok_or(DropReason::ProxyHeaderMalformed)?;
    stream.read_exact(body).await.map_err(|_| DropReason::Gone)?;
    origin(command, family, body)
}

/// Signature, version and command, family and transport, length of the rest.
fn read_start(start: [u8; START]) -> Result<(u8, u8, usize), DropReason> {
    let Some((signature, [version_command, family, high, low])) = start.split_first_chunk::<12>() else {
        return Err(DropReason::ProxyHeaderMissing);
    };
    if signature != SIGNATURE {
        return Err(DropReason::ProxyHeaderMissing);
    }
    if version_command >> 4 != 2 {
        return Err(DropReason::ProxyHeaderMalformed);
    }
    Ok((version_command & 0xf, *family, usize::from(u16::from_be_bytes([*high, *low]))))
}

fn origin(command: u8, family: u8, body: &[u8]) -> Result<Origin, DropReason> {
    const LOCAL: u8 = 0;
    const PROXY: u8 = 1;
    const TCP_OVER_IPV4: u8 = 0x11;
    const TCP_OVER_IPV6: u8 = 0x21;
    match (command, family) {
        // The family of a local connection is to be ignored, and with it whatever stands in the body.
        (LOCAL, _) => Ok(Origin::Balancer),
        (PROXY, TCP_OVER_IPV4) => {
            let (addresses, rest) = body.split_first_chunk::<12>().ok_or(DropReason::ProxyHeaderMalformed)?;
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *addresses;
            judge_values(rest)?;
            client(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), [high, low])
        }
        (PROXY, TCP_OVER_IPV6) => {
            let (source, rest) = body.split_first_chunk::<16>().ok_or(DropReason::ProxyHeaderMalformed)?;
            let (_, rest) = rest.split_first_chunk::<16>().ok_or(DropReason::ProxyHeaderMalformed)?;
            let ([high, low, _, _], rest) =
                rest.split_first_chunk::<4>().ok_or(DropReason::ProxyHeaderMalformed)?;
            judge_values(rest)?;
            client(IpAddr::V6(Ipv6Addr::from(*source)), [*high, *low])
        }
        // A client without a TCP address can be neither limited nor recorded.
        _ => Err(DropReason::ProxyHeaderMalformed),
    }
}

fn client(address: IpAddr, port: [u8; 2]) -> Result<Origin, DropReason> {
    let address = address.to_canonical();
    if address.is_unspecified() || address.is_multicast() {
        return Err(DropReason::ProxyHeaderMalformed);
    }
    Ok(Origin::Client(SocketAddr::new(address, u16::from_be_bytes(port))))
}

/// Section 2.2.7: type, length and value, one after the other to the very end. What they say is not used.
fn judge_values(mut rest: &[u8]) -> Result<(), DropReason> {
    while !rest.is_empty() {
        let ([_, high, low], value) =
            rest.split_first_chunk::<3>().ok_or(DropReason::ProxyHeaderMalformed)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = value.get(length..).ok_or(DropReason::ProxyHeaderMalformed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(version_command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([version_command, family]);
        bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn read_all(bytes: &[u8]) -> (Result<Origin, DropReason>, usize) {
        let mut rest = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let origin = runtime.block_on(read(&mut rest));
        (origin, bytes.len() - rest.len())
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xc0, 0x01, 0x01, 0xbb];

    fn v6(source: &str) -> Vec<u8> {
        let source: Ipv6Addr = source.parse().unwrap();
        [source.octets().as_slice(), &[0; 16], &[0xc0, 0x01, 0x01, 0xbb]].concat()
    }

    #[test]
    fn a_header_names_the_client() {
        let client = |address: &str| Ok(Origin::Client(address.parse().unwrap()));
        for (name, header, origin) in [
            ("IPv4", header(0x21, 0x11, &V4), client("192.0.2.7:49153")),
            ("IPv6", header(0x21, 0x21, &v6("2001:db8::7")), client("[2001:db8::7]:49153")),
            ("IPv4 in IPv6", header(0x21, 0x21, &v6("::ffff:192.0.2.7")), client("192.0.2.7:49153")),
            (
                "with values",
                header(0x21, 0x11, &[V4.as_slice(), &[4, 0, 2, 9, 9], &[1, 0, 0]].concat()),
                client("192.0.2.7:49153"),
            ),
            (
                "as long as allowed",
                header(0x21, 0x11, &[V4.as_slice(), &[4, 1, 0xf9], &[0; 505]].concat()),
                client("192.0.2.7:49153"),
            ),
            ("a health check", header(0x20, 0x00, &[]), Ok(Origin::Balancer)),
            ("a health check with addresses", header(0x20, 0x11, &V4), Ok(Origin::Balancer)),
        ] {
            let with_tls = [header.as_slice(), b"\x16\x03\x01"].concat();
            assert_eq!(read_all(&with_tls), (origin, header.len()), "{name}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        use DropReason::{Gone, ProxyHeaderMalformed, ProxyHeaderMissing};
        for (name, bytes, reason) in [
            ("nothing", vec![], Gone),
            ("half a signature", SIGNATURE[..6].to_vec(), Gone),
            ("half a body", header(0x21, 0x11, &V4)[..20].to_vec(), Gone),
            ("version 1", b"PROXY TCP4 192.0.2.7 198.51.100.1 49153 443\r\n".to_vec(), ProxyHeaderMissing),
            ("TLS", [0x16, 0x03, 0x01, 0x02].repeat(8), ProxyHeaderMissing),
            ("version 3", header(0x31, 0x11, &V4), ProxyHeaderMalformed),
            ("an unknown command", header(0x22, 0x11, &V4), ProxyHeaderMalformed),
            ("no family", header(0x21, 0x00, &[]), ProxyHeaderMalformed),
            ("UDP", header(0x21, 0x12, &V4), ProxyHeaderMalformed),
            ("a Unix socket", header(0x21, 0x31, &[0; 216]), ProxyHeaderMalformed),
            ("a short address", header(0x21, 0x11, &V4[..11]), ProxyHeaderMalformed),
            ("a short IPv6 address", header(0x21, 0x21, &v6("::7")[..35]), ProxyHeaderMalformed),
            ("a nobody", header(0x21, 0x11, &[0; 12]), ProxyHeaderMalformed),
            (
                "a value that is cut",
                header(0x21, 0x11, &[V4.as_slice(), &[4, 0, 2, 9]].concat()),
                ProxyHeaderMalformed,
            ),
            (
                "half a value's head",
                header(0x21, 0x11, &[V4.as_slice(), &[4, 0]].concat()),
                ProxyHeaderMalformed,
            ),
            (
                "too long",
                header(0x21, 0x11, &[V4.as_slice(), &[4, 1, 0xfa], &[0; 506]].concat()),
                ProxyHeaderMalformed,
            ),
        ] {
            assert_eq!(read_all(&bytes).0, Err(reason), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_survived(command in any::<u8>(), family in any::<u8>(), body in prop::collection::vec(any::<u8>(), 0..560)) {
            let (origin, used) = read_all(&header(command, family, &body));
            prop_assert!(used <= HEADER_LIMIT_BYTES);
            prop_assert!(origin.is_err() || command >> 4 == 2);
        }
    }
}
