//! Which record, and which of its consultations.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use poort_enforce::data_subject::{DataSubject, Kind, PseudonymKey};

use super::{Fault, period};
use crate::{
    audit::{
        search::{Evidence, Wanted},
        tlog::{Doubt, Keys, LOG_DIRECTORY},
    },
    cli::WRONG,
    config,
};

/// Which record.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The operators' file, which says where the record is.
    #[arg(long, default_value = "deploy/poort.yaml")]
    config: PathBuf,
    /// A copy of the audit directory; then the file is not read, and nothing is written down of your looking at it.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// With a copy: a file with the log's public keys, one a line, to hold each line against the log.
    #[arg(long, requires = "directory")]
    key: Option<PathBuf>,
    /// The keys of pseudonyms, the current and former ones; else those that the operators' file names.
    #[arg(long)]
    pseudonyms: Option<PathBuf>,
}

/// Which consultations. All that is given must hold.
#[derive(Debug, clap::Args)]
pub(super) struct Meant {
    /// Who asked: `issuer|subject`, `subject`, or a name, however it is spelled.
    #[arg(long)]
    officer: Option<String>,
    /// On which device: its name, or what is behind the last slash of it.
    #[arg(long)]
    device: Option<String>,
    /// Of which source.
    #[arg(long)]
    source: Option<String>,
    /// For which case.
    #[arg(long)]
    case: Option<String>,
    /// About whom: `national_number=85.07.31-001.90`, `plate=1-ABC-234`, `number=…`, `name=Jan Peeters`.
    #[arg(long, value_name = "KIND=VALUE")]
    subject: Option<String>,
    /// With a name: the date of birth. What names somebody by name alone is then not found.
    #[arg(long, requires = "subject", value_name = "DATE")]
    born: Option<String>,
    /// When, on this machine's wall clock: `2026`, `2026-03`, `2026-03-14` or `2026-03-14..2026-03-20`.
    #[arg(long = "in", value_name = "PERIOD")]
    period: Option<String>,
}

/// A record that was found.
pub(super) struct Opened {
    pub(super) directory: PathBuf,
    pub(super) evidence: Option<Evidence>,
    pub(super) pseudonyms: Vec<PseudonymKey>,
    /// What takes the record while the disk of its directory does not.
    pub(super) spill: Option<PathBuf>,
    /// Where a gate writes, which must know of a look at it; none for a copy.
    pub(super) own: Option<config::checked::Deploy>,
}

impl Which {
    pub(super) fn open(&self) -> Result<Opened, Fault> {
        let named = self.pseudonyms.as_deref().map(pseudonyms).transpose()?;
        if let Some(directory) = &self.directory {
            let keys = self.key.as_deref().map(Keys::read).transpose().map_err(|fault| (fault, WRONG))?;
            return Ok(Opened {
                directory: directory.clone(),
                evidence: keys.map(|keys| of_copy(directory, &keys)).transpose()?,
                pseudonyms: named.unwrap_or_default(),
                spill: None,
                own: None,
            });
        }
        let deploy = config::operators(&self.config).map_err(|faults| (faults.to_string(), WRONG))?;
        let directory = deploy.audit.directory.clone();
        Ok(Opened {
            evidence: deploy.audit.log.as_ref().map(|log| evidence(&directory, &log.keys)).transpose()?,
            directory,
            spill: deploy.audit.spill.clone(),
            pseudonyms: named.or_else(|| deploy.audit.pseudonyms.clone()).unwrap_or_default(),
            own: Some(deploy),
        })
    }
}

fn evidence(directory: &std::path::Path, keys: &Keys) -> Result<Evidence, Fault> {
    Evidence::open(&directory.join(LOG_DIRECTORY), keys).map_err(|doubt| (doubt.to_string(), 1))
}

/// Whoever names a key wants a proof; a gate's own log may be about to get its first checkpoint.
fn of_copy(directory: &std::path::Path, keys: &Keys) -> Result<Evidence, Fault> {
    let evidence = evidence(directory, keys)?;
    match evidence.checkpoint() {
        Some(_) => Ok(evidence),
        None => {
            Err((Doubt::NoCheckpoint(directory.join(LOG_DIRECTORY).display().to_string()).to_string(), 1))
        }
    }
}

