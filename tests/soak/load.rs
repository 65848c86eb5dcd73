//! Clients that ask for the home feed, at a pace or as fast as they are answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::http::Connection;

/// How many connections there are: enough to keep two workers busy.
const CONNECTIONS: u32 = 16;

/// How long each answer took, in ascending order. With a pace, from when the request was due: a service
/// that stalls is late for all that wait behind the stall.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of the answers took at most.
    pub fn quantile(&self, share: f64) -> Duration {
        let index = (self.0.len() as f64 * share) as usize;
        self.0[index.min(self.0.len() - 1)]
    }
}

/// So many requests a second, for a while.
pub fn paced(address: SocketAddr, rate: u32, time: Duration) -> Latencies {
    let start = Instant::now();
    clients(move |number| {
        let mut connection = Connection::open(address);
        let interval = Duration::from_secs(1) * CONNECTIONS / rate;
        let mut due = start + interval * number / CONNECTIONS;
        let mut latencies = Vec::new();
        while due < start + time {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            get(&mut connection);
            latencies.push(due.elapsed());
            due += interval;
        }
        latencies
    })
}

/// As many requests as there are answers.
pub fn saturating(address: SocketAddr, time: Duration) -> Latencies {
    let start = Instant::now();
    clients(move |_| {
        let mut connection = Connection::open(address);
        let mut latencies = Vec::new();
        while start.elapsed() < time {
            let sent = Instant::now();
            get(&mut connection);
            latencies.push(sent.elapsed());
        }
        latencies
    })
}

fn get(connection: &mut Connection) {
    let answer = connection.request("GET", "/api/activities/home", &[], b"");
    assert_eq!(answer.status, 200);
}

fn clients(client: impl Fn(u32) -> Vec<Duration> + Clone + Send + 'static) -> Latencies {
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let client = client.clone();
            std::thread::spawn(move || client(number))
        })
        .collect();
    let mut all: Vec<_> =
        clients.into_iter().flat_map(|client| client.join().expect("all are answered")).collect();
    all.sort_unstable();
    Latencies(all)
}
