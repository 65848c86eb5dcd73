//! What is remembered of each request, also when its trace is gone: the figures of the routes are of all
//! requests, not of those whose traces happen to be taken in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{StringValue, Value};
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_semantic_conventions::attribute as key;

use super::summary::find;
use crate::cut::cut;

/// What is noted of a SERVER span when it ends: no more than must be.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    route: Option<StringValue>,
    start: SystemTime,
    pub(super) end: SystemTime,
    has_failed: bool,
}

impl Ended {
    /// Notes a span, if it is a request; of its route so many characters.
    pub(super) fn of(span: &SpanData, route_length: usize) -> Option<Self> {
        if span.span_kind != SpanKind::Server {
            return None;
        }
        let route = find(span, key::HTTP_ROUTE).map(|route| match route {
            // Shared, not copied: a service has its routes in its table.
            Value::String(text) if text.as_str().len() <= route_length => text.clone(),
            other => cut(&other.as_str(), route_length).to_owned().into(),
        });
        let has_failed = matches!(span.status, Status::Error { .. });
        Some(Self { route, start: span.start_time, end: span.end_time, has_failed })
    }
}

/// A request, as it is remembered.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// `http.route`, or nothing.
    pub(super) route: Arc<str>,
    pub(super) start: SystemTime,
    pub(super) duration: Duration,
    pub(super) has_failed: bool,
}

/// The last requests, in the order in which they ended.
#[derive(Debug)]
pub(super) struct Requests {
    max: usize,
    requests: VecDeque<Request>,
    /// Each route once: so few texts for so many requests.
    routes: Vec<Arc<str>>,
    /// Of all requests that have ended since then we know.
    complete_since: SystemTime,
}

/// How many routes are told apart; requests of others have none. A service has as many as its table.
const ROUTES: usize = 512;

impl Requests {
    pub(super) fn new(max: usize, now: SystemTime) -> Self {
        Self { max, requests: VecDeque::new(), routes: Vec::new(), complete_since: now }
    }

    /// Adds one.
    pub(super) fn add(&mut self, ended: &Ended) {
        if self.max == 0 {
            return;
        }
        if self.requests.len() >= self.max
            && let Some(oldest) = self.requests.pop_front()
        {
            let end = oldest.start + oldest.duration;
            self.complete_since = self.complete_since.max(end);
        }
        let Ended { route, start, end, has_failed } = ended;
        let route = self.route(route.as_ref().map_or("", StringValue::as_str));
        self.requests.push_back(Request {
            route,
            start: *start,
            // Zero where the clock was set back meanwhile.
            duration: end.duration_since(*start).unwrap_or_default(),
            has_failed: *has_failed,
        });
    }

    /// Forgets those that have ended until then.
    pub(super) fn forget_until(&mut self, time: SystemTime) {
        self.requests.clear();
        self.complete_since = self.complete_since.max(time);
    }

    fn route(&mut self, route: &str) -> Arc<str> {
        if let Some(known) = self.routes.iter().find(|known| &***known == route) {
            return Arc::clone(known);
        }
        if self.routes.len() >= ROUTES {
            return Arc::from("");
        }
        let route = Arc::<str>::from(route);
        self.routes.push(Arc::clone(&route));
        route
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    pub(super) fn complete_since(&self) -> SystemTime {
        self.complete_since
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_spans::{at, failed, request, span};
    use super::*;

    fn add(requests: &mut Requests, span: &SpanData) {
        requests.add(&Ended::of(span, 100).unwrap());
    }

    #[test]
    fn so_many_are_remembered_and_since_when_is_known() {
        let mut requests = Requests::new(3, at(0));
        (0..5).for_each(|n| add(&mut requests, &request(n, "/a", n * 10, n * 10 + 4)));
        let starts: Vec<_> = requests.iter().map(|request| request.start).collect();
        assert_eq!(starts, [at(20), at(30), at(40)]);
        assert_eq!(requests.complete_since(), at(14));
        assert_eq!(requests.routes.len(), 1);

        requests.forget_until(at(50));
        assert_eq!((requests.iter().count(), requests.complete_since()), (0, at(50)));
    }

    #[test]
    fn a_request_is_its_route_its_time_and_whether_it_failed() {
        let mut requests = Requests::new(3, at(0));
        add(&mut requests, &failed(request(1, "/a", 10, 40)));
        let mut unmatched = request(2, "/a", 10, 20);
        unmatched.attributes.clear();
        add(&mut requests, &unmatched);
        let seen: Vec<_> =
            requests.iter().map(|r| (&*r.route, r.duration.as_micros(), r.has_failed)).collect();
        assert_eq!(seen, [("/a", 30, true), ("", 10, false)]);
        assert!(Ended::of(&span(9, 9, 0), 100).is_none(), "no request");
    }

    #[test]
    fn of_a_route_so_many_characters_are_noted() {
        let noted = |length| Ended::of(&request(1, "/äöü", 0, 1), length).unwrap().route.unwrap();
        let texts = [7, 4, 2].map(noted);
        assert_eq!(texts.each_ref().map(StringValue::as_str), ["/äöü", "/äöü", "/ä"]);
    }

    #[test]
    fn there_are_only_so_many_routes() {
        let mut requests = Requests::new(10_000, at(0));
        for n in 0..ROUTES + 5 {
            let mut span = request(1, "/a", 0, 1);
            span.attributes[1].value = format!("/{n}").into();
            add(&mut requests, &span);
        }
        assert_eq!(requests.routes.len(), ROUTES);
        assert_eq!(requests.iter().filter(|request| request.route.is_empty()).count(), 5);
    }
}
