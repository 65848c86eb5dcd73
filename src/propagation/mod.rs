//! How a trace crosses process boundaries: which headers are read from a request, and which go with
//! the requests that its handling makes.
//!
//! | file | what |
//! |---|---|
//! | `trace_context` | W3C Trace Context, level 2: the propagator, built on the next three |
//! | `traceparent`, `tracestate` | one header each: its grammar, reading it, writing it |
//! | `carried` | what the SDK's `SpanContext` has no room for, kept beside it in the `Context` |
//! | `baggage` | W3C Baggage |
//! | `xray` | AWS's `X-Amzn-Trace-Id` |
//!
//! The SDK has propagators for the first two specifications, but they accept what the specifications
//! refuse, refuse what they accept, and read only the first of several headers of a name. Here
//! whatever is malformed is as if it were absent; nothing that a stranger sends fails a request.
//!
//! ```
//! use std::collections::HashMap;
//!
//! use backend_actix::propagation::{Kind, propagator, trace_flags};
//! use opentelemetry::propagation::TextMapPropagator;
//!
//! let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
//! let incoming = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
//! let propagator = propagator(&[Kind::TraceContext, Kind::Baggage]);
//!
//! let context = propagator.extract(&incoming);
//! assert_eq!(trace_flags(&context), 0x03);
//!
//! let mut outgoing = HashMap::new();
//! propagator.inject_context(&context, &mut outgoing);
//! assert_eq!(outgoing["traceparent"], traceparent);
//! ```

mod baggage;
mod carried;
pub(crate) mod hex;
#[cfg(test)]
mod test_headers;
mod trace_context;
mod traceparent;
mod tracestate;
pub(crate) mod xray;

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};

pub use baggage::BaggageHeader;
pub use carried::trace_flags;
pub use trace_context::TraceContext;
pub(crate) use traceparent::{RANDOM, Traceparent};
pub(crate) use tracestate::OWN_KEY;
pub use xray::XrayHeader;

/// A format in which a trace, or what goes with it, travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `traceparent` and `tracestate`: [`TraceContext`].
    TraceContext,
    /// `baggage`: [`BaggageHeader`].
    Baggage,
    /// `X-Amzn-Trace-Id`: [`XrayHeader`].
    Xray,
}

impl Kind {
    fn propagator(self) -> Box<dyn TextMapPropagator + Send + Sync> {
        match self {
            Self::TraceContext => Box::new(TraceContext),
            Self::Baggage => Box::new(BaggageHeader),
            Self::Xray => Box::new(XrayHeader),
        }
    }
}

/// One propagator for all of `kinds`, whatever their order. If several of them find a parent, the W3C
/// one wins.
pub fn propagator(kinds: &[Kind]) -> TextMapCompositePropagator {
    // Each one replaces the parent that those before it have found, so the winner comes last.
    let in_order = [Kind::Xray, Kind::TraceContext, Kind::Baggage];
    let wanted = in_order.into_iter().filter(|kind| kinds.contains(kind));
    TextMapCompositePropagator::new(wanted.map(Kind::propagator).collect())
}

#[cfg(test)]
mod tests {
    use opentelemetry::baggage::BaggageExt;
    use opentelemetry::trace::TraceContextExt;

    use super::test_headers::{Headers, extract};
    use super::*;

    type Header<'a> = (&'a str, &'a str);

    const W3C: Header<'_> =
        ("traceparent", "00-11111111111111111111111111111111-2222222222222222-01");
    const AWS: Header<'_> = (
        "x-amzn-trace-id",
        "Root=1-33333333-333333333333333333333333;Parent=4444444444444444;Sampled=1",
    );

    #[test]
    fn the_w3c_parent_wins_and_the_other_steps_in_when_there_is_none() {
        let refused = ("traceparent", "00-1-2-01");
        let (w3c, aws) = (Some(0x11), Some(0x33));
        let orders = [[Kind::Xray, Kind::TraceContext], [Kind::TraceContext, Kind::Xray]];
        for kinds in orders {
            let cases: [(&[Header<'_>], Option<u8>); 6] = [
                (&[W3C, AWS], w3c),
                (&[AWS, W3C], w3c),
                (&[W3C], w3c),
                (&[AWS], aws),
                (&[AWS, refused], aws),
                (&[refused], None),
            ];
            for (headers, first_byte) in cases {
                let cx = extract(&propagator(&kinds), headers);
                let found = cx.has_active_span();
                let byte = found.then(|| cx.span().span_context().trace_id().to_bytes()[0]);
                assert_eq!(byte, first_byte, "{kinds:?} {headers:?}");
            }
        }
    }

    #[test]
    fn only_the_kinds_asked_for_are_read_and_written() {
        let sent = [W3C, AWS, ("tracestate", "a=1"), ("baggage", "k=v")];
        let everything =
            extract(&propagator(&[Kind::TraceContext, Kind::Baggage, Kind::Xray]), &sent);
        let cases: [(&[Kind], &[&str]); 5] = [
            (&[], &[]),
            (&[Kind::Baggage], &["baggage"]),
            (&[Kind::TraceContext], &["traceparent", "tracestate"]),
            (&[Kind::Xray, Kind::Xray], &["x-amzn-trace-id"]),
            (&[Kind::Baggage, Kind::TraceContext], &["baggage", "traceparent", "tracestate"]),
        ];
        for (kinds, names) in cases {
            let propagator = propagator(kinds);
            let mut headers = Headers::default();
            propagator.inject_context(&everything, &mut headers);
            let mut written: Vec<_> = headers.0.iter().map(|(name, _)| name.as_str()).collect();
            written.sort_unstable();
            assert_eq!(written, names, "{kinds:?}");
            let mut fields: Vec<_> = propagator.fields().collect();
            fields.sort_unstable();
            assert_eq!(fields, names, "{kinds:?}");

            let cx = extract(&propagator, &sent);
            assert_eq!(cx.baggage().is_empty(), !kinds.contains(&Kind::Baggage), "{kinds:?}");
        }
    }
}
