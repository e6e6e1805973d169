//! Searches: an aggregator names the search that a request belongs to, so that asking twenty sources at once counts once.

use crate::{arrival::Arrival, exchange::Exchange, pipeline::Pipeline, ports::Ports};

/// Longest search id that is read, in bytes; a UUID has 36.
const SEARCH_ID_LIMIT_BYTES: usize = 64;

/// The calling workload, if some source's file lists it as acting for officers.
pub(crate) fn aggregator<'x, P>(pipeline: &Pipeline<P>, exchange: &'x Exchange) -> Option<&'x str> {
    let name = exchange.connection.device.accepted().map(|certificate| &*certificate.name)?;
    pipeline.rules.aggregators.contains(name).then_some(name)
}

/// The search that a request says it belongs to.
///
/// SECURITY: to be believed only from who acts for officers: anybody else would lift a limit with it.
pub(crate) fn named<'a>(arrival: &Arrival<'a>) -> Option<&'a str> {
    let named = arrival.head.headers.get("poort-search-id").and_then(|value| value.to_str().ok());
    named.filter(|search| is_search_id(search))
}

/// Has `holder` pay for a request: once for a whole search, however many places it asks at the same time. A search that was refused is
/// not paid for.
///
/// SECURITY: once a place, so that one search id opens no source without limit.
pub(crate) fn pay<P: Ports, E>(
    ports: &P,
    holder: &str,
    search: Option<&str>,
    place: &str,
    pay: impl Fn() -> Result<(), E>,
) -> Result<(), E> {
    let Some(search) = search else { return pay() };
    // A space is in no search id, so this is none.
    let here = format!("{search} {place}");
    match ports.once(holder, &here, || ports.once(holder, search, &pay).map(drop))? {
        true => Ok(()),
        false => pay(),
    }
}

fn is_search_id(text: &str) -> bool {
    (1..=SEARCH_ID_LIMIT_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
