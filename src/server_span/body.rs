//! The response's body, which keeps the SERVER span open until it was sent or dropped.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

use super::open_span::OpenSpan;
use super::panic::HandlerPanic;

pin_project! {
    /// A body with the span of its request; the span is active whenever the body is polled. Dropped
    /// before its end, it ends the span as a response that nobody waits for any more.
    pub struct SpanBody<B> {
        // Dropped in this order: what the body still does is before the end.
        #[pin]
        body: B,
        span: Option<OpenSpan>,
    }
}

impl<B> SpanBody<B> {
    pub(super) fn new(body: B, span: Option<OpenSpan>) -> Self {
        Self { body, span }
    }
}

impl<B: MessageBody> MessageBody for SpanBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        let polled = {
            let _active = this.span.as_ref().map(|span| span.context().clone().attach());
            catch_unwind(AssertUnwindSafe(|| this.body.poll_next(cx)))
        };
        let chunk = match polled {
            Ok(poll) => ready!(poll),
            Err(payload) => {
                // The headers are out: all that is left is to say so, and to let the connection break.
                if let Some(mut span) = this.span.take() {
                    span.on_body_panic(&HandlerPanic::from_payload(&*payload));
                    span.end();
                }
                resume_unwind(payload)
            }
        };
        match (&chunk, this.span.as_mut()) {
            (_, None) => {}
            (Some(Ok(bytes)), Some(span)) => span.on_sent(bytes.len()),
            (Some(Err(_)), Some(span)) => span.on_body_error(),
            (None, Some(_)) => {
                if let Some(span) = this.span.take() {
                    span.end();
                }
            }
        }
        Poll::Ready(chunk)
    }
}
