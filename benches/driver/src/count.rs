//! Instructions: of a request to the home feed in each variant, and of each more span and attribute.

use crate::Outcome;
use crate::callgrind::per_request;
use crate::client::HOME;
use crate::receiver::Receiver;
use crate::report::{Report, Table};
use crate::variant::{self, Variant};

/// Requests that a count is taken over: a few batches.
const REQUESTS: u64 = 4096;

/// Counts and writes the tables.
pub fn run(receiver: &Receiver, report: &mut Report) -> Outcome<()> {
    variants(receiver, report)?;
    growth(receiver, report)
}

fn variants(receiver: &Receiver, report: &mut Report) -> Outcome<()> {
    let mut table = Table::new(&["variant", "instructions per request", "ratio to P0"]);
    let mut untraced = None;
    let mut bars = Vec::new();
    for variant in &variant::ALL {
        let count = per_request(variant, HOME, REQUESTS, receiver)?;
        let ratio = count / *untraced.get_or_insert(count);
        eprintln!("{}: {count:.0} ({ratio:.2})", variant.name);
        table.row([variant.name.to_owned(), format!("{count:.0}"), format!("{ratio:.2}")]);
        bars.push((variant.name, ratio));
    }
    report.table("instructions", &table)?;
    report.chart("performance.svg", "Instructions per request, as a multiple of no tracing", &bars)
}

/// What a request costs with 1 to 1,000 child spans, and with 0 to 50 attributes on one.
fn growth(receiver: &Receiver, report: &mut Report) -> Outcome<()> {
    let mut table = Table::new(&[
        "child spans",
        "attributes of each",
        "instructions per request",
        "per span more",
    ]);
    let mut before: Option<(u32, f64)> = None;
    for (count, attributes) in [(1, 2), (10, 2), (100, 2), (1000, 2)] {
        // Fewer requests, so that the number of spans is about the same.
        let requests = (2 * REQUESTS / u64::from(count)).clamp(64, REQUESTS);
        let instructions = tracing_cost(count, attributes, requests, receiver)?;
        let more = before.map_or("—".to_owned(), |(less, cost)| {
            format!("{:.0}", (instructions - cost) / f64::from(count - less))
        });
        table.row([count.to_string(), attributes.to_string(), format!("{instructions:.0}"), more]);
        before = Some((count, instructions));
    }
    report.table("spans", &table)?;

    let mut table = Table::new(&[
        "attributes of one child span",
        "instructions per request",
        "per attribute more",
    ]);
    let mut before: Option<(u32, f64)> = None;
    for attributes in [0, 10, 50] {
        let instructions = tracing_cost(1, attributes, REQUESTS, receiver)?;
        let more = before.map_or("—".to_owned(), |(less, cost)| {
            format!("{:.0}", (instructions - cost) / f64::from(attributes - less))
        });
        table.row([attributes.to_string(), format!("{instructions:.0}"), more]);
        before = Some((attributes, instructions));
    }
    report.table("attributes", &table)
}

/// What tracing adds to such a request, in instructions.
fn tracing_cost(count: u32, attributes: u32, requests: u64, receiver: &Receiver) -> Outcome<f64> {
    let path = format!("/spans?count={count}&attributes={attributes}");
    let of = |variant: &Variant| per_request(variant, &path, requests, receiver);
    Ok(of(&variant::OURS)? - of(&variant::UNTRACED)?)
}

/// Fails when tracing costs more than it may: the bounds are a little above what was measured.
pub fn guard(receiver: &Receiver) -> Outcome<()> {
    /// Fewer than for the tables: the error is still below a percent.
    const REQUESTS: u64 = 2048;
    const BOUNDS: [(Variant, f64); 2] = [(variant::OURS, 1.35), (variant::OURS_UNSAMPLED, 1.15)];
    variant::build(&[variant::UNTRACED, variant::OURS])?;
    let untraced = per_request(&variant::UNTRACED, HOME, REQUESTS, receiver)?;
    let mut exceeded = Vec::new();
    for (variant, bound) in BOUNDS {
        let ratio = per_request(&variant, HOME, REQUESTS, receiver)? / untraced;
        println!(
            "{}: {ratio:.3} times the instructions of no tracing, at most {bound}",
            variant.name
        );
        if ratio > bound {
            exceeded.push(variant.name);
        }
    }
    if exceeded.is_empty() { Ok(()) } else { Err(format!("too many: {exceeded:?}").into()) }
}
