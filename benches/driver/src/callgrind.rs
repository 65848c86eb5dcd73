//! Instructions per request, counted by callgrind: all threads, user space. The same binary with the
//! same requests gives the same count within a fraction of a percent, whatever else the machine does.

use std::path::Path;

use crate::Outcome;
use crate::client::Connection;
use crate::process::{Process, Run};
use crate::receiver::Receiver;
use crate::variant::Variant;

/// Requests before those that are counted: what is made once is made then.
const WARM_UP: u64 = 1024;

/// The instructions that one request to `path` costs, over `requests` of them: those of a run with the
/// warm-up alone are taken from those of a run with both, so that start and end do not count.
pub fn per_request(
    variant: &Variant,
    path: &str,
    requests: u64,
    receiver: &Receiver,
) -> Outcome<f64> {
    let few = total(variant, path, WARM_UP, receiver)?;
    let many = total(variant, path, WARM_UP + requests, receiver)?;
    Ok(many.saturating_sub(few) as f64 / requests as f64)
}

/// The instructions of a whole run.
fn total(variant: &Variant, path: &str, requests: u64, receiver: &Receiver) -> Outcome<u64> {
    let directory = std::env::temp_dir().join(format!("callgrind-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let file = directory.join("out");
    let run = Run {
        receiver: receiver.address,
        stdout: None,
        under: vec![
            "valgrind".to_owned(),
            "--tool=callgrind".to_owned(),
            format!("--callgrind-out-file={}", file.display()),
        ],
        // Batches by their size alone: time passes differently here.
        environment: vec![("OTEL_BSP_SCHEDULE_DELAY", "600000")],
    };
    let process = Process::start(variant, &run)?;
    let before = receiver.spans();
    let mut connection = Connection::open(process.address, path)?;
    for _ in 0..requests {
        connection.request()?;
    }
    drop(connection);
    process.stop()?;
    let arrived = receiver.spans() - before;
    let total = read_total(&file)?;
    std::fs::remove_dir_all(&directory)?;
    if variant.exports && arrived == 0 {
        return Err(format!("no spans came from {}", variant.name).into());
    }
    Ok(total)
}

/// The line `totals: 123` (or `summary:`) of callgrind's output.
fn read_total(file: &Path) -> Outcome<u64> {
    let text = std::fs::read_to_string(file)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.ok_or("callgrind counted nothing; is valgrind installed?")?.trim().parse()?)
}
