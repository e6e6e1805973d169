//! Transformations: `t:lowercase`, `t:urlDecodeUni` and the rest of the reference, one family a file.
//!
//! Each knows which bytes it acts on: a value without any of them passes untouched, and is not even looked at.

mod base64;
mod case;
mod comments;
mod css;
mod digest;
mod escape;
mod hexadecimal;
mod html;
mod page;
mod parity;
mod path;
mod shell;
mod space;
mod unicode;
mod url;

use std::io::Write as _;

pub(crate) use page::CodePage;

use crate::bytes::{ByteSet, is_space, is_space_or_nbsp};

macro_rules! transforms {
    ($($variant:ident $($name:literal)+),* $(,)?) => {
        /// A transformation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Transform { $($variant),* }

        impl Transform {
            /// How many there are.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// All of them, in order.
            pub(crate) const ALL: [Self; [$($($name),+),*].len() - SECOND_NAMES] = [$(Self::$variant),*];

            /// The transformation of that name, whatever its case; `none` is not one.
            pub(crate) fn parse(name: &str) -> Option<Self> {
                let name = name.to_ascii_lowercase();
                match name.as_str() { $($($name)|+ => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

/// Names beyond the first that transformations have.
const SECOND_NAMES: usize = 2;

transforms! {
    Base64Decode "base64decode",
    Base64DecodeExt "base64decodeext",
    Base64Encode "base64encode",
    CmdLine "cmdline",
    CompressWhitespace "compresswhitespace",
    CssDecode "cssdecode",
    EscapeSeqDecode "escapeseqdecode",
    HexDecode "hexdecode",
    HexEncode "hexencode",
    HtmlEntityDecode "htmlentitydecode",
    JsDecode "jsdecode",
    Length "length",
    Lowercase "lowercase",
    Md5 "md5",
    NormalizePath "normalizepath" "normalisepath",
    NormalizePathWin "normalizepathwin" "normalisepathwin",
    ParityEven7Bit "parityeven7bit",
    ParityOdd7Bit "parityodd7bit",
    ParityZero7Bit "parityzero7bit",
    RemoveComments "removecomments",
    RemoveCommentsChar "removecommentschar",
    RemoveNulls "removenulls",
    RemoveWhitespace "removewhitespace",
    ReplaceComments "replacecomments",
    ReplaceNulls "replacenulls",
    Sha1 "sha1",
    SqlHexDecode "sqlhexdecode",
    Trim "trim",
    TrimLeft "trimleft",
    TrimRight "trimright",
    Uppercase "uppercase",
    UrlDecode "urldecode",
    UrlDecodeUni "urldecodeuni",
    UrlEncode "urlencode",
    Utf8ToUnicode "utf8tounicode",
}

impl Transform {
    /// The bytes it acts on: a value with none of them is its own result.
    pub(crate) fn touches(self) -> ByteSet {
        match self {
            Self::UrlDecode | Self::UrlDecodeUni => ByteSet::of(b"%+"),
            Self::Lowercase => ByteSet::that(|byte| byte.is_ascii_uppercase()),
            Self::Uppercase => ByteSet::that(|byte| byte.is_ascii_lowercase()),
            Self::JsDecode | Self::CssDecode | Self::EscapeSeqDecode => ByteSet::of(b"\\"),
            Self::HtmlEntityDecode => ByteSet::of(b"&"),
            Self::Utf8ToUnicode => ByteSet::that(|byte| byte >= 0x80),
            Self::RemoveNulls | Self::ReplaceNulls => ByteSet::of(b"\0"),
            Self::RemoveWhitespace | Self::CompressWhitespace => ByteSet::that(is_space_or_nbsp),
            Self::Trim | Self::TrimLeft | Self::TrimRight => ByteSet::that(is_space),
            Self::ReplaceComments => ByteSet::of(b"/"),
            Self::RemoveComments | Self::RemoveCommentsChar => ByteSet::of(b"/*-#<"),
            Self::CmdLine => shell::touches(),
            Self::NormalizePath => ByteSet::of(b"/."),
            Self::NormalizePathWin => ByteSet::of(b"/.\\"),
            Self::SqlHexDecode => ByteSet::of(b"xX"),
            _ => ByteSet::ALL,
        }
    }

    /// Writes the result to `out`, which is cleared; whether it differs from `input`. Linear in the input's length. `page` is
    /// what `%uhhhh` is read by.
    pub(crate) fn apply(self, input: &[u8], out: &mut Vec<u8>, page: Option<&CodePage>) -> bool {
        out.clear();
        out.reserve(input.len());
        match self {
            Self::Base64Decode => base64::decode(input, out, base64::Invalid::Ends),
            Self::Base64DecodeExt => base64::decode(input, out, base64::Invalid::Skipped),
            Self::Base64Encode => base64::encode(input, out),
            Self::CmdLine => shell::command_line(input, out),
            Self::CompressWhitespace => space::compress(input, out),
            Self::CssDecode => css::decode(input, out),
            Self::EscapeSeqDecode => escape::decode_ansi_c(input, out),
            Self::HexDecode => hexadecimal::decode(input, out),
            Self::HexEncode => hexadecimal::encode(input, out),
            Self::HtmlEntityDecode => html::decode(input, out),
            Self::JsDecode => escape::decode_javascript(input, out),
            // Writing to memory does not fail.
            Self::Length => drop(write!(out, "{}", input.len())),
            Self::Lowercase => case::lower(input, out),
            Self::Uppercase => case::upper(input, out),
            Self::Md5 => digest::md5(input, out),
            Self::Sha1 => digest::sha1(input, out),
            Self::NormalizePath => path::normalize(input, out, false),
            Self::NormalizePathWin => path::normalize(input, out, true),
            Self::ParityEven7Bit => parity::even(input, out),
            Self::ParityOdd7Bit => parity::odd(input, out),
            Self::ParityZero7Bit => parity::zero(input, out),
            Self::RemoveComments => comments::remove(input, out),
            Self::RemoveCommentsChar => comments::remove_marks(input, out),
            Self::ReplaceComments => comments::replace(input, out),
            Self::RemoveNulls => out.extend(input.iter().filter(|byte| **byte != 0)),
            Self::ReplaceNulls => out.extend(input.iter().map(|byte| if *byte == 0 { b' ' } else { *byte })),
            Self::RemoveWhitespace => space::remove(input, out),
            Self::SqlHexDecode => hexadecimal::decode_sql(input, out),
            Self::Trim => out.extend_from_slice(space::trim_left(space::trim_right(input))),
            Self::TrimLeft => out.extend_from_slice(space::trim_left(input)),
            Self::TrimRight => out.extend_from_slice(space::trim_right(input)),
            Self::UrlDecode => url::decode(input, out),
            Self::UrlDecodeUni => url::decode_unicode(input, out, page),
            Self::UrlEncode => url::encode(input, out),
            Self::Utf8ToUnicode => unicode::escape(input, out),
        }
        out.as_slice() != input
    }
}

#[cfg(test)]
mod tests;
