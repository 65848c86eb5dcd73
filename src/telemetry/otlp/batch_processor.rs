//! A batching processor (Trace SDK, "Batching processor") that encodes each span where it ends.
//!
//! The stock one moves the span's data to its own thread, which reads it, encodes it and frees it, piece by
//! piece, after another core has written it. Here the thread that ends a span encodes it at once, while its
//! data is in that core's cache, and only the bytes wait. What is the same: a queue with a bound (the
//! pipeline's account holds it), batches of a size, a delay after which what waits is sent, and a thread of
//! its own on which the receiver is waited for.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::chunk::{Chunk, Encoded};
use super::exporter::Exporter;
use crate::config::telemetry::BatchConfig;
use crate::telemetry::StartError;
use crate::telemetry::account::Account;
use crate::telemetry::fan_out::Consumer;
use crate::telemetry::limits;

/// How long a flush waits: what the specification leaves open, and the stock processor takes.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Encodes spans, and lets a thread send them in batches.
#[derive(Debug)]
pub(super) struct BatchProcessor {
    waiting: Arc<Waiting>,
    account: Account,
    max_export_batch_size: u64,
    value_length_limit: usize,
    orders: Sender<Order>,
}

/// What the exporting thread is asked for.
#[derive(Debug)]
enum Order {
    /// There is a batch.
    Export,
    /// All that waits is to be sent, and that told then.
    Flush(SyncSender<()>),
    /// The same, and nothing comes after it.
    Shutdown(SyncSender<()>),
}

impl BatchProcessor {
    /// Starts the thread that sends what comes in. Of spans that it takes from the queue it tells `account`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(
        exporter: Exporter,
        account: Account,
        config: &BatchConfig,
        value_length_limit: usize,
    ) -> Result<Self, StartError> {
        let (orders, ordered) = channel();
        let waiting = Arc::new(Waiting::new());
        let exporting = Exporting {
            waiting: Arc::clone(&waiting),
            exporter,
            account: account.clone(),
            max_export_batch_size: config.max_export_batch_size,
            schedule_delay: config.schedule_delay,
            rest: Chunk::default(),
        };
        thread::Builder::new()
            .name("otlp-spans".to_owned())
            .spawn(move || exporting.run(&ordered))
            .map_err(StartError::Otlp)?;
        let max_export_batch_size = config.max_export_batch_size as u64;
        Ok(Self { waiting, account, max_export_batch_size, value_length_limit, orders })
    }

    /// Asks for something, and waits until it is done.
    fn ask(&self, order: fn(SyncSender<()>) -> Order, timeout: Duration) -> OTelSdkResult {
        let gone =
            || OTelSdkError::InternalFailure("the thread that sends spans is gone".to_owned());
        let (done, is_done) = sync_channel(1);
        self.orders.send(order(done)).map_err(|_| gone())?;
        is_done.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => OTelSdkError::Timeout(timeout),
            RecvTimeoutError::Disconnected => gone(),
        })
    }

    fn add(&self, span: &SpanData) {
        self.waiting.push(span);
        if self.account.queued() >= self.max_export_batch_size && self.waiting.is_first_to_wake() {
            let _ = self.orders.send(Order::Export);
        }
    }
}

impl Consumer for BatchProcessor {
    fn on_end_of(&self, span: &SpanData) {
        self.add(&limits::within(span, self.value_length_limit));
    }
}

impl SpanProcessor for BatchProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        limits::cut_values(&mut span, self.value_length_limit);
        self.add(&span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.ask(Order::Flush, FLUSH_TIMEOUT)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ask(Order::Shutdown, timeout)
    }
}

/// Encoded spans between the threads that end them and the one that sends them.
#[derive(Debug)]
struct Waiting {
    shards: Box<[Shard]>,
    /// Is the exporting thread asked for a batch that it has not taken yet?
    is_woken: AtomicBool,
}

/// What the threads of one number have ended. Aligned to two cache lines, which is what processors fetch
/// at once: who writes to one shard does not slow down the writers of its neighbours.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Chunk>);

impl Waiting {
    /// As many shards as there are cores, so that a worker has one for itself as a rule.
    fn new() -> Self {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let shards = (0..count).map(|_| Shard::default()).collect();
        Self { shards, is_woken: AtomicBool::new(false) }
    }

    fn push(&self, span: &SpanData) {
        let shard = &self.shards[number_of_thread() % self.shards.len()];
        shard.0.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    fn is_first_to_wake(&self) -> bool {
        // Read before it is written: the cache line stays shared while a batch is being sent.
        !self.is_woken.load(Ordering::Relaxed) && !self.is_woken.swap(true, Ordering::AcqRel)
    }

    /// Takes all that waits; `spare` are empty chunks, to be filled next.
    fn take(&self, spare: &mut Vec<Chunk>) -> Vec<Chunk> {
        // Before it is taken: who comes too late for this time asks again.
        self.is_woken.store(false, Ordering::Release);
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut chunk = shard.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !chunk.is_empty() {
                taken.push(std::mem::replace(&mut *chunk, spare.pop().unwrap_or_default()));
            }
        }
        taken
    }
}

