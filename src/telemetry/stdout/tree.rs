//! Each trace that has ended as a tree, a line for each of its spans, with a single write:
//!
//! ```text
//! GET /api/activities/home  200  1.24 ms  trace 4bf92f3577b34da6a3ce929d0e0e4736
//! └─ home-activities-mock-data  32.1 µs  app.now="2026-11-23T02:01:56.362990+00:00" app.result_length=3
//! ```
//!
//! Spans wait for the one that began the trace in this process, which ends last as a rule; what ends later
//! than it, as work does that was spawned, is a tree of its own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use opentelemetry_semantic_conventions::attribute as key;

use crate::recent_traces::{Node, Trace};

/// How many spans may wait for the first one of their trace; of more, the oldest are printed without it.
const WAITING: usize = 10_000;
/// How many spans that were printed are remembered, for those that end after their parent.
const REMEMBERED: usize = 10_000;
/// How many characters of a value are printed.
const VALUE: usize = 80;

/// What the line of a span leaves out: the span's name, and the trace's page, say it better.
const LEFT_OUT: [&str; 7] = ["http", "url", "server", "client", "network", "user_agent", "error"];

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

fn write_trace(out: &mut String, trace: &Trace) -> fmt::Result {
    let waterfall = trace.waterfall();
    let nodes = &waterfall.nodes;
    // For each level, whether it goes on below the line that is written.
    let mut goes_on = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        goes_on.truncate(node.depth);
        let below = nodes[index + 1..].iter().take_while(|other| other.depth >= node.depth);
        let has_sibling = below.into_iter().any(|other| other.depth == node.depth);
        for level in goes_on.iter().skip(1) {
            out.push_str(if *level { "│  " } else { "   " });
        }
        if node.depth > 0 {
            out.push_str(if has_sibling { "├─ " } else { "└─ " });
        }
        goes_on.push(has_sibling);
        write_span(out, node)?;
        if node.depth == 0 {
            write!(out, "  trace {}", trace.id())?;
            write_parent(out, node)?;
        }
        out.push('\n');
    }
    match trace.left_out() {
        0 => Ok(()),
        count => writeln!(out, "   and {count} more spans"),
    }
}

fn write_parent(out: &mut String, node: &Node<'_>) -> fmt::Result {
    let parent = node.span.parent_span_id;
    if parent == SpanId::INVALID {
        Ok(())
    } else if node.span.parent_span_is_remote {
        write!(out, ", continued from span {parent} outside")
    } else {
        write!(out, ", below span {parent}")
    }
}

fn write_span(out: &mut String, node: &Node<'_>) -> fmt::Result {
    let span = node.span;
    write_plain(out, &span.name)?;
    let find = |key: &str| span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    if let Some(status) = find(key::HTTP_RESPONSE_STATUS_CODE) {
        out.push_str("  ");
        write_plain(out, &status.value.as_str())?;
    }
    out.push_str("  ");
    write_duration(out, node.duration)?;
    if matches!(span.status, Status::Error { .. }) {
        out.push_str("  error");
        if let Some(class) = find(key::ERROR_TYPE) {
            out.push(' ');
            write_plain(out, &class.value.as_str())?;
        }
    }
    let attributes = span.attributes.iter().filter(|attribute| is_told(attribute));
    for (index, KeyValue { key, value, .. }) in attributes.enumerate() {
        out.push_str(if index == 0 { "  " } else { " " });
        write_plain(out, key.as_str())?;
        out.push('=');
        match value {
            Value::String(text) => write!(out, "{:?}", cut(text.as_str()))?,
            other => write_plain(out, &other.as_str())?,
        }
    }
    for event in &span.events.events {
        out.push_str("  !");
        write_plain(out, &event.name)?;
    }
    Ok(())
}

fn is_told(attribute: &KeyValue) -> bool {
    let namespace = attribute.key.as_str().split('.').next().unwrap_or_default();
    !LEFT_OUT.contains(&namespace)
}

/// Text that others choose must not write to a terminal what moves or colours it.
fn write_plain(out: &mut String, text: &str) -> fmt::Result {
    for c in cut(text).chars() {
        if c.is_control() { write!(out, "{}", c.escape_default())? } else { out.push(c) }
    }
    Ok(())
}

/// At most so much of a text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Three significant digits and a unit.
fn write_duration(out: &mut String, duration: Duration) -> fmt::Result {
    let ns = duration.as_nanos() as f64;
    let (value, unit) = match duration.as_nanos() {
        0..1_000 => return write!(out, "{ns} ns"),
        1_000..1_000_000 => (ns / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    let digits = if value >= 100.0 { 0 } else { usize::from(value < 10.0) + 1 };
    write!(out, "{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn durations_have_three_digits() {
        for (ns, expected) in [
            (7, "7 ns"),
            (1_234, "1.23 µs"),
            (12_345, "12.3 µs"),
            (123_456, "123 µs"),
            (1_234_567, "1.23 ms"),
            (12_345_678_901, "12.3 s"),
            (1_234_567_890_123, "1235 s"),
        ] {
            let mut out = String::new();
            write_duration(&mut out, Duration::from_nanos(ns)).unwrap();
            assert_eq!(out, expected);
        }
    }
}
