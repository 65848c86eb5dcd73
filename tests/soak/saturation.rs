//! As many requests as the service answers, with a healthy receiver: no span may be lost.

use std::time::Duration;

use crate::load::saturating;
use crate::receiver::{Mode, Receiver};
use crate::run::{end, peak_memory, start};

const RUNS: usize = 10;
const TIME: Duration = Duration::from_secs(5);

pub fn run() {
    println!("| requests/s | p99 | memory | created | arrived | lost |");
    println!("|---|---|---|---|---|---|");
    for _ in 0..RUNS {
        let receiver = Receiver::start(Mode::Accept);
        let process = start(&format!("http://{}", receiver.address));
        let latencies = saturating(process.address, TIME);
        let memory = peak_memory(&process);
        let ended = end(process);
        let (created, seen) = (2 * latencies.count() as u64, receiver.arrived());
        let arrived = seen.spans;
        assert_eq!(seen.twice, 0, "nothing has arrived twice");
        assert_eq!(ended.created(), created, "every span is accounted for");
        assert_eq!(ended.exported, arrived, "what is said to have arrived has");
        println!(
            "| {} | {:.2} ms | {memory} MiB | {created} | {arrived} | {} |",
            latencies.count() as u64 / TIME.as_secs(),
            latencies.quantile(0.99).as_secs_f64() * 1e3,
            created - arrived,
        );
    }
}
