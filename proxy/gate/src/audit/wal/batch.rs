//! A batch as the write-ahead log has it.
//!
//! It begins a block with its CRC-32 as eight hexadecimal digits and a space. A JSON object follows, which names the round, the batch's
//! number in it, the record's file, where in that its lines begin and how many bytes they are; a line end; the lines. Zeros fill the last
//! block. The first batch of a round is in the first block and has no lines, each next one begins where the one before it ended.

use std::{borrow::Cow, fs, io, path::Path, str};

use serde::{Deserialize, Serialize};

use crate::audit::disk::BLOCK;

/// What stands before a batch's lines has no more bytes.
pub(super) const HEAD_BYTES: usize = 256;
/// The digits of the checksum, and the space behind them.
const CHECKSUM_BYTES: usize = 9;

/// Lines that are written together.
pub(super) struct Batch<'a> {
    pub(super) round: u64,
    pub(super) number: u64,
    /// The name of the record's file.
    pub(super) file: Cow<'a, str>,
    /// Where in that file they begin.
    pub(super) offset: u64,
    pub(super) lines: &'a [u8],
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    round: u64,
    number: u64,
    #[serde(borrow)]
    file: Cow<'a, str>,
    offset: u64,
    length: usize,
}

/// A batch in the blocks that it is written as. Its memory is used again.
#[derive(Default)]
pub(super) struct Written(Vec<u8>);

impl Written {
    /// The blocks of a batch, which begin at a multiple of [`BLOCK`] in memory.
    pub(super) fn blocks(&mut self, batch: &Batch<'_>) -> io::Result<&[u8]> {
        let Batch { round, number, offset, lines, .. } = *batch;
        let Self(bytes) = self;
        bytes.clear();
        // More room than is needed: what moves in memory begins elsewhere.
        bytes.reserve(HEAD_BYTES + lines.len() + 2 * BLOCK);
        let start = bytes.as_ptr().align_offset(BLOCK);
        bytes.resize(start + CHECKSUM_BYTES, b' ');
        serde_json::to_writer(
            &mut *bytes,
            &Head { round, number, file: Cow::Borrowed(&batch.file), offset, length: lines.len() },
        )?;
        bytes.push(b'\n');
        bytes.extend_from_slice(lines);
        let (head, checked) = bytes.split_at_mut(start + CHECKSUM_BYTES);
        let checksum = format!("{:08x}", crc32fast::hash(checked));
        head.iter_mut().skip(start).zip(checksum.into_bytes()).for_each(|(place, digit)| *place = digit);
        bytes.resize(start + (bytes.len() - start).next_multiple_of(BLOCK), 0);
        Ok(bytes.get(start..).unwrap_or_default())
    }
}

/// The batch that begins here, and how many bytes its blocks have; none where there is no whole one.
fn read(blocks: &[u8]) -> Option<(Batch<'_>, usize)> {
    let (checksum, checked) = blocks.split_at_checked(CHECKSUM_BYTES)?;
    let checksum = u32::from_str_radix(str::from_utf8(checksum).ok()?.strip_suffix(' ')?, 16).ok()?;
    let end = memchr::memchr(b'\n', checked.get(..HEAD_BYTES)?)?;
    let Head { round, number, file, offset, length } = serde_json::from_slice(checked.get(..end)?).ok()?;
    let all = (end + 1).checked_add(length)?;
    let lines = checked.get(end + 1..all)?;
    let whole = crc32fast::hash(checked.get(..all)?) == checksum;
    let used = (CHECKSUM_BYTES + all).next_multiple_of(BLOCK);
    whole.then_some((Batch { round, number, file, offset, lines }, used))
}

/// What the batches of a round hold together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::audit) struct Held {
    /// Which round it is.
    pub(in crate::audit) round: u64,
    /// The name of the record's file; empty without lines.
    pub(in crate::audit) file: String,
    /// Where in that file the lines begin.
    pub(in crate::audit) offset: u64,
    /// The lines, in order.
    pub(in crate::audit) lines: Vec<u8>,
}

impl Held {
    /// Where in the record's file the lines end.
    pub(in crate::audit) fn end(&self) -> u64 {
        self.offset + self.lines.len() as u64
    }
}

/// What a write-ahead log holds; none where there is none. It ends before the first batch that is not whole: nobody was told that it is
/// on the disk.
pub(in crate::audit) fn held(path: &Path) -> io::Result<Option<Held>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((first, mut at)) = read(&bytes).filter(|(batch, _)| batch.number == 0) else {
        return Ok(None);
    };
    let mut held = Held { round: first.round, ..Held::default() };
    for number in 1.. {
        let Some((batch, used)) = bytes.get(at..).and_then(read) else { break };
        if held.lines.is_empty() {
            (held.file, held.offset) = (batch.file.clone().into_owned(), batch.offset);
        }
        if (batch.round, batch.number, &*batch.file, batch.offset)
            != (held.round, number, held.file.as_str(), held.end())
        {
            break;
        }
        held.lines.extend_from_slice(batch.lines);
        at += used;
    }
    Ok(Some(held))
}
