//! The response's body, which keeps the SERVER span open until it was sent or dropped.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use pin_project_lite::pin_project;

use super::panic::HandlerPanic;
use super::scope::Scope;

pin_project! {
    /// A body with the span of its request; the span is active whenever the body is polled, and when it
    /// is dropped. Dropped before its end, it ends the span as a response that nobody waits for any more.
    pub struct SpanBody<B> {
        #[pin]
        body: Option<B>,
        scope: Option<Scope>,
    }

    impl<B> PinnedDrop for SpanBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _active = this.scope.as_ref().map(Scope::enter);
            // What a body still does when it is dropped is inside the span, and before its end.
            this.body.set(None);
        }
    }
}

impl<B> SpanBody<B> {
    pub(super) fn new(body: B, scope: Option<Scope>) -> Self {
        Self { body: Some(body), scope }
    }
}

impl<B: MessageBody> MessageBody for SpanBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.as_ref().map_or(BodySize::None, MessageBody::size)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let endless = matches!(self.size(), BodySize::Stream);
        let this = self.project();
        if endless
            && this.scope.as_mut().and_then(Scope::span).is_some_and(|span| span.is_bodiless())
        {
            // Actix polls the stream of an answer to HEAD, to throw away what comes. A body of a known
            // length it must be given whole: where a pipelined request came behind the HEAD, it counts.
            if let Some(scope) = this.scope.take() {
                scope.end();
            }
            return Poll::Ready(None);
        }
        let Some(body) = this.body.as_pin_mut() else { return Poll::Ready(None) };
        let polled = {
            let _active = this.scope.as_ref().map(Scope::enter);
            catch_unwind(AssertUnwindSafe(|| body.poll_next(cx)))
        };
        let span = this.scope.as_mut().and_then(Scope::span);
        let chunk = match (polled, span) {
            (Ok(poll), None) => return poll,
            (Ok(poll), Some(span)) => {
                let chunk = ready!(poll);
                match &chunk {
                    Some(Ok(bytes)) => span.on_sent(bytes.len()),
                    Some(Err(_)) => span.on_body_error(),
                    None => {}
                }
                chunk
            }
            (Err(payload), span) => {
                // The headers are out: all that is left is to say so, and to let the connection break.
                if let Some(span) = span {
                    span.on_body_panic(&HandlerPanic::from_payload(&*payload));
                }
                if let Some(scope) = this.scope.take() {
                    scope.end();
                }
                resume_unwind(payload)
            }
        };
        if chunk.is_none()
            && let Some(scope) = this.scope.take()
        {
            scope.end();
        }
        Poll::Ready(chunk)
    }
}
