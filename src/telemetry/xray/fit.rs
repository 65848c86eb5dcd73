//! A document in the 64 kB that X-Ray takes. What is too large is made smaller, the least missed first:
//! metadata, then stacks and messages of exceptions, then annotations and links. What was left out is
//! named in the metadata, under `otel`.

use std::mem;

use serde_json::Value as Json;

use super::document::{Document, Values};
use crate::cut::cut;

/// 64 kB, as both readings of the letter allow; with the header it also fits into one UDP datagram,
/// which holds 65,507 bytes at most.
const MAX_BYTES: usize = 64_000;
/// Room for the names of what was left out.
const RESERVE: usize = 4_000;
/// How many exceptions, and characters of each message, stay where there is too much.
const FEW_EXCEPTIONS: usize = 10;
const SHORT_MESSAGE: usize = 500;

/// A document that is too large whatever is left out.
#[derive(Debug, thiserror::Error)]
#[error("the segment document is larger than 64 kB, whatever is left out")]
pub(super) struct TooLarge;

/// A document ready to be sent.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) json: Vec<u8>,
    /// Was something left out?
    pub(super) is_reduced: bool,
}

/// Writes `document` as JSON, leaving out what there is no room for.
pub(super) fn fit(mut document: Document) -> Result<Fitted, TooLarge> {
    let json = bytes(&document)?;
    if json.len() <= MAX_BYTES {
        return Ok(Fitted { json, is_reduced: false });
    }
    let steps: [fn(&mut Document, usize) -> Vec<String>; 6] = [
        drop_metadata,
        drop_resource,
        drop_stacks,
        shorten_exceptions,
        drop_annotations,
        drop_links,
    ];
    let mut left_out = Vec::new();
    for step in steps {
        let whole = bytes(&document)?.len();
        let excess = whole.saturating_sub(MAX_BYTES - RESERVE);
        if excess == 0 {
            break;
        }
        left_out.extend(step(&mut document, excess));
    }
    let names = cut(&left_out.join(" "), RESERVE / 8).to_owned();
    let otel = of_span(&mut document).metadata.entry("otel").or_default();
    otel.insert("left_out_for_size".to_owned(), Json::from(names));
    let json = bytes(&document)?;
    if json.len() > MAX_BYTES {
        return Err(TooLarge);
    }
    Ok(Fitted { json, is_reduced: true })
}

/// Where a span says what it is: in the innermost, the subsegment, where there is one.
fn of_span(document: &mut Document) -> &mut Document {
    if document.subsegments.is_empty() { document } else { &mut document.subsegments[0] }
}

fn bytes(document: &Document) -> Result<Vec<u8>, TooLarge> {
    // Never fails: no map has keys other than texts.
    serde_json::to_vec(document).map_err(|_| TooLarge)
}

fn drop_metadata(document: &mut Document, excess: usize) -> Vec<String> {
    let Some(values) = of_span(document).metadata.get_mut("default") else { return Vec::new() };
    drop_largest(values, excess)
}

/// The segment's own, also where the span is the subsegment in it.
fn drop_resource(document: &mut Document, excess: usize) -> Vec<String> {
    let Some(values) = document.metadata.get_mut("resource") else { return Vec::new() };
    drop_largest(values, excess)
}

fn drop_annotations(document: &mut Document, excess: usize) -> Vec<String> {
    drop_largest(&mut of_span(document).annotations, excess)
}

/// Takes the largest values out until `excess` bytes are gone; their keys.
fn drop_largest(values: &mut Values, excess: usize) -> Vec<String> {
    let size = |(key, value): (&String, &Json)| (value.to_string().len() + key.len(), key.clone());
    let mut sizes: Vec<_> = values.iter().map(size).collect();
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let mut gone = 0;
    let largest = sizes.into_iter().take_while(|(size, _)| {
        let is_needed = gone < excess;
        gone += size;
        is_needed
    });
    let keys: Vec<_> = largest.map(|(_, key)| key).collect();
    for key in &keys {
        values.remove(key);
    }
    keys
}

fn drop_stacks(document: &mut Document, _: usize) -> Vec<String> {
    let exceptions = of_span(document).cause.iter_mut().flat_map(|cause| &mut cause.exceptions);
    for exception in exceptions {
        exception.truncated += mem::take(&mut exception.stack).len();
    }
    vec!["cause.stack".to_owned()]
}

