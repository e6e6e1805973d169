//! Settings outside rules: `SecRuleEngine`, body access and limits.

/// Whether rules act, only report, or do not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Rules run, disruptive actions interrupt.
    On,
    /// Rules run, nothing interrupts.
    DetectionOnly,
    /// Rules do not run.
    Off,
}

impl Engine {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "on" => Some(Self::On),
            "detectiononly" => Some(Self::DetectionOnly),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

/// What a body over its limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverLimit {
    /// The transaction is interrupted.
    Reject,
    /// The part within the limit is inspected.
    ProcessPartial,
}

/// Settings of a program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `SecRuleEngine`; `On` unless said.
    pub engine: Engine,
    /// `SecRequestBodyAccess`; on unless said.
    pub request_body: bool,
    /// `SecResponseBodyAccess`; off unless said.
    pub response_body: bool,
    /// `SecRequestBodyLimit`, bytes.
    pub request_body_limit: usize,
    /// `SecRequestBodyNoFilesLimit`, bytes of a multipart body without its files.
    pub request_body_no_files_limit: usize,
    /// `SecRequestBodyLimitAction`.
    pub request_body_over: OverLimit,
    /// `SecResponseBodyLimit`, bytes.
    pub response_body_limit: usize,
    /// `SecResponseBodyLimitAction`.
    pub response_body_over: OverLimit,
    /// `SecResponseBodyMimeType`, in lower case.
    pub response_body_types: Vec<String>,
    /// `SecArgumentsLimit`.
    pub arguments: usize,
    /// `SecRequestBodyJsonDepthLimit`.
    pub json_depth: usize,
    /// `SecUploadFileLimit`.
    pub files: usize,
    /// `SecArgumentSeparator`.
    pub separator: u8,
    /// `SecCollectionTimeout`, seconds.
    pub collection_timeout: u64,
    /// `SecParseXmlIntoArgs`.
    pub xml_into_args: bool,
    /// `SecWebAppId`.
    pub web_app_id: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: Engine::On,
            request_body: true,
            response_body: false,
            request_body_limit: 134_217_728,
            request_body_no_files_limit: 1_048_576,
            request_body_over: OverLimit::Reject,
            response_body_limit: 524_288,
            response_body_over: OverLimit::Reject,
            response_body_types: ["text/plain", "text/html", "text/xml"].map(str::to_owned).to_vec(),
            arguments: 1000,
            json_depth: 512,
            files: 100,
            separator: b'&',
            collection_timeout: 3600,
            xml_into_args: false,
            web_app_id: "default".to_owned(),
        }
    }
}

impl Settings {
    /// Obeys one directive, its name without `Sec` and in lower case.
    ///
    /// # Errors
    ///
    /// When its value is not understood, or asks for what is not done.
    pub(crate) fn apply(&mut self, name: &str, values: &[String]) -> Result<(), String> {
        let value = values.first().map_or("", String::as_str);
        match name {
            "ruleengine" => {
                self.engine =
                    Engine::parse(value).ok_or_else(|| expected(value, "`On`, `Off` or `DetectionOnly`"))?;
            }
            "requestbodyaccess" => self.request_body = on_off(value)?,
            "responsebodyaccess" => self.response_body = on_off(value)?,
            "requestbodylimit" => self.request_body_limit = number(value)?,
            "requestbodynofileslimit" => self.request_body_no_files_limit = number(value)?,
            "requestbodylimitaction" => self.request_body_over = over_limit(value)?,
            "responsebodylimit" => self.response_body_limit = number(value)?,
            "responsebodylimitaction" => self.response_body_over = over_limit(value)?,
            "responsebodymimetype" => {
                self.response_body_types.extend(values.iter().map(|value| value.to_ascii_lowercase()));
            }
            "responsebodymimetypesclear" => self.response_body_types.clear(),
            "argumentslimit" => self.arguments = number(value)?,
            "requestbodyjsondepthlimit" => self.json_depth = number(value)?,
            "uploadfilelimit" => self.files = number(value)?,
            "collectiontimeout" => self.collection_timeout = number(value)? as u64,
            "argumentseparator" => {
                self.separator = *value.as_bytes().first().ok_or_else(|| expected(value, "one character"))?;
            }
            "webappid" => self.web_app_id = value.to_owned(),
            "parsexmlintoargs" => self.xml_into_args = xml_into_args(value)?,
            "cookieformat" if value != "0" => {
                return Err(expected(value, "`0`; RFC 2109 cookies are not sent any more"));
            }
            "xmlexternalentity" if !value.eq_ignore_ascii_case("off") => {
                return Err(expected(value, "`Off`; entities are never fetched"));
            }
            "contentinjection" if !value.eq_ignore_ascii_case("off") => {
                return Err(expected(value, "`Off`; bodies are not rewritten"));
            }
            _ => {}
        }
        Ok(())
    }
}

fn expected(value: &str, what: &str) -> String {
    format!("`{value}` is not understood; write {what}")
}

fn on_off(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(expected(value, "`On` or `Off`")),
    }
}

/// Rules see `XML` in any case.
pub(super) fn xml_into_args(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "onlyargs" => Ok(true),
        "off" => Ok(false),
        _ => Err(expected(value, "`On`, `OnlyArgs` or `Off`")),
    }
}

fn number(value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| expected(value, "a number"))
}

fn over_limit(value: &str) -> Result<OverLimit, String> {
    match value.to_ascii_lowercase().as_str() {
        "reject" => Ok(OverLimit::Reject),
        "processpartial" => Ok(OverLimit::ProcessPartial),
        _ => Err(expected(value, "`Reject` or `ProcessPartial`")),
    }
}
