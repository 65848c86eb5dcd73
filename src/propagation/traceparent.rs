//! The `traceparent` header: W3C Trace Context level 2, sections 3.2 ("Traceparent Header") and 3.2.4
//! ("Versioning of traceparent").

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceFlags, TraceId};

use super::{carried, hex};

/// The length of version `00`, and of what every later version starts with.
const LENGTH: usize = 55;
/// Section 3.2.2.5.2: the trace id's last 7 bytes are random.
pub(crate) const RANDOM: TraceFlags = TraceFlags::new(0x02);
/// Section 3.2.2.5.3: the other flags are reserved, and set to zero by who does not know them.
const KNOWN_FLAGS: TraceFlags = TraceFlags::new(0x03);

/// A valid `traceparent`: neither id is all zeros, and no unknown flag is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traceparent {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) flags: TraceFlags,
}

impl Traceparent {
    /// Reads a header's value; anything malformed is refused as a whole.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (known, rest) = header.as_bytes().split_first_chunk::<LENGTH>()?;
        if [known[2], known[35], known[52]] != [b'-'; 3] {
            return None;
        }
        match hex::decode(&known[..2])? {
            [0x00] if rest.is_empty() => {}
            // `00` has nothing more to say, and `ff` is forbidden.
            [0x00 | 0xff] => return None,
            // A later version may go on, but only in a field of its own.
            [_] if matches!(rest, [] | [b'-', ..]) => {}
            [_] => return None,
        }
        let [flags] = hex::decode(&known[53..])?;
        Some(Self {
            trace_id: TraceId::from_bytes(hex::decode(&known[3..35])?),
            span_id: SpanId::from_bytes(hex::decode(&known[36..52])?),
            flags: TraceFlags::new(flags) & KNOWN_FLAGS,
        })
        .filter(|it| it.trace_id != TraceId::INVALID && it.span_id != SpanId::INVALID)
    }

    /// What the active span of `cx` is called by others, if there is a span.
    pub(crate) fn of(cx: &Context) -> Option<Self> {
        let span = cx.span();
        let span = span.span_context();
        span.is_valid().then(|| Self {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            flags: carried::flags(cx, span),
        })
    }

    /// The header's value, in ASCII: always version `00`, the highest one known here.
    pub(crate) fn header(&self) -> [u8; LENGTH] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        text[3..35].copy_from_slice(hex::encode(self.trace_id.to_bytes()).as_flattened());
        text[36..52].copy_from_slice(hex::encode(self.span_id.to_bytes()).as_flattened());
        text[53..].copy_from_slice(hex::encode([self.flags.to_u8()]).as_flattened());
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_read_and_what_is_refused() {
        const T: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        const S: &str = "00f067aa0ba902b7";
        let upper = T.to_uppercase();
        let zeros = "0".repeat(32);
        let cases = [
            (format!("00-{T}-{S}-00"), Some(0x00)),
            (format!("00-{T}-{S}-01"), Some(0x01)),
            (format!("00-{T}-{S}-02"), Some(0x02)),
            (format!("00-{T}-{S}-03"), Some(0x03)),
            // Reserved flags are not passed on.
            (format!("00-{T}-{S}-ff"), Some(0x03)),
            (format!("00-{T}-{S}-fc"), Some(0x00)),
            // Version 00 is 55 characters long.
            (format!("00-{T}-{S}-01-"), None),
            (format!("00-{T}-{S}-01-more"), None),
            (format!("00-{T}-{S}-010"), None),
            (format!("00-{T}-{S}-1"), None),
            (format!("00-{T}-{S}"), None),
            (String::new(), None),
            // A later version may be longer.
            (format!("01-{T}-{S}-01"), Some(0x01)),
            (format!("cc-{T}-{S}-01-"), Some(0x01)),
            (format!("fe-{T}-{S}-0f-what-the-future-will-be-like é"), Some(0x03)),
            (format!("cc-{T}-{S}-01.what-the-future-will-be-like"), None),
            (format!("cc-{T}-{S}-012"), None),
            (format!("cc-{T}-{S}"), None),
            (format!("ff-{T}-{S}-01"), None),
            // Lower-case hex only, in each field.
            (format!("CC-{T}-{S}-01"), None),
            (format!("00-{upper}-{S}-01"), None),
            (format!("00-{T}-00F067AA0BA902B7-01"), None),
            (format!("00-{T}-{S}-0A"), None),
            (format!("0x-{T}-{S}-01"), None),
            (format!("00-{T}-{S}-+1"), None),
            (format!("00-{T}-.0f067aa0ba902b7-01"), None),
            // Ids of zeros say that there is no id.
            (format!("00-{zeros}-{S}-01"), None),
            (format!("00-{T}-{}-01", &zeros[..16]), None),
            // Fields of another length, in a value of the right one.
            (format!("00-{T}0-{}-01", &S[1..]), None),
            (format!("000-{}-{S}-01", &T[1..]), None),
            (format!("00_{T}_{S}_01"), None),
            // White space belongs to the message, not to the value; the server has taken it off.
            (format!(" 00-{T}-{S}-01"), None),
            (format!("00-{T}-{S}-01 "), None),
            // Two in one, as a proxy might join them.
            (format!("00-{T}-{S}-01,00-{T}-{S}-01"), None),
            (format!("cc-{T}-{S}-01,cc-{T}-{S}-01"), None),
        ];
        for (header, flags) in cases {
            let expected = flags.map(|flags| Traceparent {
                trace_id: TraceId::from_hex(T).unwrap(),
                span_id: SpanId::from_hex(S).unwrap(),
                flags: TraceFlags::new(flags),
            });
            assert_eq!(Traceparent::parse(&header), expected, "{header}");
        }
    }

    /// The grammar once more, field by field, as one would read it aloud.
    fn is_valid(header: &str) -> bool {
        let is_id = |field: &str, length| {
            field.len() == length
                && field.chars().all(|c| "0123456789abcdef".contains(c))
                && field.chars().any(|c| c != '0')
        };
        let is_byte = |field: &str| field == "00" || is_id(field, 2);
        let fields: Vec<_> = header.split('-').collect();
        let [version, trace_id, span_id, flags, unknown @ ..] = fields.as_slice() else {
            return false;
        };
        is_byte(version)
            && *version != "ff"
            && is_id(trace_id, 32)
            && is_id(span_id, 16)
            && is_byte(flags)
            && (*version != "00" || unknown.is_empty())
    }

    /// Headers that are right but for one thing, and some that are right.
    fn nearly_valid() -> impl Strategy<Value = String> {
        let versions = prop_oneof![Just("00".to_owned()), Just("ff".to_owned()), "[0-9a-f]{2}"];
        let header = (versions, "(0{32}|[0-9a-f]{32})", "(0{16}|[0-9a-f]{16})", "[0-9a-f]{2}");
        let rest = prop_oneof![4 => Just(String::new()), 1 => "-\\PC*", 1 => "\\PC{1,3}"];
        let edit = prop::option::of((0..56_usize, 0..2_usize, "\\PC?"));
        (header, rest, edit).prop_map(|((version, trace_id, span_id, flags), rest, edit)| {
            let mut text = format!("{version}-{trace_id}-{span_id}-{flags}{rest}");
            if let Some((at, removed, inserted)) = edit
                && text.is_char_boundary(at)
                && text.is_char_boundary(at + removed)
            {
                text.replace_range(at..at + removed, &inserted);
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_accepted_is_the_grammar(header in prop_oneof![nearly_valid(), "\\PC*"]) {
            prop_assert_eq!(Traceparent::parse(&header).is_some(), is_valid(&header));
        }

        #[test]
        fn what_is_read_is_written_again(header in nearly_valid()) {
            if let Some(parsed) = Traceparent::parse(&header) {
                let written = String::from_utf8(parsed.header().to_vec()).unwrap();
                prop_assert_eq!(&written[2..53], &header[2..53]);
                prop_assert_eq!(Traceparent::parse(&written), Some(parsed));
            }
        }
    }
}
