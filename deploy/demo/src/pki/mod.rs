//! A throw-away public-key infrastructure in a directory: nothing in it outlives the demo or leaves the machine.
//!
//! [`Authority`] signs leaves and revocation lists with every knob a test needs; [`Pki`] is the set the demo runs on.

mod authority;
mod bundle;
mod leaf;
mod note;
mod store;

pub use authority::{Authority, AuthorityOptions, RevocationList};
pub use leaf::{KeyKind, Leaf, Name, Usage};
pub use store::Signed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::DemoError;
use store::{write_private, write_public};

/// The trust domain of the demo's SPIFFE names.
pub const TRUST_DOMAIN: &str = "zone.example";
/// The password of the browser's `.p12` bundle.
pub const BUNDLE_PASSWORD: &str = "poort";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The certificates of the demo, as files below one directory and as values.
///
/// | file | what |
/// |---|---|
/// | `device-ca.crt`, `.key`, `.crl` | signs devices and workloads; the list names `car-99` |
/// | `foreign-ca.crt`, `.key` | signs a device the gate must not know |
/// | `gate-ca.crt`, `.key` | signs the gate's server certificates, one a host |
/// | `staff-ca.crt`, `.key`, `.crl` | signs those who look at the console |
/// | `staff/*.crt`, `.key`, `.p12` | `security-els`, `dpo-mia`, `guest-tom`, whom nothing is shown; for a browser, as the car's |
/// | `internal-ca.crt`, `.key` | signs issuers, sources, and the gate's certificate towards sources |
/// | `devices/*.crt`, `.key` | `car-12`, `private-7`, `car-99`, `car-31` (expired), `stranger` (foreign), `search` |
/// | `devices/car-12.p12` | for a browser; the password is [`BUNDLE_PASSWORD`] |
/// | `assertion.key` | signs `Poort-Assertion` |
/// | `session.keys`, `client.secret` | seals session cookies; the gate's secret at the issuer where people sign in |
/// | `pseudonyms.keys` | what stands in the record for whoever was looked up; the data protection officer's |
/// | `audit.key`, `audit.pub` | signs and checks the log that proves the record |
pub struct Pki {
    directory: PathBuf,
    issued: Mutex<BTreeMap<String, Signed>>,
    /// Signs devices and workloads.
    pub devices: Authority,
    /// Signs what the gate must not trust.
    pub foreign: Authority,
    /// Signs those who look at the console.
    pub staff: Authority,
    /// Signs the gate's server certificates.
    pub gate: Authority,
    /// Signs issuers, sources, and the gate as a client of sources.
    pub internal: Authority,
}

/// 32 bytes that nobody can guess, as the gate reads them.
fn secret_line() -> Result<String, DemoError> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| rcgen::Error::RingUnspecified)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The serial number of `car-99`, which the revocation list names.
const REVOKED: &[u8] = &[0x5a, 0x99];

impl Pki {
    /// Makes everything in the table above below `directory`, which is created.
    ///
    /// # Errors
    /// When a file cannot be written or a certificate cannot be signed.
    pub fn create(directory: &Path) -> Result<Self, DemoError> {
        let pki = Self {
            directory: directory.to_owned(),
            issued: Mutex::default(),
            devices: Authority::new(&AuthorityOptions::named("Zone Example Device CA"))?,
            foreign: Authority::new(&AuthorityOptions::named("Somebody Else Device CA"))?,
            staff: Authority::new(&AuthorityOptions::named("Zone Example Staff CA"))?,
            gate: Authority::new(&AuthorityOptions::named("Zone Example Gate CA"))?,
            internal: Authority::new(&AuthorityOptions::named("Zone Example Internal CA"))?,
        };
        for (name, authority) in [
            ("device-ca", &pki.devices),
            ("foreign-ca", &pki.foreign),
            ("staff-ca", &pki.staff),
            ("gate-ca", &pki.gate),
            ("internal-ca", &pki.internal),
        ] {
            authority.certificate().write(directory, name)?;
        }
        pki.write_devices()?;
        pki.write_staff()?;
        pki.revoke(&[REVOKED.to_vec()])?;
        pki.server("gate", &["gate.localhost", "localhost"])?;
        pki.internal.issue(&Leaf::client("poort gate"))?.write(directory, "upstream-client")?;
        pki.new_assertion_key()?;
        let (secret, public) = note::key("gate.localhost/audit")?;
        write_private(&pki.path("audit.key"), secret.as_bytes())?;
        write_public(&pki.path("audit.pub"), public.as_bytes())?;
        write_private(&pki.path("session.keys"), secret_line()?.as_bytes())?;
        pki.new_pseudonym_key()?;
        write_private(&pki.path("client.secret"), crate::issuer::SECRET.as_bytes())?;
        Ok(pki)
    }

