//! A span as a segment document. One span is one document, so that what is counted of documents holds
//! for spans.
//!
//! | span | document |
//! |---|---|
//! | SERVER, CONSUMER | a segment; its `parent_id` is the caller's span |
//! | another with its parent in this process | a subsegment, sent on its own: spans end at different times |
//! | another that starts here, or whose parent is elsewhere | a segment of the service, and in it the subsegment |
//!
//! X-Ray draws services from segments and calls from subsegments, so a call never stands without the
//! segment of who makes it.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value as Json;

use super::document::{Document, Link, Values};
use super::origin::Origin;
use super::{annotations, cause, http, id, name};
use crate::config::xray::XrayConfig;

/// Makes documents of spans.
#[derive(Debug)]
pub(super) struct Translator {
    service: String,
    host_pattern: Option<String>,
    indexed: Vec<String>,
    origin: Origin,
}

impl Translator {
    /// A translator for the spans of `service`.
    pub(super) fn new(config: &XrayConfig, service: &str, resource: &Resource) -> Self {
        Self {
            service: service.to_owned(),
            host_pattern: config.host_pattern.clone(),
            indexed: config.annotations.clone(),
            origin: Origin::new(resource, config.log_group.as_deref()),
        }
    }

    /// The document of `span`.
    pub(super) fn document(&self, span: &SpanData) -> Document {
        let parent = (span.parent_span_id != SpanId::INVALID).then_some(span.parent_span_id);
        let is_segment = matches!(span.span_kind, SpanKind::Server | SpanKind::Consumer);
        if is_segment {
            self.segment(span, parent)
        } else if let Some(parent) = parent
            && !span.parent_span_is_remote
        {
            Document {
                trace_id: Some(id::spelt(span.span_context.trace_id())),
                parent_id: Some(parent.to_string()),
                kind: Some("subsegment"),
                ..self.subsegment(span)
            }
        } else {
            self.around(span, parent)
        }
    }

    fn segment(&self, span: &SpanData, parent: Option<SpanId>) -> Document {
        let mut segment = self.common(span);
        segment.name = name::of_segment(span, &self.service, self.host_pattern.as_deref());
        segment.trace_id = Some(id::spelt(span.span_context.trace_id()));
        segment.parent_id = parent.map(|id| id.to_string());
        self.origin.describe(&mut segment);
        segment
    }

    fn subsegment(&self, span: &SpanData) -> Document {
        let is_call = matches!(span.span_kind, SpanKind::Client | SpanKind::Producer);
        Document {
            name: name::of_subsegment(span),
            namespace: is_call.then_some("remote"),
            ..self.common(span)
        }
    }

    /// A segment of the service's for what it does of its own accord, with `span` in it.
    fn around(&self, span: &SpanData, parent: Option<SpanId>) -> Document {
        let subsegment = self.subsegment(span);
        let mut segment = Document {
            name: name::allowed(&self.service),
            id: id::random(),
            trace_id: Some(id::spelt(span.span_context.trace_id())),
            parent_id: parent.map(|id| id.to_string()),
            start_time: subsegment.start_time,
            end_time: subsegment.end_time,
            flags: subsegment.flags,
            subsegments: vec![subsegment],
            ..Document::default()
        };
        self.origin.describe(&mut segment);
        segment
    }

    /// What segments and subsegments tell alike.
    fn common(&self, span: &SpanData) -> Document {
        let (http, said) = http::block(span);
        let (annotations, attributes) = annotations::split(&span.attributes, &self.indexed, &said);
        let mut document = Document {
            id: span.span_context.span_id().to_string(),
            start_time: seconds(span.start_time),
            end_time: seconds(span.end_time),
            http,
            flags: cause::flags(span),
            cause: cause::cause(span),
            annotations,
            links: span.links.iter().map(link).collect(),
            ..Document::default()
        };
        let otel = Values::from([
            ("span.name".to_owned(), Json::from(&*span.name)),
            ("scope.name".to_owned(), Json::from(span.instrumentation_scope.name())),
        ]);
        document.metadata.insert("otel", otel);
        if !attributes.is_empty() {
            // The namespace that AWS's SDKs use where none is given.
            document.metadata.insert("default", attributes);
        }
        document
    }
}

fn link(link: &opentelemetry::trace::Link) -> Link {
    Link {
        trace_id: id::spelt(link.span_context.trace_id()),
        id: link.span_context.span_id().to_string(),
    }
}

/// Seconds since 1970; a clock before that is at its beginning.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests;
