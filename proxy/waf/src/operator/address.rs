//! `@ipMatch`: addresses and networks of both families.

use std::net::IpAddr;

/// A set of networks. Tens are usual; beyond, a sorted search keeps it cheap.
pub(crate) struct Networks {
    /// First and last address of each, IPv4 mapped into IPv6, sorted and merged.
    ranges: Vec<(u128, u128)>,
}

impl Networks {
    pub(super) fn inline(argument: &str) -> Result<Self, String> {
        Self::new(argument.split(','))
    }

    pub(super) fn from_file(text: &str) -> Result<Self, String> {
        Self::new(text.lines().map(|line| line.split('#').next().unwrap_or_default()))
    }

    fn new<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut ranges =
            parts.map(str::trim).filter(|part| !part.is_empty()).map(range).collect::<Result<Vec<_>, _>>()?;
        ranges.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::new();
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if low <= last.1 => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Ok(Self { ranges: merged })
    }

    /// Whether `value` is an address in one of the networks; what is no address is in none.
    pub(super) fn contain(&self, value: &[u8]) -> bool {
        let Some(address) =
            std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<IpAddr>().ok())
        else {
            return false;
        };
        let bits = bits(address);
        let at = self.ranges.partition_point(|(low, _)| *low <= bits);
        at.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, high)| bits <= *high)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn range(text: &str) -> Result<(u128, u128), String> {
    let wrong = || format!("`{text}` is no address or network; write `192.0.2.0/24` or `2001:db8::/32`");
    let (address, prefix) =
        text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u32 = prefix.map_or(Ok(width), str::parse).map_err(|_| wrong())?;
    let host = width.checked_sub(prefix).ok_or_else(wrong)?;
    let mask = 1_u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
    let bits = bits(address);
    Ok((bits & !mask, bits | mask))
}

#[cfg(test)]
mod tests {
    use super::Networks;

    #[test]
    fn membership() {
        let networks = Networks::inline("127.0.0.1, 10.0.0.0/8,10.1.0.0/16,2001:db8::/32,::1").unwrap();
        for (address, expected) in [
            (&b"127.0.0.1"[..], true),
            (b"127.0.0.2", false),
            (b"10.255.0.1", true),
            (b"2001:db8:1::", true),
            (b"2001:db9::", false),
            (b"::1", true),
            (b"none", false),
            (b"", false),
        ] {
            assert_eq!(networks.contain(address), expected, "{}", address.escape_ascii());
        }
        assert!(Networks::inline("10.0.0.0/33").is_err());
        assert!(Networks::inline("0.0.0.0/0").unwrap().contain(b"8.8.8.8"));
    }
}
