//! Each trace that has ended as a tree, a line for each of its spans, with a single write:
//!
//! ```text
//! GET /api/activities/home  200  1.24 ms  trace 4bf92f3577b34da6a3ce929d0e0e4736
//! └─ home-activities-mock-data  32.1 µs  app.now="2026-11-23T02:01:56.362990+00:00" app.result_length=3
//! ```
//!
//! Spans wait for the one that began the trace in this process, which ends last as a rule; what ends later
//! than it, as work does that was spawned, is a tree of its own. `text.rs` draws it.

mod text;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use self::text::write_trace;
use crate::recent_traces::Trace;

/// How many spans may wait for the first one of their trace; of more, the oldest are printed without it.
const WAITING: usize = 10_000;
/// How many spans that were printed are remembered, for those that end after their parent.
const REMEMBERED: usize = 10_000;

/// Prints traces to stdout.
#[derive(Debug, Default)]
pub(super) struct TreeExporter(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    spans: HashMap<TraceId, Vec<SpanData>>,
    count: usize,
    /// Of the traces that wait, the oldest first; some of them may be gone.
    order: VecDeque<TraceId>,
    printed: HashSet<SpanId>,
    printed_order: VecDeque<SpanId>,
}

impl TreeExporter {
    fn text(&self, batch: Vec<SpanData>) -> Result<String, fmt::Error> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for span in batch {
            waiting.add(span, &mut out)?;
        }
        Ok(out)
    }
}

impl SpanExporter for TreeExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let failed = |error: String| OTelSdkError::InternalFailure(error);
        let text = self.text(batch).map_err(|error| failed(error.to_string()))?;
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| failed(error.to_string()))
    }
}

impl Drop for TreeExporter {
    /// Prints what still waits: nothing is lost.
    fn drop(&mut self) {
        let waiting = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        if waiting.give_up(0, &mut out).is_ok() {
            let _ = std::io::stdout().write_all(out.as_bytes());
        }
    }
}

