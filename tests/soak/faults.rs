//! One fault after the other under the same load, a row each.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::load::{Latencies, paced};
use crate::receiver::Mode::{self, Accept, Fail, FailHalf, Hang, Slow};
use crate::receiver::{Arrived, Receiver};
use crate::run::{end, peak_memory, start, wait_until_drained};

/// The load: requests a second, two spans each.
const RATE: u32 = 1000;
const TIME: Duration = Duration::from_secs(10);
/// How long an outage lasts, and the load in all.
const OUTAGE: Duration = Duration::from_secs(30);
const AROUND_AN_OUTAGE: Duration = Duration::from_secs(45);

pub fn run() {
    println!(
        "| the receiver | requests/s | p50 | p99 | memory | exported | failed | dropped | arrived | exit |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let modes: [(&str, Mode); 9] = [
        ("is healthy", Accept),
        ("takes 200 ms", Slow(Duration::from_millis(200))),
        ("takes 5 s", Slow(Duration::from_secs(5))),
        ("never answers", Hang),
        ("answers 401", Fail(401, None)),
        ("answers 429, `Retry-After: 1`", Fail(429, Some("1"))),
        ("answers 503", Fail(503, None)),
        ("answers 500", Fail(500, None)),
        ("answers 503 to every other export", FailHalf(503)),
    ];
    for (name, mode) in modes {
        let receiver = Receiver::start(mode);
        let endpoint = format!("http://{}", receiver.address);
        row(name, &endpoint, RATE, TIME, || receiver.arrived());
    }
    let nobody = free_address();
    row("refuses connections", &format!("http://{nobody}"), RATE, TIME, Arrived::default);
    let breaking = Breaking::start();
    row(
        "breaks connections",
        &format!("http://{}", breaking.address),
        RATE,
        TIME,
        Arrived::default,
    );
    row("has no address", "http://nothing.invalid", RATE, TIME, Arrived::default);
    let receiver = Receiver::start(Accept);
    let without_tls = format!("https://{}", receiver.address);
    row("speaks no TLS", &without_tls, RATE, TIME, Arrived::default);
    drop(receiver);
    let receiver = Receiver::start_untrusted();
    let untrusted = format!("https://localhost:{}", receiver.address.port());
    row("has a certificate that is not trusted", &untrusted, RATE, TIME, || receiver.arrived());
    drop(receiver);
    for rate in [100, 5000] {
        outage(rate);
    }
}

/// A receiver that is there, away for half a minute, and back.
fn outage(rate: u32) {
    let address = free_address();
    let before = Receiver::start_at(address, Accept);
    let returning = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(5));
        let arrived = before.arrived();
        drop(before);
        std::thread::sleep(OUTAGE);
        (arrived, Receiver::start_at(address, Accept))
    });
    let process = start(&format!("http://{address}"));
    let latencies = paced(process.address, rate, AROUND_AN_OUTAGE);
    let (before, after) = returning.join().unwrap();
    assert!(wait_until_drained(process.address, Duration::from_secs(60)), "export resumes");
    let memory = peak_memory(&process);
    let ended = end(process);
    let after = after.arrived();
    let arrived = before.spans + after.spans;
    assert_eq!(ended.created(), 2 * latencies.count() as u64, "every span is accounted for");
    // Of the two none knows what the other has: together they have no more than was acknowledged.
    assert_eq!(ended.exported, arrived, "what is said to have arrived has, once");
    print("is away for 30 s", rate, &latencies, memory, &ended, arrived);
}

fn row(name: &str, endpoint: &str, rate: u32, time: Duration, arrived: impl Fn() -> Arrived) {
    let process = start(endpoint);
    let latencies = paced(process.address, rate, time);
    let memory = peak_memory(&process);
    let ended = end(process);
    assert_eq!(
        ended.created(),
        2 * latencies.count() as u64,
        "{name}: every span is accounted for"
    );
    let Arrived { spans, twice } = arrived();
    assert_eq!(ended.exported, spans, "{name}: what is said to have arrived has");
    assert_eq!(twice, 0, "{name}: nothing has arrived twice");
    print(name, rate, &latencies, memory, &ended, spans);
}

fn print(
    name: &str,
    rate: u32,
    latencies: &Latencies,
    memory: u64,
    ended: &crate::run::Ended,
    arrived: u64,
) {
    let [p50, p99] = [0.5, 0.99].map(|share| latencies.quantile(share).as_secs_f64() * 1e3);
    let crate::run::Ended { exported, failed, dropped, exit } = ended;
    println!(
        "| {name} | {rate} | {p50:.2} ms | {p99:.2} ms | {memory} MiB | {exported} | {failed} | {dropped} | {arrived} | {:.1} s |",
        exit.as_secs_f64()
    );
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Takes connections and closes them.
struct Breaking {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl Breaking {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                drop(listener.accept());
            }
        });
        Self { address, is_over }
    }
}

impl Drop for Breaking {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // The last one, so that it looks.
        let _ = std::net::TcpStream::connect(self.address);
    }
}
