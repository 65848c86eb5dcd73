//! What has to be timed, and so needs a machine that does nothing else: CPU time and throughput, in
//! short segments of random length, each beside one of the untraced service; latency at a fixed rate;
//! what is lost at saturation; memory and start-up.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Outcome;
use crate::client::{Connection, HOME, paced, saturate};
use crate::process::{Process, Run};
use crate::receiver::Receiver;
use crate::report::{Report, Table};
use crate::variant::{self, UNTRACED, Variant};

/// Requests under way at any moment.
const CONNECTIONS: usize = 16;
/// Pairs of segments of a variant and of the untraced service.
const PAIRS: usize = 24;
/// Requests a second where latency is measured, a small part of what one worker can do.
const RATE: u32 = 2000;
/// How long each variant is kept at saturation, or at the fixed rate.
const LONG: Duration = Duration::from_secs(10);
/// How often it is started.
const STARTS: usize = 11;
/// How long a span waits for its batch at most, in milliseconds, so that a segment's are soon out. (Under
/// load a batch is full much sooner.)
const DELAY: &str = "200";
/// Longer than that.
const FLUSH: Duration = Duration::from_millis(500);

/// Measures all variants and writes the tables.
pub fn run(receiver: &Receiver, report: &mut Report) -> Outcome<()> {
    let mut random = Random::new()?;
    let mut load = Table::new(&[
        "variant",
        "CPU per request, ratio to P0",
        "throughput, ratio to P0",
        "requests/s",
    ]);
    let mut latency = Table::new(&["variant", "p50", "p99", "p99.9"]);
    let mut rest = Table::new(&["variant", "spans lost", "peak memory", "start-up", "binary"]);
    for variant in &variant::ALL {
        eprintln!("{} …", variant.name);
        load.row(beside_untraced(variant, receiver, &mut random)?);
        let mut latencies = latencies(variant, receiver)?;
        latencies.sort_unstable();
        let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
        let cells = [0.5, 0.99, 0.999].map(|part| format!("{} µs", at(part).as_micros()));
        latency.row([variant.name.to_owned()].into_iter().chain(cells));
        let (lost, memory) = saturated(variant, receiver)?;
        rest.row([
            variant.name.to_owned(),
            lost,
            format!("{:.1} MB", memory as f64 / 1e6),
            start_up(variant, receiver)?,
            format!("{:.1} MB", stripped_size(variant)? as f64 / 1e6),
        ]);
    }
    report.table("load", &load)?;
    report.table("latency", &latency)?;
    report.table("rest", &rest)
}

/// Prints CPU time and throughput of some variants, for who changes something.
pub fn compare(variants: &[Variant], receiver: &Receiver) -> Outcome<()> {
    let mut random = Random::new()?;
    for variant in variants {
        println!("{}", beside_untraced(variant, receiver, &mut random)?.join("; "));
    }
    Ok(())
}

/// The row of a variant: CPU time and throughput, both as a ratio, and its rate.
fn beside_untraced(
    variant: &Variant,
    receiver: &Receiver,
    random: &mut Random,
) -> Outcome<[String; 4]> {
    let pairs = interleaved(variant, receiver, random)?;
    let column =
        |value: fn(&Pair) -> f64, digits| spread(pairs.iter().map(value).collect(), digits);
    Ok([
        variant.name.to_owned(),
        column(|pair| pair.cpu, 2),
        column(|pair| pair.throughput, 2),
        column(|pair| pair.rate, 0),
    ])
}

/// A segment of a variant beside one of the untraced service.
struct Pair {
    cpu: f64,
    throughput: f64,
    rate: f64,
}

/// A server that is measured in segments.
struct Segments {
    process: Process,
    connections: Vec<Connection>,
}

/// What one segment showed.
struct Segment {
    cpu_per_request: f64,
    rate: f64,
}

impl Segments {
    fn start(variant: &Variant, receiver: &Receiver) -> Outcome<Self> {
        let environment = vec![("OTEL_BSP_SCHEDULE_DELAY", DELAY)];
        let process = Process::start(variant, &Run { environment, ..to(receiver) })?;
        let connections = connect(&process)?;
        let mut segments = Self { process, connections };
        segments.measure(Duration::from_millis(500), Duration::ZERO)?;
        Ok(segments)
    }

