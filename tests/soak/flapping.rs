//! A long run at half of saturation while the receiver comes and goes: memory stays flat, and the accounts
//! are exact to the span.

use std::time::{Duration, Instant};

use crate::load::{paced, saturating};
use crate::receiver::{Mode, Receiver};
use crate::run::{current_memory, end, start, wait_until_drained};

/// The faults, one after the other, each followed by as long a time of health.
const FAULTS: [Mode; 5] = [
    Mode::Fail(503, None),
    Mode::Fail(429, Some("1")),
    Mode::FailHalf(503),
    Mode::Slow(Duration::from_millis(200)),
    Mode::Fail(500, None),
];
const TURN: Duration = Duration::from_secs(5);
/// Memory may differ by so much between the first look and the last, in MiB.
const FLAT: u64 = 16;

pub fn run(seconds: u64) {
    let time = Duration::from_secs(seconds);
    let receiver = Receiver::start(Mode::Accept);
    let process = start(&format!("http://{}", receiver.address));
    let address = process.address;
    let most = Duration::from_secs(5);
    let first = saturating(address, most);
    let rate = u32::try_from(first.count() as u64 / most.as_secs() / 2).unwrap();
    println!("saturation: {} requests/s; the load is {rate} requests/s", rate * 2);

    let load = std::thread::spawn(move || paced(address, rate, time));
    let started = Instant::now();
    let mut looks = Vec::new();
    for mode in FAULTS.into_iter().cycle() {
        if started.elapsed() + 2 * TURN > time {
            break;
        }
        receiver.set(mode);
        std::thread::sleep(TURN);
        receiver.set(Mode::Accept);
        std::thread::sleep(TURN);
        looks.push(current_memory(&process));
        println!(
            "{:4} s: {} MiB, after {mode:?}",
            started.elapsed().as_secs(),
            looks[looks.len() - 1]
        );
    }
    let latencies = load.join().unwrap();
    assert!(wait_until_drained(address, Duration::from_secs(60)), "export resumes");
    let ended = end(process);
    let arrived = receiver.arrived();
    let created = 2 * (first.count() + latencies.count()) as u64;
    println!(
        "created {created}, exported {}, failed {}, dropped {}, arrived {}, twice {}; p99 {:.2} ms; exit {:.1} s",
        ended.exported,
        ended.failed,
        ended.dropped,
        arrived.spans,
        arrived.twice,
        latencies.quantile(0.99).as_secs_f64() * 1e3,
        ended.exit.as_secs_f64(),
    );
    assert_eq!(ended.created(), created, "every span is accounted for");
    assert_eq!(ended.exported, arrived.spans, "what is said to have arrived has");
    assert_eq!(arrived.twice, 0, "nothing is sent again that was acknowledged");
    // The first turns fill caches and queues.
    let (early, late) = (looks[looks.len() / 3], looks[looks.len() - 1]);
    assert!(late <= early + FLAT, "memory grows: {looks:?}");
}
