//! What the requests tell, by route: how many, how often, how many failed, how long they took.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::requests::{Request, Requests};

/// How many steps of time the heatmap and the sparklines have.
const STEPS: usize = 60;

/// The figures of all routes in a window of time, and the heatmap of one of them, or of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Routes {
    /// The window's start: requests that started before it do not count. Never earlier than what is
    /// remembered.
    pub from: SystemTime,
    /// Its end.
    pub to: SystemTime,
    /// By route.
    pub routes: Vec<RouteFigures>,
    /// When how many took how long.
    pub heatmap: Heatmap,
}

/// What the requests of one route tell.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteFigures {
    /// `http.route`; empty for requests that no route matches.
    pub route: String,
    /// Requests.
    pub count: usize,
    /// Those that failed.
    pub errors: usize,
    /// Requests in a second.
    pub rate: f64,
    /// The mean duration.
    pub average: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// Requests in each of sixty steps of the window.
    pub over_time: Vec<usize>,
}

/// Requests by time and duration.
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    /// How long a step takes.
    pub step: Duration,
    /// How many steps there are.
    pub steps: usize,
    /// The lower bounds of the rows; the last is the upper bound of the last row.
    pub bounds: Vec<Duration>,
    /// Those that are not empty, by step and row.
    pub cells: Vec<Cell>,
}

/// The requests of one step of time and one row of duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Which step, from 0.
    pub step: usize,
    /// Which row, from 0, the fastest.
    pub row: usize,
    /// Requests.
    pub count: usize,
    /// Those that failed.
    pub errors: usize,
}

impl Requests {
    /// The figures of the requests that started in the `window` before `now`, or of all; the heatmap of
    /// `route`, or of all.
    pub(super) fn routes(
        &self,
        window: Option<Duration>,
        route: Option<&str>,
        now: SystemTime,
    ) -> Routes {
        let from = window.and_then(|window| now.checked_sub(window));
        let from = from.map_or(self.complete_since(), |from| from.max(self.complete_since()));
        let time = Steps::new(from, now);
        let mut by_route = BTreeMap::<&str, Vec<&Request>>::new();
        for request in self.iter().filter(|request| request.start >= from && request.start <= now) {
            by_route.entry(&request.route).or_default().push(request);
        }
        let shown = by_route
            .iter()
            .filter(|(name, _)| route.is_none_or(|route| route == **name))
            .flat_map(|(_, requests)| requests.iter().copied());
        let heatmap = Heatmap::of(shown, &time);
        let routes = by_route.iter().map(|(route, requests)| figures(route, requests, &time));
        Routes { from, to: now, routes: routes.collect(), heatmap }
    }
}

fn figures(route: &str, requests: &[&Request], time: &Steps) -> RouteFigures {
    let mut durations: Vec<_> = requests.iter().map(|request| request.duration).collect();
    durations.sort_unstable();
    let count = durations.len();
    let total: Duration = durations.iter().sum();
    let mut over_time = vec![0; STEPS];
    requests.iter().for_each(|request| over_time[time.step_of(request.start)] += 1);
    RouteFigures {
        route: route.to_owned(),
        count,
        errors: requests.iter().filter(|request| request.has_failed).count(),
        // A window of no length has no rate.
        rate: count as f64 / time.length.as_secs_f64().max(1e-3),
        average: total / u32::try_from(count).unwrap_or(u32::MAX).max(1),
        p50: percentile(&durations, 50),
        p95: percentile(&durations, 95),
        p99: percentile(&durations, 99),
        over_time,
    }
}

/// The nearest rank: the smallest of the values that at least `percent` in a hundred do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The window in equal steps.
struct Steps {
    from: SystemTime,
    length: Duration,
}

impl Steps {
    fn new(from: SystemTime, to: SystemTime) -> Self {
        Self { from, length: to.duration_since(from).unwrap_or_default() }
    }

    fn step(&self) -> Duration {
        self.length / u32::try_from(STEPS).unwrap_or(1)
    }

    fn step_of(&self, time: SystemTime) -> usize {
        let since = time.duration_since(self.from).unwrap_or_default();
        let step = since.as_nanos() * STEPS as u128 / self.length.as_nanos().max(1);
        usize::try_from(step).unwrap_or(usize::MAX).min(STEPS - 1)
    }
}

