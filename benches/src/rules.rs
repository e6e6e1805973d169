//! The configuration around CRS that every engine is measured with: level 1, all bodies, nothing blocked.
//!
//! `DetectionOnly`, so that all five phases run on every exchange in every engine: in blocking mode some stop where they would
//! refuse, and then less work would look like speed. CRS is otherwise as it comes, thresholds and level included.

/// What ModSecurity's recommended configuration sets, as far as it concerns matching; no log of any kind is written.
const AROUND: &str = r#"
SecRuleEngine DetectionOnly
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecResponseBodyLimit 1048576
SecResponseBodyLimitAction ProcessPartial
SecAuditEngine Off
SecDebugLogLevel 0
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\+)?json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4280"
"#;

/// A main file that includes the rules in `directory`, an absolute path or one that the engine knows.
#[must_use]
pub fn around(directory: &str) -> String {
    format!("{AROUND}Include {directory}/*.conf\n")
}
