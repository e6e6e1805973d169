//! A browser, as much of it as signing in needs: cookies by host, redirects, and what it says about each request.

use std::collections::{BTreeMap, HashMap};

use parking_lot::Mutex;
use reqwest::Url;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, REFRESH, SET_COOKIE};

use super::Caller;
use crate::DemoError;
use crate::layout::Layout;
use crate::zone::Zone;

/// Redirects that are followed for one page.
const HOPS: usize = 12;

/// What a browser says of going to a page.
const PAGE: [(&str, &str); 3] = [
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
];

/// A browser on one device.
pub struct Browser {
    gate: reqwest::Client,
    elsewhere: reqwest::Client,
    port: u16,
    jar: Mutex<HashMap<String, BTreeMap<String, String>>>,
}

/// Where a browser ended up.
#[derive(Debug)]
pub struct Landed {
    /// The address.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// Every address on the way, the last included.
    pub hops: Vec<Url>,
}

impl Landed {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where it leads without a word of the person's: by a redirect, or by a page that says so.
    fn onward(&self) -> Option<&str> {
        if (300..400).contains(&self.status) {
            return self.header(LOCATION.as_str());
        }
        self.header(REFRESH.as_str())?.strip_prefix("0;url=")
    }

    /// Whether any address on the way is on this host.
    pub fn passed(&self, host: &str) -> bool {
        self.hops.iter().any(|url| url.host_str() == Some(host))
    }

    /// Where the first link of the page leads that has this in its address.
    pub fn link(&self, part: &str) -> Option<String> {
        let addresses = self.body.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        addresses.map(|(address, _)| address.replace("&amp;", "&")).find(|address| address.contains(part))
    }

    /// The value of the first hidden field of this name in the page.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }
}

impl Browser {
    /// A browser on the device of `caller`, in this zone.
    ///
    /// # Errors
    /// When a certificate is not accepted.
    pub fn new(zone: &Zone, caller: &Caller) -> Result<Self, DemoError> {
        let mut hosts: Vec<String> = zone.sources().iter().map(|source| Layout::host(source.id())).collect();
        hosts.push(Layout::host("signin"));
        let gate = caller.http(&hosts.iter().map(String::as_str).collect::<Vec<_>>())?;
        let fault = || DemoError::request("a browser");
        let authority = zone.pki.internal.certificate().der();
        let authority = reqwest::Certificate::from_der(authority).map_err(fault())?;
        let elsewhere = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_only([authority])
            .build()
            .map_err(fault())?;
        Ok(Self { gate, elsewhere, port: caller.address().port(), jar: Mutex::default() })
    }

    /// The address of a path at a source or at the sign-in host.
    pub fn at(&self, name: &str, path: &str) -> String {
        format!("https://{}:{}{path}", Layout::host(name), self.port)
    }

    /// Goes to a page, wherever it leads.
    ///
    /// # Errors
    /// When something on the way does not answer.
    pub async fn go(&self, address: &str) -> Result<Landed, DemoError> {
        self.follow("GET", address, &[], "").await
    }

    /// Sends a form from a page of `origin`, and goes where that leads.
    ///
    /// # Errors
    /// As [`Browser::go`].
    pub async fn submit(&self, origin: &str, address: &str, form: &str) -> Result<Landed, DemoError> {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", origin)];
        self.follow("POST", address, &headers, form).await
    }

    /// Sends a form with headers of the test's own, and goes where that leads.
    ///
    /// # Errors
    /// As [`Browser::go`].
    pub async fn submit_with(
        &self,
        headers: &[(&str, &str)],
        address: &str,
        form: &str,
    ) -> Result<Landed, DemoError> {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let headers: Vec<_> = kind.iter().chain(headers).copied().collect();
        self.follow("POST", address, &headers, form).await
    }

    /// Sends a form to a page with headers of the test's own, over those of a browser, and follows nothing.
    ///
    /// # Errors
    /// As [`Browser::go`].
    pub async fn post_page(
        &self,
        address: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Result<Landed, DemoError> {
        let others = PAGE.iter().filter(|(name, _)| headers.iter().all(|(own, _)| own != name));
        let headers: Vec<_> = others.chain(headers).copied().collect();
        self.once("POST", parsed(address)?, &headers, form).await
    }

    /// A request as a page's script makes it: nothing is followed.
    ///
    /// # Errors
    /// As [`Browser::go`].
    pub async fn fetch(
        &self,
        method: &str,
        address: &str,
        headers: &[(&str, &str)],
    ) -> Result<Landed, DemoError> {
        let script = [("accept", "*/*"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
        let headers: Vec<_> = script.iter().chain(headers).copied().collect();
        self.once(method, parsed(address)?, &headers, "").await
    }

    /// Every cookie of a host.
    pub fn cookies(&self, name: &str) -> BTreeMap<String, String> {
        self.jar.lock().get(&Layout::host(name)).cloned().unwrap_or_default()
    }

    /// Puts a cookie in, as a thief would.
    pub fn plant(&self, name: &str, cookie: &str, value: &str) {
        let mut jar = self.jar.lock();
        jar.entry(Layout::host(name)).or_default().insert(cookie.to_owned(), value.to_owned());
    }

    async fn follow(
        &self,
        method: &str,
        address: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Landed, DemoError> {
        let first: Vec<_> = PAGE.iter().chain(headers).copied().collect();
        let mut landed = self.once(method, parsed(address)?, &first, body).await?;
        let mut hops = vec![landed.url.clone()];
        while hops.len() < HOPS
            && let Some(next) = landed.onward().and_then(|to| landed.url.join(to).ok())
        {
            hops.push(next.clone());
            landed = self.once("GET", next, &PAGE, "").await?;
        }
        Ok(Landed { hops, ..landed })
    }

    async fn once(
        &self,
        method: &str,
        url: Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Landed, DemoError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        // The gate's hosts are below `localhost`; the issuer is `localhost` itself.
        let client = if host.ends_with(".localhost") { &self.gate } else { &self.elsewhere };
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let mut request = client.request(method, url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.jar.lock().get(&host).cloned().unwrap_or_default();
        let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let answer = request.send().await.map_err(DemoError::request(url.as_str()))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        self.keep(&host, &headers);
        let body = answer.text().await.map_err(DemoError::request(url.as_str()))?;
        Ok(Landed { hops: vec![url.clone()], url, status, headers, body })
    }

    fn keep(&self, host: &str, headers: &HeaderMap) {
        let mut jar = self.jar.lock();
        let cookies = jar.entry(host.to_owned()).or_default();
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let pair = line.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            if line.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn parsed(address: &str) -> Result<Url, DemoError> {
    Url::parse(address).map_err(|fault| DemoError::Socket {
        what: format!("`{address}`"),
        source: std::io::Error::other(fault),
    })
}
