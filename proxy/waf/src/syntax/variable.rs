//! The variables of SecLang. A rule that names one this engine cannot fill is refused at load, with the reason: it would never
//! match.

macro_rules! variables {
    ($($name:literal $variant:ident),* $(,)?) => {
        /// A variable, by its name in SecLang.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names are SecLang's")]
        pub enum Variable { $($variant),* }

        impl Variable {
            /// How many there are.
            pub(crate) const COUNT: usize = [$($name),*].len();

            /// The name, in upper case.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The variable of that name, whatever its case.
            ///
            /// # Errors
            ///
            /// When there is none, or it cannot be filled; the message says which.
            pub(crate) fn parse(name: &str) -> Result<Self, String> {
                let upper = name.to_ascii_uppercase();
                match upper.as_str() { $($name => Ok(Self::$variant),)* _ => Err(refusal(name, &upper)) }
            }
        }
    };
}

variables! {
    "ARGS" Args,
    "ARGS_COMBINED_SIZE" ArgsCombinedSize,
    "ARGS_GET" ArgsGet,
    "ARGS_GET_NAMES" ArgsGetNames,
    "ARGS_NAMES" ArgsNames,
    "ARGS_POST" ArgsPost,
    "ARGS_POST_NAMES" ArgsPostNames,
    "AUTH_TYPE" AuthType,
    "DURATION" Duration,
    "ENV" Env,
    "FILES" Files,
    "FILES_COMBINED_SIZE" FilesCombinedSize,
    "FILES_NAMES" FilesNames,
    "FILES_SIZES" FilesSizes,
    "FILES_TMP_CONTENT" FilesTmpContent,
    "FULL_REQUEST" FullRequest,
    "FULL_REQUEST_LENGTH" FullRequestLength,
    "GLOBAL" Global,
    "HIGHEST_SEVERITY" HighestSeverity,
    "INBOUND_DATA_ERROR" InboundDataError,
    "IP" Ip,
    "MATCHED_VAR" MatchedVar,
    "MATCHED_VARS" MatchedVars,
    "MATCHED_VARS_NAMES" MatchedVarsNames,
    "MATCHED_VAR_NAME" MatchedVarName,
    "MULTIPART_BOUNDARY_QUOTED" MultipartBoundaryQuoted,
    "MULTIPART_BOUNDARY_WHITESPACE" MultipartBoundaryWhitespace,
    "MULTIPART_CRLF_LF_LINES" MultipartCrlfLfLines,
    "MULTIPART_DATA_AFTER" MultipartDataAfter,
    "MULTIPART_DATA_BEFORE" MultipartDataBefore,
    "MULTIPART_FILENAME" MultipartFilename,
    "MULTIPART_FILE_LIMIT_EXCEEDED" MultipartFileLimitExceeded,
    "MULTIPART_HEADER_FOLDING" MultipartHeaderFolding,
    "MULTIPART_INVALID_HEADER_FOLDING" MultipartInvalidHeaderFolding,
    "MULTIPART_INVALID_PART" MultipartInvalidPart,
    "MULTIPART_INVALID_QUOTING" MultipartInvalidQuoting,
    "MULTIPART_LF_LINE" MultipartLfLine,
    "MULTIPART_MISSING_SEMICOLON" MultipartMissingSemicolon,
    "MULTIPART_NAME" MultipartName,
    "MULTIPART_PART_HEADERS" MultipartPartHeaders,
    "MULTIPART_SEMICOLON_MISSING" MultipartSemicolonMissing,
    "MULTIPART_STRICT_ERROR" MultipartStrictError,
    "MULTIPART_UNMATCHED_BOUNDARY" MultipartUnmatchedBoundary,
    "OUTBOUND_DATA_ERROR" OutboundDataError,
    "PATH_INFO" PathInfo,
    "QUERY_STRING" QueryString,
    "REMOTE_ADDR" RemoteAddr,
    "REMOTE_HOST" RemoteHost,
    "REMOTE_PORT" RemotePort,
    "REMOTE_USER" RemoteUser,
    "REQBODY_ERROR" ReqbodyError,
    "REQBODY_ERROR_MSG" ReqbodyErrorMsg,
    "REQBODY_PROCESSOR" ReqbodyProcessor,
    "REQBODY_PROCESSOR_ERROR" ReqbodyProcessorError,
    "REQBODY_PROCESSOR_ERROR_MSG" ReqbodyProcessorErrorMsg,
    "REQUEST_BASENAME" RequestBasename,
    "REQUEST_BODY" RequestBody,
    "REQUEST_BODY_LENGTH" RequestBodyLength,
    "REQUEST_COOKIES" RequestCookies,
    "REQUEST_COOKIES_NAMES" RequestCookiesNames,
    "REQUEST_FILENAME" RequestFilename,
    "REQUEST_HEADERS" RequestHeaders,
    "REQUEST_HEADERS_NAMES" RequestHeadersNames,
    "REQUEST_LINE" RequestLine,
    "REQUEST_METHOD" RequestMethod,
    "REQUEST_PROTOCOL" RequestProtocol,
    "REQUEST_URI" RequestUri,
    "REQUEST_URI_RAW" RequestUriRaw,
    "RESOURCE" Resource,
    "RESPONSE_BODY" ResponseBody,
    "RESPONSE_CONTENT_LENGTH" ResponseContentLength,
    "RESPONSE_CONTENT_TYPE" ResponseContentType,
    "RESPONSE_HEADERS" ResponseHeaders,
    "RESPONSE_HEADERS_NAMES" ResponseHeadersNames,
    "RESPONSE_PROTOCOL" ResponseProtocol,
    "RESPONSE_STATUS" ResponseStatus,
    "RULE" Rule,
    "SERVER_ADDR" ServerAddr,
    "SERVER_NAME" ServerName,
    "SERVER_PORT" ServerPort,
    "SESSION" Session,
    "SESSIONID" SessionId,
    "STATUS_LINE" StatusLine,
    "TIME" Time,
    "TIME_DAY" TimeDay,
    "TIME_EPOCH" TimeEpoch,
    "TIME_HOUR" TimeHour,
    "TIME_MIN" TimeMin,
    "TIME_MON" TimeMon,
    "TIME_SEC" TimeSec,
    "TIME_WDAY" TimeWday,
    "TIME_YEAR" TimeYear,
    "TX" Tx,
    "UNIQUE_ID" UniqueId,
    "URLENCODED_ERROR" UrlencodedError,
    "USER" User,
    "USERID" UserId,
    "WEBAPPID" WebAppId,
    "XML" Xml,
}

