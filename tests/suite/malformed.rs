//! Nonsense over TCP, a lot of it: nothing panics, nothing is a 5xx, and what became a request has
//! exactly one span.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use crate::support::service::Service;

const CONNECTIONS: u64 = 10_000;

/// A generator of numbers that are the same in every run (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below
    }
}

const SEEDS: [&str; 8] = [
    "GET /api/activities/home HTTP/1.1\r\nHost: localhost:4567\r\n\r\n",
    "GET /api/activities/search?term=a&sig=b HTTP/1.1\r\nHost: [::1]:80\r\nUser-Agent: x\r\n\r\n",
    "POST /api/activities HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 31\r\n\r\n{\"message\": \"a\", \"ttl\": \"7-days\"}",
    "POST /api/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: a\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\ntracestate: a=1,b=2\r\nbaggage: k=v;p,l=w\r\n\r\n",
    "GET /x HTTP/1.0\r\nForwarded: for=\"[2001:db8::1]:1\";proto=https;host=h\r\nX-Forwarded-For: 10.0.0.1, 192.0.2.1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: http://localhost:3000\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    "HEAD http://h.example:81/a%FFb;c?d#e HTTP/1.1\r\nHost: a\r\nX-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1\r\n\r\n",
];

/// A seed with some bytes changed, lost, doubled or moved, or with another one behind it.
fn mutant(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = SEEDS[numbers.next(SEEDS.len())].as_bytes().to_vec();
    for _ in 0..numbers.next(6) {
        let at = numbers.next(bytes.len());
        match numbers.next(6) {
            0 => bytes[at] = numbers.next(256) as u8,
            1 if bytes.len() > 1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"\r\n :,;=-\"\\%/?\0\xff0aA"[numbers.next(18)]),
            3 => bytes.truncate(at.max(1)),
            4 => {
                let piece = bytes[at..(at + 1 + numbers.next(40)).min(bytes.len())].to_vec();
                let to = numbers.next(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => bytes.extend_from_slice(SEEDS[numbers.next(SEEDS.len())].as_bytes()),
        }
    }
    bytes
}

#[test]
fn ten_thousand_malformed_requests_do_no_harm() {
    let service = Service::start_with(&[
        ("TRUSTED_PROXIES", "127.0.0.0/8"),
        ("OTEL_PROPAGATORS", "tracecontext,baggage,xray"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
    ]);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut told = BTreeSet::new();
    for round in 0..CONNECTIONS {
        let bytes = mutant(&mut numbers);
        let mut connection = service.connect();
        connection.write_if_open(&bytes);
        connection.half_close_if_open();
        let answers = String::from_utf8_lossy(&connection.rest()).into_owned();
        for line in answers.split("\r\n") {
            assert!(
                !line.starts_with("HTTP/1.1 5"),
                "{round}: {line} to {:?}",
                String::from_utf8_lossy(&bytes)
            );
            if let Some(header) = line.strip_prefix("traceresponse: ") {
                assert!(told.insert(header[36..52].to_owned()), "{round}: told twice");
            }
        }
    }
    assert_eq!(service.get("/api/activities/home").status, 200);
    let spans = service.stop();
    let servers: Vec<_> =
        spans.iter().filter(|span| span.span.kind == SpanKind::Server as i32).collect();
    let ids: BTreeSet<_> = servers.iter().map(|span| span.span_id()).collect();
    assert_eq!(ids.len(), servers.len(), "one end each");
    assert!(told.is_subset(&ids), "each answer has its span");
    // And no span without an answer, but for those whose client was gone before it.
    for span in &servers {
        let attributes = span.attributes();
        let answered = told.contains(&span.span_id());
        let left = attributes.get("error.type").is_some_and(|class| class == "client_disconnected");
        let last =
            attributes.get("http.route").is_some_and(|route| route == "/api/activities/home");
        assert!(answered || left || last, "{span:#?}");
    }
    assert!(told.len() > 3_000, "{} became requests", told.len());
}