    /// Writes another `assertion.key`.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn new_assertion_key(&self) -> Result<(), DemoError> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        write_private(&self.path("assertion.key"), key.serialize_pem().as_bytes())
    }

    /// Puts another key into `pseudonyms.keys`, before those that are there.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn new_pseudonym_key(&self) -> Result<(), DemoError> {
        let path = self.path("pseudonyms.keys");
        let former = std::fs::read_to_string(&path).unwrap_or_default();
        write_private(&path, format!("{}\n{former}", secret_line()?).as_bytes())
    }

    /// The directory everything is in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file below the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The certificate and key files of a device made by [`Pki::create`] or [`Pki::device`].
    pub fn device_files(&self, name: &str) -> (PathBuf, PathBuf) {
        let stem = self.path("devices");
        (stem.join(format!("{name}.crt")), stem.join(format!("{name}.key")))
    }

    /// The last certificate issued under `devices/NAME`; none for another name.
    pub fn issued(&self, name: &str) -> Option<Signed> {
        self.issued.lock().get(name).cloned()
    }

    /// A device certificate of the zone, named `spiffe://zone.example/device/NAME`, written below `devices/`.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn device(&self, name: &str) -> Result<Signed, DemoError> {
        self.issue(&self.devices, name, &Leaf::device(name))
    }

    /// Any certificate by any authority, written below `devices/` under `name`.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn issue(&self, authority: &Authority, name: &str, leaf: &Leaf) -> Result<Signed, DemoError> {
        let signed = authority.issue(leaf)?;
        signed.write(&self.path("devices"), name)?;
        self.issued.lock().insert(name.to_owned(), signed.clone());
        Ok(signed)
    }

    /// A server certificate of the gate's authority for `hosts`, written as `NAME.crt` and `NAME.key`.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn server(&self, name: &str, hosts: &[&str]) -> Result<Signed, DemoError> {
        let signed = self.gate.issue(&Leaf::server(hosts))?;
        signed.write(&self.directory, name)?;
        Ok(signed)
    }

    /// Signs `device-ca.crl` anew, seven days long, naming `serials` and nothing else.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn revoke(&self, serials: &[Vec<u8>]) -> Result<(), DemoError> {
        let now = SystemTime::now();
        self.revocation_list(&RevocationList {
            serials: serials.to_vec(),
            this_update: now - Duration::from_secs(60),
            next_update: now + 7 * DAY,
        })
    }

    /// Writes any revocation list of the device authority to `device-ca.crl`.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn revocation_list(&self, list: &RevocationList) -> Result<(), DemoError> {
        write_public(&self.path("device-ca.crl"), self.devices.revocation_list(list)?.as_bytes())
    }

    /// A certificate of somebody who looks at the console, `spiffe://zone.example/staff/TEAM/PERSON`, written below `staff/` as
    /// `TEAM-PERSON`, with a bundle for a browser.
    ///
    /// # Errors
    /// As [`Pki::create`].
    pub fn colleague(&self, team: &str, person: &str) -> Result<Signed, DemoError> {
        let name = format!("{team}-{person}");
        let signed = self.staff.issue(&Leaf::staff(team, person))?;
        let directory = self.path("staff");
        signed.write(&directory, &name)?;
        let bundle = bundle::bundle(&name, &signed, self.staff.certificate(), BUNDLE_PASSWORD)?;
        write_private(&directory.join(format!("{name}.p12")), &bundle)?;
        Ok(signed)
    }

    fn write_staff(&self) -> Result<(), DemoError> {
        for (team, person) in [("security", "els"), ("dpo", "mia"), ("guest", "tom")] {
            self.colleague(team, person)?;
        }
        let now = SystemTime::now();
        let list = RevocationList {
            serials: Vec::new(),
            this_update: now - Duration::from_secs(60),
            next_update: now + 7 * DAY,
        };
        write_public(&self.path("staff-ca.crl"), self.staff.revocation_list(&list)?.as_bytes())
    }

    fn write_devices(&self) -> Result<(), DemoError> {
        let now = SystemTime::now();
        let car = self.device("car-12")?;
        self.device("private-7")?;
        self.issue(
            &self.devices,
            "car-99",
            &Leaf { serial: Some(REVOKED.to_vec()), ..Leaf::device("car-99") },
        )?;
        let expired = Leaf { not_before: now - 40 * DAY, not_after: now - DAY, ..Leaf::device("car-31") };
        self.issue(&self.devices, "car-31", &expired)?;
        self.issue(&self.devices, "search", &Leaf::workload("search"))?;
        self.issue(&self.foreign, "stranger", &Leaf::device("car-12"))?;
        let bundle = bundle::bundle("car-12", &car, self.devices.certificate(), BUNDLE_PASSWORD)?;
        write_private(&self.path("devices/car-12.p12"), &bundle)
    }
}

#[cfg(test)]
mod tests;