impl Waiting {
    fn add(&mut self, span: SpanData, out: &mut String) -> fmt::Result {
        let (id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
        let began_here = span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote;
        let is_complete = began_here || self.printed.contains(&span.parent_span_id);
        let spans = self.spans.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            Vec::new()
        });
        spans.push(span);
        self.count += 1;
        if is_complete {
            let tree = self.take_tree(id, span_id);
            self.print(id, tree, out)?;
        }
        self.give_up(WAITING, out)
    }

    /// A span and all that is below it; other requests of the same trace go on waiting.
    fn take_tree(&mut self, id: TraceId, root: SpanId) -> Vec<SpanData> {
        let Some(spans) = self.spans.remove(&id) else { return Vec::new() };
        let mut inside = HashSet::from([root]);
        // Children end before their parents as a rule: from the last to the first all are found at once.
        loop {
            let before = inside.len();
            for span in spans.iter().rev() {
                if inside.contains(&span.parent_span_id) {
                    inside.insert(span.span_context.span_id());
                }
            }
            if inside.len() == before {
                break;
            }
        }
        let (tree, others): (Vec<_>, Vec<_>) =
            spans.into_iter().partition(|span| inside.contains(&span.span_context.span_id()));
        self.count -= tree.len();
        if !others.is_empty() {
            self.spans.insert(id, others);
        }
        tree
    }

    /// Prints the oldest traces as they are, until no more than `most` spans wait.
    fn give_up(&mut self, most: usize, out: &mut String) -> fmt::Result {
        while self.count > most {
            let Some(id) = self.order.pop_front() else { return Ok(()) };
            let Some(spans) = self.spans.remove(&id) else { continue };
            self.count -= spans.len();
            self.print(id, spans, out)?;
        }
        // Of traces that are gone nothing is kept.
        if self.order.len() > 2 * most {
            self.order.retain(|id| self.spans.contains_key(id));
        }
        Ok(())
    }

    fn print(&mut self, id: TraceId, spans: Vec<SpanData>, out: &mut String) -> fmt::Result {
        for span_id in spans.iter().map(|span| span.span_context.span_id()) {
            self.printed.insert(span_id);
            self.printed_order.push_back(span_id);
        }
        while self.printed_order.len() > REMEMBERED {
            if let Some(oldest) = self.printed_order.pop_front() {
                self.printed.remove(&oldest);
            }
        }
        write_trace(out, &Trace::of(id, spans))
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::trace::{Event, SpanKind};

    use super::*;
    use crate::recent_traces::test_spans::{at, failed, request, span};

    /// A span of the first trace, by id, parent and times in microseconds.
    fn child(id: u64, parent: u64, name: &'static str, from: u64, to: u64) -> SpanData {
        SpanData {
            name: name.into(),
            start_time: at(from),
            end_time: at(to),
            ..span(1, id, parent)
        }
    }

    const TRACE: &str = "trace 00000000000000000000000000000002";

    #[test]
    fn a_trace_is_printed_when_the_span_that_began_it_ends() {
        let exporter = TreeExporter::default();
        let mut load = child(3, 2, "load", 10, 700);
        load.attributes = vec![KeyValue::new("app.rows", 3), KeyValue::new("url.full", "http://x")];
        let spans = vec![child(4, 3, "read", 20, 60), child(5, 3, "sort", 70, 80), load];
        assert_eq!(exporter.text(spans).unwrap(), "");
        let mut add = child(6, 2, "add\u{1b}[31m", 800, 802);
        add.attributes = vec![KeyValue::new("app.note", "a \"b\"\n")];
        assert_eq!(exporter.text(vec![add]).unwrap(), "");
        let expected = format!(
            "GET /a  200  1.23 ms  {TRACE}\n\
             ├─ load  690 µs  app.rows=3\n\
             │  ├─ read  40.0 µs\n\
             │  └─ sort  10.0 µs\n\
             └─ add\\u{{1b}}[31m  2.00 µs  app.note=\"a \\\"b\\\"\\n\"\n"
        );
        assert_eq!(exporter.text(vec![request(1, "/a", 0, 1234)]).unwrap(), expected);
        assert_eq!(exporter.0.lock().unwrap().count, 0);
    }

    #[test]
    fn an_error_an_event_and_a_parent_outside_are_told() {
        let exporter = TreeExporter::default();
        let mut span = failed(request(1, "/a", 0, 5_000_000));
        span.attributes.push(KeyValue::new("error.type", "panic"));
        span.parent_span_id = SpanId::from(0xab);
        span.parent_span_is_remote = true;
        span.events.events.push(Event::new("exception", at(1), vec![], 0));
        let expected = format!(
            "GET /a  200  5.00 s  error panic  !exception  {TRACE}, continued from span 00000000000000ab outside\n"
        );
        assert_eq!(exporter.text(vec![span]).unwrap(), expected);
    }

    #[test]
    fn what_ends_after_its_parent_is_a_tree_of_its_own() {
        let exporter = TreeExporter::default();
        exporter.text(vec![request(1, "/a", 0, 10)]).unwrap();
        assert_eq!(exporter.text(vec![child(8, 7, "inner", 20, 30)]).unwrap(), "");
        let late = exporter.text(vec![child(7, 2, "spawned", 5, 40)]).unwrap();
        let expected =
            format!("spawned  35.0 µs  {TRACE}, below span 0000000000000002\n└─ inner  10.0 µs\n");
        assert_eq!(late, expected);
    }

    #[test]
    fn requests_of_one_trace_are_printed_each_with_its_own_spans() {
        let exporter = TreeExporter::default();
        let mut other = SpanData { span_kind: SpanKind::Server, ..child(20, 99, "GET /b", 0, 9) };
        other.parent_span_is_remote = true;
        exporter.text(vec![child(21, 20, "of b", 1, 2), child(3, 2, "of a", 1, 2)]).unwrap();
        let first = exporter.text(vec![request(1, "/a", 0, 10)]).unwrap();
        assert!(first.contains("of a") && !first.contains("of b"), "{first}");
        let second = exporter.text(vec![other]).unwrap();
        assert!(second.contains("of b") && !second.contains("of a"), "{second}");
    }

    #[test]
    fn spans_wait_in_bounds_and_none_is_lost() {
        let exporter = TreeExporter::default();
        let mut printed = String::new();
        for n in 0..WAITING as u64 + 50 {
            printed += &exporter
                .text(vec![SpanData { parent_span_id: SpanId::from(9), ..span(n, n + 10, 9) }])
                .unwrap();
        }
        assert_eq!(printed.lines().count(), 50);
        assert_eq!(exporter.0.lock().unwrap().count, WAITING);
        let mut rest = String::new();
        exporter.0.lock().unwrap().give_up(0, &mut rest).unwrap();
        assert_eq!(rest.lines().count(), WAITING);
        let waiting = exporter.0.lock().unwrap();
        assert!(waiting.spans.is_empty() && waiting.printed.len() <= REMEMBERED);
    }
}
