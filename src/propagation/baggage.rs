//! The propagator for W3C Baggage: <https://www.w3.org/TR/baggage/>.
//!
//! The SDK's own one reads only the first of several headers, cuts a value off at a `=` inside of it,
//! writes a `%` that the next reader decodes again, and warns of each malformed member, which lets
//! strangers fill the log.

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt, KeyValueMetadata};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

const HEADER: &str = "baggage";
/// Section "Limits": what is within both has to be passed on. More is not.
const MOST_MEMBERS: usize = 64;
const MOST_BYTES: usize = 8192;
/// What a value must not have as it is: all but a `baggage-octet` (section "value"), and `%`.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// W3C Baggage: the header `baggage`, within its limits.
///
/// Several headers are one list. A malformed member is left out; of a list that is too long, what
/// exceeds the limits is.
#[derive(Clone, Copy, Debug, Default)]
pub struct BaggageHeader;

impl TextMapPropagator for BaggageHeader {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let mut header = String::new();
        // [`Baggage`] itself holds no more than 64 members.
        for (key, (value, metadata)) in cx.baggage() {
            let shorter = header.len();
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str(key.as_str());
            header.push('=');
            header.extend(utf8_percent_encode(value.as_str(), ENCODED));
            // Properties are kept as they came. Those that a program made up need not be fit to send.
            let properties = metadata.as_str();
            if !properties.is_empty() && properties.bytes().all(is_property_byte) {
                header.push(';');
                header.push_str(properties);
            }
            // Encoded it may be longer than it was counted.
            if header.len() > MOST_BYTES {
                header.truncate(shorter);
            }
        }
        if !header.is_empty() {
            injector.set(HEADER, header);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let Some(headers) = extractor.get_all(HEADER) else { return cx.clone() };
        let baggage = parse(&headers);
        if baggage.is_empty() { cx.clone() } else { cx.with_baggage(baggage) }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(FIELDS.as_slice())
    }
}

fn parse(headers: &[&str]) -> Baggage {
    let mut length = 0;
    headers
        .iter()
        .flat_map(|header| header.split(','))
        .take_while(|member| {
            length += member.len() + usize::from(length > 0);
            length <= MOST_BYTES
        })
        .filter_map(member)
        .take(MOST_MEMBERS)
        .collect()
}

/// `key=value;property;…`; whether the key is a token, [`Baggage`] sees to.
fn member(text: &str) -> Option<KeyValueMetadata> {
    let (pair, properties) = text.split_once(';').unwrap_or((text, ""));
    let (key, value) = pair.split_once('=')?;
    // Section "value": what is not UTF-8 becomes U+FFFD.
    let value = percent_decode_str(value.trim()).decode_utf8_lossy().into_owned();
    Some(KeyValueMetadata::new(key.trim().to_owned(), value, properties))
}

fn is_property_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~') && byte != b','
}

#[cfg(test)]
mod tests;
