//! Pages of the sign-in host: without script but where a form has files, light and dark, for a thumb in a glove, in the reader's language.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode};
use poort_enforce::{
    exchange::RequestId,
    language::{Language, Text},
    reply::{self, Reply, escaped},
};

use super::forms::{Filled, Value};

/// What a page says.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) language: Language,
    pub(super) title: &'static str,
    /// What is below the title, ready to stand in the page.
    pub(super) main: String,
    /// Whether there are forms in it.
    pub(super) forms: bool,
    /// What gives files back to the form in it; the only script of any page.
    pub(super) script: Option<&'static str>,
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
            script: None,
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

    /// A paragraph for browsers that run no script.
    pub(super) fn without_script(mut self, text: Text) -> Self {
        let text = escaped(text.in_language(self.language));
        self.main.push_str(&format!("<noscript><p class=\"w\" role=\"alert\"><b>{text}</b></p></noscript>"));
        self
    }

    /// Gives the form in it its files, and only then lets it be sent.
    pub(super) fn with_files(self) -> Self {
        Self { script: Some(FILES), ..self }
    }

    pub(super) fn reply(self, id: RequestId) -> Reply {
        let main = format!("{}<p><small>Code {}</small></p>", self.main, id.code());
        let page = reply::Page {
            status: self.status,
            language: self.language,
            title: self.title,
            main: &main,
            forms: self.forms,
            script: self.script,
        };
        Reply::page(&page, self.cookies, id)
    }
}

/// Puts files into a form, as no page can say them, and lets it be sent.
const FILES: &str = "for(const input of document.querySelectorAll('input[data-bytes]')){const{name,type,bytes}=input.dataset,list=new DataTransfer;\
    list.items.add(new File([Uint8Array.from(atob(bytes),(one)=>one.charCodeAt(0))],name,{type}));input.files=list.files}\
    document.querySelector('button[disabled]').disabled=false";

/// Text of an attribute whose line breaks stay what they are.
fn exact(text: &str) -> String {
    escaped(text).replace('\r', "&#13;").replace('\n', "&#10;")
}

/// A form that is posted.
pub(super) struct Form(String);

impl Form {
    pub(super) fn new(action: &str, proof: &str) -> Self {
        Self(format!("<form method=\"post\" action=\"{}\">", escaped(action))).hidden("proof", Some(proof))
    }

    /// A form that sends, in the words that they were written in, fields that a person filled in elsewhere.
    pub(super) fn again(action: &str, filled: &Filled) -> Self {
        let charset = if filled.utf8 { "utf-8" } else { "windows-1252" };
        let kind = if filled.multipart { " enctype=\"multipart/form-data\"" } else { "" };
        let action = escaped(action);
        let begin = format!("<form method=\"post\" action=\"{action}\" accept-charset=\"{charset}\"{kind}>");
        filled.fields.iter().fold(Self(begin), |form, (name, value)| match value {
            Value::Text(text) => form.exact(name, text),
            Value::File { name: called, kind, bytes } => form.file(name, called, kind, bytes),
        })
    }

    /// A file, which [`FILES`] puts into its place; where none was chosen, none is.
    fn file(mut self, name: &str, called: &str, kind: &str, bytes: &[u8]) -> Self {
        self.0.push_str(&format!("<input type=\"file\" hidden name=\"{}\"", exact(name)));
        if !(called.is_empty() && bytes.is_empty()) {
            let (called, kind, bytes) = (exact(called), escaped(kind), STANDARD.encode(bytes));
            self.0.push_str(&format!(" data-name=\"{called}\" data-type=\"{kind}\" data-bytes=\"{bytes}\""));
        }
        self.0.push('>');
        self
    }

    /// A hidden field whose line breaks stay what they are.
    fn exact(mut self, name: &str, value: &str) -> Self {
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

    /// The same, which waits for [`FILES`].
    pub(super) fn waiting_button(mut self, label: &str) -> Self {
        self.0.push_str(&format!("<button class=\"p\" disabled>{}</button>", escaped(label)));
        self
    }

    /// Something else that can be done there.
    pub(super) fn plain_button(mut self, label: &str) -> Self {
        self.0.push_str(&format!("<button>{}</button>", escaped(label)));
        self
    }
}
