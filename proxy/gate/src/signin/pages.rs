//! Pages of the sign-in host: without script, light and dark, for a thumb in a glove, in the reader's language.

use http::{HeaderValue, StatusCode};
use poort_enforce::{
    exchange::RequestId,
    language::{Language, Text},
    reply::{self, Reply, escaped},
};

use super::forms::Form as Kept;

/// What a page says.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) language: Language,
    pub(super) title: &'static str,
    /// What is below the title, ready to stand in the page.
    pub(super) main: String,
    /// Whether there are forms in it.
    pub(super) forms: bool,
    pub(super) cookies: Vec<HeaderValue>,
}

impl Page {
    pub(super) fn new(language: Language, title: Text) -> Self {
        Self {
            status: StatusCode::OK,
            language,
            title: title.in_language(language),
            main: String::new(),
            forms: false,
            cookies: vec![],
        }
    }

    /// A paragraph.
    pub(super) fn say(self, text: Text) -> Self {
        let text = text.in_language(self.language);
        self.text(text)
    }

    /// A paragraph that is no translation.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.main.push_str(&format!("<p>{}</p>", escaped(text)));
        self
    }

    /// A paragraph that stands out.
    pub(super) fn warn(mut self, text: Text) -> Self {
        self.main.push_str(&format!(
            "<p class=\"w\" role=\"alert\"><b>{}</b></p>",
            escaped(text.in_language(self.language))
        ));
        self
    }

    /// A title within the page.
    pub(super) fn heading(mut self, text: Text) -> Self {
        self.main.push_str(&format!("<h2>{}</h2>", escaped(text.in_language(self.language))));
        self
    }

    pub(super) fn link(mut self, address: &str, label: Text) -> Self {
        let label = label.in_language(self.language);
        self.main.push_str(&format!("<a class=\"b\" href=\"{}\">{}</a>", escaped(address), escaped(label)));
        self
    }

    /// A link whose label is a name.
    pub(super) fn link_named(mut self, address: &str, label: &str) -> Self {
        self.main.push_str(&format!("<a class=\"b\" href=\"{}\">{}</a>", escaped(address), escaped(label)));
        self
    }

    pub(super) fn form(mut self, form: &Form) -> Self {
        self.main.push_str(&format!("{}</form>", form.0));
        self.forms = true;
        self
    }

    pub(super) fn reply(self, id: RequestId) -> Reply {
        let main = format!("{}<p><small>Code {}</small></p>", self.main, id.code());
        let page = reply::Page {
            status: self.status,
            language: self.language,
            title: self.title,
            main: &main,
            forms: self.forms,
        };
        Reply::page(&page, self.cookies, id)
    }
}

/// A form that is posted.
pub(super) struct Form(String);

impl Form {
    pub(super) fn new(action: &str, proof: &str) -> Self {
        Self(format!("<form method=\"post\" action=\"{}\">", escaped(action))).hidden("proof", Some(proof))
    }

    /// A form that sends, in the words that they were written in, fields that a person filled in elsewhere.
    pub(super) fn again(action: &str, form: &Kept) -> Self {
        let charset = if form.utf8 { "utf-8" } else { "windows-1252" };
        let begin =
            format!("<form method=\"post\" action=\"{}\" accept-charset=\"{charset}\">", escaped(action));
        form.fields.iter().fold(Self(begin), |form, (name, value)| form.exact(name, value))
    }

    /// A hidden field whose line breaks stay what they are.
    fn exact(mut self, name: &str, value: &str) -> Self {
        let exact = |text: &str| escaped(text).replace('\r', "&#13;").replace('\n', "&#10;");
        let (name, value) = (exact(name), exact(value));
        self.0.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"));
        self
    }

    pub(super) fn hidden(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let value = escaped(value);
            self.0.push_str(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"));
        }
        self
    }

    /// One of several, each as large as a thumb: value and label, and which of them is chosen. `what` is chosen is said to who cannot see it.
    pub(super) fn choice<'a>(
        mut self,
        name: &str,
        what: &str,
        choices: impl Iterator<Item = (&'a str, &'a str)>,
        chosen: Option<&str>,
    ) -> Self {
        self.0.push_str(&format!("<fieldset aria-label=\"{}\">", escaped(what)));
        for (value, label) in choices {
            let checked = if chosen == Some(value) { " checked" } else { "" };
            let (value, label) = (escaped(value), escaped(label));
            self.0.push_str(&format!(
                "<label class=\"c\"><input type=\"radio\" name=\"{name}\" value=\"{value}\" required{checked}>{label}</label>"
            ));
        }
        self.0.push_str("</fieldset>");
        self
    }

    /// A line to write on.
    pub(super) fn line(mut self, name: &str, label: &str, value: &str, most: usize, required: bool) -> Self {
        let required = if required { " required" } else { "" };
        let (label, value) = (escaped(label), escaped(value));
        self.0.push_str(&format!(
            "<label class=\"t\">{label}<input type=\"text\" name=\"{name}\" value=\"{value}\" maxlength=\"{most}\" autocomplete=\"off\" \
             autocapitalize=\"characters\" spellcheck=\"false\"{required}></label>"
        ));
        self
    }

    /// Room to write.
    pub(super) fn room(mut self, name: &str, label: &str, value: &str, most: usize) -> Self {
        let (label, value) = (escaped(label), escaped(value));
        self.0.push_str(&format!(
            "<label class=\"t\">{label}<textarea name=\"{name}\" rows=\"3\" maxlength=\"{most}\" required>{value}</textarea></label>"
        ));
        self
    }

    /// What the page is for.
    pub(super) fn button(mut self, label: &str) -> Self {
        self.0.push_str(&format!("<button class=\"p\">{}</button>", escaped(label)));
        self
    }

    /// Something else that can be done there.
    pub(super) fn plain_button(mut self, label: &str) -> Self {
        self.0.push_str(&format!("<button>{}</button>", escaped(label)));
        self
    }
}
