//! The files as they are written. An unknown key is refused: a misspelt expectation would be one that cannot fail.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(rename = "meta")]
    _meta: Option<IgnoredAny>,
    /// Belongs into `meta`.
    #[serde(rename = "author")]
    _author: Option<IgnoredAny>,
    pub(super) rule_id: Option<u64>,
    #[serde(default)]
    pub(super) tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    #[serde(alias = "id")]
    pub(super) test_id: Option<u64>,
    #[serde(alias = "description", default)]
    pub(super) desc: String,
    #[serde(rename = "test_title")]
    _title: Option<IgnoredAny>,
    #[serde(rename = "tags")]
    _tags: Option<IgnoredAny>,
    pub(super) stages: Vec<Stage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stage {
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    pub(super) input: Input,
    pub(super) output: Output,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[serde(rename = "dest_addr")]
    _address: Option<IgnoredAny>,
    #[serde(rename = "port")]
    _port: Option<IgnoredAny>,
    #[serde(rename = "protocol")]
    _protocol: Option<IgnoredAny>,
    #[serde(rename = "virtual_host_mode")]
    _virtual_host: Option<IgnoredAny>,
    pub(super) uri: Option<String>,
    pub(super) version: Option<String>,
    pub(super) method: Option<String>,
    pub(super) headers: Option<HeaderMap>,
    pub(super) ordered_headers: Option<Vec<Header>>,
    pub(super) data: Option<String>,
    pub(super) encoded_data: Option<String>,
    pub(super) encoded_request: Option<String>,
    pub(super) autocomplete_headers: Option<bool>,
    pub(super) stop_magic: Option<bool>,
    #[serde(default)]
    pub(super) follow_redirect: bool,
    #[serde(default)]
    pub(super) save_cookie: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

/// Headers by name. A repeated name is refused, where a map would silently keep one.
pub(super) struct HeaderMap(pub(super) Vec<Header>);

impl<'de> Deserialize<'de> for HeaderMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = HeaderMap;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("headers by name")
            }

            fn visit_unit<E>(self) -> Result<HeaderMap, E> {
                Ok(HeaderMap(Vec::new()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
                let mut headers: Vec<Header> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    if headers.iter().any(|header| header.name == name) {
                        let message = format!("`{name}` is there twice; use `ordered_headers`");
                        return Err(serde::de::Error::custom(message));
                    }
                    headers.push(Header { name, value });
                }
                Ok(HeaderMap(headers))
            }
        }
        deserializer.deserialize_any(Names)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    pub(super) status: Option<u16>,
    pub(super) response_contains: Option<String>,
    pub(super) log_contains: Option<String>,
    pub(super) no_log_contains: Option<String>,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) expect_error: bool,
    #[serde(default)]
    pub(super) retry_once: bool,
    #[serde(default)]
    pub(super) isolated: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) expect_ids: Option<Vec<u64>>,
    pub(super) no_expect_ids: Option<Vec<u64>>,
    pub(super) match_regex: Option<String>,
    pub(super) no_match_regex: Option<String>,
}
