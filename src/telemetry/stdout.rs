//! The console: each span to stdout the moment it ends, through a SimpleSpanProcessor.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SimpleSpanProcessor, SpanData, SpanExporter};

use super::pipeline::Pipeline;

/// The pipeline to stdout.
pub(super) fn pipeline(resource: &Resource) -> Pipeline {
    let exporter = ConsoleExporter {
        stdout: opentelemetry_stdout::SpanExporter::default(),
        is_broken: AtomicBool::new(false),
    };
    Pipeline::new("console".to_owned(), exporter, resource, SimpleSpanProcessor::new)
}

/// opentelemetry-stdout, made safe for a service: it prints with `println!`, which panics when stdout
/// is closed or full (`backend-actix | head`), and would do so in the middle of a request.
#[derive(Debug)]
struct ConsoleExporter {
    stdout: opentelemetry_stdout::SpanExporter,
    is_broken: AtomicBool,
}

impl SpanExporter for ConsoleExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(OTelSdkError::InternalFailure("stdout is closed".to_owned()));
        }
        let mut printing = pin!(self.stdout.export(batch));
        poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| printing.as_mut().poll(cx))) {
            Ok(poll) => poll,
            Err(_) => {
                self.is_broken.store(true, Ordering::Relaxed);
                tracing::warn!("stdout cannot be written to: no more spans are printed there");
                Poll::Ready(Err(OTelSdkError::InternalFailure(
                    "stdout cannot be written to".into(),
                )))
            }
        })
        .await
    }

    fn shutdown_with_timeout(&self, timeout: std::time::Duration) -> OTelSdkResult {
        self.stdout.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.stdout.set_resource(resource);
    }
}
