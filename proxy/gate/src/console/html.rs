//! Pieces of pages. Text is escaped where it is put in: nothing that somebody sent is ever markup.

use std::fmt::{Display, Write as _};

use poort_enforce::reply::escaped;

/// HTML that grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of the program's own.
    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text.
    pub(super) fn text(mut self, text: impl Display) -> Self {
        self.0.push_str(&escaped(&text.to_string()));
        self
    }

    /// Another piece.
    pub(super) fn add(mut self, piece: &Self) -> Self {
        self.0.push_str(&piece.0);
        self
    }

    /// An element with text in it; `tag` may have attributes of the program's own.
    pub(super) fn element(self, tag: &'static str, text: impl Display) -> Self {
        let name = tag.split(' ').next().unwrap_or(tag);
        self.open(tag).text(text).close(name)
    }

    pub(super) fn open(mut self, tag: &'static str) -> Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "<{tag}>");
        self
    }

    pub(super) fn close(mut self, name: &'static str) -> Self {
        let _ = write!(self.0, "</{name}>");
        self
    }

    /// A link within the console.
    pub(super) fn link(mut self, address: &str, label: impl Display) -> Self {
        let (address, label) = (escaped(address), escaped(&label.to_string()));
        let _ = write!(self.0, "<a href=\"{address}\">{label}</a>");
        self
    }

    /// A link to what a code's refusal rests on.
    pub(super) fn code(self, code: &str) -> Self {
        self.open("code").link(&format!("/explain?code={}", encoded(code)), code).close("code")
    }

    /// A word that stands out, in the colour of its kind.
    pub(super) fn badge(mut self, kind: &'static str, word: impl Display) -> Self {
        let _ = write!(self.0, "<span class=\"badge {kind}\">{}</span>", escaped(&word.to_string()));
        self
    }

    /// A hidden field, or a shown one, of a form.
    pub(super) fn field(mut self, kind: &'static str, name: &'static str, value: &str) -> Self {
        let _ = write!(self.0, "<input type=\"{kind}\" name=\"{name}\" value=\"{}\">", escaped(value));
        self
    }

    /// One of several values, or any.
    pub(super) fn choice<'a>(
        mut self,
        name: &'static str,
        label: &'static str,
        values: impl Iterator<Item = &'a str>,
        chosen: Option<&str>,
    ) -> Self {
        let _ = write!(self.0, "<label>{label}<select name=\"{name}\"><option value=\"\">any</option>");
        let mut known = false;
        for value in values {
            let selected = if chosen == Some(value) { " selected" } else { "" };
            known |= chosen == Some(value);
            let value = escaped(value);
            let _ = write!(self.0, "<option value=\"{value}\"{selected}>{value}</option>");
        }
        if let Some(chosen) = chosen.filter(|_| !known) {
            let chosen = escaped(chosen);
            let _ = write!(self.0, "<option value=\"{chosen}\" selected>{chosen}</option>");
        }
        self.raw("</select></label>")
    }

    /// A row of a table, cell by cell.
    pub(super) fn row(mut self, cells: &[Self]) -> Self {
        self.0.push_str("<tr>");
        for Self(cell) in cells {
            let _ = write!(self.0, "<td>{cell}</td>");
        }
        self.raw("</tr>")
    }

    /// A table's head: a class and a name for each column. Those of class `wide` are left out where there is little room.
    pub(super) fn heads(mut self, heads: &[&'static str]) -> Self {
        self.0.push_str("<thead><tr>");
        for head in heads {
            let _ = write!(self.0, "<th>{head}</th>");
        }
        self.raw("</tr></thead>")
    }

    /// A name and what it is.
    pub(super) fn fact(self, name: &'static str, value: &Self) -> Self {
        self.element("dt", name).open("dd").add(value).close("dd")
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// A piece that is text alone.
pub(super) fn text(text: impl Display) -> Html {
    Html::default().text(text)
}

/// Text as it may stand in a query.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let hostile = "\"><script>alert('x')</script>&";
        let html = Html::default()
            .text(hostile)
            .link(hostile, hostile)
            .code(hostile)
            .badge("bad", hostile)
            .field("text", "code", hostile)
            .choice("source", "Source", [hostile].into_iter(), Some("<b>"))
            .row(&[text(hostile)])
            .into_string();
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("\"><s"), "{html}");
        assert_eq!(encoded("a b&c=é\"<"), "a%20b%26c%3D%C3%A9%22%3C");
    }
}
