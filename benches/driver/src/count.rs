//! Instructions: of a request to the home feed in each variant, and of each more span and attribute.

use crate::Outcome;
use crate::callgrind::{Count, Sample, per_request};
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
    let columns = ["variant", "instructions per request", "ratio to P0", "OTLP bytes per request"];
    let mut table = Table::new(&columns);
    let mut untraced = None;
    let mut bars = Vec::new();
    for variant in variant::ALL.iter().filter(|variant| variant.is_counted()) {
        let count = home(variant, REQUESTS, receiver)?;
        let ratio = count.instructions / *untraced.get_or_insert(count.instructions);
        let bytes =
            if count.bytes > 0.0 { format!("{:.0}", count.bytes) } else { "—".to_owned() };
        let instructions = format!("{:.0}", count.instructions);
        table.row([variant.name.to_owned(), instructions, format!("{ratio:.2}"), bytes]);
        bars.push((variant.name, ratio));
    }
    report.table("instructions", &table)?;
    report.chart("performance.svg", "Instructions per request, as a multiple of no tracing", &bars)
}

/// What a request to the home feed costs.
pub fn home(variant: &Variant, requests: u64, receiver: &Receiver) -> Outcome<Count<f64>> {
    let requests = requests.min(variant.most_requests);
    per_request(variant, Sample { path: HOME, requests, spans: variant.spans }, receiver)
}

/// What tracing costs with 1 to 1,000 child spans, and with 0 to 50 attributes on one.
fn growth(receiver: &Receiver, report: &mut Report) -> Outcome<()> {
    let mut table = Table::new(&[
        "child spans, two attributes each",
        "instructions of tracing",
        "for each more",
    ]);
    steps(&mut table, [1, 10, 100, 1000], |count| {
        // About as many spans in all.
        let requests = (2 * REQUESTS / u64::from(count)).clamp(64, REQUESTS);
        tracing(count, 2, requests, receiver)
    })?;
    report.table("spans", &table)?;

    let mut table =
        Table::new(&["attributes of one child span", "instructions of tracing", "for each more"]);
    steps(&mut table, [0, 10, 50], |attributes| tracing(1, attributes, REQUESTS, receiver))?;
    report.table("attributes", &table)
}

/// A row for each of `sizes`, with what it costs and what one more costs.
fn steps<const N: usize>(
    table: &mut Table,
    sizes: [u32; N],
    cost: impl Fn(u32) -> Outcome<f64>,
) -> Outcome<()> {
    let mut before: Option<(u32, f64)> = None;
    for size in sizes {
        let instructions = cost(size)?;
        let more = before.map_or("—".to_owned(), |(less, cost)| {
            format!("{:.0}", (instructions - cost) / f64::from(size - less))
        });
        table.row([size.to_string(), format!("{instructions:.0}"), more]);
        before = Some((size, instructions));
    }
    Ok(())
}

/// What tracing adds to a request with so many child spans, in instructions.
fn tracing(count: u32, attributes: u32, requests: u64, receiver: &Receiver) -> Outcome<f64> {
    let path = format!("/spans?count={count}&attributes={attributes}");
    let of = |variant: &Variant, spans| {
        per_request(variant, Sample { path: &path, requests, spans }, receiver)
    };
    let traced = of(&variant::OURS, u64::from(count) + 1)?;
    Ok(traced.instructions - of(&variant::UNTRACED, 0)?.instructions)
}

/// Fails when tracing costs more than it may: the bounds leave a twentieth for what
/// compilers and dependencies change.
pub fn guard(receiver: &Receiver) -> Outcome<()> {
    /// Fewer than for the tables: the error is still below a percent.
    const REQUESTS: u64 = 2048;
    const BOUNDS: [(Variant, f64); 4] = [
        (variant::OURS, 1.70),
        (variant::OURS_UNSAMPLED, 1.35),
        (variant::OURS_PAGE_UNSAMPLED, 1.35),
        (variant::OURS_PAGE, 2.00),
    ];
    variant::build(&[variant::UNTRACED, variant::OURS])?;
    let instructions =
        |variant: &Variant| Outcome::Ok(home(variant, REQUESTS, receiver)?.instructions);
    let untraced = instructions(&variant::UNTRACED)?;
    let mut exceeded = Vec::new();
    for (variant, bound) in BOUNDS {
        let ratio = instructions(&variant)? / untraced;
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