impl Heatmap {
    fn of<'a>(requests: impl Iterator<Item = &'a Request>, time: &Steps) -> Self {
        let bounds = bounds();
        let mut cells = BTreeMap::<(usize, usize), (usize, usize)>::new();
        for request in requests {
            let cell = cells.entry((time.step_of(request.start), row_of(request, &bounds)));
            let (count, errors) = cell.or_default();
            *count += 1;
            *errors += usize::from(request.has_failed);
        }
        // Only the rows that something is in.
        let rows = || cells.keys().map(|(_, row)| *row);
        let (first, last) = (rows().min().unwrap_or(0), rows().max().unwrap_or(0));
        Self {
            step: time.step(),
            steps: STEPS,
            bounds: bounds[first..=last + 1].to_vec(),
            cells: cells
                .iter()
                .map(|(&(step, row), &(count, errors))| Cell {
                    step,
                    row: row - first,
                    count,
                    errors,
                })
                .collect(),
        }
    }
}

/// From 1 µs to 100 s, five rows to each power of ten.
fn bounds() -> Vec<Duration> {
    const STEPS_OF_TEN: [u64; 5] = [1000, 1585, 2512, 3981, 6310];
    let powers = (0..8).map(|power| 10_u64.pow(power));
    let mut bounds = vec![Duration::ZERO];
    bounds.extend(powers.flat_map(|p| STEPS_OF_TEN.map(|step| Duration::from_nanos(step * p))));
    bounds.push(Duration::from_secs(100));
    bounds.push(Duration::from_secs(1_000_000));
    bounds
}