/// Threads are numbered in the order in which they end their first span.
fn number_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // Spans may end while their thread does.
    NUMBER.try_with(|number| *number).unwrap_or_default()
}

/// What the exporting thread does.
struct Exporting {
    waiting: Arc<Waiting>,
    exporter: Exporter,
    account: Account,
    max_export_batch_size: usize,
    schedule_delay: Duration,
    /// What was left of the last batches, and goes with the next.
    rest: Chunk,
}

impl Exporting {
    fn run(mut self, orders: &Receiver<Order>) {
        // Of the requests that it sends, nothing becomes a span.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let mut spare = Vec::new();
        let mut all_is_due = Instant::now() + self.schedule_delay;
        loop {
            let left = all_is_due.saturating_duration_since(Instant::now());
            let order = orders.recv_timeout(left);
            let is_all = left.is_zero() || !matches!(order, Ok(Order::Export));
            self.export(is_all, &mut spare);
            if is_all {
                all_is_due = Instant::now() + self.schedule_delay;
            }
            match order {
                Ok(Order::Export) | Err(RecvTimeoutError::Timeout) => {}
                // Who asked may have stopped waiting.
                Ok(Order::Flush(done)) => drop(done.send(())),
                Ok(Order::Shutdown(done)) => {
                    let _ = done.send(());
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    /// Sends all that waits, or as much of it as makes whole batches: who asks for a batch has more waiting
    /// by the time that it is taken, which would else be a second request, of a few spans, each time.
    fn export(&mut self, all: bool, spare: &mut Vec<Chunk>) {
        let rest = std::mem::take(&mut self.rest);
        let mut chunks = self.waiting.take(spare);
        let spans: Vec<Encoded<'_>> =
            std::iter::once(&rest).chain(&chunks).flat_map(Chunk::spans).collect();
        for batch in spans.chunks(self.max_export_batch_size) {
            if !all && batch.len() < self.max_export_batch_size {
                batch.iter().for_each(|span| self.rest.append(span));
                break;
            }
            self.account.taken(batch.len() as u64);
            self.exporter.deliver(batch);
        }
        drop(spans);
        chunks.iter_mut().for_each(Chunk::clear);
        spare.append(&mut chunks);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    fn span(name: String) -> SpanData {
        SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: std::time::UNIX_EPOCH,
            end_time: std::time::UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: Default::default(),
        }
    }

    #[test]
    fn each_span_of_each_thread_is_taken_once_and_in_its_order() {
        const THREADS: usize = 4;
        const SPANS: usize = 5_000;
        let waiting = Waiting::new();
        let mut taken = Vec::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let waiting = &waiting;
                    scope.spawn(move || {
                        (0..SPANS).for_each(|n| waiting.push(&span(format!("<{thread} {n}>"))));
                    })
                })
                .collect();
            let mut spare = Vec::new();
            loop {
                let are_done = threads.iter().all(thread::ScopedJoinHandle::is_finished);
                for mut chunk in waiting.take(&mut spare) {
                    taken.extend(
                        chunk.spans().map(|span| String::from_utf8_lossy(span.span).into_owned()),
                    );
                    // Its memory is used again.
                    chunk.clear();
                    spare.push(chunk);
                }
                if are_done {
                    break;
                }
            }
        });
        assert_eq!(taken.len(), THREADS * SPANS);
        for thread in 0..THREADS {
            let of_thread = taken.iter().filter(|span| span.contains(&format!("<{thread} ")));
            for (n, span) in of_thread.enumerate() {
                assert!(span.contains(&format!("<{thread} {n}>")), "{n} of {thread}: {span}");
            }
        }
    }

    #[test]
    fn an_empty_chunk_has_its_memory_and_nothing_else() {
        let mut chunk = Chunk::default();
        for name in ["a", "b"] {
            let mut span = span(name.to_owned());
            span.instrumentation_scope = InstrumentationScope::builder(name).build();
            chunk.push(&span);
            let scopes: Vec<_> = chunk.spans().map(|span| span.scope.name()).collect();
            assert_eq!(scopes, [name]);
            chunk.clear();
            assert!(chunk.is_empty());
        }
    }

    #[test]
    fn one_batch_is_asked_for_at_a_time() {
        let waiting = Waiting::new();
        assert!(waiting.is_first_to_wake());
        assert!(!waiting.is_first_to_wake());
        waiting.take(&mut Vec::new());
        assert!(waiting.is_first_to_wake());
    }
}