/// Why there is no variable of this name.
fn refusal(written: &str, name: &str) -> String {
    let why = match name {
        "FILES_TMPNAMES" => "no upload is written to a file; look at FILES or FILES_TMP_CONTENT",
        "GEO" => "there is no location database; match networks with @ipMatchFromFile",
        "JSON" => "the leaves of a JSON body are in ARGS",
        "STREAM_INPUT_BODY" => "bodies are not rewritten; look at REQUEST_BODY",
        "STREAM_OUTPUT_BODY" => "bodies are not rewritten; look at RESPONSE_BODY",
        "MODSEC_BUILD" => "this is not ModSecurity",
        "SDBM_DELETE_ERROR" => "collections are not in files",
        "USERAGENT_IP" => "it is REMOTE_ADDR; write that",
        name if name.starts_with("PERF_") => "the engine has no clock",
        name if name.starts_with("SCRIPT_") => "the gate runs no scripts",
        _ => return format!("unknown variable `{written}`; see the list in the SecLang reference"),
    };
    format!("the variable `{written}` is refused: {why}")
}

impl Variable {
    /// Whether it holds named members, so that a selector makes sense.
    pub(crate) fn is_collection(self) -> bool {
        matches!(
            self,
            Self::Args
                | Self::ArgsGet
                | Self::ArgsGetNames
                | Self::ArgsNames
                | Self::ArgsPost
                | Self::ArgsPostNames
                | Self::Env
                | Self::Files
                | Self::FilesNames
                | Self::FilesSizes
                | Self::FilesTmpContent
                | Self::Global
                | Self::Ip
                | Self::MatchedVars
                | Self::MatchedVarsNames
                | Self::MultipartFilename
                | Self::MultipartName
                | Self::MultipartPartHeaders
                | Self::RequestCookies
                | Self::RequestCookiesNames
                | Self::RequestHeaders
                | Self::RequestHeadersNames
                | Self::Resource
                | Self::ResponseHeaders
                | Self::ResponseHeadersNames
                | Self::Rule
                | Self::Session
                | Self::Tx
                | Self::User
                | Self::Xml
        )
    }

    /// Whether its members live on after the transaction.
    pub(crate) fn is_persistent(self) -> bool {
        matches!(self, Self::Global | Self::Ip | Self::Resource | Self::Session | Self::User)
    }

    /// Whether rules change it while a phase runs, so that nothing derived from it may be kept.
    pub(crate) fn is_volatile(self) -> bool {
        self.is_persistent()
            || matches!(
                self,
                Self::Tx
                    | Self::MatchedVar
                    | Self::MatchedVarName
                    | Self::MatchedVars
                    | Self::MatchedVarsNames
                    | Self::HighestSeverity
                    | Self::Rule
                    | Self::Env
                    | Self::SessionId
                    | Self::UserId
                    | Self::ReqbodyProcessor
            )
    }
}
