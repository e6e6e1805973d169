//! Rule sets with the configuration their tests presume: CRS, and the gate's own core rules.

use std::path::Path;

use poort_waf::{Files, LoadLimits, Program};

use crate::fault::Fault;

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

/// Setup of the regression suite, as its authors' own containers have it: level 4, every check on, nothing stopped.
pub const REGRESSION: &str = r#"
SecRuleEngine DetectionOnly
SecAction "id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level=4,setvar:tx.reporting_level=4"
SecAction "id:900300,phase:1,pass,t:none,nolog,setvar:tx.max_num_args=255,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
SecAction "id:900950,phase:1,pass,t:none,nolog,setvar:tx.crs_validate_utf8_encoding=1"
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4280"
"#;

/// Setup of an ordinary site at level 1, which stops what scores too high.
pub const LEVEL_1: &str = r#"
SecRuleEngine On
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=4280"
"#;

/// Setup of an ordinary site at paranoia level `level`, for CRS; bodies of plain text are allowed, as in the own rules.
#[must_use]
pub fn at_level(level: u8) -> String {
    const TYPES: &str = "|application/x-www-form-urlencoded| |multipart/form-data| |text/xml| |application/xml| \
                         |application/soap+xml| |application/json| |text/plain|";
    format!(
        "{LEVEL_1}{}SecAction \"id:900220,phase:1,pass,t:none,nolog,setvar:'tx.allowed_request_content_type={TYPES}'\"\n",
        blocking_level(level)
    )
}

fn blocking_level(level: u8) -> String {
    format!("SecAction \"id:900000,phase:1,pass,t:none,nolog,setvar:tx.blocking_paranoia_level={level}\"\n")
}

/// What is left out of CRS 3.3, for use beside [`LEVEL_1`].
pub const WITHOUT_CRS_3: &str = include_str!("../../../policies/waf/crs-3/exclusions.conf");

/// Compiles `setup`, then all `*.conf` of `directory`, a release's `rules`.
///
/// # Errors
/// What cannot be read, or all faults in the rules.
pub fn program(directory: &Path, setup: &str) -> Result<Program, Vec<Fault>> {
    compile(directory, &format!("{BASE}{setup}"), &[])
}

/// Compiles `setup`, then the gate's own core rules, `policies/waf`, at paranoia level `level`. They bring the rest.
///
/// # Errors
/// What cannot be read, or all faults in the rules.
pub fn own(setup: &str, level: u8) -> Result<Program, Vec<Fault>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/waf");
    // As in the gate.
    let level = i64::from(level);
    compile(&directory, setup, &[("blocking_paranoia_level", level), ("detection_paranoia_level", level)])
}

fn compile(directory: &Path, setup: &str, constants: &[(&str, i64)]) -> Result<Program, Vec<Fault>> {
    let mut files = files(directory).map_err(|fault| vec![fault])?;
    files.insert("main.conf".into(), format!("{setup}Include rules/*.conf\n").into_bytes());
    Program::compile_with(&files, &["main.conf"], &LoadLimits::default(), constants)
        .map_err(|faults| faults.into_iter().map(Fault::from).collect())
}

/// The files in `directory`, as `rules/NAME`.
fn files(directory: &Path) -> Result<Files, Fault> {
    let fault = |path: &Path, source| Fault::Read { path: path.to_owned(), source };
    let mut files = Files::new();
    for entry in std::fs::read_dir(directory).map_err(|source| fault(directory, source))? {
        let entry = entry.map_err(|source| fault(directory, source))?;
        let path = entry.path();
        if path.is_file() {
            let bytes = std::fs::read(&path).map_err(|source| fault(&path, source))?;
            files.insert(format!("rules/{}", entry.file_name().to_string_lossy()), bytes);
        }
    }
    Ok(files)
}
