//! What pages load: files of the program's own.

use http::{HeaderValue, StatusCode, header};
use poort_enforce::reply::Reply;

/// A file, if there is one at this path.
pub(super) fn find(path: &str) -> Option<Reply> {
    let (kind, body) = match path {
        "/console.css" => ("text/css; charset=utf-8", include_str!("console.css")),
        "/console.js" => ("text/javascript; charset=utf-8", include_str!("console.js")),
        "/icon.svg" => ("image/svg+xml", include_str!("icon.svg")),
        _ => return None,
    };
    let headers = vec![
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_LENGTH, HeaderValue::from(body.len())),
        // A gate of another version has other files.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        ),
    ];
    Some(Reply { status: StatusCode::OK, headers, body: body.to_owned() })
}
