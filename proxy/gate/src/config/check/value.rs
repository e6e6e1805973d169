//! Values of one word: what they may be, and what is said when they are not.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    time::Duration,
};

use http::Method;
use ipnet::IpNet;
use poort_enforce::source::Demand;
use poort_policy::RequestContext;

use crate::audit::Retention;
use crate::config::{
    checked::{TlsVersion, zone::Rate},
    quantity,
    raw::Scalar,
};

use super::{cursor::Here, suggest};

type Value<'a> = Here<'a, Scalar>;

/// A number above zero, known when this is compiled.
pub(super) const fn many(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// A number of things above zero, known when this is compiled.
pub(super) const fn plenty(number: usize) -> NonZeroUsize {
    match NonZeroUsize::new(number) {
        Some(number) => number,
        None => NonZeroUsize::MIN,
    }
}

/// Text as it stands.
pub(super) fn text(here: Value<'_>) -> Option<String> {
    here.text().map(str::to_owned)
}

/// `true` or `false`.
pub(super) fn switch(here: Value<'_>) -> Option<bool> {
    if let Scalar::Bool(value) = here.value {
        return Some(*value);
    }
    let remedy = match here.value {
        Scalar::Text(text) if text == "true" || text == "false" => "is text; leave out the quotes",
        _ => "is neither `true` nor `false`; write one of them",
    };
    here.spot.fault(format!("`{}` {remedy}", here.value));
    None
}

fn whole(here: Value<'_>, range: RangeInclusive<u32>) -> Option<u32> {
    if let Scalar::Whole(number) = here.value
        && let Ok(number) = u32::try_from(*number)
        && range.contains(&number)
    {
        return Some(number);
    }
    let (low, high) = range.into_inner();
    here.spot.fault(format!("`{}` is no whole number from {low} to {high}; write one", here.value));
    None
}

/// A whole number above zero.
pub(super) fn count(here: Value<'_>) -> Option<NonZeroU32> {
    whole(here, 1..=1_000_000_000).and_then(NonZeroU32::new)
}

/// A whole number above zero, of things that are kept in memory.
pub(super) fn capacity(here: Value<'_>) -> Option<NonZeroUsize> {
    NonZeroUsize::new(usize::try_from(count(here)?.get()).ok()?)
}

/// Bits of a prefix.
pub(super) fn bits(here: Value<'_>, range: RangeInclusive<u32>) -> Option<u8> {
    u8::try_from(whole(here, range)?).ok()
}

/// A duration, perhaps zero.
pub(super) fn duration(here: Value<'_>) -> Option<Duration> {
    here.parse(quantity::duration)
}

/// A duration above zero.
pub(super) fn some_time(here: Value<'_>) -> Option<Duration> {
    here.parse(|text| match quantity::duration(text)? {
        Duration::ZERO => Err(format!("`{text}` leaves no time at all; write more")),
        length => Ok(length),
    })
}

/// How long records are kept.
pub(super) fn retention(here: Value<'_>) -> Option<Retention> {
    here.parse(str::parse)
}

/// A size above zero, in bytes.
pub(super) fn size(here: Value<'_>) -> Option<u64> {
    here.parse(|text| match quantity::size(text)? {
        0 => Err(format!("`{text}` lets nothing through; write more")),
        bytes => Ok(bytes),
    })
}

/// A rate.
pub(super) fn rate(here: Value<'_>) -> Option<Rate> {
    here.parse(quantity::rate)
}

/// One of a few words.
pub(super) fn word<V: Copy>(here: Value<'_>, words: &[(&str, V)]) -> Option<V> {
    here.parse(|text| {
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let known = words.iter().map(|(word, _)| *word);
        found.ok_or_else(|| format!("`{text}` is not known here{}", suggest::instead(text, known)))
    })
}

/// `required` or `optional`.
pub(super) fn demand(here: Value<'_>) -> Option<Demand> {
    word(here, &[("required", Demand::Required), ("optional", Demand::Optional)])
}

/// `"1.2"` or `"1.3"`.
pub(super) fn tls_version(here: Value<'_>) -> Option<TlsVersion> {
    word(here, &[("1.2", TlsVersion::V12), ("1.3", TlsVersion::V13)])
}

/// An address and a port to listen on; port 0 lets the system choose.
pub(super) fn socket(here: Value<'_>) -> Option<SocketAddr> {
    here.parse(|text| {
        text.parse().map_err(|_| {
            format!("`{text}` is no address with a port; write one such as `0.0.0.0:8443` or `\"[::]:8443\"`")
        })
    })
}

/// A network, without bits behind its prefix.
pub(super) fn network(here: Value<'_>) -> Option<IpNet> {
    here.parse(|text| {
        let network: IpNet = text.parse().map_err(|_| {
            format!("`{text}` is no network; write one such as `10.0.0.0/24` or `2001:db8::/32`")
        })?;
        if network.trunc() != network {
            return Err(format!("`{text}` has bits behind its prefix; write `{}`", network.trunc()));
        }
        if network.prefix_len() == 0 {
            return Err(format!("`{text}` is everybody; name the network itself"));
        }
        Ok(network)
    })
}

/// A method, in capitals.
pub(super) fn method(here: Value<'_>) -> Option<Method> {
    here.parse(|text| {
        let unknown = || {
            format!("`{text}` is no method{}", suggest::instead(text, RequestContext::METHODS.into_iter()))
        };
        if !RequestContext::METHODS.contains(&text) {
            return Err(unknown());
        }
        Method::from_bytes(text.as_bytes()).map_err(|_| unknown())
    })
}
