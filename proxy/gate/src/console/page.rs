//! How a page of the console looks: its frame, and the headers that keep everything else out.

use http::{HeaderName, HeaderValue, StatusCode, header};
use poort_enforce::reply::{Reply, escaped};
use poort_policy::console::View;

use super::html::Html;

/// A page.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) title: String,
    /// Which of the views it is; none for what is none.
    pub(super) view: Option<View>,
    pub(super) main: Html,
}

/// Who a page is for.
pub(super) struct Reader<'a> {
    /// The name in the certificate.
    pub(super) name: &'a str,
    /// What they may see.
    pub(super) views: &'a [View],
}

/// SECURITY: a script of the program's own file alone, which cannot make markup of text; nothing of another origin, no frame around it,
/// no form that leads elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

impl Page {
    pub(super) fn new(view: View, main: Html) -> Self {
        Self { status: StatusCode::OK, title: label(view).to_owned(), view: Some(view), main }
    }

    /// A page that says why there is no other.
    pub(super) fn told(status: StatusCode, title: &str, said: &str) -> Self {
        let main = Html::default().element("p class=\"lead\"", said);
        Self { status, title: title.to_owned(), view: None, main }
    }

    pub(super) fn reply(self, reader: &Reader<'_>) -> Reply {
        let body = self.framed(reader);
        let mut headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::CONTENT_LENGTH, HeaderValue::from(body.len())),
        ];
        headers.extend(guarded());
        Reply { status: self.status, headers, body }
    }

    fn framed(&self, reader: &Reader<'_>) -> String {
        let tabs = reader.views.iter().map(|view| {
            let here = if self.view == Some(*view) { " aria-current=\"page\"" } else { "" };
            format!("<a href=\"/{}\"{here}>{}</a>", view.as_str(), label(*view))
        });
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
             initial-scale=1\"><title>{title} · Poort</title><link rel=\"icon\" href=\"/icon.svg\"><link rel=\"stylesheet\" \
             href=\"/console.css\"><script src=\"/console.js\" defer></script></head><body><header><b>Poort</b><nav>{tabs}</nav>\
             <small title=\"{name}\">{short}</small></header><main><h1>{title}</h1>{main}</main></body></html>",
            title = escaped(&self.title),
            tabs = tabs.collect::<String>(),
            name = escaped(reader.name),
            short = escaped(reader.name.rsplit('/').next().unwrap_or(reader.name)),
            main = self.main.clone().into_string(),
        )
    }
}

/// What people call a view.
pub(super) const fn label(view: View) -> &'static str {
    match view {
        View::Decisions => "Decisions",
        View::Explain => "Explain",
        View::Sources => "Sources",
        View::Waf => "WAF",
        View::Reviews => "Reviews",
        View::Log => "Log",
    }
}

/// Headers of everything that is for one reader.
pub(super) fn guarded() -> [(HeaderName, HeaderValue); 6] {
    [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // RFC 6454, 7.3, and the Fetch standard: under `no-referrer` a browser says `Origin: null` of a form, which proves nothing.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    ]
}

/// Sends a browser to another page of the console (RFC 9110, 15.4.4).
pub(super) fn elsewhere(address: String) -> Reply {
    let location = HeaderValue::try_from(address).unwrap_or_else(|_| HeaderValue::from_static("/"));
    let mut headers =
        vec![(header::LOCATION, location), (header::CONTENT_LENGTH, HeaderValue::from_static("0"))];
    headers.extend(guarded());
    Reply { status: StatusCode::SEE_OTHER, headers, body: String::new() }
}
