//! Every transformation, by example and by law.

use proptest::prelude::*;

use super::Transform;
use crate::bytes::ByteSet;

const NAMES: [&str; Transform::COUNT] = [
    "base64Decode",
    "base64DecodeExt",
    "base64Encode",
    "cmdLine",
    "compressWhitespace",
    "cssDecode",
    "escapeSeqDecode",
    "hexDecode",
    "hexEncode",
    "htmlEntityDecode",
    "jsDecode",
    "length",
    "lowercase",
    "md5",
    "normalizePath",
    "normalizePathWin",
    "parityEven7bit",
    "parityOdd7bit",
    "parityZero7bit",
    "removeComments",
    "removeCommentsChar",
    "removeNulls",
    "removeWhitespace",
    "replaceComments",
    "replaceNulls",
    "sha1",
    "sqlHexDecode",
    "trim",
    "trimLeft",
    "trimRight",
    "uppercase",
    "urlDecode",
    "urlDecodeUni",
    "urlEncode",
    "utf8toUnicode",
];

#[test]
fn examples() {
    for (name, input, expected) in [
        ("base64Decode", &b"VGVzdA=="[..], &b"Test"[..]),
        ("base64Decode", b"VGVz!dA==", b"Tes"),
        ("base64DecodeExt", b"VG.Vz!dA==", b"Test"),
        ("base64Encode", b"Tests", b"VGVzdHM="),
        ("cmdLine", b"C^OMMAND /C DIR", b"command/c dir"),
        ("cmdLine", b"\"command\" ;,  (x", b"command(x"),
        ("compressWhitespace", b"a \t\n b", b"a b"),
        ("cssDecode", b"test\\a\\b\\f\\n\\r\\t\\v\\?\\'\\\"\\0\\12\\123\\1234\\12345\\123456\\ff01\\ff5e\\\n\\0  string",
            b"test\x0a\x0b\x0fnrtv?'\"\x00\x12\x23\x34\x45\x56\x21\x7e\x00 string"),
        ("escapeSeqDecode", b"\\a\\x41\\101\\q\\", b"\x07AA\\q\\"),
        ("hexDecode", b"5465", b"Te"),
        ("hexEncode", b"Te", b"5465"),
        ("htmlEntityDecode", b"&lt;&#x41;&#65&quot&bogus;&", b"<AA\"&bogus;&"),
        ("jsDecode", b"\\u0041\\uff41\\x42\\103\\n\\q\\400", b"AaBC\nq\x200"),
        ("length", b"abc", b"3"),
        ("lowercase", b"ABC\xc3", b"abc\xc3"),
        ("md5", b"", b"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e"),
        ("normalizePath", b"/dir/foo//bar/../x/.", b"/dir/foo/x/"),
        ("normalizePath", b"dir/./.././../../foo/bar", b"../../foo/bar"),
        ("normalizePath", b"/../../etc/passwd", b"/etc/passwd"),
        ("normalizePath", b"dir/../", b""),
        ("normalizePathWin", b"..\\..\\boot.ini", b"../../boot.ini"),
        ("parityEven7bit", b"ac", b"\xe1c"),
        ("parityOdd7bit", b"ac", b"a\xe3"),
        ("parityZero7bit", b"\xe1", b"a"),
        ("removeComments", b"a/*x*/b<!--y-->c--d", b"abc"),
        ("removeCommentsChar", b"a/*x*/b--c#d", b"axbcd"),
        ("removeNulls", b"a\0b", b"ab"),
        ("removeWhitespace", b"a \xa0\tb", b"ab"),
        ("replaceComments", b"a/*x*/b/*c", b"a b "),
        ("replaceNulls", b"a\0b", b"a b"),
        ("sha1", b"", b"\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09"),
        ("sqlHexDecode", b"x0x4142y0x", b"xABy0x"),
        ("trim", b" a ", b"a"),
        ("trimLeft", b" a ", b"a "),
        ("trimRight", b" a ", b" a"),
        ("uppercase", b"aB", b"AB"),
        ("urlDecode", b"a+%41%u0041%zz%", b"a A%u0041%zz%"),
        ("urlDecodeUni", b"%u0041%uff41%41%u00", b"AaA%u00"),
        ("urlEncode", b"a b&\xff", b"a+b%26%ff"),
        ("utf8toUnicode", "é€\u{1f600}a".as_bytes(), b"%u00e9%u20ac%u1f600a"),
    ] {
        let mut out = Vec::new();
        Transform::parse(name).unwrap().apply(input, &mut out, None);
        assert_eq!(out, expected, "{name} of {}: {}", input.escape_ascii(), out.escape_ascii());
    }
}

proptest! {
    /// The evaluator skips a transformation when a value has none of its bytes; that must change nothing.
    #[test]
    fn acts_only_on_the_bytes_it_names(input in proptest::collection::vec(any::<u8>(), 0..64), at in 0..Transform::COUNT) {
        let transform = Transform::parse(NAMES[at]).unwrap();
        let kept: Vec<u8> = input.into_iter().filter(|byte| !transform.touches().contains(*byte)).collect();
        prop_assume!(transform.touches() != ByteSet::ALL);
        let mut out = Vec::new();
        prop_assert!(!transform.apply(&kept, &mut out, None), "{} of {:?}", NAMES[at], kept);
    }

    #[test]
    fn base64_round_trips(input in proptest::collection::vec(any::<u8>(), 0..64)) {
        let (mut encoded, mut decoded) = (Vec::new(), Vec::new());
        Transform::Base64Encode.apply(&input, &mut encoded, None);
        Transform::Base64Decode.apply(&encoded, &mut decoded, None);
        prop_assert_eq!(input, decoded);
    }
}
