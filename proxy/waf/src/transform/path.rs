//! Paths: `//`, `/./` and `/x/../` resolved; a `..` that leads out of a relative path stays, out of an absolute one it goes.

pub(super) fn normalize(input: &[u8], out: &mut Vec<u8>, windows: bool) {
    let is_slash = |byte: &u8| *byte == b'/' || (windows && *byte == b'\\');
    let absolute = input.first().is_some_and(is_slash);
    if absolute {
        out.push(b'/');
    }
    // INVARIANT: `out` ends with `/` or is empty whenever a segment starts.
    let floor = out.len();
    let mut kept_up = floor;
    let mut segments = input.split(is_slash).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"" | b"." => {}
            b".." if out.len() > kept_up => {
                let parent = out.get(..out.len() - 1).unwrap_or_default();
                let cut = parent.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
                out.truncate(cut.max(kept_up));
            }
            b".." if absolute => {}
            b".." => {
                out.extend_from_slice(if last { b".." } else { b"../" });
                kept_up = out.len();
            }
            segment => {
                out.extend_from_slice(segment);
                if !last {
                    out.push(b'/');
                }
            }
        }
    }
}
