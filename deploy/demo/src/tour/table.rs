use std::fmt;

/// One request, what should come of it, and what did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is tried.
    pub what: &'static str,
    /// What should be seen.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl Row {
    /// Whether the two agree.
    pub fn holds(&self) -> bool {
        self.expected == self.seen
    }
}

/// The tour's rows, printable.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// In the order walked.
    pub rows: Vec<Row>,
}

impl Table {
    pub(super) fn row(&mut self, what: &'static str, expected: &str, seen: String) {
        self.rows.push(Row { what, expected: expected.to_owned(), seen });
    }

    /// The rows where expected and seen differ.
    pub fn differences(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| !row.holds())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |column: fn(&Row) -> &str| self.rows.iter().map(|row| column(row).chars().count()).max();
        let what = widest(|row| row.what).unwrap_or(0).max(4);
        let expected = widest(|row| &row.expected).unwrap_or(0).max(8);
        writeln!(
            f,
            "A status, the gate's reason if it refused, and the source that received the request, if one did.\n"
        )?;
        writeln!(f, "     {:what$}  {:expected$}  seen", "what", "expected")?;
        for (number, row) in self.rows.iter().enumerate() {
            let seen =
                if row.holds() { "as expected".to_owned() } else { format!("{}   <-- differs", row.seen) };
            writeln!(f, "{:>3}  {:what$}  {:expected$}  {seen}", number + 1, row.what, row.expected)?;
        }
        let differing = self.differences().count();
        write!(
            f,
            "{} rows, {} as expected, {differing} different",
            self.rows.len(),
            self.rows.len() - differing
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_stands_out() {
        let mut table = Table::default();
        table.row("an officer asks", "200 persons", "200 persons".into());
        table.row("a stranger asks", "403 device_required", "200 persons".into());
        assert_eq!(table.differences().count(), 1);
        let text = table.to_string();
        assert!(text.contains("an officer asks  200 persons          as expected"), "{text}");
        assert!(text.contains("200 persons   <-- differs"), "{text}");
        assert!(text.ends_with("2 rows, 1 as expected, 1 different"), "{text}");
    }
}
