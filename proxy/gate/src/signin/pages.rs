//! Pages of the sign-in host: without script, light and dark, for a thumb in a glove.

use http::{HeaderValue, StatusCode};
use poort_enforce::{
    exchange::RequestId,
    reply::{Reply, STYLE, escaped},
};

/// What the shared style lacks: something to press.
const BUTTONS: &str = "a.b,button{display:block;width:100%;box-sizing:border-box;margin:1rem 0;padding:1.1rem;font:inherit;text-align:center;text-decoration:none;border:2px solid;border-radius:.6rem;background:none;color:inherit}a.b:focus,button:focus{outline:.3rem solid}";

/// What a page says.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    pub(super) text: String,
    /// Links and forms, ready to stand in the page.
    pub(super) below: String,
    /// Where forms may lead, besides this host: browsers hold redirects after a form against it.
    pub(super) forms: Option<String>,
    pub(super) cookies: Vec<HeaderValue>,
}

impl Page {
    pub(super) fn new(title: &'static str, text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            title,
            text: text.into(),
            below: String::new(),
            forms: None,
            cookies: vec![],
        }
    }

    pub(super) fn link(mut self, address: &str, label: &str) -> Self {
        self.below.push_str(&format!("<a class=\"b\" href=\"{}\">{}</a>", escaped(address), escaped(label)));
        self
    }

    pub(super) fn form(mut self, action: &str, proof: &str, label: &str) -> Self {
        self.below.push_str(&format!(
            "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"proof\" value=\"{}\"><button>{}</button></form>",
            escaped(action),
            escaped(proof),
            escaped(label)
        ));
        self
    }

    pub(super) fn reply(self, id: RequestId) -> Reply {
        let body = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}{BUTTONS}</style></head><body><main><h1>{title}</h1><p>{text}</p>{below}\
             <p><small>Code {code}</small></p></main></body></html>",
            title = escaped(self.title),
            text = escaped(&self.text),
            below = self.below,
            code = id.code(),
        );
        Reply::page(self.status, body, policy(self.forms.as_deref()), self.cookies, id)
    }
}

fn policy(forms: Option<&str>) -> HeaderValue {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let style = format!("{STYLE}{BUTTONS}");
    let digest = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, style.as_bytes()));
    let forms = forms.map_or(String::new(), |forms| format!(" {forms}"));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'{forms}; frame-ancestors 'none'; base-uri 'none'"
    );
    // An address that cannot stand in a header leaves the page without a way to post, not without a policy.
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}
