//! The rules under test, with the setup they presume.

use std::path::Path;

use poort_waf::{Files, LoadLimits, Program};

/// What ModSecurity's recommended configuration does around CRS.
const BASE: &str = r#"
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecResponseBodyLimit 1048576
SecResponseBodyLimitAction ProcessPartial
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\+)?json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
"#;

/// Setup of the regression suite: what its authors' own containers set.
pub(crate) const REGRESSION: &str = r#"
SecRuleEngine DetectionOnly
SecAction "id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=4,setvar:tx.reporting_level=4"
SecAction "id:900300,phase:1,pass,t:none,nolog,setvar:tx.max_num_args=255,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
SecAction "id:900950,phase:1,pass,t:none,nolog,setvar:tx.crs_validate_utf8_encoding=1"
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4280"
"#;

/// Setup of an ordinary site at level 1, for measuring.
#[allow(dead_code, reason = "used by the example")]
pub(crate) const LEVEL_1: &str = r#"
SecRuleEngine On
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4280"
"#;

/// Compiles the rules in `directory` with `setup`.
pub(crate) fn program(directory: &Path, setup: &str) -> Program {
    let mut files = Files::new();
    for entry in std::fs::read_dir(directory).expect("the rules are readable") {
        let path = entry.expect("the rules are readable").path();
        let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
        files.insert(format!("rules/{name}"), std::fs::read(&path).expect("the rules are readable"));
    }
    files.insert("main.conf".into(), format!("{BASE}{setup}Include rules/*.conf\n").into_bytes());
    Program::compile(&files, &["main.conf"], &LoadLimits::default()).unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}
