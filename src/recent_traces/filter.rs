//! Which traces one asks for.

use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;

use super::summary::Summary;
use super::trace::Trace;

/// What a trace must be like; by default any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `http.route`, exactly; empty for requests that have none.
    pub route: Option<String>,
    /// The response's status.
    pub status: Option<StatusFilter>,
    /// Has one of its spans failed?
    pub errors_only: bool,
    /// At least so long; a trace that runs has no length yet, and is let through.
    pub min_duration: Option<Duration>,
    /// Shorter than that.
    pub max_duration: Option<Duration>,
    /// Started then or later.
    pub from: Option<SystemTime>,
    /// Started before that.
    pub to: Option<SystemTime>,
    /// Words that are all in it, in any case: in names of spans and events, or in `key=value` of
    /// attributes.
    pub text: Option<String>,
}

/// A status, or a class of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    /// `404`
    Code(u16),
    /// `4xx`, by its first digit.
    Class(u16),
}

impl std::str::FromStr for StatusFilter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_suffix("xx") {
            Some(digit) => {
                digit.parse().ok().filter(|digit| (1..=5).contains(digit)).map(Self::Class)
            }
            None => text.parse().ok().filter(|code| (100..=599).contains(code)).map(Self::Code),
        }
        .ok_or(())
    }
}

impl Filter {
    pub(super) fn matches(&self, summary: &Summary, trace: &Trace) -> bool {
        let route = summary.route.as_deref().unwrap_or_default();
        let is_status = |wanted: StatusFilter| match (wanted, summary.status) {
            (StatusFilter::Code(code), status) => status == Some(code),
            (StatusFilter::Class(class), status) => status.is_some_and(|s| s / 100 == class),
        };
        self.route.as_deref().is_none_or(|wanted| wanted == route)
            && self.status.is_none_or(is_status)
            && (!self.errors_only || summary.errors > 0)
            && self.min_duration.is_none_or(|min| summary.duration.is_none_or(|d| d >= min))
            && self.max_duration.is_none_or(|max| summary.duration.is_some_and(|d| d < max))
            && self.from.is_none_or(|from| summary.start >= from)
            && self.to.is_none_or(|to| summary.start < to)
            && self.text.as_deref().is_none_or(|text| has_all_words(trace, text))
    }
}

fn has_all_words(trace: &Trace, text: &str) -> bool {
    let text = text.to_lowercase();
    text.split_whitespace().all(|word| trace.spans().any(|span| has_word(span, word)))
}

fn has_word(span: &SpanData, word: &str) -> bool {
    let in_attribute = |attribute: &KeyValue| {
        format!("{}={}", attribute.key, attribute.value.as_str()).to_lowercase().contains(word)
    };
    span.name.to_lowercase().contains(word)
        || span.attributes.iter().any(in_attribute)
        || span.events.events.iter().any(|event| {
            event.name.to_lowercase().contains(word) || event.attributes.iter().any(in_attribute)
        })
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::Event;

    use super::super::inbox::Arrived;
    use super::super::test_spans::{at, failed, request};
    use super::*;

    #[test]
    fn each_condition_lets_through_what_it_says() {
        let mut span = failed(request(1, "/a/{id}", 10, 40));
        span.attributes.push(KeyValue::new("app.user_handle", "Worf"));
        span.events.events.push(Event::new(
            "exception",
            at(20),
            vec![KeyValue::new("exception.message", "No honor!")],
            0,
        ));
        let mut trace = Trace::new(span.span_context.trace_id());
        trace.add(Arrived::new(span), usize::MAX);
        let us = |us| Some(Duration::from_micros(us));
        let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
        let route = |route: &str| Filter { route: Some(route.to_owned()), ..Filter::default() };
        let status =
            |status: &str| Filter { status: Some(status.parse().unwrap()), ..Filter::default() };
        let any = Filter::default;
        let cases = [
            (any(), true),
            (route("/a/{id}"), true),
            (route("/a"), false),
            (route(""), false),
            (status("200"), true),
            (status("201"), false),
            (status("2xx"), true),
            (status("5xx"), false),
            (Filter { errors_only: true, ..any() }, true),
            (Filter { min_duration: us(30), ..any() }, true),
            (Filter { min_duration: us(31), ..any() }, false),
            (Filter { max_duration: us(31), ..any() }, true),
            (Filter { max_duration: us(30), ..any() }, false),
            (Filter { from: Some(at(10)), ..any() }, true),
            (Filter { from: Some(at(11)), ..any() }, false),
            (Filter { to: Some(at(11)), ..any() }, true),
            (Filter { to: Some(at(10)), ..any() }, false),
            (text("worf"), true),
            (text("app.user_handle=Worf"), true),
            (text("no HONOR! exception get"), true),
            (text("worf klingon"), false),
            (text("  "), true),
        ];
        for (filter, expected) in cases {
            assert_eq!(filter.matches(&trace.summary(), &trace), expected, "{filter:?}");
        }
    }

    #[test]
    fn what_is_no_status() {
        for text in ["", "6xx", "0xx", "xx", "99", "600", "-1", "abc", "4XX"] {
            assert_eq!(text.parse::<StatusFilter>(), Err(()), "{text}");
        }
    }
}
