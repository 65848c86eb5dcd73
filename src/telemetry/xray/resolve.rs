//! Where the daemon is: its name looked up, and looked up again, because containers come back under
//! another address.
//!
//! A lookup may take as long as the system's resolver likes. It runs on a thread of its own, so that the
//! exporter waits for it a moment at most, and with an address in hand not at all.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::config::xray::HostPort;

/// How long an address is good without a doubt.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// How soon after a failure the name is looked up again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long the exporter waits for a lookup while it has no address at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// Nobody knows where the daemon is.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the X-Ray daemon's host {host:?} cannot be resolved: {problem}")]
pub(super) struct Unresolved {
    host: String,
    problem: String,
}

type Lookup = Receiver<io::Result<Vec<SocketAddr>>>;

/// The addresses of one host.
#[derive(Debug)]
pub(super) struct Resolver {
    daemon: HostPort,
    known: Vec<SocketAddr>,
    /// When to look the name up; `None` where the host is an address itself.
    due: Option<Instant>,
    under_way: Option<Lookup>,
    problem: String,
}

impl Resolver {
    pub(super) fn new(daemon: HostPort) -> Self {
        let address = daemon.host.parse::<IpAddr>().ok();
        Self {
            known: address.map(|ip| SocketAddr::new(ip, daemon.port)).into_iter().collect(),
            due: address.is_none().then(Instant::now),
            daemon,
            under_way: None,
            problem: String::new(),
        }
    }

    /// The addresses that are known, the likelier first.
    pub(super) fn addresses(&mut self) -> Result<&[SocketAddr], Unresolved> {
        let is_due = self.due.is_some_and(|due| Instant::now() >= due);
        let is_new = is_due && self.under_way.is_none();
        if is_new {
            self.start();
        }
        if self.under_way.is_some() {
            let is_waited_for = is_new && self.known.is_empty();
            self.look(if is_waited_for { PATIENCE } else { Duration::ZERO });
        }
        if self.known.is_empty() {
            let host = self.daemon.host.clone();
            return Err(Unresolved { host, problem: self.problem.clone() });
        }
        Ok(&self.known)
    }

    /// Notes that the addresses were of no use: the name is looked up again soon.
    pub(super) fn doubt(&mut self) {
        let soon = Instant::now() + RETRY_AFTER;
        self.due = self.due.map(|due| due.min(soon));
    }

    fn start(&mut self) {
        let (sender, receiver) = sync_channel(1);
        let HostPort { host, port } = self.daemon.clone();
        let thread =
            std::thread::Builder::new().name("xray-resolver".to_owned()).spawn(move || {
                let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                let _ = sender.send(addresses);
            });
        match thread {
            Ok(_) => self.under_way = Some(receiver),
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn look(&mut self, patience: Duration) {
        let Some(lookup) = &self.under_way else { return };
        match lookup.recv_timeout(patience) {
            Ok(Ok(mut addresses)) if !addresses.is_empty() => {
                // The daemon listens on 127.0.0.1 or 0.0.0.0 unless it is told otherwise.
                addresses.sort_by_key(SocketAddr::is_ipv6);
                self.known = addresses;
                self.under_way = None;
                self.due = Some(Instant::now() + GOOD_FOR);
            }
            Ok(Ok(_)) => self.fail("it has no address".to_owned()),
            Ok(Err(error)) => self.fail(error.to_string()),
            Err(RecvTimeoutError::Timeout) => self.problem = "no answer yet".to_owned(),
            Err(RecvTimeoutError::Disconnected) => self.fail("the lookup broke off".to_owned()),
        }
    }

    fn fail(&mut self, problem: String) {
        self.problem = problem;
        self.under_way = None;
        self.due = Some(Instant::now() + RETRY_AFTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(host: &str) -> Resolver {
        Resolver::new(HostPort { host: host.to_owned(), port: 2000 })
    }

    #[test]
    fn an_address_needs_no_lookup() {
        for (host, address) in [("127.0.0.1", "127.0.0.1:2000"), ("::1", "[::1]:2000")] {
            let mut resolver = resolver(host);
            assert_eq!(resolver.addresses().unwrap(), [address.parse().unwrap()]);
            resolver.doubt();
            assert!(resolver.due.is_none());
        }
    }

    #[test]
    fn a_name_is_looked_up_when_it_is_due_and_sooner_when_it_is_doubted() {
        let mut resolver = resolver("localhost");
        let known = resolver.addresses().unwrap().to_vec();
        assert!(known.contains(&"127.0.0.1:2000".parse().unwrap()), "{known:?}");
        assert!(known[0].is_ipv4(), "{known:?}");

        let due = resolver.due.unwrap();
        assert!(due > Instant::now() + RETRY_AFTER);
        resolver.doubt();
        assert!(resolver.due.unwrap() < due);

        // An address that was good stays in use while nothing better is known.
        resolver.daemon.host = "no-such-host.invalid".to_owned();
        resolver.due = Some(Instant::now());
        resolver.addresses().unwrap();
        assert!(resolver.under_way.is_some());
        resolver.look(Duration::from_secs(30));
        assert_eq!(resolver.addresses().unwrap(), known);
        assert_ne!(resolver.problem, "");
    }

    #[test]
    fn an_unknown_name_is_told_and_not_looked_up_at_once_again() {
        let mut resolver = resolver("no-such-host.invalid");
        resolver.start();
        resolver.look(Duration::from_secs(30));
        let error = resolver.addresses().unwrap_err().to_string();
        assert!(error.contains("\"no-such-host.invalid\" cannot be resolved: "), "{error}");
        assert!(resolver.under_way.is_none());
    }
}
