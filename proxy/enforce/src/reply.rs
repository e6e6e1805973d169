//! What a client is told of a refusal, and how the gate's own pages look.
//!
//! API clients get `application/problem+json` (RFC 9457), browsers a small page without script. Neither learns more than
//! the class, the request's id and its six-character code; the reason in full is in the record.

use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{
    exchange::RequestId,
    language::{Language, Text},
    pipeline::{Refusal, Remedy},
    reason::{Class, Reason},
    source::Cors,
    words::{Words, told},
};

/// A response that the gate makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers, Content-Length included.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: String,
}

/// RFC 9457, with the extension members `reason`, `code` and `request_id`.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    reason: &'static str,
    code: String,
    request_id: String,
    /// Where a purpose is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    mission: Option<&'a str>,
    /// Where the glass may be broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    break_glass: Option<&'a str>,
}

/// Where a person who was refused can do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What can be done.
    pub remedy: Remedy,
    /// Where.
    pub address: String,
}

impl Reply {
    /// The reply to a refused request; `headers` are the request's, `way` leads to what the refusal's remedy is.
    #[must_use]
    pub fn refusal(refusal: &Refusal, id: RequestId, headers: Option<&HeaderMap>, way: Option<&Way>) -> Self {
        let words = told(refusal.reason.class());
        let page = headers.filter(|headers| wants_page(headers));
        let language = page.map_or(Language::English, Language::of);
        let detail = detail(&words, refusal, headers, language);
        let (kind, body) = match page {
            Some(_) => (
                HeaderValue::from_static("text/html; charset=utf-8"),
                html(&words, detail, id, language, way),
            ),
            None => {
                (HeaderValue::from_static("application/problem+json"), problem(&words, detail.text, id, way))
            }
        };
        let mut reply = Self {
            status: words.status,
            headers: vec![
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_LENGTH, HeaderValue::from(body.len())),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                (header::CONTENT_SECURITY_POLICY, policy(false, None)),
                (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            ],
            body,
        };
        if page.is_some() || !refusal.translations.is_empty() {
            reply.headers.push((header::VARY, HeaderValue::from_static("Accept-Language")));
        }
        let language = detail.language.and_then(|code| HeaderValue::try_from(code).ok());
        reply.headers.extend(language.map(|code| (header::CONTENT_LANGUAGE, code)));
        reply.headers.extend(challenge(refusal));
        reply.headers.extend(refusal.retry_after.map(|wait| (header::RETRY_AFTER, whole_seconds(wait))));
        reply.name_request(id);
        reply
    }

    /// The status that a reason is told with.
    #[must_use]
    pub fn status(reason: &Reason) -> StatusCode {
        told(reason.class()).status
    }

    /// Sends a browser on with what it sends here (RFC 9110, 15.4.8): the same method, the same body.
    #[must_use]
    pub fn onward(location: HeaderValue, id: RequestId) -> Self {
        Self { status: StatusCode::TEMPORARY_REDIRECT, ..Self::elsewhere(location, vec![], id) }
    }

    /// The same page as the answer to a refused request: with its status, and what its class demands in headers.
    #[must_use]
    pub fn refusing(mut self, refusal: &Refusal) -> Self {
        self.status = Self::status(&refusal.reason);
        self.headers.extend(challenge(refusal));
        self
    }