    /// Loads it for `time`, then lets it rest: what it does with the spans meanwhile is theirs.
    fn measure(&mut self, time: Duration, rest: Duration) -> Outcome<Segment> {
        let before = self.process.cpu_time()?;
        let requests = saturate(&mut self.connections, time)? as f64;
        std::thread::sleep(rest);
        let cpu = self.process.cpu_time()?.saturating_sub(before);
        Ok(Segment {
            cpu_per_request: cpu.as_secs_f64() / requests,
            rate: requests / time.as_secs_f64(),
        })
    }
}

fn interleaved(variant: &Variant, receiver: &Receiver, random: &mut Random) -> Outcome<Vec<Pair>> {
    let mut untraced = Segments::start(&UNTRACED, receiver)?;
    let mut traced = Segments::start(variant, receiver)?;
    let rest = if variant.spans > 0 { FLUSH } else { Duration::ZERO };
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let time = Duration::from_millis(300 + random.below(400));
        let (p0, own);
        if random.below(2) == 0 {
            p0 = untraced.measure(time, Duration::ZERO)?;
            own = traced.measure(time, rest)?;
        } else {
            own = traced.measure(time, rest)?;
            p0 = untraced.measure(time, Duration::ZERO)?;
        }
        pairs.push(Pair {
            cpu: own.cpu_per_request / p0.cpu_per_request,
            throughput: own.rate / p0.rate,
            rate: own.rate,
        });
    }
    for segments in [untraced, traced] {
        drop(segments.connections);
        segments.process.stop()?;
    }
    Ok(pairs)
}

fn latencies(variant: &Variant, receiver: &Receiver) -> Outcome<Vec<Duration>> {
    let process = Process::start(variant, &to(receiver))?;
    let mut connections = connect(&process)?;
    paced(&mut connections, RATE, Duration::from_secs(1))?;
    let latencies = paced(&mut connections, RATE, LONG)?;
    drop(connections);
    process.stop()?;
    Ok(latencies)
}

/// How many spans never arrived, and the most memory that it took.
fn saturated(variant: &Variant, receiver: &Receiver) -> Outcome<(String, u64)> {
    let process = Process::start(variant, &to(receiver))?;
    let mut connections = connect(&process)?;
    let before = receiver.spans();
    let made = saturate(&mut connections, LONG)? * variant.spans;
    let memory = process.peak_memory()?;
    drop(connections);
    process.stop()?;
    let arrived = receiver.spans() - before;
    let lost = match arrived {
        0 => "—".to_owned(),
        _ => format!("{} of {made}", made.saturating_sub(arrived)),
    };
    Ok((lost, memory))
}

/// From its start to its first answer.
fn start_up(variant: &Variant, receiver: &Receiver) -> Outcome<String> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        let process = Process::start(variant, &to(receiver))?;
        Connection::open(process.address, HOME)?.request()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        process.stop()?;
    }
    Ok(format!("{} ms", spread(times, 1)))
}

/// Without what is there for backtraces.
fn stripped_size(variant: &Variant) -> Outcome<u64> {
    let stripped = std::env::temp_dir().join(format!("stripped-{}", std::process::id()));
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(variant.binary()?).status()?;
    if !status.success() {
        return Err("strip fails".into());
    }
    let size = std::fs::metadata(&stripped)?.len();
    std::fs::remove_file(stripped)?;
    Ok(size)
}

fn to(receiver: &Receiver) -> Run {
    // A device, as with stdout closed off: what a file costs is the file system's.
    let stdout = Some(PathBuf::from("/dev/null"));
    Run { receiver: receiver.address, stdout, under: Vec::new(), environment: Vec::new() }
}

fn connect(process: &Process) -> Outcome<Vec<Connection>> {
    (0..CONNECTIONS).map(|_| Connection::open(process.address, HOME)).collect()
}

/// The median, and between what the middle half is.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| values[(values.len() - 1) * part / 4];
    format!("{:.digits$} ({:.digits$}–{:.digits$})", at(2), at(1), at(3))
}

/// Numbers that no schedule of the system keeps step with (xorshift).
struct Random(u64);

impl Random {
    fn new() -> Outcome<Self> {
        Ok(Self(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64 | 1))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
