//! The way to the daemon: UDP, one document a datagram. Nothing in here waits for longer than it is told:
//! it runs on the batch processor's thread.
//!
//! UDP tells little of what became of a datagram, but it tells when nobody listens: the refusal comes
//! back to a connected socket, from the same machine at once, from another one a little later.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::resolve::{Resolver, Unresolved};
use crate::config::xray::HostPort;

/// What stands before a document: the daemon takes nothing without it.
const HEADER: &[u8] = b"{\"format\": \"json\", \"version\": 1}\n";
/// How much may be sent at a stretch. Linux holds 208 KiB for a receiver that does not read just now, its
/// own bookkeeping included, and drops what is beyond that without a word.
const STRETCH: usize = 64 * 1024;
/// What a document takes in such a buffer besides its bytes, at least.
const BOOKKEEPING: usize = 1024;
/// How long the receiver is left to read between two stretches. Some 15,000 documents go out in a second
/// so, several times what X-Ray takes of an account; what waits too long for that is dropped from our own
/// queue, which counts.
const PAUSE: Duration = Duration::from_millis(2);

/// Why a document was not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    #[error("nothing listens at {0}: is the X-Ray daemon running?")]
    Refused(SocketAddr),
    #[error("the system takes no more datagrams for {0}")]
    Busy(SocketAddr),
    #[error("cannot send to {0}: {1}")]
    Io(SocketAddr, io::Error),
}

/// The daemon, as far as it can be sent to.
#[derive(Debug)]
pub(super) struct Daemon {
    resolver: Resolver,
    /// None before the first document is sent, then never none.
    addresses: Vec<SocketAddr>,
    /// Which of them is in use.
    current: usize,
    socket: Option<UdpSocket>,
    datagram: Vec<u8>,
    sent_at_a_stretch: usize,
    late_refusals: u64,
}

impl Daemon {
    pub(super) fn new(daemon: HostPort) -> Self {
        Self {
            resolver: Resolver::new(daemon),
            addresses: Vec::new(),
            current: 0,
            socket: None,
            datagram: Vec::new(),
            sent_at_a_stretch: 0,
            late_refusals: 0,
        }
    }

    /// Sends one document, to the first address that does not refuse it, until `deadline`.
    pub(super) fn send(&mut self, document: &[u8], deadline: Instant) -> Result<(), SendError> {
        let known = self.resolver.addresses()?;
        if self.addresses != known {
            self.addresses = known.to_vec();
            (self.current, self.socket) = (0, None);
        }
        self.datagram.clear();
        self.datagram.extend_from_slice(HEADER);
        self.datagram.extend_from_slice(document);
        self.give_time(self.datagram.len());
        let mut tries = self.addresses.len();
        loop {
            let error = match self.send_to(self.addresses[self.current], deadline) {
                Err(error @ (SendError::Refused(_) | SendError::Io(..))) => error,
                done => return done,
            };
            self.resolver.doubt();
            self.socket = None;
            self.current = (self.current + 1) % self.addresses.len();
            tries -= 1;
            if tries == 0 {
                return Err(error);
            }
        }
    }

    /// How many documents since the last call were refused only after they had counted as sent.
    pub(super) fn take_late_refusals(&mut self) -> u64 {
        self.note_late_refusal();
        std::mem::take(&mut self.late_refusals)
    }

    fn note_late_refusal(&mut self) {
        let refusal = self.socket.as_ref().and_then(|socket| socket.take_error().ok().flatten());
        if refusal.is_some() {
            self.late_refusals += 1;
            self.resolver.doubt();
        }
    }

    fn send_to(&mut self, address: SocketAddr, deadline: Instant) -> Result<(), SendError> {
        let failed = |error: io::Error| match error.kind() {
            ErrorKind::ConnectionRefused => SendError::Refused(address),
            _ => SendError::Io(address, error),
        };
        // What is to be told of an earlier datagram must not be taken for the fate of this one.
        self.note_late_refusal();
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(connect(address).map_err(failed)?),
        };
        while let Err(error) = socket.send(&self.datagram) {
            match error.kind() {
                ErrorKind::WouldBlock if Instant::now() < deadline => sleep(PAUSE),
                ErrorKind::WouldBlock => return Err(SendError::Busy(address)),
                ErrorKind::Interrupted => {}
                _ => return Err(failed(error)),
            }
        }
        match socket.take_error() {
            Ok(Some(error)) => Err(failed(error)),
            _ => Ok(()),
        }
    }

    fn give_time(&mut self, bytes: usize) {
        if self.sent_at_a_stretch >= STRETCH {
            sleep(PAUSE);
            self.sent_at_a_stretch = 0;
        }
        self.sent_at_a_stretch += bytes + BOOKKEEPING;
    }
}

fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_does_not_read_holds_what_is_sent_at_a_stretch() {
        // Bytes of a document, how many of them are a stretch.
        for (bytes, count) in [(64_000, 2), (8_000, 7), (1_000, 32), (300, 48)] {
            let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
            receiver.set_nonblocking(true).unwrap();
            let port = receiver.local_addr().unwrap().port();
            let mut daemon = Daemon::new(HostPort { host: "127.0.0.1".to_owned(), port });
            let deadline = Instant::now() + Duration::from_secs(30);
            for _ in 0..count {
                daemon.send(&vec![b' '; bytes], deadline).unwrap();
            }
            let mut buffer = vec![0; 65_536];
            let received = std::iter::from_fn(|| receiver.recv(&mut buffer).ok());
            let lengths: Vec<_> = received.collect();
            assert_eq!(lengths, vec![HEADER.len() + bytes; count], "{bytes}");
            // The next one would have waited.
            assert!(daemon.sent_at_a_stretch + bytes + BOOKKEEPING > STRETCH, "{bytes}");
        }
    }

    #[test]
    fn a_refusal_is_told_of_the_document_that_was_refused() {
        // Nobody listens there.
        let mut daemon = Daemon::new(HostPort { host: "127.0.0.1".to_owned(), port: 1 });
        let deadline = Instant::now() + Duration::from_secs(30);
        for _ in 0..3 {
            let error = daemon.send(b"{}", deadline).unwrap_err();
            assert!(matches!(error, SendError::Refused(address) if address.port() == 1));
        }
        assert_eq!(daemon.take_late_refusals(), 0);
    }
}