    /// Sends a browser elsewhere. RFC 9110, 15.4.4: 303, so that whatever was asked, the next request is a GET.
    #[must_use]
    pub fn elsewhere(location: HeaderValue, cookies: Vec<HeaderValue>, id: RequestId) -> Self {
        let mut reply = Self {
            status: StatusCode::SEE_OTHER,
            headers: vec![(header::LOCATION, location)],
            body: String::new(),
        };
        reply.headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        reply.headers.extend([
            (header::CONTENT_LENGTH, HeaderValue::from_static("0")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            // What is in the address is for the gate alone.
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        ]);
        reply.name_request(id);
        reply
    }

    /// A page of the gate's own: `main` in the shared frame.
    #[must_use]
    pub fn page(page: &Page<'_>, cookies: Vec<HeaderValue>, id: RequestId) -> Self {
        let script = page.script.map(|script| format!("<script>{script}</script>")).unwrap_or_default();
        let body = framed(page.language, page.title, &[page.main, &script].concat());
        // RFC 6454, 7.3, and the Fetch standard: under `no-referrer` a browser says `Origin: null` of a form, which proves nothing.
        let referrer = if page.forms { "same-origin" } else { "no-referrer" };
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_LENGTH, HeaderValue::from(body.len())),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CONTENT_SECURITY_POLICY, policy(page.forms, page.script)),
            (header::REFERRER_POLICY, HeaderValue::from_static(referrer)),
            (header::VARY, HeaderValue::from_static("Accept-Language")),
        ];
        let status = page.status;
        headers.extend(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie)));
        let mut reply = Self { status, headers, body };
        reply.name_request(id);
        reply
    }

    /// The reply to a CORS preflight.
    #[must_use]
    pub fn preflight(preflight: &Preflight, id: RequestId) -> Self {
        let mut reply =
            Self { status: StatusCode::NO_CONTENT, headers: preflight.headers.clone(), body: String::new() };
        reply.name_request(id);
        reply
    }

    fn name_request(&mut self, id: RequestId) {
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            self.headers.push((REQUEST_ID, value));
        }
    }
}

/// The header that names a request, to the source and to the client.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("poort-request-id");

/// A page of the gate's own.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The status.
    pub status: StatusCode,
    /// The language it is in.
    pub language: Language,
    /// Its title, as text.
    pub title: &'a str,
    /// What is in it, as HTML.
    pub main: &'a str,
    /// Whether it has forms; they lead to its own host.
    pub forms: bool,
    /// What runs in it: the gate's own words, and nothing of a request.
    pub script: Option<&'static str>,
}

/// What to do now, and in which language that is, if it is not the usual one.
#[derive(Clone, Copy)]
struct Detail<'a> {
    text: &'a str,
    language: Option<&'a str>,
}

/// The policies' authors have the word, where they take it: they know best what this person can do. In the language that the client likes
/// best if they took it in that, otherwise as they say it to everybody.
fn detail<'a>(
    words: &Words,
    refusal: &'a Refusal,
    headers: Option<&HeaderMap>,
    language: Language,
) -> Detail<'a> {
    let preferred = headers.and_then(preferred_language);
    let translated = |(code, text): &'a (Arc<str>, Arc<str>)| Detail { text, language: Some(code) };
    let wanted = refusal.translations.iter().find(|(code, _)| Some(&**code) == preferred.as_deref());
    match (wanted, &refusal.advice) {
        (Some(wanted), _) => translated(wanted),
        (None, Some(advice)) => Detail { text: advice, language: None },
        (None, None) => {
            let first = refusal.translations.first();
            first.map_or(Detail { text: words.advice.in_language(language), language: None }, translated)
        }
    }
}

/// The code of the language that a client likes best (RFC 9110, 12.5.4): of several that it likes as much, the first. What is longer than
/// any browser's is not looked at.
fn preferred_language(headers: &HeaderMap) -> Option<String> {
    const LONGEST: usize = 256;
    let value = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().filter(|value| value.len() <= LONGEST)?;
    let ranges = value.split(',').filter_map(|range| {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        let code = tag.trim().split('-').next()?.to_ascii_lowercase();
        (weight > 0.0 && code.len() == 2).then_some((code, weight))
    });
    // Of equals the last is the greatest to `max_by`, so they are turned round.
    let ranges: Vec<_> = ranges.collect();
    let best = ranges.into_iter().rev().max_by(|(_, one), (_, other)| one.total_cmp(other));
    best.map(|(code, _)| code)
}

