//! The headers of a request, for tests: several of one name, as real requests can have them.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

/// Names and values in the order in which they were sent.
#[derive(Default, Debug)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

impl Headers {
    pub(super) fn new(headers: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self(headers.iter().map(owned).collect())
    }

    /// What `propagator` writes for `cx`.
    pub(super) fn injected(propagator: &dyn TextMapPropagator, cx: &Context) -> Self {
        let mut headers = Self::default();
        propagator.inject_context(cx, &mut headers);
        headers
    }
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let named = self.0.iter().filter(|(name, _)| name == key);
        let values: Vec<_> = named.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then_some(values)
    }
}

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

/// What `propagator` reads from `headers`.
pub(super) fn extract(propagator: &dyn TextMapPropagator, headers: &[(&str, &str)]) -> Context {
    propagator.extract_with_context(&Context::new(), &Headers::new(headers))
}
