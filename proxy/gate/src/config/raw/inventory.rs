//! The inventory as it was typed or exported.

use super::{Blocks, Text, record};

record! {
    struct Inventory {
        devices: Blocks<Device>,
    }

    struct Device {
        name: Text,
        managed: Text,
        compliant: Text,
        fleet: Text,
        unit: Text,
    }
}