/// How the gate's own pages look.
const STYLE: &str = ":root{color-scheme:light dark}*{box-sizing:border-box}body{font:1.25rem/1.5 system-ui,sans-serif;max-width:34rem;margin:min(6vh,5rem) auto;\
padding:0 1.5rem}h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.25rem}code{font-size:2rem;letter-spacing:.15em}small{opacity:.75;\
overflow-wrap:anywhere}a.b,button{display:block;width:100%;margin:1rem 0;padding:1rem;font:inherit;text-align:center;text-decoration:none;\
border:2px solid;border-radius:.6rem;background:none;color:inherit}button.p{background:CanvasText;color:Canvas;border-color:CanvasText}\
:focus-visible{outline:.3rem solid Highlight;outline-offset:.2rem}\
fieldset{border:0;margin:0;padding:0;display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.5rem}label.c{display:flex;\
align-items:center;gap:1rem;min-height:3.5rem;padding:.4rem 1rem;line-height:1.2;border:2px solid;border-radius:.6rem}\
label.c:has(:checked){font-weight:bold;box-shadow:inset 0 0 0 2px}input[type=radio]{width:1.7rem;height:1.7rem;margin:0;flex:none}\
label.t{display:block;margin:1rem 0}input[type=text],textarea{display:block;width:100%;padding:.9rem;font:inherit;border:2px solid;\
border-radius:.6rem;background:none;color:inherit}.w{border-left:.5rem solid;padding-left:1rem}";

/// The digest by which the content security policy lets the style in (CSP 3, 6.7.3.3).
static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| source(STYLE));

/// What stands in a page, by its digest (CSP 3, 2.3.1).
fn source(inline: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, inline.as_bytes())))
}

/// `forms`: whether the page has forms, which lead to its own host; `script`: what alone runs in it.
fn policy(forms: bool, script: Option<&str>) -> HeaderValue {
    let forms = if forms { "'self'" } else { "'none'" };
    let script = script.map_or_else(String::new, |script| format!("script-src {}; ", source(script)));
    let policy = format!(
        "default-src 'none'; {script}style-src {}; form-action {forms}; frame-ancestors 'none'; base-uri 'none'",
        *STYLE_SOURCE
    );
    // INVARIANT: a digest in base64 is fit for a header.
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

fn framed(language: Language, title: &str, main: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{main}</main></body></html>",
        lang = language.tag(),
        title = escaped(title),
    )
}

fn problem(words: &Words, detail: &str, id: RequestId, way: Option<&Way>) -> String {
    let address = |remedy| way.filter(|way| way.remedy == remedy).map(|way| way.address.as_str());
    let problem = Problem {
        r#type: "about:blank",
        title: words.title.in_language(Language::English),
        status: words.status.as_u16(),
        detail,
        reason: words.name,
        code: id.code(),
        request_id: id.to_string(),
        mission: address(Remedy::Mission),
        break_glass: address(Remedy::BreakGlass),
    };
    serde_json::to_string(&problem).unwrap_or_default()
}

const OPEN_MISSION: Text = Text(["Opdracht openen", "Ouvrir une mission", "Open a mission"]);
const BREAK_GLASS: Text = Text([
    "In een noodgeval: het glas breken",
    "En cas d'urgence : briser la vitre",
    "In an emergency: break the glass",
]);

fn html(words: &Words, detail: Detail<'_>, id: RequestId, language: Language, way: Option<&Way>) -> String {
    let mut main = String::with_capacity(512);
    let own = detail.language.map(|code| format!(" lang=\"{code}\"")).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(main, "<p{own}>{}</p>", escaped(detail.text));
    if let Some(Way { remedy, address }) = way {
        let label = match remedy {
            Remedy::Mission => OPEN_MISSION,
            Remedy::BreakGlass => BREAK_GLASS,
        };
        let (address, label) = (escaped(address), label.in_language(language));
        let _ = write!(main, "<a class=\"b\" href=\"{address}\">{label}</a>");
    }
    let (code, status, name) = (id.code(), words.status.as_u16(), words.name);
    let _ = write!(main, "<p>Code <code>{code}</code></p><p><small>{status} · {name} · {id}</small></p>");
    framed(language, words.title.in_language(language), &main)
}

