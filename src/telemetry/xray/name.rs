//! What segments and subsegments are called. X-Ray takes letters, digits and spaces of Unicode and a few
//! signs, 200 characters of them; a document with another name is refused as a whole.

use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::values::{number, text};
use super::wildcard;
use crate::authority::authority;

const MAX_CHARACTERS: usize = 200;
/// Of a name none of whose characters is allowed.
const NAMELESS: &str = "unnamed";

/// `name` as X-Ray takes it: what is not allowed is left out, as AWS's own SDKs do.
pub(super) fn allowed(name: &str) -> String {
    let kept: String = name.chars().filter(|c| is_allowed(*c)).take(MAX_CHARACTERS).collect();
    if kept.is_empty() { NAMELESS.to_owned() } else { kept }
}

/// The pattern of AWS's schema, `[\p{L}\p{Z}\p{N}_.:/%&#=+\-@]`. The developer guide lists a backslash
/// too, which is but the one before the hyphen.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric()
        || (c.is_whitespace() && !c.is_control())
        || matches!(c, '_' | '.' | ':' | '/' | '%' | '&' | '#' | '=' | '+' | '-' | '@')
}

/// The name of a segment: the service's, or, where the host that a request names fits the pattern, that
/// host with its port (AWS's "dynamic naming").
pub(super) fn of_segment(span: &SpanData, service: &str, host_pattern: Option<&str>) -> String {
    let host = host_pattern
        .and_then(|pattern| host_and_port(span).filter(|host| wildcard::matches(pattern, host)));
    allowed(host.as_deref().unwrap_or(service))
}

/// The name of a subsegment: the service that was called, or the work that was done.
pub(super) fn of_subsegment(span: &SpanData) -> String {
    let called = match span.span_kind {
        SpanKind::Client | SpanKind::Producer => {
            text(span, key::SERVICE_PEER_NAME).or_else(|| text(span, key::SERVER_ADDRESS))
        }
        _ => None,
    };
    allowed(called.unwrap_or(&span.name))
}

/// `Host` as the client sent it: the port is there unless it is the scheme's own.
fn host_and_port(span: &SpanData) -> Option<String> {
    let host = text(span, key::SERVER_ADDRESS)?;
    let scheme = text(span, key::URL_SCHEME).unwrap_or_default();
    Some(authority(scheme, host, number(span, key::SERVER_PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_what_x_ray_takes() {
        let long = "é".repeat(300);
        let cases = [
            ("backend-actix", "backend-actix"),
            ("GET /api/activities/{activity_uuid}", "GET /api/activities/activity_uuid"),
            ("a_b.c:d/e%f&g#h=i+j-k@l", "a_b.c:d/e%f&g#h=i+j-k@l"),
            ("a\\b?c*d\"e\tf\ng", "abcdefg"),
            ("日本 Ελλάδα ٣", "日本 Ελλάδα ٣"),
            ("🚀", NAMELESS),
            ("", NAMELESS),
            (&long, &long[..400]),
        ];
        for (name, kept) in cases {
            assert_eq!(allowed(name), kept, "{name}");
        }
    }
}
