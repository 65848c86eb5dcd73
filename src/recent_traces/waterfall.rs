//! The spans of a trace as a tree in time, and where the time went.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::SpanData;

use super::summary::duration;
use super::trace::Trace;

/// A trace in the order in which it is drawn: each span before its children, these by their start.
#[derive(Debug)]
pub struct Waterfall<'a> {
    /// When the first span started.
    pub start: SystemTime,
    /// Until the last end.
    pub duration: Duration,
    /// The spans.
    pub nodes: Vec<Node<'a>>,
}

/// One span of a [`Waterfall`].
#[derive(Debug)]
pub struct Node<'a> {
    /// What was recorded; of a span that runs, what was known at its start.
    pub span: &'a SpanData,
    /// Has it not ended?
    pub is_running: bool,
    /// How many spans here are above it.
    pub depth: usize,
    /// How many are directly below it.
    pub children: usize,
    /// From the start of the trace.
    pub offset: Duration,
    /// From start to end; zero where it runs.
    pub duration: Duration,
    /// When none of its children ran: from and to, counted from its start. Empty where it runs.
    pub own: Vec<(Duration, Duration)>,
    /// Of the spans without children, that which took longest, where there are others than it.
    pub is_slowest_leaf: bool,
    /// Has it a parent that is neither here nor outside of this service?
    pub is_orphan: bool,
}

impl Node<'_> {
    /// The time in which none of its children ran.
    pub fn self_time(&self) -> Duration {
        self.own.iter().map(|(from, to)| *to - *from).sum()
    }
}

impl<'a> Waterfall<'a> {
    pub(super) fn of(trace: &'a Trace) -> Self {
        let spans: Vec<_> = trace.spans().collect();
        let start =
            spans.iter().map(|span| span.start_time).min().unwrap_or(SystemTime::UNIX_EPOCH);
        let end = spans
            .iter()
            .map(|span| if trace.is_running(span) { span.start_time } else { span.end_time })
            .max()
            .unwrap_or(start);
        let mut nodes = Family::of(spans).nodes(start, trace);
        mark_slowest_leaf(&mut nodes);
        Self { start, duration: end.duration_since(start).unwrap_or_default(), nodes }
    }
}

/// Who is whose child; spans by their index.
struct Family<'a> {
    spans: Vec<&'a SpanData>,
    roots: Vec<usize>,
    children: HashMap<SpanId, Vec<usize>>,
    ids: HashSet<SpanId>,
}

impl<'a> Family<'a> {
    fn of(spans: Vec<&'a SpanData>) -> Self {
        let ids: HashSet<_> = spans.iter().map(|span| span.span_context.span_id()).collect();
        let mut order: Vec<_> = (0..spans.len()).collect();
        order.sort_by_key(|&index| spans[index].start_time);
        let (mut roots, mut children) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        for index in order {
            let parent = spans[index].parent_span_id;
            if ids.contains(&parent) && parent != spans[index].span_context.span_id() {
                children.entry(parent).or_default().push(index);
            } else {
                roots.push(index);
            }
        }
        Self { spans, roots, children, ids }
    }

    fn children(&self, index: usize) -> &[usize] {
        let id = self.spans[index].span_context.span_id();
        self.children.get(&id).map_or(&[], Vec::as_slice)
    }

    /// All spans, parents first. By a stack, not by recursion: a trace may be as deep as it likes.
    fn nodes(&self, start: SystemTime, trace: &Trace) -> Vec<Node<'a>> {
        let mut nodes = Vec::with_capacity(self.spans.len());
        let mut todo: Vec<_> = self.roots.iter().rev().map(|&root| (root, 0)).collect();
        while let Some((index, depth)) = todo.pop() {
            let span = self.spans[index];
            let children = self.children(index);
            let is_running = trace.is_running(span);
            let parent = span.parent_span_id;
            nodes.push(Node {
                span,
                is_running,
                depth,
                children: children.len(),
                offset: span.start_time.duration_since(start).unwrap_or_default(),
                duration: if is_running { Duration::ZERO } else { duration(span) },
                own: if is_running { Vec::new() } else { self.own(index, trace) },
                is_slowest_leaf: false,
                is_orphan: parent != SpanId::INVALID
                    && !span.parent_span_is_remote
                    && !self.ids.contains(&parent),
            });
            todo.extend(children.iter().rev().map(|&child| (child, depth + 1)));
        }
        nodes
    }

    /// What of a span's time none of its children covers.
    fn own(&self, index: usize, trace: &Trace) -> Vec<(Duration, Duration)> {
        let span = self.spans[index];
        let whole = duration(span);
        let since_start =
            |time: SystemTime| time.duration_since(span.start_time).unwrap_or_default().min(whole);
        let (mut own, mut covered) = (Vec::new(), Duration::ZERO);
        // By their start, so that what one leaves open no later one covers.
        for child in self.children(index).iter().map(|&child| self.spans[child]) {
            let from = since_start(child.start_time);
            if from > covered {
                own.push((covered, from));
            }
            let to = if trace.is_running(child) { whole } else { since_start(child.end_time) };
            covered = covered.max(to);
        }
        if covered < whole {
            own.push((covered, whole));
        }
        own
    }
}