/// Text as it may stand in a page, in an element or a quoted attribute.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A browser's navigation says `text/html`; fetch, XHR and API clients do not, or say what they are in `Sec-Fetch-Mode`.
fn wants_page(headers: &HeaderMap) -> bool {
    let scripted = headers.get("sec-fetch-mode").is_some_and(|mode| mode != "navigate");
    let html = headers.get(header::ACCEPT).is_some_and(|accept| {
        accept.as_bytes().windows(9).any(|part| part.eq_ignore_ascii_case(b"text/html"))
    });
    html && !scripted
}

/// RFC 6750 §3; for a stronger sign-in RFC 9470 §3.
fn challenge(refusal: &Refusal) -> Option<(HeaderName, HeaderValue)> {
    let value = match refusal.reason.class() {
        Class::SignInRequired => "Bearer realm=\"poort\"",
        Class::SignInExpired => {
            "Bearer realm=\"poort\", error=\"invalid_token\", error_description=\"the token has expired\""
        }
        Class::SignInInvalid | Class::SignInElsewhere => "Bearer realm=\"poort\", error=\"invalid_token\"",
        Class::StrongerSignIn => {
            let mut value = "Bearer realm=\"poort\", error=\"insufficient_user_authentication\"".to_owned();
            let step_up = refusal.step_up.clone().unwrap_or_default();
            // INVARIANT: an `acr` that loads has no quote in it. Writing to a String cannot fail.
            let _ = step_up.class.map(|class| write!(value, ", acr_values=\"{class}\""));
            let _ = step_up.max_age.map(|age| write!(value, ", max_age=\"{age}\""));
            let value = HeaderValue::try_from(value).ok()?;
            return Some((header::WWW_AUTHENTICATE, value));
        }
        _ => return None,
    };
    Some((header::WWW_AUTHENTICATE, HeaderValue::from_static(value)))
}

/// RFC 9110 §10.2.3: whole seconds, rounded up, so that whoever waits that long is served.
fn whole_seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)))
}

/// The answer to a CORS preflight (Fetch standard, §3.2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Preflight {
    /// The answer, if the source's file allows origin, method and every header asked for.
    #[must_use]
    pub fn answer(
        cors: &Cors,
        origin: &HeaderValue,
        method: &HeaderValue,
        asked: Option<&[u8]>,
    ) -> Option<Self> {
        let known = cors.origins.iter().any(|known| known.as_bytes() == origin.as_bytes());
        let method_allowed = cors.methods.iter().any(|known| known.as_bytes() == method.as_bytes());
        let headers_allowed =
            asked.unwrap_or_default().split(|&byte| byte == b',').map(<[u8]>::trim_ascii).all(|name| {
                name.is_empty()
                    || cors.headers.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
            });
        if !(known && method_allowed && headers_allowed) {
            return None;
        }
        let list = |values: &[String]| HeaderValue::try_from(values.join(", ")).ok();
        let mut headers = cors_headers(origin);
        headers.push((header::ACCESS_CONTROL_ALLOW_METHODS, list(&cors.methods)?));
        headers.push((header::ACCESS_CONTROL_ALLOW_HEADERS, list(&cors.headers)?));
        headers.push((header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(cors.max_age.as_secs())));
        Some(Self { headers })
    }
}

