//! An X-Ray daemon on a free port of loopback, UDP and TCP: takes segment documents, none but valid ones,
//! and answers questions about sampling as it is told.

mod http;
mod schema;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Map, Value, json};

pub use http::Question;

/// What the daemon sends to itself to know that it has read all that came before.
const MARK: &[u8] = b"mark";
const STOP: &[u8] = b"stop";
/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Seen {
    documents: Vec<Value>,
    /// What is wrong with datagrams that are no valid documents.
    faults: Vec<String>,
    marks: usize,
}

pub struct XrayDaemon {
    pub address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    http: http::Server,
    thread: Option<JoinHandle<UdpSocket>>,
}

impl XrayDaemon {
    pub fn start() -> Self {
        // One number for both, as the real one has it.
        let (udp, tcp) = (0..)
            .find_map(|_| {
                let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
                Some((UdpSocket::bind(tcp.local_addr().unwrap()).ok()?, tcp))
            })
            .unwrap();
        Self::start_on(udp, tcp)
    }

    fn start_on(udp: UdpSocket, tcp: TcpListener) -> Self {
        let address = udp.local_addr().unwrap();
        // The tests run on few cores, so that the thread below may not read for a while. Where the system
        // does not allow that much, what it has by default is enough on a machine that is less busy.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&udp, 8 << 20);
        let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        let kept = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            read_all(&udp, &kept);
            udp
        });
        Self { address, seen, http: http::Server::start(tcp), thread: Some(thread) }
    }

    /// Stops: from now on, nobody listens for documents.
    pub fn stop(mut self) -> StoppedDaemon {
        let udp = self.close().unwrap();
        // A socket that is connected takes nothing from others: the system refuses it, as it would if there
        // was none, and nobody else gets the port.
        udp.connect("127.0.0.1:1").unwrap();
        StoppedDaemon(udp)
    }

    fn close(&mut self) -> Option<UdpSocket> {
        let thread = self.thread.take()?;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(STOP, self.address).unwrap();
        thread.join().ok()
    }

    /// What `AWS_XRAY_DAEMON_ADDRESS` is to be.
    pub fn variable(&self) -> String {
        self.address.to_string()
    }

    /// All documents that were sent so far, in their order; fails where one of them was not valid.
    pub fn documents(&self) -> Vec<Value> {
        let (seen, changed) = &*self.seen;
        let before = seen.lock().unwrap().marks;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // One queue, in order: what is read after everything else says that everything else was read.
        socket.send_to(MARK, self.address).unwrap();
        let seen = seen.lock().unwrap();
        let (seen, timeout) =
            changed.wait_timeout_while(seen, PATIENCE, |seen| seen.marks == before).unwrap();
        assert!(!timeout.timed_out(), "the daemon reads");
        assert_eq!(seen.faults, Vec::<String>::new());
        seen.documents.clone()
    }

    /// The same by trace, each trace whole: a subsegment's parent is among them.
    pub fn traces(&self) -> BTreeMap<String, Vec<Value>> {
        let mut traces = BTreeMap::<String, Vec<Value>>::new();
        for document in self.documents() {
            let id = document["trace_id"].as_str().unwrap().to_owned();
            traces.entry(id).or_default().push(document);
        }
        for documents in traces.values() {
            schema::assert_nesting(documents);
        }
        traces
    }

    /// Answers questions about rules with these, and about targets with those.
    pub fn answer(&self, rules: &Value, targets: &Value) {
        self.http.answer(rules, targets);
    }

    /// Answers no question any more, but with this status.
    pub fn refuse(&self, status: u16) {
        self.http.refuse(status);
    }

    /// The questions so far.
    pub fn questions(&self) -> Vec<Question> {
        self.http.questions()
    }
}

impl Drop for XrayDaemon {
    fn drop(&mut self) {
        self.close();
    }
}

/// A daemon that is away for a while.
pub struct StoppedDaemon(UdpSocket);

impl StoppedDaemon {
    /// Starts it on the same port, with nothing seen.
    pub fn start(self) -> XrayDaemon {
        rustix::net::connect_unspec(&self.0).unwrap();
        XrayDaemon::start_on(self.0, TcpListener::bind("127.0.0.1:0").unwrap())
    }
}

fn read_all(udp: &UdpSocket, (seen, changed): &(Mutex<Seen>, Condvar)) {
    let mut buffer = vec![0; 65_536];
    loop {
        let (length, _) = udp.recv_from(&mut buffer).unwrap();
        let mut seen = seen.lock().unwrap();
        match &buffer[..length] {
            STOP => return,
            MARK => seen.marks += 1,
            datagram => match schema::read(datagram) {
                Ok(document) => seen.documents.push(document),
                Err(fault) => seen.faults.push(fault),
            },
        }
        changed.notify_all();
    }
}

/// A rule as the API gives it, that matches everything, with these fields changed.
pub fn rule(name: &str, priority: u32, changes: Value) -> Value {
    let mut rule = json!({
        "RuleName": name, "RuleARN": format!("arn:aws:xray:us-east-1:1:sampling-rule/{name}"),
        "ResourceARN": "*", "Priority": priority, "FixedRate": 0.0, "ReservoirSize": 0,
        "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*",
        "Version": 1, "Attributes": {},
    });
    let rule_fields: &mut Map<_, _> = rule.as_object_mut().unwrap();
    rule_fields.extend(changes.as_object().unwrap().clone());
    json!({ "SamplingRule": rule, "CreatedAt": 1.7e9, "ModifiedAt": 1.7e9 })
}
