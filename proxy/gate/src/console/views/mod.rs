//! What is on the pages, one file each.

mod decisions;
mod explain;
mod log;
mod reviews;
mod sources;
mod strangers;
mod waf;

use std::time::{Duration, SystemTime};

use poort_policy::console::View;

use super::{
    Console,
    html::{Html, text},
    page::Page,
    serve::Asked,
};
use crate::audit::search::Filter;

impl Console {
    /// A page for somebody who may see it.
    pub(super) async fn page(&self, view: View, asked: &Asked<'_>) -> Result<Page, Page> {
        match view {
            View::Decisions => self.decisions(asked).await,
            View::Explain => self.explain(asked).await,
            View::Sources => Ok(self.sources(asked)),
            View::Waf => self.waf(asked).await,
            View::Reviews => self.reviews(asked).await,
            View::Log => Ok(self.log(asked)),
        }
    }
}

/// What a filter looks for, as a look is written down.
pub(super) fn wanted(filter: &Filter) -> Vec<(String, String)> {
    let Filter { source, verdict, reason } = filter;
    let all = [("source", source), ("verdict", verdict), ("reason", reason)];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
}

fn verdict_badge(verdict: &str) -> Html {
    let kind = match verdict {
        "allow" => "good",
        "refuse" => "bad",
        _ => "plain",
    };
    Html::default().badge(kind, verdict)
}

/// How long ago, in the largest unit that says something.
fn ago(then: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Bytes, for people.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.*} {}", usize::from(unit > 0), UNITS.get(unit).unwrap_or(&""))
}

fn time(at: SystemTime) -> String {
    let millis = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    crate::audit::search::row::time(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn dash() -> Html {
    text("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_for_people() {
        for (bytes, said) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (78 << 30, "78.0 GiB")] {
            assert_eq!(size(bytes), said);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (seconds, said) in
            [(5, "5 s ago"), (300, "5 min ago"), (10_000, "2 h ago"), (900_000, "10 days ago")]
        {
            assert_eq!(ago(now - Duration::from_secs(seconds), now), said);
        }
    }
}
