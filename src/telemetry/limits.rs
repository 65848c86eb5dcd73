//! How long the values of a span's attributes may be, which the SDK does not limit: a stranger's request
//! line must not decide how large a span is.

use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::cut::cut;

/// Cuts all string values of `span`, of its events and its links to `limit` characters.
pub(crate) fn cut_values(span: &mut SpanData, limit: usize) {
    cut_all(&mut span.attributes, limit);
    span.events.events.iter_mut().for_each(|event| cut_all(&mut event.attributes, limit));
    span.links.links.iter_mut().for_each(|link| cut_all(&mut link.attributes, limit));
}

/// `span` with values of no more than `limit` characters: itself, as a rule.
pub(super) fn within(span: &SpanData, limit: usize) -> Cow<'_, SpanData> {
    let attributes = span.attributes.iter();
    let of_events = span.events.iter().flat_map(|event| &event.attributes);
    let of_links = span.links.iter().flat_map(|link| &link.attributes);
    if attributes.chain(of_events).chain(of_links).all(|attribute| is_within(attribute, limit)) {
        return Cow::Borrowed(span);
    }
    let mut span = span.clone();
    cut_values(&mut span, limit);
    Cow::Owned(span)
}

/// No text has more characters than bytes.
fn is_within(attribute: &KeyValue, limit: usize) -> bool {
    match &attribute.value {
        Value::String(text) => text.as_str().len() <= limit,
        Value::Array(Array::String(texts)) => texts.iter().all(|text| text.as_str().len() <= limit),
        _ => true,
    }
}

fn cut_all(attributes: &mut [KeyValue], limit: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => cut_text(text, limit),
            Value::Array(Array::String(texts)) => {
                texts.iter_mut().for_each(|text| cut_text(text, limit));
            }
            _ => {}
        }
    }
}

/// The specification counts characters, whatever their length (Common, "Attribute Limits").
fn cut_text(text: &mut StringValue, limit: usize) {
    let kept = cut(text.as_str(), limit);
    if kept.len() < text.as_str().len() {
        *text = StringValue::from(kept.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_at_a_character() {
        for (text, limit, cut) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("🚀🚀", 1, "🚀"),
            ("🚀🚀", 2, "🚀🚀"),
            ("a", 0, ""),
        ] {
            let mut value = StringValue::from(text);
            cut_text(&mut value, limit);
            assert_eq!(value.as_str(), cut, "{text} {limit}");
        }
    }
}
