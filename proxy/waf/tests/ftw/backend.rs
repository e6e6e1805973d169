//! The suite's back end: `/reflect` answers what the request's body asks for, all else is an empty 200.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde::Deserialize;

use super::wire::Request;

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Reflection {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    encoded_body: String,
}

pub(crate) fn answer(request: &Request) -> Response {
    if request.target.split(|byte| *byte == b'?').next() != Some(b"/reflect") {
        return finish(Response { status: 200, headers: Vec::new(), body: Vec::new() });
    }
    let Ok(asked) = serde_json::from_slice::<Reflection>(&request.body) else {
        return finish(Response {
            status: 400,
            headers: Vec::new(),
            body: b"Invalid JSON in request body".to_vec(),
        });
    };
    let body = if asked.body.is_empty() {
        base64::engine::general_purpose::STANDARD.decode(&asked.encoded_body).unwrap_or_default()
    } else {
        asked.body.into_bytes()
    };
    let status = if asked.status == 0 { 200 } else { asked.status };
    finish(Response { status, headers: asked.headers.into_iter().collect(), body })
}

/// Adds the headers that Go's server adds.
fn finish(mut response: Response) -> Response {
    let has = |response: &Response, name: &str| {
        response.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    if !response.body.is_empty() && !has(&response, "Content-Type") && !has(&response, "Content-Encoding") {
        response.headers.push(("Content-Type".into(), sniff(&response.body).into()));
    }
    response.headers.push(("Content-Length".into(), response.body.len().to_string()));
    response
}

/// The start of Go's `http.DetectContentType`.
fn sniff(body: &[u8]) -> &'static str {
    let text = body.trim_ascii_start().to_ascii_lowercase();
    let tags = [
        "<!doctype html",
        "<html",
        "<head",
        "<script",
        "<iframe",
        "<h1",
        "<div",
        "<font",
        "<table",
        "<a",
        "<style",
        "<title",
        "<b",
        "<body",
        "<br",
        "<p",
        "<!--",
    ];
    let is_tag = |tag: &str| {
        text.strip_prefix(tag.as_bytes())
            .and_then(<[u8]>::first)
            .is_some_and(|next| matches!(next, b' ' | b'>'))
    };
    if tags.into_iter().any(is_tag) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    let binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if body.iter().take(512).any(binary) { "application/octet-stream" } else { "text/plain; charset=utf-8" }
}
