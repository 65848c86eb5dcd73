//! What the routes were like, in figures and as a heatmap.

use serde::Serialize;

use super::numbers::{micros, nanos};
use crate::recent_traces as recent;

#[derive(Serialize)]
pub(in crate::web) struct Routes {
    from_us: u64,
    to_us: u64,
    routes: Vec<RouteFigures>,
    heatmap: Heatmap,
}

#[derive(Serialize)]
struct RouteFigures {
    route: String,
    count: usize,
    errors: usize,
    rate: f64,
    average_ns: u64,
    p50_ns: u64,
    p95_ns: u64,
    p99_ns: u64,
    over_time: Vec<usize>,
}

#[derive(Serialize)]
struct Heatmap {
    step_us: f64,
    steps: usize,
    bounds_ns: Vec<u64>,
    cells: Vec<HeatmapCell>,
}

#[derive(Serialize)]
struct HeatmapCell {
    step: usize,
    row: usize,
    count: usize,
    errors: usize,
}

impl Routes {
    pub(in crate::web) fn of(routes: &recent::Routes) -> Self {
        let heatmap = &routes.heatmap;
        let cells = heatmap.cells.iter().map(|&recent::Cell { step, row, count, errors }| {
            HeatmapCell { step, row, count, errors }
        });
        Self {
            from_us: micros(routes.from),
            to_us: micros(routes.to),
            routes: routes.routes.iter().map(RouteFigures::of).collect(),
            heatmap: Heatmap {
                step_us: heatmap.step.as_nanos() as f64 / 1e3,
                steps: heatmap.steps,
                bounds_ns: heatmap.bounds.iter().map(|bound| nanos(*bound)).collect(),
                cells: cells.collect(),
            },
        }
    }
}

impl RouteFigures {
    fn of(figures: &recent::RouteFigures) -> Self {
        Self {
            route: figures.route.clone(),
            count: figures.count,
            errors: figures.errors,
            rate: figures.rate,
            average_ns: nanos(figures.average),
            p50_ns: nanos(figures.p50),
            p95_ns: nanos(figures.p95),
            p99_ns: nanos(figures.p99),
            over_time: figures.over_time.clone(),
        }
    }
}
