//! A trace as text.

use std::fmt::{self, Write};
use std::time::Duration;

use opentelemetry::trace::{SpanId, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_semantic_conventions::attribute as key;

use crate::recent_traces::{Node, Trace};

/// How many characters of a value are printed.
const VALUE: usize = 80;

/// What the line of a span leaves out: the span's name, and the trace's page, say it better.
const LEFT_OUT: [&str; 7] = ["http", "url", "server", "client", "network", "user_agent", "error"];

/// Draws a tree, a line for each span.
pub(super) fn write_trace(out: &mut String, trace: &Trace) -> fmt::Result {
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
    use super::*;

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
