//! The faults of a raw head.

use crate::listen::observer::closed_list;

closed_list! {
    /// A fault of a raw HTTP/1 head (RFC 9112).
    HeadFault {
        /// Content-Length and Transfer-Encoding in one head (§6.1).
        LengthWithEncoding => "length_with_encoding",
        /// More than one Content-Length, equal or not (§6.3).
        RepeatedLength => "repeated_length",
        /// A Content-Length that is not digits alone, or more than 18 of them (RFC 9110 §8.6).
        OddLength => "odd_length",
        /// More than one Transfer-Encoding.
        RepeatedEncoding => "repeated_encoding",
        /// A Transfer-Encoding that is not exactly `chunked` (§6.1, §7).
        OddEncoding => "odd_encoding",
        /// A line that ends in LF without CR (§2.2).
        BareLineFeed => "bare_line_feed",
        /// A CR that ends no line (§2.2).
        BareCarriageReturn => "bare_carriage_return",
        /// A header line that begins with a space or tab: folded, or before the first one (§5.2, §2.2).
        ObsoleteFold => "obsolete_fold",
        /// More than one empty line before the request line (§2.2 allows one).
        EmptyLine => "empty_line",
        /// A header line without a colon.
        NoColon => "no_colon",
        /// A space or tab between a header's name and the colon (§5.1).
        SpaceBeforeColon => "space_before_colon",
        /// A header name that is empty or no token (RFC 9110 §5.1).
        HeaderName => "header_name",
        /// A header name with an underscore: CGI takes it for a hyphen, so it forges another header.
        Underscore => "underscore",
        /// NUL or another control byte (RFC 9110 §5.5).
        ControlByte => "control_byte",
        /// No Host (§3.2).
        HostMissing => "host_missing",
        /// More than one Host, equal or not (§3.2).
        HostRepeated => "host_repeated",
        /// An empty Host: no source has that name.
        HostEmpty => "host_empty",
        /// A Host that is no host and port (RFC 9110 §7.2).
        HostOdd => "host_odd",
        /// A request line that is not method, target and version with one space between each (§3).
        RequestLine => "request_line",
        /// A method that is no token (RFC 9110 §9.1).
        Method => "method",
        /// A method with a lower-case letter: methods are case-sensitive, and not every application knows (RFC 9110 §9.1).
        LowerCaseMethod => "lower_case_method",
        /// A target in absolute-form (§3.2.2): its authority and Host can differ.
        AbsoluteForm => "absolute_form",
        /// A target that begins with no slash, other than `*` of OPTIONS, or that has a fragment (§3.2).
        TargetForm => "target_form",
        /// HTTP/1.0 or HTTP/0.9.
        OldVersion => "old_version",
        /// Another version than HTTP/1.1.
        Version => "version",
    }
}

/// Faults of one head, and which was first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadFaults {
    /// One bit each, in the order of [`HeadFault::ALL`]; the highest five bits hold the first one's place plus one.
    bits: u32,
}

const FIRST_SHIFT: u32 = 27;
// INVARIANT: every fault has a bit below the five of the first one, and its place plus one fits those.
const _: () = assert!(HeadFault::ALL.len() <= FIRST_SHIFT as usize);

impl HeadFaults {
    /// Adds one.
    pub fn add(&mut self, fault: HeadFault) {
        let place = fault as u32;
        if self.bits == 0 {
            self.bits = (place + 1) << FIRST_SHIFT;
        }
        self.bits |= 1 << place;
    }

    /// The one that came first.
    #[must_use]
    pub fn first(self) -> Option<HeadFault> {
        let place = (self.bits >> FIRST_SHIFT).checked_sub(1)?;
        HeadFault::ALL.get(place as usize).copied()
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn has(self, fault: HeadFault) -> bool {
        self.bits & 1 << fault as u32 != 0
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = HeadFault> {
        HeadFault::ALL.iter().copied().filter(move |fault| self.has(*fault))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    pub(in crate::listen) const fn bits(self) -> u32 {
        self.bits
    }

    pub(in crate::listen) const fn from_bits(bits: u32) -> Self {
        Self { bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_is_kept_and_none_is_lost() {
        for first in HeadFault::ALL {
            for second in HeadFault::ALL {
                let mut faults = HeadFaults::default();
                assert_eq!((faults.first(), faults.is_empty()), (None, true));
                faults.add(*first);
                faults.add(*second);
                let faults = HeadFaults::from_bits(faults.bits());
                assert_eq!(faults.first(), Some(*first));
                assert!(faults.has(*first) && faults.has(*second));
                assert_eq!(faults.iter().count(), if first == second { 1 } else { 2 });
            }
        }
    }
}
