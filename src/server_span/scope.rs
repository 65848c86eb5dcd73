//! In which context a request is handled, from the first middleware inside to the end of its body.

use opentelemetry::{Context, ContextGuard};

use super::open_span::OpenSpan;

/// The context of a request, and its span if it is traced.
pub(super) enum Scope {
    /// The span is the active one.
    Traced(OpenSpan),
    /// Nothing that is opened becomes a span: a request that is not traced starts no traces either.
    Untraced(Context),
}

impl Scope {
    pub(super) fn untraced() -> Self {
        Self::Untraced(Context::new().with_telemetry_suppressed())
    }

    /// Makes this the active context until the guard is dropped; never hold it across an await.
    pub(super) fn enter(&self) -> ContextGuard {
        let cx = match self {
            Self::Traced(span) => span.context(),
            Self::Untraced(cx) => cx,
        };
        cx.clone().attach()
    }

    pub(super) fn span(&mut self) -> Option<&mut OpenSpan> {
        match self {
            Self::Traced(span) => Some(span),
            Self::Untraced(_) => None,
        }
    }

    /// Ends the span.
    pub(super) fn end(self) {
        if let Self::Traced(span) = self {
            span.end();
        }
    }
}
