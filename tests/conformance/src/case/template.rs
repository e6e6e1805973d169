//! Go's templates, as far as suites use them: text, and `{{ "x" | repeat 3 }}`.

/// Longest expansion, in bytes.
const LIMIT: usize = 64 << 20;

/// `text` with its templates expanded; `None` when a template is not one, which go-ftw sends as an empty body.
///
/// # Errors
/// When a template may be one, but not of the forms that are known here: guessing would send another request.
pub(super) fn expand(text: &str) -> Result<Option<String>, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((inner, after)) = after.split_once("}}") else { return Ok(None) };
        let Some(repeated) = repeat(inner) else {
            return Err(format!("template `{{{{{inner}}}}}` is not `\"text\" | repeat NUMBER`"));
        };
        let (what, count) = repeated;
        if what.len().saturating_mul(count) > LIMIT {
            return Err(format!("template `{{{{{inner}}}}}` expands to more than {LIMIT} bytes"));
        }
        out.push_str(&what.repeat(count));
        rest = after;
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn repeat(inner: &str) -> Option<(&str, usize)> {
    let (what, how) = inner.split_once('|')?;
    let what = what.trim().strip_prefix('"')?.strip_suffix('"')?;
    // An escape would mean another text.
    let plain = !what.contains(['\\', '"']);
    let count = how.trim().strip_prefix("repeat")?.trim().parse().ok()?;
    plain.then_some((what, count))
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn templates() {
        for (text, expected) in [
            ("plain", Ok(Some("plain"))),
            ("a{{ \"bc\" | repeat 3 }}d", Ok(Some("abcbcbcd"))),
            ("{{\"x\"|repeat 0}}", Ok(Some(""))),
            ("{{ open", Ok(None)),
            ("{{ 7 * 7 }}", Err(())),
            ("{{ \"x\" | repeat 99999999999 }}", Err(())),
        ] {
            let found = expand(text).map_err(|_| ());
            assert_eq!(found.as_ref().map(Option::as_deref), expected.as_ref().map(|out| *out), "{text}");
        }
    }
}
