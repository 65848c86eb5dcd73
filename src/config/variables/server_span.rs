//! What SERVER spans tell, and whom they believe.

use serde_json::{Value, json};

use super::{Section, Variable};
use crate::propagation::Kind;
use crate::server_span::STANDARD_METHODS;

pub(super) const SECTION: Section = Section {
    title: "What SERVER spans tell, and whom they believe",
    variables: &[
        Variable::shown(
            "OTEL_PROPAGATORS",
            "`tracecontext,baggage`",
            "in which forms a caller's context is read, and passed on: a list of `tracecontext`, `baggage`, `xray`; or `none`. `xray` is answered, too",
            |config| propagators(&config.server_span.propagators),
        ),
        Variable::shown(
            "TRACE_PUBLIC_ENDPOINT",
            "`false`",
            "`true`: the trace starts here and links to the caller's, so that strangers can neither force sampling nor choose ids",
            |config| json!(config.server_span.public_endpoint),
        ),
        Variable::shown(
            "TRUSTED_PROXIES",
            "none",
            "addresses and networks, `10.0.0.0/8, ::1`, of the proxies in front: only they are believed about the client, the host and the scheme (`Forwarded`, else `X-Forwarded-For`, `-Host`, `-Proto`). The proxy next to the client must remove those of these headers that it does not write itself",
            |config| config.server_span.trusted_proxies.networks().collect(),
        ),
        Variable::shown(
            "TRACE_EXCLUDED_PATHS",
            "none",
            "a list of paths that are not traced, and what is under them; `/health` never is",
            |config| json!(config.server_span.excluded_paths),
        ),
        Variable::shown(
            "CAPTURE_REQUEST_HEADERS",
            "none",
            "a list of headers to record; those that hold credentials are refused",
            |config| config.server_span.request_headers.names().collect(),
        ),
        Variable::shown("CAPTURE_RESPONSE_HEADERS", "none", "the same, of the answer", |config| {
            config.server_span.response_headers.names().collect()
        }),
        Variable::shown(
            "REDACTED_QUERY_KEYS",
            "none",
            "a list of query keys whose values are redacted, besides the seven that the conventions name",
            |config| json!(config.server_span.redacted_query_keys),
        ),
        Variable::shown(
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "those of RFC 9110, `PATCH`, `QUERY`",
            "a list that replaces them; other methods become `_OTHER`",
            |config| match &config.server_span.known_methods {
                Some(methods) => json!(methods),
                None => json!(STANDARD_METHODS),
            },
        ),
        Variable::shown(
            "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN",
            "both",
            "`logs`: exceptions as log events alone, not on the span",
            |config| json!(if config.server_span.exception_events { "both" } else { "logs" }),
        ),
    ],
};

fn propagators(kinds: &[Kind]) -> Value {
    let names = kinds.iter().map(|kind| match kind {
        Kind::TraceContext => "tracecontext",
        Kind::Baggage => "baggage",
        Kind::Xray => "xray",
    });
    let names: Vec<_> = names.collect();
    if names.is_empty() { json!(["none"]) } else { json!(names) }
}