fn shorten_exceptions(document: &mut Document, _: usize) -> Vec<String> {
    let Some(cause) = &mut of_span(document).cause else { return Vec::new() };
    cause.exceptions.truncate(FEW_EXCEPTIONS);
    for exception in &mut cause.exceptions {
        for text in [&mut exception.message, &mut exception.class].into_iter().flatten() {
            *text = cut(text, SHORT_MESSAGE).to_owned();
        }
    }
    vec!["cause.exceptions".to_owned()]
}

fn drop_links(document: &mut Document, _: usize) -> Vec<String> {
    of_span(document).links.clear();
    vec!["links".to_owned()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::document::{Cause, Exception, Frame};
    use super::*;

    fn fitted(document: Document) -> (Json, usize) {
        let fitted = fit(document).unwrap();
        assert!(fitted.json.len() <= MAX_BYTES, "{}", fitted.json.len());
        (serde_json::from_slice(&fitted.json).unwrap(), fitted.json.len())
    }

    fn values(count: usize, length: usize) -> Values {
        (0..count).map(|n| (format!("k{n}"), Json::from("v".repeat(length + n)))).collect()
    }

    #[test]
    fn what_fits_is_left_alone() {
        let mut document = Document::default();
        document.metadata.insert("default", values(1, 60_000));
        let fitted = fit(document).unwrap();
        assert!(!fitted.is_reduced);
    }

    #[test]
    fn the_largest_metadata_goes_first_and_is_named() {
        let mut document = Document { annotations: values(1, 900), ..Document::default() };
        let mut metadata = values(3, 100);
        metadata.insert("huge".to_owned(), Json::from("v".repeat(70_000)));
        document.metadata.insert("default", metadata);
        let (json, length) = fitted(document);
        assert!(length < 5_000);
        assert_eq!(json["metadata"]["default"].as_object().unwrap().len(), 3);
        assert_eq!(json["metadata"]["otel"]["left_out_for_size"], json!("huge"));
        assert_eq!(json["annotations"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn exceptions_go_before_annotations_and_never_whole() {
        let frame = Frame { label: Some("f".repeat(1_000)), ..Frame::default() };
        let exception = || Exception {
            class: Some("panic".to_owned()),
            message: Some("m".repeat(2_000)),
            stack: vec![frame.clone(); 50],
            ..Exception::default()
        };
        let exceptions = (0..40).map(|_| exception()).collect();
        let (json, _) = fitted(Document {
            cause: Some(Cause { exceptions }),
            annotations: values(40, 900),
            ..Document::default()
        });
        let exceptions = json["cause"]["exceptions"].as_array().unwrap();
        assert_eq!(exceptions.len(), 10);
        assert_eq!(exceptions[0]["truncated"], json!(50));
        assert_eq!(exceptions[0]["message"].as_str().unwrap().len(), 500);
        assert_eq!(json["annotations"].as_object().unwrap().len(), 40);
    }

    #[test]
    fn as_many_annotations_stay_as_there_is_room_for() {
        let (json, length) =
            fitted(Document { annotations: values(50, 2_000), ..Document::default() });
        assert!(length > 50_000, "{length}");
        assert!(json["annotations"].as_object().unwrap().len() >= 25);
    }

    #[test]
    fn what_is_in_the_subsegment_is_reduced_there() {
        let mut subsegment = Document::default();
        subsegment.metadata.insert("default", values(1, 70_000));
        let (json, _) = fitted(Document { subsegments: vec![subsegment], ..Document::default() });
        let otel = &json["subsegments"][0]["metadata"]["otel"];
        assert_eq!(otel["left_out_for_size"], json!("k0"));
    }

    #[test]
    fn a_resource_that_is_too_much_goes_after_what_the_span_says_itself() {
        for of_span in [0, 1] {
            let mut segment = Document {
                subsegments: (0..of_span).map(|_| Document::default()).collect(),
                ..Document::default()
            };
            segment.metadata.insert("resource", values(2, 70_000));
            super::of_span(&mut segment).metadata.insert("default", values(1, 100));
            let (json, _) = fitted(segment);
            assert_eq!(json["metadata"]["resource"], json!({}));
            let span = if of_span == 0 { &json } else { &json["subsegments"][0] };
            assert_eq!(span["metadata"]["otel"]["left_out_for_size"], json!("k0 k1 k0"));
        }
    }

    #[test]
    fn a_document_that_cannot_be_reduced_is_no_document() {
        let document = Document { name: "n".repeat(70_000), ..Document::default() };
        assert!(fit(document).is_err());
    }
}