fn row_of(request: &Request, bounds: &[Duration]) -> usize {
    let above = bounds.partition_point(|bound| *bound <= request.duration);
    above.saturating_sub(1).min(bounds.len() - 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::requests::Ended;
    use super::super::test_spans::{at, failed, request};
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn requests(of: &[(&'static str, u64, u64, bool)]) -> Requests {
        let mut requests = Requests::new(10_000, at(0));
        for (n, &(route, from, length, fails)) in of.iter().enumerate() {
            let span = request(n as u64, route, from, from + length);
            let span = if fails { failed(span) } else { span };
            requests.add(&Ended::of(&span, 100).unwrap());
        }
        requests
    }

    #[test]
    fn figures_of_a_table_that_was_computed_by_hand() {
        let lengths = [10, 20, 30, 40, 50, 60, 70, 80, 90, 1000];
        let of: Vec<_> = lengths
            .iter()
            .enumerate()
            .map(|(n, &length)| ("/a", n as u64 * SECOND, length, n % 5 == 0))
            .chain([("/b", SECOND, 7, false)])
            .collect();
        let routes = requests(&of).routes(None, None, at(20 * SECOND));
        assert_eq!((routes.from, routes.to), (at(0), at(20 * SECOND)));
        let [a, b] = &routes.routes[..] else { panic!("{routes:?}") };
        let us = Duration::from_micros;
        assert_eq!((a.route.as_str(), a.count, a.errors), ("/a", 10, 2));
        assert_eq!((a.average, a.p50, a.p95, a.p99), (us(145), us(50), us(1000), us(1000)));
        assert!((a.rate - 0.5).abs() < 1e-9, "{}", a.rate);
        assert_eq!((b.route.as_str(), b.count, b.errors, b.p99), ("/b", 1, 0, us(7)));
        // A step is a third of a second.
        let filled: Vec<_> = (0..60).filter(|step| a.over_time[*step] > 0).collect();
        assert_eq!(filled, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    }

    #[test]
    fn only_the_window_counts() {
        let of: Vec<_> = (0..100).map(|n| ("/a", n * SECOND, 10, false)).collect();
        let requests = requests(&of);
        let now = at(99 * SECOND);
        let routes = requests.routes(Some(Duration::from_secs(10)), None, now);
        assert_eq!((routes.from, routes.routes[0].count), (at(89 * SECOND), 11));
        assert!((routes.routes[0].rate - 1.1).abs() < 1e-9);
        // Longer than anything is remembered.
        let routes = requests.routes(Some(Duration::from_secs(10_000)), None, now);
        assert_eq!((routes.from, routes.routes[0].count), (at(0), 100));
        let none = requests.routes(Some(Duration::from_secs(1)), None, at(1000 * SECOND));
        assert!(none.routes.is_empty() && none.heatmap.cells.is_empty());
    }

    #[test]
    fn a_cell_says_when_and_how_long() {
        let of = [
            ("/a", 0, 100, false),
            ("/a", 1, 120, true),
            ("/b", 59 * SECOND, 100, false),
            ("/a", 59 * SECOND, 2000, false),
        ];
        let requests = requests(&of);
        let now = at(60 * SECOND);
        let Heatmap { step, steps, bounds, cells } = requests.routes(None, None, now).heatmap;
        assert_eq!((step, steps), (Duration::from_secs(1), 60));
        let cell = |step, row, count, errors| Cell { step, row, count, errors };
        assert_eq!(cells, [cell(0, 0, 2, 1), cell(59, 0, 1, 0), cell(59, 6, 1, 0)]);
        assert_eq!(bounds.len(), 8);
        assert_eq!(bounds[0], Duration::from_micros(100));
        assert_eq!(bounds[6..], [Duration::from_nanos(1_585_000), Duration::from_nanos(2_512_000)]);

        let of_b = requests.routes(None, Some("/b"), now);
        assert_eq!(of_b.heatmap.cells, [cell(59, 0, 1, 0)]);
        assert_eq!(of_b.routes.len(), 2, "the table is of all");
    }

    #[test]
    fn rows_rise_and_reach_from_nothing_to_days() {
        let bounds = bounds();
        assert!(bounds.is_sorted());
        assert_eq!(bounds[0], Duration::ZERO);
        for (length, low, high) in [(0, 0, 1), (1, 1, 2), (SECOND, 1_000_000, 1_585_000)] {
            let requests = requests(&[("/a", 0, length, false)]);
            let heatmap = requests.routes(None, None, at(SECOND)).heatmap;
            assert_eq!(heatmap.bounds[0], Duration::from_micros(low), "{length}");
            assert!(heatmap.bounds[1] <= Duration::from_micros(high), "{length}");
        }
        let long = requests(&[("/a", 0, 1 << 50, false)]);
        assert_eq!(long.routes(None, None, at(SECOND)).heatmap.cells.len(), 1);
    }

    proptest! {
        /// Each percentile against its definition, the average against the sum.
        #[test]
        fn figures_are_what_their_names_say(lengths in prop::collection::vec(0u64..100_000, 1..200)) {
            let of: Vec<_> = lengths.iter().map(|l| ("/a", 0, *l, l % 3 == 0)).collect();
            let routes = requests(&of).routes(None, None, at(10 * SECOND));
            let a = &routes.routes[0];
            for (percent, value) in [(50, a.p50), (95, a.p95), (99, a.p99)] {
                let value = value.as_micros() as u64;
                let share = |limit: u64| lengths.iter().filter(|l| **l <= limit).count() * 100;
                prop_assert!(lengths.contains(&value));
                prop_assert!(share(value) >= percent * lengths.len());
                // No smaller one would do.
                if let Some(smaller) = lengths.iter().filter(|l| **l < value).max() {
                    prop_assert!(share(*smaller) < percent * lengths.len());
                }
            }
            let sum: u64 = lengths.iter().sum();
            let average = a.average.as_nanos() as f64 / 1e3;
            prop_assert!((average - sum as f64 / lengths.len() as f64).abs() < 1e-2);
            prop_assert_eq!(a.errors, lengths.iter().filter(|l| *l % 3 == 0).count());
            prop_assert_eq!(a.over_time.iter().sum::<usize>(), lengths.len());
            let cells = &routes.heatmap.cells;
            prop_assert_eq!(cells.iter().map(|cell| cell.count).sum::<usize>(), lengths.len());
            for length in &lengths {
                let length = Duration::from_micros(*length);
                let bounds = &routes.heatmap.bounds;
                let row = (0..bounds.len() - 1).find(|r| bounds[*r] <= length && length < bounds[r + 1]);
                prop_assert!(cells.iter().any(|cell| Some(cell.row) == row));
            }
        }
    }
}
