//! What a span was at its start, made into what it is at its end.
//!
//! It has been copied once, so that it is seen while it runs. At its end only what has come since is
//! copied: the SDK appends to a span's attributes, events and links, and takes none away.

use opentelemetry_sdk::trace::SpanData;

/// Makes of `span`, as it was at its start, what it is now that it has `ended`.
pub(super) fn complete(span: &mut SpanData, ended: &SpanData) {
    if span.name != ended.name {
        span.name = ended.name.clone();
    }
    span.end_time = ended.end_time;
    append(&mut span.attributes, &ended.attributes);
    span.dropped_attributes_count = ended.dropped_attributes_count;
    append(&mut span.events.events, &ended.events.events);
    span.events.dropped_count = ended.events.dropped_count;
    append(&mut span.links.links, &ended.links.links);
    span.links.dropped_count = ended.links.dropped_count;
    span.status = ended.status.clone();
}

/// Appends what `all` has beyond `first`.
fn append<T: Clone>(first: &mut Vec<T>, all: &[T]) {
    let more = all.get(first.len()..).unwrap_or_default();
    // No more room than is needed: it is kept for long.
    first.reserve_exact(more.len());
    first.extend_from_slice(more);
}
