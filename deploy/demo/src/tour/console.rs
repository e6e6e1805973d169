use super::Table;
use super::rows::{Tour, told};
use crate::DemoError;
use crate::layout::Layout;

/// Who sees the pages on which the security team looks at the gate: with certificates of the staff's own authority, and by name.
pub(super) async fn walk(tour: &Tour<'_>, table: &mut Table) -> Result<(), DemoError> {
    let zone = tour.zone;
    let (els, tom, car) = (
        zone.pki.colleague("security", "els")?,
        zone.pki.colleague("guest", "tom")?,
        zone.pki.issued("car-12"),
    );
    for (what, certificate, expected) in [
        ("the console, with a certificate of the security team", Some(&els), "200"),
        ("... of staff whom no policy of the console names", Some(&tom), "403"),
        ("... of an officer's car", car.as_ref(), "no TLS"),
        ("... without one", None, "no TLS"),
    ] {
        let visitor = zone.visitor(certificate)?;
        let answer = visitor.ask("GET", &Layout::host("console"), "/decisions", &["Accept: text/html"]).await;
        table.row(what, expected, told(answer, None));
    }
    Ok(())
}