fn pseudonyms(file: &std::path::Path) -> Result<Vec<PseudonymKey>, Fault> {
    let text =
        std::fs::read_to_string(file).map_err(|cause| (format!("{}: {cause}", file.display()), WRONG))?;
    PseudonymKey::from_lines(&text).map_err(|fault| (format!("{}: {fault}", file.display()), WRONG))
}

impl Meant {
    /// What is looked for.
    pub(super) fn wanted(&self, pseudonyms: &[PseudonymKey]) -> Result<Wanted, Fault> {
        let period = self.period.as_deref().map(|text| period::parse(text, &TimeZone::system()));
        let subjects = self.subjects(pseudonyms)?;
        Ok(Wanted {
            period: period.transpose().map_err(|fault| (fault, WRONG))?,
            officer: self.officer.clone(),
            device: self.device.clone(),
            source: self.source.clone(),
            case: self.case.clone(),
            code: None,
            subjects: subjects.iter().map(DataSubject::text).collect(),
            keys: pseudonyms.iter().map(|key| key.id().to_string()).collect(),
        })
    }

    /// What stands for the subject under each key.
    fn subjects(&self, keys: &[PseudonymKey]) -> Result<Vec<DataSubject>, Fault> {
        let Some(subject) = &self.subject else { return Ok(vec![]) };
        let known = || Kind::ALL.iter().filter(|kind| **kind != Kind::NameAndBirthDate);
        let kind = subject
            .split_once('=')
            .and_then(|(kind, value)| Some((*known().find(|known| known.as_str() == kind)?, value)));
        let Some((kind, value)) = kind else {
            let known: Vec<_> = known().map(|kind| format!("`{}=…`", kind.as_str())).collect();
            return Err((format!("`{subject}` names nobody; write one of {}", known.join(", ")), WRONG));
        };
        if self.born.is_some() && kind != Kind::Name {
            return Err(("a date of birth belongs to a `name=…`; leave it out".to_owned(), WRONG));
        }
        if keys.is_empty() {
            let fault = "data subjects are recorded under pseudonyms, and there is no key for them; name the data protection \
                         officer's with `--pseudonyms FILE`";
            return Err((fault.to_owned(), WRONG));
        }
        let of = |key: &PseudonymKey| match &self.born {
            None => key.pseudonym(kind, value),
            Some(born) => key.person(value, born),
        };
        let subjects: Vec<_> = keys.iter().filter_map(of).collect();
        match subjects.is_empty() {
            true => Err((
                format!("nothing of `{subject}` is left in its one form; look for a typing mistake"),
                WRONG,
            )),
            false => Ok(subjects),
        }
    }

    /// What is looked for, as it is written down: of a data subject only what stands for it now.
    pub(super) fn described(&self, wanted: &Wanted) -> Vec<(String, String)> {
        let subject = wanted.subjects.first();
        [
            ("officer", self.officer.as_ref()),
            ("device", self.device.as_ref()),
            ("source", self.source.as_ref()),
            ("case", self.case.as_ref()),
            ("subject", subject),
            ("period", self.period.as_ref()),
        ]
        .into_iter()
        .filter_map(|(what, value)| Some((what.to_owned(), value?.clone())))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::audit::tlog::Signer;

    #[test]
    fn a_copy_that_is_to_be_held_against_a_log_has_one() {
        let copy = tempfile::tempdir().unwrap();
        let key = copy.path().join("audit.pub");
        fs::write(&key, Signer::generate("gate.example/audit").unwrap().1.to_string()).unwrap();
        let which = |key| Which {
            config: PathBuf::new(),
            directory: Some(copy.path().to_owned()),
            key,
            pseudonyms: None,
        };
        let (fault, _) = which(Some(key)).open().err().unwrap_or_default();
        assert!(fault.contains("there is no checkpoint"), "{fault}");
        assert!(which(None).open().is_ok());
    }
}
