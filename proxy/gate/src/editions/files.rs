//! The files that policies are in, as one thing.

use std::{
    collections::BTreeMap,
    fs, io,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};

use crate::config::Checked;

const SCHEMA: &str = "schema.cedarschema";
const SHADOW: &str = "shadow";
/// What is larger is no policy file.
const LIMIT_BYTES: u64 = 1 << 20;

/// What is in `access/`: the schema, the policies and those in shadow, by their names below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFiles(BTreeMap<String, Vec<u8>>);

impl AccessFiles {
    /// Reads a directory.
    ///
    /// # Errors
    /// As the system says; and for a file that is too large.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for name in names(directory)? {
            files.insert(name.clone(), read(&directory.join(&name))?);
        }
        Ok(Self(files))
    }

    /// Those that a configuration was loaded with.
    #[must_use]
    pub fn of(checked: &Checked) -> Self {
        let access = checked.deploy.policies.join("access");
        let own = checked.files.iter().filter_map(|file| {
            let name = file.path.strip_prefix(&access).ok()?.to_str()?;
            is_ours(name).then(|| (name.to_owned(), file.bytes.to_vec()))
        });
        Self(own.collect())
    }

    /// From names and contents.
    #[must_use]
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self(files)
    }

    /// Names and contents.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// SHA-256 over names and contents, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut sum = Context::new(&SHA256);
        for (name, bytes) in self.iter() {
            for part in [name.as_bytes(), bytes] {
                sum.update(&(part.len() as u64).to_be_bytes());
                sum.update(part);
            }
        }
        sum.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Makes a directory hold these files and no other policies: each file is there whole, before and after.
    ///
    /// # Errors
    /// As the system says; then some files may be replaced and others not.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        for (name, bytes) in self.iter() {
            let path = directory.join(name);
            if read(&path).is_ok_and(|there| there == bytes) {
                continue;
            }
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let beside = beside(&path);
            let mut file = new(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            if let Ok(there) = fs::metadata(&path) {
                fs::set_permissions(&beside, there.permissions())?;
            }
            fs::rename(&beside, &path)?;
        }
        for name in names(directory)?.into_iter().filter(|name| !self.0.contains_key(name)) {
            fs::remove_file(directory.join(name))?;
        }
        fs::File::open(directory)?.sync_all()
    }
}

/// A file that was not there, or that was left behind.
///
/// SECURITY: whoever may write policies may put a link there, and what is written must not go where it leads.
///
/// # Errors
/// As the system says.
pub(crate) fn new(path: &Path) -> io::Result<fs::File> {
    match fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => fs::File::create_new(path),
    }
}

/// Names that begin with a dot are read by nobody.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        let what = format!("`{}` is not a regular file; take it away", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LIMIT_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "`{}` is larger than {} KiB; check that it is the right file",
                path.display(),
                LIMIT_BYTES / 1024
            ),
        ));
    }
    Ok(bytes)
}

/// Names of what is ours in a directory, and in the one for policies in shadow below it.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let list = |directory: &Path, above: &str| -> io::Result<Vec<String>> {
        let entries =
            directory.read_dir()?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        let names = entries.collect::<io::Result<Vec<_>>>()?;
        Ok(names.into_iter().map(|name| format!("{above}{name}")).filter(|name| is_ours(name)).collect())
    };
    let mut names = list(directory, "")?;
    let shadow = directory.join(SHADOW);
    if shadow.is_dir() {
        names.extend(list(&shadow, "shadow/")?);
    }
    Ok(names)
}

fn is_ours(name: &str) -> bool {
    let own = name.strip_prefix("shadow/").unwrap_or(name);
    let policies = own.strip_suffix(".cedar").is_some_and(|stem| !stem.is_empty());
    !own.starts_with('.') && !own.contains('/') && (policies || name == SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who proposes policies writes into their directory, and must not write elsewhere by the gate's hand, nor keep it waiting.
    #[test]
    fn no_link_leads_out_of_a_directory_that_is_written() {
        let root = tempfile::tempdir().unwrap();
        let (access, record) = (root.path().join("access"), root.path().join("record"));
        fs::create_dir(&access).unwrap();
        fs::write(&record, "kept").unwrap();
        std::os::unix::fs::symlink(&record, access.join(".a.cedar.new")).unwrap();
        let files = AccessFiles::new([("a.cedar".to_owned(), b"a".to_vec())].into());
        files.write(&access).unwrap();
        assert_eq!(AccessFiles::read(&access).unwrap(), files);
        assert_eq!(fs::read(&record).unwrap(), b"kept");
        rustix::fs::mkfifoat(rustix::fs::CWD, access.join("b.cedar"), rustix::fs::Mode::RWXU).unwrap();
        assert!(AccessFiles::read(&access).is_err(), "a pipe has nothing to read");
    }

    #[test]
    fn a_directory_is_read_named_and_made_another() {
        let root = tempfile::tempdir().unwrap();
        let access = root.path().join("access");
        fs::create_dir_all(access.join("shadow")).unwrap();
        for (name, text) in [
            ("schema.cedarschema", "s"),
            ("a.cedar", "a"),
            ("shadow/b.cedar", "b"),
            (".a.cedar.new", "torn"),
            ("README.md", "note"),
            ("shadow/schema.cedarschema", "no"),
        ] {
            fs::write(access.join(name), text).unwrap();
        }
        let first = AccessFiles::read(&access).unwrap();
        let names: Vec<&str> = first.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.cedar", "schema.cedarschema", "shadow/b.cedar"]);
        fs::write(access.join("a.cedar"), "changed").unwrap();
        fs::write(access.join("c.cedar"), "more").unwrap();
        let second = AccessFiles::read(&access).unwrap();
        assert_ne!(first.digest(), second.digest());
        first.write(&access).unwrap();
        assert_eq!(AccessFiles::read(&access).unwrap(), first);
        assert!(access.join("README.md").exists() && !access.join("c.cedar").exists());
        // Where a file ends and the next begins is part of it.
        let of = |files: &[(&str, &str)]| {
            AccessFiles::new(
                files.iter().map(|(name, text)| ((*name).into(), text.as_bytes().to_vec())).collect(),
            )
        };
        assert_ne!(of(&[("a.cedar", "b")]).digest(), of(&[("a.ceda", "rb")]).digest());
    }
}
