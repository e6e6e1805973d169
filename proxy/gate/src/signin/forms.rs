//! Forms that met a session which was over: kept until whoever sent them has signed in again, and says that they are still meant.
//!
//! They are kept by one gate, in its memory: a restart forgets them, and another gate does not know them. What cannot be sent again
//! byte by byte in the same words is not kept: files (`multipart/form-data`), and text that is neither UTF-8 nor ISO 8859-1.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Method};
use parking_lot::Mutex;
use percent_encoding::percent_decode;
use poort_enforce::reply::Reply;
use poort_identity::sign_in::SignInFault;
use zeroize::Zeroizing;

use super::{
    Desk, Errand, Visit, journey,
    pages::{self, Page},
    texts,
    visit::{Answered, secret},
};

/// How long a form is kept.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// Largest form that is kept, in bytes.
pub const LIMIT_BYTES: usize = 64 * 1024;
/// Most forms that are kept, of all devices and of one; of one the oldest makes room.
const MOST: usize = 1000;
const MOST_OF_DEVICE: usize = 4;
/// Most bytes of forms.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Who may see a form, and send it: nobody but who wrote it, where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Writer {
    /// `issuer-alias|sub`.
    pub(super) person: String,
    /// The name in the device's certificate.
    pub(super) device: String,
    /// The source's host.
    pub(super) host: String,
}

/// A form that is kept.
pub(super) struct Form {
    writer: Writer,
    /// Path and query that it was sent to.
    pub(super) target: String,
    /// What was filled in, in order.
    pub(super) fields: Fields,
    /// Whether it was written in UTF-8; otherwise it was ISO 8859-1.
    pub(super) utf8: bool,
    bytes: usize,
    until: SystemTime,
}

/// Every form that is kept.
#[derive(Default)]
pub struct KeptForms(Mutex<HashMap<String, Arc<Form>>>);

/// Why a form is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotKept {
    /// It is too large.
    Large,
    /// It could not be sent again as it was.
    Unreadable,
    /// There are too many.
    Full,
}

impl NotKept {
    /// A stable code for metrics.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Large => "form_too_large",
            Self::Unreadable => "form_unreadable",
            Self::Full => "forms_full",
        }
    }
}

impl KeptForms {
    /// Keeps a form, under a name that nobody guesses.
    pub(super) fn keep(
        &self,
        name: String,
        writer: Writer,
        target: String,
        body: &[u8],
        now: SystemTime,
    ) -> Result<(), NotKept> {
        if body.len() > LIMIT_BYTES {
            return Err(NotKept::Large);
        }
        let (fields, utf8) = read(body).ok_or(NotKept::Unreadable)?;
        let mut forms = self.0.lock();
        forms.retain(|_, form| now < form.until);
        let own = |form: &&Arc<Form>| form.writer.device == writer.device;
        if forms.values().filter(own).count() >= MOST_OF_DEVICE {
            let oldest = forms.iter().filter(|(_, form)| own(form)).min_by_key(|(_, form)| form.until);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                forms.remove(&oldest);
            }
        }
        let bytes: usize = forms.values().map(|form| form.bytes).sum();
        if forms.len() >= MOST || bytes + body.len() > MOST_BYTES {
            return Err(NotKept::Full);
        }
        let form = Form { writer, target, fields, utf8, bytes: body.len(), until: now + KEPT };
        forms.insert(name, Arc::new(form));
        Ok(())
    }

    /// A form that this writer left.
    pub(super) fn find(&self, name: &str, writer: &Writer, now: SystemTime) -> Option<Arc<Form>> {
        self.0.lock().get(name).filter(|form| form.writer == *writer && now < form.until).cloned()
    }

    /// The same, once.
    pub(super) fn take(&self, name: &str, writer: &Writer, now: SystemTime) -> Option<Arc<Form>> {
        let mut forms = self.0.lock();
        let theirs = forms.get(name).is_some_and(|form| form.writer == *writer && now < form.until);
        theirs.then(|| forms.remove(name)).flatten()
    }
}

impl std::fmt::Debug for KeptForms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeptForms").field(&self.0.lock().len()).finish()
    }
}

