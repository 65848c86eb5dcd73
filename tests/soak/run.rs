//! The binary in one run, and what is measured of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::process::Process;

/// What a run has shown at its end.
pub struct Ended {
    /// By the process's own last word.
    pub exported: u64,
    pub failed: u64,
    pub dropped: u64,
    /// From SIGTERM to the exit.
    pub exit: Duration,
}

impl Ended {
    pub fn created(&self) -> u64 {
        self.exported + self.failed + self.dropped
    }
}

/// Starts the binary with its defaults, but for the console: exports go to `endpoint` alone.
pub fn start(endpoint: &str) -> Process {
    Process::start(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        // The access log is another's figure.
        ("RUST_LOG", "info,access=off"),
        ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
    ])
}

/// The most memory that the process has had, in MiB.
pub fn peak_memory(process: &Process) -> u64 {
    memory(process, "VmHWM")
}

/// The memory that it has now, in MiB.
pub fn current_memory(process: &Process) -> u64 {
    memory(process, "VmRSS")
}

fn memory(process: &Process, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Waits until nothing is queued, as `/health` tells it; false where that takes too long.
pub fn wait_until_drained(address: SocketAddr, patience: Duration) -> bool {
    let started = Instant::now();
    loop {
        let health = Connection::open(address).request("GET", "/health", &[], b"").json();
        if health["telemetry"]["exporters"][0]["queued"] == 0 {
            return true;
        }
        if started.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Ends the process by SIGTERM.
pub fn end(process: Process) -> Ended {
    let signalled = Instant::now();
    let finished = process.terminate();
    let exit = signalled.elapsed();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    let [exported, failed, dropped] = finished.report("otlp");
    Ended { exported, failed, dropped, exit }
}