/// The headers that let a page of an allowed origin read an answer.
#[must_use]
pub fn cors_headers(origin: &HeaderValue) -> Vec<(HeaderName, HeaderValue)> {
    vec![
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
        (header::VARY, HeaderValue::from_static("Origin")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pipeline::StepUp, reason::Budget};
    use poort_identity::device::DeviceFault;

    fn reply(reason: Reason, accept: &'static str) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Reply::refusal(&reason.into(), RequestId([9; 16]), Some(&headers), None)
    }

    fn header<'a>(reply: &'a Reply, name: &HeaderName) -> Option<&'a HeaderValue> {
        reply.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    #[test]
    fn an_api_client_gets_a_problem_document() {
        let reply = reply(Reason::Device(DeviceFault::Revoked), "application/json");
        assert_eq!(reply.status, 403);
        assert_eq!(header(&reply, &header::CONTENT_TYPE).unwrap(), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(problem["reason"], "device_revoked");
        assert_eq!(problem["code"].as_str().unwrap().len(), 6);
        assert_eq!(problem["request_id"], "09".repeat(16));
        assert_eq!(header(&reply, &header::CONTENT_LENGTH).unwrap(), &reply.body.len().to_string());
    }

    #[test]
    fn a_browser_gets_a_page_without_script() {
        let refusal =
            Refusal { advice: Some("Ask <b>the desk</b>.".into()), ..Refusal::from(Reason::Policy) };
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html,*/*"));
        let page = Reply::refusal(&refusal, RequestId([9; 16]), Some(&headers), None);
        assert!(page.body.contains("Ask &lt;b&gt;the desk&lt;/b&gt;."), "{}", page.body);
        assert!(!page.body.contains("<script"));
        assert!(page.body.len() < 3072, "{}", page.body.len());
        headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
        let scripted = Reply::refusal(&refusal, RequestId([9; 16]), Some(&headers), None);
        assert_eq!(header(&scripted, &header::CONTENT_TYPE).unwrap(), "application/problem+json");
    }

    #[test]
    fn advice_is_told_in_the_language_that_the_client_likes_best() {
        let refusal = Refusal {
            advice: Some("Ask the desk.".into()),
            translations: vec![
                ("fr".into(), "Demandez à l'<accueil>.".into()),
                ("nl".into(), "Vraag de balie.".into()),
            ],
            ..Reason::Policy.into()
        };
        let untold = Refusal { advice: None, ..refusal.clone() };
        for (accept, refusal, text, language) in [
            ("nl", &refusal, "Vraag de balie.", Some("nl")),
            ("NL-be, en;q=0.5", &refusal, "Vraag de balie.", Some("nl")),
            ("fr;q=0.8, nl;q=0.9", &refusal, "Vraag de balie.", Some("nl")),
            ("fr, nl", &refusal, "Demandez à l'<accueil>.", Some("fr")),
            ("en, nl;q=0.5", &refusal, "Ask the desk.", None),
            ("nl;q=0", &refusal, "Ask the desk.", None),
            ("*", &refusal, "Ask the desk.", None),
            ("nl;q=lots", &refusal, "Ask the desk.", None),
            (&"nl,".repeat(100), &refusal, "Ask the desk.", None),
            ("de", &untold, "Demandez à l'<accueil>.", Some("fr")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::try_from(accept).unwrap());
            let reply = Reply::refusal(refusal, RequestId([9; 16]), Some(&headers), None);
            let problem: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            assert_eq!(problem["detail"], text, "{accept}");
            let said = header(&reply, &header::CONTENT_LANGUAGE).map(|value| value.to_str().unwrap());
            assert_eq!(said, language, "{accept}");
            headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
            let page = Reply::refusal(refusal, RequestId([9; 16]), Some(&headers), None).body;
            let paragraph = language.map_or("<p>".to_owned(), |code| format!("<p lang=\"{code}\">"));
            assert!(page.contains(&format!("{paragraph}{}</p>", escaped(text))), "{accept}: {page}");
        }
    }

    #[test]
    fn a_step_up_names_its_class_and_age() {
        let class = Some("https://refeds.org/profile/mfa".into());
        let refusal = Refusal {
            step_up: Some(Box::new(StepUp { class, strong: false, max_age: Some(900) })),
            ..Reason::StrongerSignIn.into()
        };
        let reply = Reply::refusal(&refusal, RequestId([0; 16]), None, None);
        assert_eq!(
            header(&reply, &header::WWW_AUTHENTICATE).unwrap(),
            "Bearer realm=\"poort\", error=\"insufficient_user_authentication\", acr_values=\"https://refeds.org/profile/mfa\", max_age=\"900\""
        );
    }

    #[test]
    fn the_style_is_the_one_that_the_policy_names() {
        let page = reply(Reason::Policy, "text/html");
        let policy = header(&page, &header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        let style = page.body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let digest = STANDARD.encode(digest(&SHA256, style.as_bytes()));
        assert!(policy.contains(&format!("style-src 'sha256-{digest}'")), "{policy}");
        assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'none'"), "{policy}");
    }

    #[test]
    fn a_page_is_in_the_readers_language_and_a_problem_document_is_not() {
        let told = |accept: &'static str, language: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(language));
            Reply::refusal(&Reason::Policy.into(), RequestId([9; 16]), Some(&headers), None)
        };
        for (language, tag, title) in [
            ("nl-BE", "nl", "Dit mag u niet doen."),
            ("fr", "fr", "Vous ne pouvez pas faire cela."),
            ("de", "en", "You may not do this."),
        ] {
            let page = told("text/html", language);
            assert!(page.body.contains(&format!("<html lang=\"{tag}\">")), "{language}");
            assert!(page.body.contains(&format!("<h1>{title}</h1>")), "{language}: {}", page.body);
            assert_eq!(header(&page, &header::VARY).unwrap(), "Accept-Language");
        }
        assert!(told("application/json", "nl").body.contains("You may not do this."));
    }

    #[test]
    fn a_way_out_is_shown_to_people_and_named_to_programs() {
        let address = "https://signin.example/break-glass?to=a&b".to_owned();
        for (remedy, member, label) in [
            (Remedy::Mission, "mission", "Open a mission"),
            (Remedy::BreakGlass, "break_glass", "break the glass"),
        ] {
            let way = Way { remedy, address: address.clone() };
            let told = |accept: &'static str| {
                let mut headers = HeaderMap::new();
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
                Reply::refusal(&Reason::Policy.into(), RequestId([9; 16]), Some(&headers), Some(&way))
            };
            let page = told("text/html").body;
            assert!(page.contains("href=\"https://signin.example/break-glass?to=a&amp;b\""), "{page}");
            assert!(page.contains(label), "{page}");
            let problem: serde_json::Value = serde_json::from_str(&told("*/*").body).unwrap();
            assert_eq!(problem[member], address);
            assert_eq!(problem.as_object().unwrap().len(), 8, "and nothing else: {problem}");
        }
    }

    #[test]
    fn refusals_say_how_to_go_on() {
        let limited =
            Refusal { retry_after: Some(Duration::from_millis(1200)), ..Reason::Limit(Budget::User).into() };
        let limited = Reply::refusal(&limited, RequestId([0; 16]), None, None);
        assert_eq!(
            (limited.status.as_u16(), header(&limited, &header::RETRY_AFTER).unwrap().to_str().unwrap()),
            (429, "2")
        );
        let endless = Refusal { retry_after: Some(Duration::MAX), ..Reason::Limit(Budget::User).into() };
        let endless = Reply::refusal(&endless, RequestId([0; 16]), None, None);
        assert_eq!(header(&endless, &header::RETRY_AFTER).unwrap(), &u64::MAX.to_string());
        let stranger = reply(Reason::SubjectMissing, "*/*");
        assert_eq!(header(&stranger, &header::WWW_AUTHENTICATE).unwrap(), "Bearer realm=\"poort\"");
        assert_eq!(header(&reply(Reason::Policy, "*/*"), &header::WWW_AUTHENTICATE), None);
    }

    #[test]
    fn preflights_get_what_the_file_allows() {
        let cors = Cors {
            origins: vec!["https://portal.example".into()],
            methods: vec!["GET".into(), "PUT".into()],
            headers: vec!["content-type".into()],
            max_age: Duration::from_secs(600),
        };
        for (name, origin, method, asked, allowed) in [
            ("allowed", "https://portal.example", "PUT", Some("Content-Type"), true),
            ("no headers asked", "https://portal.example", "GET", None, true),
            ("another origin", "https://evil.example", "GET", None, false),
            ("null origin", "null", "GET", None, false),
            ("another method", "https://portal.example", "DELETE", None, false),
            ("another header", "https://portal.example", "GET", Some("content-type, x-evil"), false),
        ] {
            let (origin, method) = (HeaderValue::from_static(origin), HeaderValue::from_static(method));
            let answer = Preflight::answer(&cors, &origin, &method, asked.map(str::as_bytes));
            assert_eq!(answer.is_some(), allowed, "{name}");
        }
    }
}
