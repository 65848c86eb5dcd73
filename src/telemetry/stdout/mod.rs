//! The console: each span to stdout as it ends, through a SimpleSpanProcessor.
//!
//! What prints is an exporter like any other, chosen by [`ConsoleFormat`]: `dump.rs`, `tree.rs`, or
//! opentelemetry-stdout itself. It would print on the thread that ends the span, which in a service is
//! a request's, and whoever reads stdout may be slow (`| less`, a log driver that is stuck) or gone
//! (`| head`). So a thread of its own prints, and what it cannot keep up with is dropped and counted:
//! nothing in a request waits for a reader. It takes together what ends within a millisecond: to wake it
//! for every span would cost a busy service more than the printing does.

mod dump;
mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SimpleSpanProcessor, SpanData, SpanExporter};

use self::dump::DumpExporter;
use self::tree::TreeExporter;
use super::account::Account;
use super::pipeline::{OfTheSdk, Pipeline};
use crate::config::ConsoleFormat;

/// How many spans may wait for the reader of stdout, about 1.4 kB each.
const QUEUE: usize = 4096;

/// How long the first span waits for others to be printed with.
const COMPANY: Duration = Duration::from_millis(1);

/// How many are printed at once with the first.
const MOST: usize = 512;

const WHEN_FULL: &str = "stdout is not read, or not fast enough";

/// The thread that prints.
pub(crate) const THREAD: &str = "console-spans";

/// The pipeline to stdout.
pub(super) fn pipeline(
    format: ConsoleFormat,
    resource: &Resource,
    value_length_limit: usize,
) -> std::io::Result<Pipeline> {
    let account = Account::new("console", "spans");
    let exporter = match format {
        ConsoleFormat::Dump => {
            QueueExporter::start(DumpExporter::new(resource.clone()), account.clone())?
        }
        ConsoleFormat::Tree => QueueExporter::start(TreeExporter::default(), account.clone())?,
        ConsoleFormat::OpentelemetryStdout => {
            let mut stock = opentelemetry_stdout::SpanExporter::default();
            stock.set_resource(resource);
            QueueExporter::start(OneByOne(stock), account.clone())?
        }
    };
    let processor = OfTheSdk::new(SimpleSpanProcessor::new(exporter), value_length_limit);
    Ok(Pipeline::new(account, processor, QUEUE, WHEN_FULL))
}

/// Hands spans to the thread that prints them.
#[derive(Debug)]
struct QueueExporter {
    account: Account,
    /// `None` once it is shut down.
    queue: Mutex<Option<SyncSender<Vec<SpanData>>>>,
    /// Closed when the thread has printed all and ended.
    printing: Mutex<Receiver<()>>,
}

impl QueueExporter {
    fn start(stdout: impl SpanExporter + 'static, account: Account) -> std::io::Result<Self> {
        let (queue, spans) = sync_channel(QUEUE);
        let (running, printing) = sync_channel(0);
        let of_thread = account.clone();
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            print_all(&stdout, &spans, &of_thread);
            // It may print what it still has.
            drop(stdout);
            drop(running);
        })?;
        Ok(Self { account, queue: Mutex::new(Some(queue)), printing: Mutex::new(printing) })
    }
}

/// Prints what comes until nothing more can come.
fn print_all(stdout: &impl SpanExporter, spans: &Receiver<Vec<SpanData>>, account: &Account) {
    let mut is_broken = false;
    while let Ok(mut batch) = spans.recv() {
        std::thread::sleep(COMPANY);
        batch.extend(spans.try_iter().take(MOST).flatten());
        let count = batch.len() as u64;
        account.taken(count);
        // The exporter's future never waits: one poll completes it. Where stdout is closed, the stock one
        // panics; neither is called again then.
        let print = || {
            let mut task = Context::from_waker(Waker::noop());
            matches!(pin!(stdout.export(batch)).poll(&mut task), Poll::Ready(Ok(())))
        };
        is_broken = is_broken || !catch_unwind(AssertUnwindSafe(print)).unwrap_or(false);
        if is_broken {
            // All of them, though some may have been printed before stdout broke.
            account.failed(count, "stdout cannot be written to");
        } else {
            account.exported(count);
        }
    }
}

/// Prints each span as a batch of its own, which is what a SimpleSpanProcessor makes of it.
#[derive(Debug)]
struct OneByOne<E>(E);

impl<E: SpanExporter> SpanExporter for OneByOne<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            self.0.export(vec![span]).await?;
        }
        Ok(())
    }
}

impl SpanExporter for QueueExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let is_sent = match self.queue.lock().as_deref() {
            Ok(Some(queue)) => queue.try_send(batch).is_ok(),
            _ => false,
        };
        if !is_sent {
            // Only while it shuts down: the pipeline admits no more than the queue holds.
            self.account.taken(count);
            self.account.dropped(count, "they ended after the exporter");
        }
        Ok(())
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
