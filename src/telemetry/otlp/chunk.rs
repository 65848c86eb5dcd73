//! Spans that are encoded already, and wait for the request that carries them.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;

use super::encode::encode_span;

/// How much memory is kept for the next spans, or for the next request, after a batch, which takes a third of
/// it by default. What is more has grown in an outage, or for spans of a size that is rare.
pub(super) const MOST_KEPT: usize = 2 << 20;

/// Spans in one piece of memory, in the order in which they ended. A span with 15 attributes takes 350
/// bytes here, and 1.4 kB in a dozen pieces as the SDK's `SpanData`, which another thread would have to read
/// and to free.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    scopes: Vec<InstrumentationScope>,
    bytes: Vec<u8>,
    spans: Vec<Place>,
}

/// Where a span is: it begins where the one before it ends.
#[derive(Clone, Copy, Debug)]
struct Place {
    scope: usize,
    end: usize,
}

/// A span of a [`Chunk`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoded<'a> {
    pub(super) scope: &'a InstrumentationScope,
    /// One element of `ScopeSpans.spans`, with its tag and length.
    pub(super) span: &'a [u8],
}

impl Chunk {
    /// Appends `span`.
    pub(super) fn push(&mut self, span: &SpanData) {
        // Whatever became of the one before: nothing of it is in front of this one.
        self.bytes.truncate(self.spans.last().map_or(0, |place| place.end));
        let scope = self.scope(&span.instrumentation_scope);
        encode_span(span, &mut self.bytes);
        self.spans.push(Place { scope, end: self.bytes.len() });
    }

    /// Appends a span of another chunk.
    pub(super) fn append(&mut self, span: &Encoded<'_>) {
        let scope = self.scope(span.scope);
        self.bytes.extend_from_slice(span.span);
        self.spans.push(Place { scope, end: self.bytes.len() });
    }

    /// A program has few scopes: looking through them is cheaper than a hash of each span's.
    fn scope(&mut self, scope: &InstrumentationScope) -> usize {
        self.scopes.iter().position(|known| known == scope).unwrap_or_else(|| {
            self.scopes.push(scope.clone());
            self.scopes.len() - 1
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Its spans.
    pub(super) fn spans(&self) -> impl Iterator<Item = Encoded<'_>> {
        let starts = std::iter::once(0).chain(self.spans.iter().map(|place| place.end));
        self.spans.iter().zip(starts).map(|(place, start)| Encoded {
            scope: &self.scopes[place.scope],
            span: &self.bytes[start..place.end],
        })
    }

    /// Makes it empty, and keeps its memory for the next spans, unless that has become much.
    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > MOST_KEPT {
            *self = Self::default();
        }
        // Those of the last spans: a program may make scopes without end.
        self.scopes.clear();
        self.bytes.clear();
        self.spans.clear();
    }
}
