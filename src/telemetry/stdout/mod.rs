//! The console: each span to stdout as it ends, through a SimpleSpanProcessor.
//!
//! What prints is an exporter like any other, chosen by [`ConsoleFormat`]: `dump.rs`, or
//! opentelemetry-stdout itself. It would print on the thread that ends the span, which in a service is
//! a request's, and whoever reads stdout may be slow (`| less`, a log driver that is stuck) or gone
//! (`| head`). So a thread of its own prints, and what it cannot keep up with is left out and counted:
//! nothing in a request waits for a reader.

mod dump;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SimpleSpanProcessor, SpanData, SpanExporter};

use self::dump::DumpExporter;
use super::pipeline::{Counts, Pipeline};
use crate::config::ConsoleFormat;

/// How many spans may wait for the reader of stdout, about 1 kB each.
const QUEUE: usize = 4096;

/// The thread that prints.
pub(crate) const THREAD: &str = "console-spans";

/// The pipeline to stdout.
pub(super) fn pipeline(
    format: ConsoleFormat,
    resource: &Resource,
    value_length_limit: usize,
) -> std::io::Result<Pipeline> {
    let counts = Counts::new();
    let exporter = match format {
        ConsoleFormat::Dump => {
            QueueExporter::start(counts.count(DumpExporter::new(resource.clone())))?
        }
        ConsoleFormat::OpentelemetryStdout => {
            let mut stock = counts.count(opentelemetry_stdout::SpanExporter::default());
            stock.set_resource(resource);
            QueueExporter::start(stock)?
        }
    };
    let processor = SimpleSpanProcessor::new(exporter);
    Ok(Pipeline::new("console".to_owned(), counts, processor, value_length_limit))
}

/// Hands spans to the thread that prints them.
#[derive(Debug)]
struct QueueExporter {
    /// `None` once it is shut down.
    queue: Mutex<Option<SyncSender<Vec<SpanData>>>>,
    /// Closed when the thread has printed all and ended.
    printing: Mutex<Receiver<()>>,
    has_overflowed: AtomicBool,
}

impl QueueExporter {
    fn start(stdout: impl SpanExporter + 'static) -> std::io::Result<Self> {
        let (queue, spans) = sync_channel(QUEUE);
        let (running, printing) = sync_channel(0);
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            print_all(&stdout, &spans);
            drop(running);
        })?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            printing: Mutex::new(printing),
            has_overflowed: AtomicBool::new(false),
        })
    }
}

/// Prints what comes until nothing more can come, or nothing more can be printed.
fn print_all(stdout: &impl SpanExporter, spans: &Receiver<Vec<SpanData>>) {
    for batch in spans {
        // The exporter's future never waits: one poll completes it. Where stdout is closed the stock
        // one panics.
        let print = || {
            let mut task = Context::from_waker(Waker::noop());
            matches!(pin!(stdout.export(batch)).poll(&mut task), Poll::Ready(Ok(())))
        };
        if !catch_unwind(AssertUnwindSafe(print)).unwrap_or(false) {
            tracing::warn!("stdout cannot be written to: no more spans are printed there");
            return;
        }
    }
}

impl SpanExporter for QueueExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = match self.queue.lock().as_deref() {
            Ok(Some(queue)) => queue.try_send(batch),
            _ => Err(TrySendError::Disconnected(batch)),
        };
        let Err(error) = sent else { return Ok(()) };
        let is_full = matches!(error, TrySendError::Full(_));
        if is_full && !self.has_overflowed.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "stdout is not read, or not fast enough: some spans are not printed there"
            );
        }
        Err(OTelSdkError::InternalFailure("stdout is not read".to_owned()))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        // Without a sender the thread prints what is queued, and ends.
        drop(self.queue.lock().ok().and_then(|mut queue| queue.take()));
        let Ok(printing) = self.printing.lock() else { return Ok(()) };
        match printing.recv_timeout(timeout) {
            Err(RecvTimeoutError::Timeout) => Err(OTelSdkError::Timeout(timeout)),
            _ => Ok(()),
        }
    }
}
