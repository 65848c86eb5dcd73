//! The request's body, counted while it is read, and watched: Actix tells a handler that a client went
//! away in the middle of it as an error of the body, and the handler then answers 400 to nobody.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Bytes;
use futures_core::Stream;

/// What is known of an upload.
#[derive(Debug, Default)]
pub(super) struct Upload {
    /// What the request announced.
    announced: Option<u64>,
    received: Cell<u64>,
    is_complete: Cell<bool>,
    is_broken: Cell<bool>,
}

impl Upload {
    /// The body's size in bytes, if it is known: counted, if it came to its end or no more of it will be
    /// read; else announced.
    pub(super) fn size(&self, is_cut_off: bool) -> Option<u64> {
        let is_counted = self.is_complete.get() || self.is_broken.get() || is_cut_off;
        if is_counted { Some(self.received.get()) } else { self.announced }
    }

    /// Did the client go away before its end?
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.get()
    }
}

/// Watches the body of a request; `None` where it has none.
pub(super) fn watch(request: &mut ServiceRequest) -> Option<Rc<Upload>> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return None;
    }
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let upload = Rc::new(Upload {
        announced: length.and_then(|length| length.parse().ok()),
        ..Upload::default()
    });
    let watched = Watched { payload, upload: Rc::clone(&upload) };
    request.set_payload(Payload::Stream { payload: Box::pin(watched) });
    Some(upload)
}

struct Watched {
    payload: Payload,
    upload: Rc<Upload>,
}

impl Stream for Watched {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(Pin::new(&mut self.payload).poll_next(cx));
        let upload = &self.upload;
        match &chunk {
            Some(Ok(bytes)) => upload.received.set(upload.received.get() + bytes.len() as u64),
            Some(Err(PayloadError::Incomplete(_) | PayloadError::Io(_))) => {
                upload.is_broken.set(true);
            }
            Some(Err(_)) => {}
            None => upload.is_complete.set(true),
        }
        Poll::Ready(chunk)
    }
}
