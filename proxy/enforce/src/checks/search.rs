//! Searches: an aggregator names the search that a request belongs to, so that asking twenty sources at once counts once.

use crate::{arrival::Arrival, exchange::Exchange, pipeline::Pipeline, ports::Ports};

/// Longest search id that is read, in bytes; a UUID has 36.
const SEARCH_ID_LIMIT_BYTES: usize = 64;

/// The calling workload, if some source's file lists it as acting for officers.
pub(crate) fn aggregator<'x, P>(pipeline: &Pipeline<P>, exchange: &'x Exchange) -> Option<&'x str> {
    let name = exchange.connection.device.accepted().map(|certificate| &*certificate.name)?;
    pipeline.rules.aggregators.contains(name).then_some(name)
}

/// Whether the search that a request belongs to was counted against `holder` at another place, and not yet at this one.
///
/// SECURITY: only for who may name a search: anybody else would lift a limit with it. And once a place, so that one search id opens no
/// source without limit.
pub(crate) fn counted_already<P: Ports>(ports: &P, arrival: &Arrival<'_>, holder: &str, place: &str) -> bool {
    let named = arrival.head.headers.get("poort-search-id").and_then(|value| value.to_str().ok());
    let Some(search) = named.filter(|search| is_search_id(search)) else { return false };
    let first = ports.first_of_search(holder, search);
    // A space is in no search id, so this is none.
    let first_here = ports.first_of_search(holder, &format!("{search} {place}"));
    first_here && !first
}

fn is_search_id(text: &str) -> bool {
    (1..=SEARCH_ID_LIMIT_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
