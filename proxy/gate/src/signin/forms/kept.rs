//! A form as it is kept, and how many there may be.

use std::{collections::HashMap, fmt, sync::Arc, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Filled;
use crate::signin::Unkept;

/// Largest form that is kept, in bytes, its files included.
pub const LIMIT_BYTES: usize = 64 * 1024;
/// Most forms that are kept, of all devices and of one; of one the oldest makes room.
pub(in crate::signin) const MOST: usize = 1000;
pub(in crate::signin) const MOST_OF_DEVICE: usize = 4;
/// Most bytes of forms.
pub(in crate::signin) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Who may see a form, and send it: nobody but who wrote it, where it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// `issuer-alias|sub`.
    pub person: String,
    /// The name in the device's certificate.
    pub device: String,
    /// The source's host.
    pub host: String,
}

/// A form that is kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptForm {
    /// Whose it is.
    pub writer: Writer,
    /// Path and query that it was sent to.
    pub target: String,
    /// Its Content-Type.
    kind: String,
    /// What was sent, in base64.
    body: Zeroizing<String>,
    /// Until when it is kept.
    pub until: SystemTime,
}

impl KeptForm {
    /// A form as it was sent.
    #[must_use]
    pub fn new(writer: Writer, target: String, kind: String, body: &[u8], until: SystemTime) -> Self {
        Self { writer, target, kind, body: STANDARD.encode(body).into(), until }
    }

    /// How much of it there is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// What was filled in; none if a page could not give it back as it was.
    pub(in crate::signin) fn filled(&self) -> Option<Filled> {
        let body = Zeroizing::new(STANDARD.decode(self.body.as_bytes()).ok()?);
        Filled::read(&self.kind, &body)
    }
}

impl fmt::Debug for KeptForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptForm").field("writer", &self.writer).finish_non_exhaustive()
    }
}

/// Every form that one gate keeps, bounded.
#[derive(Debug, Default)]
pub(in crate::signin) struct Forms(HashMap<String, Arc<KeptForm>>);

impl Forms {
    /// Keeps a form, under a name that nobody guesses; the names of those that made room.
    pub(in crate::signin) fn keep(
        &mut self,
        name: &str,
        form: KeptForm,
        now: SystemTime,
    ) -> Result<Vec<String>, Unkept> {
        let mut gone = self.sweep(now);
        let own = |(_, kept): &(&String, &Arc<KeptForm>)| kept.writer.device == form.writer.device;
        if self.0.iter().filter(own).count() >= MOST_OF_DEVICE {
            let oldest = self.0.iter().filter(own).min_by_key(|(_, kept)| kept.until);
            gone.extend(oldest.map(|(name, _)| name.clone()));
            gone.iter().for_each(|name| drop(self.0.remove(name)));
        }
        let bytes: usize = self.0.values().map(|kept| kept.bytes()).sum();
        if self.0.len() >= MOST || bytes + form.bytes() > MOST_BYTES {
            return Err(Unkept::Full);
        }
        self.0.insert(name.to_owned(), Arc::new(form));
        Ok(gone)
    }

    /// A form that is there.
    pub(in crate::signin) fn find(&self, name: &str, now: SystemTime) -> Option<Arc<KeptForm>> {
        self.0.get(name).filter(|form| now < form.until).cloned()
    }

    /// The same, once.
    pub(in crate::signin) fn take(&mut self, name: &str, now: SystemTime) -> Option<Arc<KeptForm>> {
        self.0.remove(name).filter(|form| now < form.until)
    }

    /// Forgets those whose time is over; which.
    pub(in crate::signin) fn sweep(&mut self, now: SystemTime) -> Vec<String> {
        let over = self.0.iter().filter(|(_, form)| form.until <= now);
        let over: Vec<_> = over.map(|(name, _)| name.clone()).collect();
        over.iter().for_each(|name| drop(self.0.remove(name)));
        over
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const KEPT: Duration = Duration::from_secs(900);

    fn form(device: &str, bytes: usize, until: SystemTime) -> KeptForm {
        let writer = Writer {
            person: "zone|an".to_owned(),
            device: device.to_owned(),
            host: "persons.example".to_owned(),
        };
        KeptForm::new(
            writer,
            "/x".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
            &vec![b'a'; bytes],
            until,
        )
    }

    #[test]
    fn a_form_is_there_for_a_while_and_taken_once() {
        let (mut forms, now) = (Forms::default(), SystemTime::UNIX_EPOCH);
        forms.keep("n", form("car-1", 3, now + KEPT), now).unwrap();
        assert!(forms.find("m", now).is_none());
        assert!(forms.find("n", now + KEPT).is_none(), "too late");
        assert!(forms.find("n", now).is_some() && forms.take("n", now).is_some());
        assert!(forms.take("n", now).is_none(), "once");
    }

    #[test]
    fn there_are_never_too_many() {
        let (mut forms, now) = (Forms::default(), SystemTime::UNIX_EPOCH);
        for place in 0..=MOST_OF_DEVICE {
            let until = now + KEPT + Duration::from_secs(place as u64);
            let gone = forms.keep(&place.to_string(), form("car-1", 1, until), now).unwrap();
            assert_eq!(gone, if place < MOST_OF_DEVICE { vec![] } else { vec!["0".to_owned()] });
        }
        assert!(forms.find("0", now).is_none(), "the oldest made room");
        assert!(forms.find("1", now).is_some());
        let large = |device: String| form(&device, LIMIT_BYTES, now + KEPT);
        let kept =
            (0..).take_while(|place| forms.keep(&format!("l{place}"), large(place.to_string()), now).is_ok());
        let kept = kept.count();
        assert!((MOST_BYTES / LIMIT_BYTES / 2..MOST_BYTES / LIMIT_BYTES).contains(&kept), "{kept}");
        let late = now + 2 * KEPT;
        assert!(
            forms.keep("later", form("car-9", LIMIT_BYTES, late + KEPT), late).is_ok(),
            "what is over makes room"
        );
    }
}
