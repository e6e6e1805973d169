//! What an RSA public key must be, in a certificate and in a key set alike.

use std::ops::RangeInclusive;

/// Smallest and largest modulus, in bits.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;

/// Is the key strong enough? Both numbers are big-endian; leading zeros do not count.
///
/// The modulus has 2048 to 8192 bits and is none that Infineon's library made (ROCA, CVE-2017-15361: TPMs and smart cards carry such
/// keys to this day, and their private key can be computed); the exponent is odd and 65537 to 2³³ (FIPS 186-5, A.1.1).
pub(crate) fn is_strong(modulus: &[u8], exponent: &[u8]) -> bool {
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    MODULUS_BITS.contains(&bits(modulus))
        && odd(modulus)
        && (17..=33).contains(&bits(exponent))
        && odd(exponent)
        && !has_roca_fingerprint(modulus)
}

/// The length of a big-endian number in bits.
pub(crate) fn bits(number: &[u8]) -> usize {
    let number = without_leading_zeros(number);
    number.len() * 8 - number.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// A big-endian number in its shortest form.
pub(crate) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let start = number.iter().position(|&byte| byte != 0).unwrap_or(number.len());
    number.get(start..).unwrap_or_default()
}

/// The first 38 odd primes.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Nemec et al., "The Return of Coppersmith's Attack", 2017, section 2: such a modulus is a power of 65537 modulo every small prime. A
/// sound modulus is so by chance once in 2²⁷.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| {
        let rest = modulus.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let generator = 65_537 % prime;
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * generator % prime;
            power == rest
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_first_one() {
        for (number, expected) in [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80], 8), (&[1, 0], 9)] {
            assert_eq!(bits(number), expected, "{number:?}");
        }
    }

    #[test]
    fn strong_and_weak_keys() {
        let good = [1, 0, 1];
        // 2²⁰⁴⁷ + 1: has no ROCA fingerprint, as 2 is not among the powers of 65537 modulo all the primes.
        let modulus = |bytes: usize| {
            let mut number = vec![0; bytes];
            number[0] = 0x80;
            number[bytes - 1] = 1;
            number
        };
        let even = {
            let mut number = modulus(256);
            number[255] = 2;
            number
        };
        let padded = [vec![0], modulus(256)].concat();
        let cases: [(&str, &[u8], &[u8], bool); 9] = [
            ("2048 bits", &modulus(256), &good, true),
            ("leading zero", &padded, &good, true),
            ("8192 bits", &modulus(1024), &good, true),
            ("2040 bits", &modulus(255), &good, false),
            ("8200 bits", &modulus(1025), &good, false),
            ("even modulus", &even, &good, false),
            ("exponent 1", &modulus(256), &[1], false),
            ("exponent 3", &modulus(256), &[3], false),
            ("even exponent", &modulus(256), &[1, 0, 2], false),
        ];
        for (case, modulus, exponent, strong) in cases {
            assert_eq!(is_strong(modulus, exponent), strong, "{case}");
        }
    }

    #[test]
    fn a_power_of_65537_has_the_roca_fingerprint() {
        let mut number = vec![1_u8];
        for _ in 0..128 {
            // Times 65537 = (times 65536) + once.
            let mut shifted = [number.clone(), vec![0, 0]].concat();
            let mut carry = 0_u16;
            let offset = shifted.len() - number.len();
            for index in (0..shifted.len()).rev() {
                let addend = if index >= offset { u16::from(number[index - offset]) } else { 0 };
                let sum = u16::from(shifted[index]) + addend + carry;
                shifted[index] = sum.to_be_bytes()[1];
                carry = sum >> 8;
            }
            number = shifted;
        }
        assert_eq!(bits(&number), 2049);
        assert!(!is_strong(&number, &[1, 0, 1]));
        *number.last_mut().unwrap() ^= 2;
        assert!(is_strong(&number, &[1, 0, 1]));
    }
}