/// The parameter of `/.poort/callback` that names a form.
pub(super) const KEPT_FORM: &str = "form";

impl Desk {
    /// Keeps a form whose sender has an errand first, and says so on a page that leads there.
    ///
    /// # Errors
    /// The words for metrics of why it is not kept.
    pub fn keep_form(&self, visit: Visit<'_>, person: &str, errand: Errand) -> Result<Reply, &'static str> {
        let facts = visit.facts;
        let target = journey::whole_target(&facts.target.path, facts.target.query.as_deref());
        let (target, name) = (target.ok_or(NotKept::Large.code())?, secret().map_err(|_| "internal")?);
        let writer =
            Writer { person: person.to_owned(), device: visit.device.to_owned(), host: facts.host.clone() };
        self.forms.keep(name.clone(), writer, target, visit.body, visit.now).map_err(NotKept::code)?;
        let label = match errand {
            Errand::Mission { .. } => texts::ON_A_MISSION,
            Errand::SignIn { .. } | Errand::BreakGlass { .. } => texts::SIGN_IN,
        };
        let back = format!("/.poort/callback?{KEPT_FORM}={name}");
        let (address, cookie) = self.way_and_back(visit, errand, back).map_err(|_| "internal")?;
        let page = visit.page(texts::NOT_SENT).say(texts::FORM_KEPT).link(&address, label);
        Ok(Page { cookies: cookie.into_iter().collect(), ..page }.reply(visit.id))
    }

    /// Asks whether a form is still to be sent; on its way there, lets it go, once.
    pub(super) async fn kept_form(&self, name: &str, visit: Visit<'_>) -> Answered {
        let (host, own) = (&visit.facts.host, format!("/.poort/callback?{KEPT_FORM}={name}"));
        let Some((_, kept)) = self.present_at(host, visit).await else {
            let (address, cookie) = self.way_and_back(visit, Errand::sign_in(), own)?;
            return self.go(address, cookie.into_iter().collect(), visit);
        };
        let writer =
            Writer { person: kept.subject.id.clone(), device: visit.device.to_owned(), host: host.clone() };
        if visit.facts.method == Method::POST {
            if !visit.from_here {
                return Err(SignInFault::Browser);
            }
            // SECURITY: the browser sends it once more, to the source: every check meets it as it meets any other request.
            let form = self.forms.take(name, &writer, visit.now).ok_or(SignInFault::State)?;
            let location = HeaderValue::try_from(self.address(host, &form.target));
            return Ok(Reply::onward(location.map_err(|_| SignInFault::Internal)?, visit.id));
        }
        let form = self.forms.find(name, &writer, visit.now).ok_or(SignInFault::State)?;
        let page = visit.page(texts::SEND_NOW).say(texts::NOT_SENT);
        let path = form.target.split('?').next().unwrap_or_default();
        let to = format!("{}{host}{path}", texts::SENT_TO.in_language(page.language));
        let again = pages::Form::again(&own, &form).button(texts::SEND.in_language(page.language));
        Ok(page.text(&to).form(&again).link("/", texts::DO_NOT_SEND).reply(visit.id))
    }
}

type Fields = Vec<(Zeroizing<String>, Zeroizing<String>)>;

/// The fields of an urlencoded form (URL standard, 5.1), and whether they are UTF-8; none where a page could not give them back as they were.
fn read(body: &[u8]) -> Option<(Fields, bool)> {
    let plain = |part: &[u8]| -> Zeroizing<Vec<u8>> {
        let spaced: Zeroizing<Vec<u8>> =
            part.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect::<Vec<_>>().into();
        percent_decode(&spaced).collect::<Vec<_>>().into()
    };
    let pairs: Vec<_> = body
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let place = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(place);
            (plain(name), plain(value.get(1..).unwrap_or_default()))
        })
        .collect();
    let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned()));
    let latin1 =
        |bytes: &[u8]| Some(Zeroizing::new(bytes.iter().copied().map(char::from).collect::<String>()));
    let all = |decode: &dyn Fn(&[u8]) -> Option<Zeroizing<String>>| -> Option<Fields> {
        pairs.iter().map(|(name, value)| decode(name).zip(decode(value))).collect()
    };
    let (fields, is_utf8) = match all(&utf8) {
        Some(fields) => (fields, true),
        None => (all(&latin1)?, false),
    };
    // A page cannot hold other control characters, and browsers take the upper ones for Windows-1252's letters.
    let odd = |text: &str| text.chars().any(|one| one.is_control() && !matches!(one, '\r' | '\n' | '\t'));
    let sound = fields.iter().all(|(name, value)| !odd(name) && !odd(value));
    sound.then_some((fields, is_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(device: &str) -> Writer {
        Writer { person: "zone|an".to_owned(), device: device.to_owned(), host: "persons.example".to_owned() }
    }

    fn keep(
        forms: &KeptForms,
        name: &str,
        device: &str,
        body: &[u8],
        now: SystemTime,
    ) -> Result<(), NotKept> {
        forms.keep(name.to_owned(), writer(device), "/x".to_owned(), body, now)
    }

    #[test]
    fn a_form_is_read_as_it_was_filled_in_or_not_at_all() {
        let shown = |body: &[u8]| {
            let (fields, utf8) = read(body)?;
            let text = |text: &Zeroizing<String>| text.as_str().to_owned();
            Some((fields.iter().map(|(name, value)| (text(name), text(value))).collect::<Vec<_>>(), utf8))
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (body, fields, utf8) in [
            (&b"a=1&b=%C3%A9+%2B&a=2"[..], vec![pair("a", "1"), pair("b", "é +"), pair("a", "2")], true),
            (b"a=%E9&b=x", vec![pair("a", "é"), pair("b", "x")], false),
            (b"a&&=b&c=d=e", vec![pair("a", ""), pair("", "b"), pair("c", "d=e")], true),
            (b"a=1%0D%0A2", vec![pair("a", "1\r\n2")], true),
            (b"", vec![], true),
        ] {
            assert_eq!(shown(body), Some((fields, utf8)), "{}", String::from_utf8_lossy(body));
        }
        for body in [&b"a=%00"[..], b"a=%1B", b"a=%80", b"a=%E9&b=%C3%A9%80"] {
            assert_eq!(shown(body), None, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_form_is_its_writers_for_a_while_and_sent_once() {
        let (forms, now) = (KeptForms::default(), SystemTime::UNIX_EPOCH + KEPT);
        keep(&forms, "n", "car-1", b"a=1", now).unwrap();
        let own = writer("car-1");
        for other in [
            writer("car-2"),
            Writer { person: "zone|bo".to_owned(), ..own.clone() },
            Writer { host: "vehicles.example".to_owned(), ..own.clone() },
        ] {
            assert!(
                forms.find("n", &other, now).is_none() && forms.take("n", &other, now).is_none(),
                "{other:?}"
            );
        }
        assert!(forms.find("n", &own, now + KEPT).is_none(), "too late");
        assert!(forms.find("n", &own, now).is_some() && forms.take("n", &own, now).is_some());
        assert!(forms.take("n", &own, now).is_none(), "once");
    }

    #[test]
    fn there_are_never_too_many() {
        let (forms, now) = (KeptForms::default(), SystemTime::UNIX_EPOCH);
        assert_eq!(keep(&forms, "n", "car-1", &vec![b'a'; LIMIT_BYTES + 1], now), Err(NotKept::Large));
        for place in 0..=MOST_OF_DEVICE {
            let at = now + Duration::from_secs(place as u64);
            keep(&forms, &place.to_string(), "car-1", b"a", at).unwrap();
        }
        assert!(forms.find("0", &writer("car-1"), now).is_none(), "the oldest made room");
        assert!(forms.find("1", &writer("car-1"), now).is_some());
        let large = vec![b'a'; LIMIT_BYTES];
        let kept = (0..)
            .take_while(|place| keep(&forms, &format!("l{place}"), &place.to_string(), &large, now).is_ok());
        assert_eq!(kept.count(), MOST_BYTES / LIMIT_BYTES - 1);
        assert!(keep(&forms, "later", "car-9", &large, now + 2 * KEPT).is_ok(), "what is over makes room");
    }
}
