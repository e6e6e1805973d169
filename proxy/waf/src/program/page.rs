//! `SecUnicodeMapFile` and `SecUnicodeCodePage`: the file of code pages, and which of them counts.

use crate::fault::{Fault, Place};
use crate::transform::CodePage;

/// What the directives said so far.
#[derive(Default)]
pub(super) struct PageDraft {
    file: Option<(Place, String)>,
    number: Option<u32>,
}

impl PageDraft {
    /// Obeys `SecUnicodeMapFile`: the file, and mostly the number of the page.
    ///
    /// # Errors
    ///
    /// When the page is no number.
    pub(super) fn name_file(&mut self, place: &Place, values: &[String]) -> Result<(), String> {
        self.file = values.first().map(|file| (place.clone(), file.clone()));
        values.get(1).map_or(Ok(()), |number| self.choose(Some(number)))
    }

    /// Obeys `SecUnicodeCodePage`.
    ///
    /// # Errors
    ///
    /// When what it names is no number.
    pub(super) fn choose(&mut self, number: Option<&String>) -> Result<(), String> {
        let number = number.map_or("", String::as_str);
        let parsed =
            number.parse().map_err(|_| format!("`{number}` is no code page; write a number such as `20127`"));
        self.number = Some(parsed?);
        Ok(())
    }

    /// The code page, where a file is named; `read` takes that and the place it is named at.
    ///
    /// # Errors
    ///
    /// When no page is chosen, the file cannot be read, or it does not have the page.
    pub(super) fn load(
        self,
        read: impl FnOnce(&Place, &str) -> Result<Vec<u8>, String>,
    ) -> Result<Option<CodePage>, Fault> {
        let Some((place, file)) = self.file else { return Ok(None) };
        let number = self.number.ok_or_else(|| {
            format!("no code page is chosen of `{file}`; write `SecUnicodeMapFile {file} 20127`")
        });
        let page = number.and_then(|number| {
            let bytes = read(&place, &file)?;
            CodePage::read(&bytes, number).map_err(|message| format!("`{file}`: {message}"))
        });
        page.map(Some).map_err(|message| place.fault(message))
    }
}
