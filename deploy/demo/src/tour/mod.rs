//! The tour: some forty requests that show what the gate lets through and what it refuses, and whether the source ever saw them.
//!
//! Rows are worded as an observer would: `200 persons` reached the source of that name; `403 not_permitted` was refused by the gate with
//! that reason and reached nobody.

mod attacks;
mod changes;
mod doctor;
mod missions;
mod proofs;
mod rows;
mod table;
mod workbench;

pub use table::{Row, Table};

use crate::DemoError;
use crate::gate::Gate;
use crate::zone::Zone;

/// Walks through all of it and gives the table.
///
/// # Errors
/// When something of the demo itself fails; what the gate does differently from what is expected is a row, not an error.
pub async fn walk(zone: &Zone, gate: &Gate) -> Result<Table, DemoError> {
    let mut table = Table::default();
    let tour = rows::Tour::new(zone)?;
    tour.allowed(&mut table).await?;
    tour.record(&mut table);
    tour.devices(&mut table).await?;
    tour.policies(&mut table).await?;
    tour.tokens(&mut table).await?;
    tour.bytes(&mut table).await?;
    tour.attacks(&mut table).await?;
    missions::walk(&tour, gate, &mut table).await?;
    tour.limits(&mut table).await?;
    changes::walk(&tour, gate, &mut table).await?;
    doctor::walk(gate, &mut table).await?;
    proofs::walk(&tour, gate, &mut table).await?;
    workbench::walk(&tour, gate, &mut table).await?;
    Ok(table)
}
