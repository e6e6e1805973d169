//! What is posted: that it came from a page of the console, made for whoever posts it.
//!
//! SECURITY: a browser shows its certificate whoever's page the form is on. So a form holds a proof that only this gate can make, and the
//! request must say that it comes from here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    hmac::{HMAC_SHA256, Key, sign},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};

/// How long a page's form may be filled in.
const LIFETIME: Duration = Duration::from_secs(3600);

/// What proves forms. Another process proves others.
pub(super) struct Forms(Option<Key>);

impl Forms {
    pub(super) fn new() -> Self {
        // Without randomness no form is ever good.
        Self(Key::generate(HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new()).ok())
    }

    /// The proof of a form for somebody.
    pub(super) fn proof(&self, visitor: &str, now: SystemTime) -> String {
        let ends = seconds(now + LIFETIME);
        let mac = self.0.as_ref().map(|key| sign(key, said(visitor, ends).as_bytes()));
        let mac = mac.map(|mac| URL_SAFE_NO_PAD.encode(mac.as_ref())).unwrap_or_default();
        format!("{ends}.{mac}")
    }

    /// Whether a proof is good for somebody.
    pub(super) fn proves(&self, proof: &str, visitor: &str, now: SystemTime) -> bool {
        let Some(key) = &self.0 else { return false };
        let Some((ends, mac)) = proof.split_once('.') else { return false };
        let (Ok(ends), Ok(mac)) = (ends.parse::<u64>(), URL_SAFE_NO_PAD.decode(mac)) else { return false };
        let expected = sign(key, said(visitor, ends).as_bytes());
        verify_slices_are_equal(expected.as_ref(), &mac).is_ok() && seconds(now) < ends
    }
}

fn said(visitor: &str, ends: u64) -> String {
    format!("review\n{ends}\n{visitor}")
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Whether a request says that it comes from a page of this host. One that says nothing of it is no browser's, and proves nothing.
pub(super) fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let own = format!("https://{host}");
    let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    matches!((origins.next(), origins.next()), (Some(origin), None) if origin.as_bytes() == own.as_bytes())
        && site
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_proof_is_good_for_whom_it_was_made_and_for_a_while() {
        let (forms, now) = (Forms::new(), UNIX_EPOCH + Duration::from_secs(1_772_366_400));
        let proof = forms.proof("els", now);
        assert!(forms.proves(&proof, "els", now + LIFETIME / 2));
        assert!(!forms.proves(&proof, "bo", now) && !forms.proves(&proof, "els", now + LIFETIME));
        assert!(!Forms::new().proves(&proof, "els", now), "another process");
        let later = proof.replacen("17", "27", 1);
        for forged in ["", ".", "1.", &*later, proof.trim_end_matches(|_: char| true)] {
            assert!(!forms.proves(forged, "els", now), "{forged}");
        }
    }

    #[test]
    fn a_form_comes_from_here() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |&(name, value): &(&'static str, &'static str)| {
                (http::HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            pairs.iter().map(pair).collect()
        };
        let own = ("origin", "https://console.zone.example:9443");
        for (name, pairs, expected) in [
            ("own", vec![own], true),
            ("own, said twice", vec![own, ("sec-fetch-site", "same-origin")], true),
            ("from a source", vec![own, ("sec-fetch-site", "same-site")], false),
            ("elsewhere", vec![("origin", "https://evil.example")], false),
            ("null", vec![("origin", "null")], false),
            ("silent", vec![], false),
        ] {
            assert_eq!(is_from_here(&headers(&pairs), "console.zone.example:9443"), expected, "{name}");
        }
        let mut two = headers(&[own]);
        two.append("origin", HeaderValue::from_static("https://evil.example"));
        assert!(!is_from_here(&two, "console.zone.example:9443"));
    }
}
