//! Policies in one layout.

use cedar_policy_formatter::{Config, policies_str_to_pretty};

use crate::annotations::Of;
use crate::bounds::{self, Language};
use crate::corpus::PolicyFile;
use crate::fault::Fault;
use crate::parse::{self, Lines};

/// Width of a line and of an indentation, in characters.
const LAYOUT: Config = Config { line_width: 110, indent_width: 2 };

/// The same policies in Cedar's own layout, comments kept.
///
/// # Errors
/// What does not parse, with its place.
pub fn formatted(file: &PolicyFile) -> Result<String, Vec<Fault>> {
    let lines = Lines::of(file, Of::Either);
    let mut faults = Vec::new();
    // Says where each policy that does not parse is wrong, which the formatter does not.
    parse::policies(std::slice::from_ref(&lines), &mut faults);
    if !bounds::keeps(&lines, Language::Policies, &mut Vec::new()) || !faults.is_empty() {
        faults.sort();
        return Err(faults);
    }
    let laid_out = policies_str_to_pretty(&file.text, &LAYOUT).map_err(|error| {
        let why = format!("the layout cannot be changed: {error}");
        vec![Fault::at(&lines.whole(), why, "leave the file as it is")]
    })?;
    Ok(with_head(&file.text, laid_out))
}

/// What a file begins with, up to an empty line, is about the file. Cedar's formatter takes the empty line out, which would make it the
/// first policy's.
fn with_head(text: &str, laid_out: String) -> String {
    let head = text.lines().take_while(|line| line.starts_with("//")).count();
    let ends = head > 0 && text.lines().nth(head).is_some_and(|line| line.trim().is_empty());
    if !ends {
        return laid_out;
    }
    let mut with_head = String::with_capacity(laid_out.len() + 1);
    for (number, line) in laid_out.lines().enumerate() {
        if number == head && !line.is_empty() {
            with_head.push('\n');
        }
        with_head.push_str(line);
        with_head.push('\n');
    }
    with_head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_stable_and_keeps_comments() {
        let text = "// why\n@id(\"a\")permit(principal,action,resource)when{context has case // here\n&&context.session.strong};";
        let file =
            |text: &str| PolicyFile { name: "a.cedar".to_owned(), text: text.to_owned(), shadow: false };
        let once = formatted(&file(text)).unwrap();
        assert!(once.contains("// why\n") && once.contains("// here\n"), "{once}");
        assert!(once.contains("permit (principal, action, resource)\n"), "{once}");
        assert_eq!(formatted(&file(&once)).unwrap(), once);
        let headed = format!("// about the file,\n// all of it\n\n{once}\n");
        let laid_out = formatted(&file(&headed)).unwrap();
        assert!(laid_out.starts_with("// about the file,\n// all of it\n\n// why\n@id"), "{laid_out}");
        assert_eq!(formatted(&file(&laid_out)).unwrap(), laid_out);
        let faults = formatted(&file("permit (principal, action, resource);\npermit (")).unwrap_err();
        assert_eq!((faults.len(), faults[0].line), (1, 2));
    }
}