fn mark_slowest_leaf(nodes: &mut [Node<'_>]) {
    if nodes.len() > 1
        && let Some(slowest) = nodes
            .iter_mut()
            .filter(|node| node.children == 0 && !node.is_running)
            // The first of several.
            .rev()
            .max_by_key(|node| node.duration)
    {
        slowest.is_slowest_leaf = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::inbox::Arrived;
    use super::super::test_spans::{at, span};
    use super::*;

    /// Spans of one trace: id, parent, from, to in microseconds; `to` 0 is one that runs.
    fn trace(spans: &[(u64, u64, u64, u64)]) -> Trace {
        let mut trace = Trace::new(span(1, 1, 0).span_context.trace_id());
        for &(id, parent, from, to) in spans {
            let mut span = span(1, id, parent);
            (span.start_time, span.end_time) = (at(from), at(to.max(from)));
            match to {
                0 => trace.run(Arc::new(span)),
                _ => trace.add(Arrived::new(span), usize::MAX),
            }
        }
        trace
    }

    fn ids(waterfall: &Waterfall<'_>) -> Vec<(u64, usize)> {
        let id = |node: &Node<'_>| u64::from_be_bytes(node.span.span_context.span_id().to_bytes());
        waterfall.nodes.iter().map(|node| (id(node), node.depth)).collect()
    }

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    #[test]
    fn parents_come_before_children_and_these_by_their_start() {
        let trace = trace(&[(4, 2, 20, 30), (3, 1, 40, 50), (2, 1, 10, 35), (1, 0, 0, 100)]);
        let waterfall = trace.waterfall();
        assert_eq!(ids(&waterfall), [(1, 0), (2, 1), (4, 2), (3, 1)]);
        assert_eq!((waterfall.start, waterfall.duration), (at(0), us(100)));
        let children: Vec<_> = waterfall.nodes.iter().map(|node| node.children).collect();
        assert_eq!(children, [2, 1, 0, 0]);
        assert_eq!(waterfall.nodes[2].offset, us(20));
    }

    #[test]
    fn self_time_is_what_no_child_covers() {
        // children of a span from 0 to 100, its own time
        type Times = &'static [(u64, u64)];
        let cases: &[(Times, Times)] = &[
            (&[], &[(0, 100)]),
            (&[(0, 100)], &[]),
            (&[(20, 30), (50, 60)], &[(0, 20), (30, 50), (60, 100)]),
            // side by side, and one within another
            (&[(10, 60), (40, 80)], &[(0, 10), (80, 100)]),
            (&[(10, 90), (20, 30)], &[(0, 10), (90, 100)]),
            // longer than the parent, as work is that was spawned
            (&[(50, 300)], &[(0, 50)]),
            (&[(200, 300)], &[(0, 100)]),
        ];
        for (children, own) in cases {
            let mut spans = vec![(1, 0, 0, 100)];
            let children = children.iter().zip(2..).map(|((from, to), id)| (id, 1, *from, *to));
            spans.extend(children);
            let trace = trace(&spans);
            let node = &trace.waterfall().nodes[0];
            let own: Vec<_> = own.iter().map(|(from, to)| (us(*from), us(*to))).collect();
            assert_eq!(node.own, own, "{spans:?}");
            let sum: Duration = own.iter().map(|(from, to)| *to - *from).sum();
            assert_eq!(node.self_time(), sum, "{spans:?}");
        }
    }

    #[test]
    fn the_slowest_leaf_is_marked_where_there_is_a_choice() {
        let slowest = |spans: &[_]| -> Vec<u64> {
            let trace = trace(spans);
            let waterfall = trace.waterfall();
            let marked = waterfall.nodes.iter().map(|node| node.is_slowest_leaf);
            ids(&waterfall)
                .into_iter()
                .zip(marked)
                .filter(|(_, m)| *m)
                .map(|(id, _)| id.0)
                .collect()
        };
        assert_eq!(slowest(&[(1, 0, 0, 9)]), [] as [u64; 0]);
        assert_eq!(slowest(&[(1, 0, 0, 9), (2, 1, 1, 2)]), [2]);
        assert_eq!(slowest(&[(1, 0, 0, 9), (2, 1, 1, 3), (3, 1, 3, 8), (4, 3, 3, 6)]), [4]);
        assert_eq!(
            slowest(&[(1, 0, 0, 9), (2, 1, 1, 3), (3, 1, 3, 5)]),
            [2],
            "the first of equals"
        );
        assert_eq!(slowest(&[(1, 0, 0, 9), (2, 1, 1, 0)]), [] as [u64; 0], "it runs");
    }

    #[test]
    fn what_runs_has_no_length_and_its_parents_own_time_ends_with_its_start() {
        let trace = trace(&[(1, 0, 0, 100), (2, 1, 30, 0)]);
        let waterfall = trace.waterfall();
        let (parent, child) = (&waterfall.nodes[0], &waterfall.nodes[1]);
        assert_eq!(parent.own, [(us(0), us(30))]);
        assert!(child.is_running && child.own.is_empty());
        assert_eq!(child.duration, us(0));
    }

    #[test]
    fn a_span_whose_parent_is_not_here_is_a_root_and_says_why() {
        let mut remote = span(1, 5, 77);
        remote.parent_span_is_remote = true;
        let mut trace = trace(&[(2, 9, 10, 20)]);
        trace.add(Arrived::new(remote), usize::MAX);
        let waterfall = trace.waterfall();
        assert_eq!(ids(&waterfall), [(5, 0), (2, 0)]);
        let orphans: Vec<_> = waterfall.nodes.iter().map(|node| node.is_orphan).collect();
        assert_eq!(orphans, [false, true]);
    }

    #[test]
    fn a_deep_trace_is_drawn_whole() {
        let spans: Vec<_> = (1..=900).map(|id| (id, id - 1, id, 2000 - id)).collect();
        let trace = trace(&spans);
        let waterfall = trace.waterfall();
        assert_eq!(waterfall.nodes.len(), 900);
        assert_eq!(waterfall.nodes[899].depth, 899);
    }
}
