//! Instructions per request, counted by callgrind: all threads, user space. The same binary with the
//! same requests gives the same count within a fraction of a percent, whatever else the machine does.

use std::path::Path;

use crate::Outcome;
use crate::client::Connection;
use crate::process::{Process, Run};
use crate::receiver::Receiver;
use crate::variant::{LOSES_NOTHING, Variant};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The path that is requested.
    pub path: &'a str,
    /// How often, besides a warm-up of half as many: what is made once is made then.
    pub requests: u64,
    /// The spans of one request.
    pub spans: u64,
}

/// What was counted.
#[derive(Clone, Copy, Debug)]
pub struct Count<N> {
    /// Instructions of the process.
    pub instructions: N,
    /// Bytes that it sent to the receiver, without HTTP's own.
    pub bytes: N,
}

/// What one request costs: what a run of the warm-up alone costs is taken from what a run with all
/// requests does, so that start and end do not count.
pub fn per_request(
    variant: &Variant,
    sample: Sample<'_>,
    receiver: &Receiver,
) -> Outcome<Count<f64>> {
    let warm_up = sample.requests / 2;
    let few = total(variant, Sample { requests: warm_up, ..sample }, receiver)?;
    let many = total(variant, Sample { requests: warm_up + sample.requests, ..sample }, receiver)?;
    let each = |many: u64, few: u64| many.saturating_sub(few) as f64 / sample.requests as f64;
    Ok(Count {
        instructions: each(many.instructions, few.instructions),
        bytes: each(many.bytes, few.bytes),
    })
}

/// The instructions of a whole run.
fn total(variant: &Variant, sample: Sample<'_>, receiver: &Receiver) -> Outcome<Count<u64>> {
    let directory = std::env::temp_dir().join(format!("callgrind-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let file = directory.join("out");
    let run = Run {
        receiver: receiver.address,
        stdout: None,
        under: vec![
            "valgrind".to_owned(),
            "--tool=callgrind".to_owned(),
            // One thread runs at a time: the one that prints or sends has its turn, too.
            "--fair-sched=yes".to_owned(),
            format!("--callgrind-out-file={}", file.display()),
        ],
        // Batches by their size alone, and room for all spans: time passes differently here.
        environment: vec![
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "131072"),
            ("TRACES_KEPT", "8192"),
            // The cost of what is lost would be missing.
            (LOSES_NOTHING, "1"),
        ],
    };
    let process = Process::start(variant, &run)?;
    let (bytes, spans) = (receiver.bytes(), receiver.spans());
    let mut connection = Connection::open(process.address, sample.path)?;
    for _ in 0..sample.requests {
        connection.request()?;
    }
    drop(connection);
    process.stop()?;
    let (bytes, spans) = (receiver.bytes() - bytes, receiver.spans() - spans);
    let instructions = read_total(&file)?;
    std::fs::remove_dir_all(&directory)?;
    let made = sample.requests * sample.spans;
    if variant.exports && spans != made {
        // Their cost would be missing.
        return Err(format!("{}: {spans} spans of {made} arrived", variant.name).into());
    }
    Ok(Count { instructions, bytes })
}

/// The line `totals: 123` (or `summary:`) of callgrind's output.
fn read_total(file: &Path) -> Outcome<u64> {
    let text = std::fs::read_to_string(file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind counted nothing; is valgrind installed?")?.trim().parse()?)
}
