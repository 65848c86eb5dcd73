//! The request's headers as propagators read them.

use actix_web::http::header::{HeaderMap, HeaderName};
use opentelemetry::propagation::Extractor;

/// Stands for a header's value that is no text: it counts as one, and no format accepts it.
const NO_TEXT: &str = "\u{fffd}";

/// The names that propagators ask for. Found here a name need not be made from its text, which
/// allocates; most requests have none of these headers, and are spared that.
static PROPAGATED: [HeaderName; 4] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("x-amzn-trace-id"),
];

/// Hands the request's headers to propagators, all values of each.
pub(super) struct HeaderExtractor<'a>(pub(super) &'a HeaderMap);

impl HeaderExtractor<'_> {
    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = match PROPAGATED.iter().find(|known| known.as_str() == name) {
            Some(known) => self.0.get_all(known),
            None => self.0.get_all(name),
        };
        values.map(|value| value.to_str().unwrap_or(NO_TEXT))
    }
}

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }

    fn get_all(&self, name: &str) -> Option<Vec<&str>> {
        let values: Vec<_> = self.values(name).collect();
        (!values.is_empty()).then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn propagators_get_all_values_of_a_header_those_that_are_no_text_too() {
        let mut headers = HeaderMap::new();
        for value in [b"one".as_slice(), b"\xff", b"two"] {
            for name in ["traceparent", "x-other"] {
                let name = HeaderName::from_static(name);
                headers.append(name, HeaderValue::from_bytes(value).unwrap());
            }
        }
        let extractor = HeaderExtractor(&headers);
        for name in ["traceparent", "TraceParent", "x-other"] {
            assert_eq!(extractor.get(name), Some("one"), "{name}");
            assert_eq!(extractor.get_all(name), Some(vec!["one", NO_TEXT, "two"]), "{name}");
        }
        for name in ["tracestate", "absent", "no name"] {
            assert_eq!(extractor.get(name), None, "{name}");
            assert_eq!(extractor.get_all(name), None, "{name}");
        }
        assert_eq!(extractor.keys().len(), 2);
    }
}
