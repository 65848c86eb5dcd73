//! What must be true of each request's span, whatever its headers say. Told once more in other words
//! than in the middleware, or both would have the same mistake.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use actix_web::http::Version;
use actix_web::http::header::HeaderValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::input::Input;
use crate::service::{Answer, EXCLUDED, REDACTED, REQUEST_HEADERS, RESPONSE_HEADERS, ROUTES};

const METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
const SECRET_KEYS: [&str; 8] = [
    "AWSAccessKeyId",
    "Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
    "sig",
    REDACTED,
];
/// All that a span may have, besides the recorded headers.
const KEYS: [&str; 17] = [
    "client.address",
    "error.type",
    "http.request.body.size",
    "http.request.method",
    "http.request.method_original",
    "http.response.body.size",
    "http.response.status_code",
    "http.route",
    "network.peer.address",
    "network.peer.port",
    "network.protocol.version",
    "server.address",
    "server.port",
    "url.path",
    "url.query",
    "url.scheme",
    "user_agent.original",
];
/// So long is a secret that is looked for everywhere; a shorter one may be anywhere by chance.
const TELLING: usize = 8;

type Attributes<'a> = BTreeMap<&'a str, &'a Value>;

pub(crate) fn check(input: &Input, answer: &Answer) {
    assert!(!answer.status.is_server_error(), "{}", answer.status);
    let path = input.target.path();
    let is_excluded =
        path == EXCLUDED || path.strip_prefix(EXCLUDED).is_some_and(|rest| rest.starts_with('/'));
    let traceresponse: Vec<_> = answer.headers.get_all("traceresponse").collect();
    if is_excluded {
        assert_eq!((answer.started, answer.spans.len(), answer.ended.len()), (0, 0, 0));
        assert!(traceresponse.is_empty());
        return;
    }

    let [traceresponse] = traceresponse[..] else { panic!("{traceresponse:?}") };
    let told = Traceparent::read(traceresponse).expect("a valid traceresponse");
    assert_eq!((told.version, told.flags & !3), (0, 0), "{traceresponse:?}");
    let timings: Vec<_> =
        answer.headers.get_all("server-timing").map(HeaderValue::as_bytes).collect();
    let timing = timings.last().map(|timing| String::from_utf8_lossy(timing));
    let id = traceresponse.to_str().expect("text");
    assert!(timing.is_some_and(|timing| timing.contains(id)), "{timings:?}");

    let recorded = usize::from(told.is_sampled());
    assert_eq!((answer.started, answer.spans.len()), (recorded, recorded), "one span, ended once");
    assert!(recorded == 1 || input.parent_based);
    let [ended] = &answer.ended[..] else { panic!("{:?}", answer.ended) };
    assert_eq!((ended.trace_id, ended.span_id), (told.trace_id, told.span_id));
    assert_eq!(ended.status, Some(answer.status));
    assert!(ended.method == "_OTHER" || METHODS.contains(&&*ended.method));

    trace(input, &told, answer.spans.first());
    if let [span] = &answer.spans[..] {
        assert_eq!(span.span_kind, SpanKind::Server);
        assert_eq!(span.span_context.trace_id(), told.trace_id);
        assert_eq!(span.span_context.span_id(), told.span_id);
        let attributes = attributes(span);
        request(input, &attributes);
        url(input, &attributes);
        addresses(input, &attributes);
        recorded_headers(input, answer, &attributes);
        end(input, answer, span, &attributes);
        secrets(input, span);
        assert_eq!(attributes["http.request.method"].as_str(), ended.method);
        assert_eq!(text(&attributes, "http.route").as_deref(), ended.route.as_deref());
        assert_eq!(text(&attributes, "error.type").as_deref(), ended.error_type.as_deref());
    }
}

/// A `traceparent`, or a `traceresponse`, which has the same form.
struct Traceparent {
    version: u8,
    trace_id: TraceId,
    span_id: SpanId,
    flags: u8,
}

impl Traceparent {
    fn read(header: &HeaderValue) -> Option<Self> {
        let fields: Vec<_> = header.to_str().ok()?.split('-').collect();
        let [version, trace_id, span_id, flags, more @ ..] = &fields[..] else { return None };
        let lengths = [version.len(), trace_id.len(), span_id.len(), flags.len()];
        let digits = |field: &&&str| field.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if lengths != [2, 32, 16, 2] || !fields[..4].iter().all(|field| digits(&field)) {
            return None;
        }
        let read = Self {
            version: u8::from_str_radix(version, 16).ok()?,
            trace_id: TraceId::from_hex(trace_id).ok()?,
            span_id: SpanId::from_hex(span_id).ok()?,
            flags: u8::from_str_radix(flags, 16).ok()?,
        };
        let is_valid = read.version != 0xff
            && (read.version > 0 || more.is_empty())
            && read.trace_id != TraceId::INVALID
            && read.span_id != SpanId::INVALID;
        is_valid.then_some(read)
    }

    fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    fn is_random(&self) -> bool {
        self.flags & 2 == 2
    }

    fn is_of(&self, span: &SpanContext) -> bool {
        (self.trace_id, self.span_id) == (span.trace_id(), span.span_id())
    }
}

/// The trace is the caller's, if there is a caller whose word counts.
fn trace(input: &Input, told: &Traceparent, span: Option<&SpanData>) {
    let one = |name| {
        let mut values = input.values(name);
        values.next().filter(|_| values.next().is_none())
    };
    let w3c = one("traceparent").and_then(Traceparent::read);
    let xray = one("x-amzn-trace-id").and_then(|header| header.to_str().ok());
    let xray = xray.map(str::to_ascii_lowercase);
    let in_xray = |trace_id: TraceId, span_id: SpanId| {
        let (trace_id, span_id) = (trace_id.to_string(), span_id.to_string());
        let root = format!("1-{}-{}", &trace_id[..8], &trace_id[8..]);
        xray.as_ref().is_some_and(|header| header.contains(&root) && header.contains(&span_id))
    };

    if let Some(span) = span {
        let links: Vec<_> = span.links.iter().map(|link| &link.span_context).collect();
        let is_root = span.parent_span_id == SpanId::INVALID;
        assert_eq!(is_root, !span.parent_span_is_remote);
        match (input.public, &w3c) {
            (true, Some(caller)) => {
                let [link] = links[..] else { panic!("{links:?}") };
                assert!(is_root && caller.is_of(link) && caller.trace_id != told.trace_id);
            }
            (true, None) => {
                assert!(is_root && links.len() <= 1);
                assert!(links.iter().all(|link| in_xray(link.trace_id(), link.span_id())));
            }
            (false, Some(caller)) => {
                assert!(links.is_empty() && span.parent_span_id == caller.span_id);
            }
            (false, None) => {
                assert!(links.is_empty());
                assert!(is_root || in_xray(told.trace_id, span.parent_span_id));
                assert_eq!(is_root, told.is_random(), "X-Ray's ids do not count as random");
            }
        }
    }
    match w3c {
        Some(caller) if !input.public => {
            assert_eq!(told.trace_id, caller.trace_id);
            assert_ne!(told.span_id, caller.span_id);
            assert_eq!(told.is_random(), caller.is_random());
            assert_eq!(told.is_sampled(), caller.is_sampled() || !input.parent_based);
        }
        _ if input.public || xray.is_none() => assert!(told.is_random() && told.is_sampled()),
        _ => {}
    }
}

/// All attributes by their keys, each of which is a known one and there once.
fn attributes(span: &SpanData) -> Attributes<'_> {
    let mut attributes = BTreeMap::new();
    for attribute in &span.attributes {
        let key = attribute.key.as_str();
        let is_known = KEYS.contains(&key)
            || key
                .strip_prefix("http.request.header.")
                .is_some_and(|it| REQUEST_HEADERS.contains(&it))
            || key
                .strip_prefix("http.response.header.")
                .is_some_and(|it| RESPONSE_HEADERS.contains(&it));
        assert!(is_known, "{key}");
        assert!(attributes.insert(key, &attribute.value).is_none(), "{key} twice");
    }
    assert_eq!(span.dropped_attributes_count, 0);
    attributes
}

fn text<'a>(attributes: &Attributes<'a>, key: &str) -> Option<Cow<'a, str>> {
    attributes.get(key).map(|value| value.as_str())
}

fn number(attributes: &Attributes<'_>, key: &str) -> Option<i64> {
    attributes.get(key).map(|value| match value {
        Value::I64(number) => *number,
        other => panic!("{key}: {other:?}"),
    })
}

fn request(input: &Input, attributes: &Attributes<'_>) {
    let sent = input.method.as_str();
    let is_known = METHODS.contains(&sent);
    let method = text(attributes, "http.request.method");
    assert_eq!(method.as_deref(), Some(if is_known { sent } else { "_OTHER" }));
    let original = text(attributes, "http.request.method_original");
    assert_eq!(original.as_deref(), (!is_known).then_some(sent));

    let version = if input.version == Version::HTTP_10 { "1.0" } else { "1.1" };
    assert_eq!(text(attributes, "network.protocol.version").as_deref(), Some(version));
    let agent = input.values("user-agent").next().map(lossy);
    assert_eq!(text(attributes, "user_agent.original").as_deref(), agent.as_deref());
}

fn url(input: &Input, attributes: &Attributes<'_>) {
    assert_eq!(text(attributes, "url.path").as_deref(), Some(input.target.path()));
    let query = input.target.query().map(|query| {
        let pairs = query.split('&').map(|pair| match secret(pair) {
            Some((key, _)) => format!("{key}=REDACTED"),
            None => pair.to_owned(),
        });
        pairs.collect::<Vec<_>>().join("&")
    });
    assert_eq!(text(attributes, "url.query"), query.map(Cow::Owned));
    let scheme = text(attributes, "url.scheme");
    assert!(matches!(scheme.as_deref(), Some("http" | "https")), "{scheme:?}");
    let forwards = ["forwarded", "x-forwarded-proto"];
    if forwards.iter().all(|name| input.values(name).next().is_none()) {
        assert_eq!(scheme.as_deref(), Some("http"));
    }
}

/// A query's pair whose value is secret: its key, decoded as whoever reads the query does, is one of
/// those.
fn secret(pair: &str) -> Option<(&str, &str)> {
    let (key, value) = pair.split_once('=')?;
    SECRET_KEYS.contains(&&*decoded(key)).then_some((key, value))
}

/// Percent-decoding, told once more.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let code =
            text.get(at + 1..at + 3).filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn addresses(input: &Input, attributes: &Attributes<'_>) {
    let is_port = |port: i64| u16::try_from(port).is_ok();
    let peer = input.peer.map(|peer| SocketAddr::new(peer.ip().to_canonical(), peer.port()));
    let ip = peer.map(|peer| peer.ip().to_string());
    assert_eq!(text(attributes, "network.peer.address").as_deref(), ip.as_deref());
    assert_eq!(number(attributes, "network.peer.port"), peer.map(|peer| i64::from(peer.port())));

    let client = text(attributes, "client.address");
    assert_eq!(client.is_some(), peer.is_some());
    let parsed: Option<IpAddr> = client.as_ref().map(|client| client.parse().expect("an address"));
    let canonical = parsed.map(|ip| ip.to_canonical().to_string());
    assert_eq!(canonical.as_deref(), client.as_deref());
    let forwards = ["forwarded", "x-forwarded-for"];
    if forwards.iter().all(|name| input.values(name).next().is_none()) {
        assert_eq!(client.as_deref(), ip.as_deref());
    }

    let server = text(attributes, "server.address");
    let port = number(attributes, "server.port");
    assert_eq!(server.is_some(), port.is_some());
    assert!(port.is_none_or(is_port), "{port:?}");
    if let Some(server) = server {
        let is_host = |byte: u8| byte.is_ascii_graphic() && !b"\"#/<>?@[\\]^`{|}".contains(&byte);
        assert!(!server.is_empty() && server.bytes().all(is_host), "{server:?}");
        assert!(!server.contains(':') || server.parse::<IpAddr>().is_ok(), "{server:?}");
    }
}

fn recorded_headers(input: &Input, answer: &Answer, attributes: &Attributes<'_>) {
    let expect = |key: String, values: Vec<Cow<'_, str>>| match attributes.get(&*key) {
        None => assert!(values.is_empty(), "{key}"),
        Some(Value::Array(Array::String(recorded))) => {
            assert!(recorded.iter().map(|value| value.as_str()).eq(values.iter()), "{key}");
        }
        Some(other) => panic!("{key}: {other:?}"),
    };
    for name in REQUEST_HEADERS {
        let values = input.values(name).map(lossy).collect();
        expect(format!("http.request.header.{name}"), values);
    }
    for name in RESPONSE_HEADERS {
        let values = answer.headers.get_all(name).map(lossy).collect();
        expect(format!("http.response.header.{name}"), values);
    }
}

fn lossy(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

fn end(input: &Input, answer: &Answer, span: &SpanData, attributes: &Attributes<'_>) {
    let status = number(attributes, "http.response.status_code");
    assert_eq!(status, Some(i64::from(answer.status.as_u16())));
    let route = text(attributes, "http.route");
    assert!(route.as_deref().is_none_or(|route| ROUTES.contains(&route)), "{route:?}");
    let method = input.method.as_str();
    let method = if METHODS.contains(&method) { method } else { "HTTP" };
    let name = route.map_or(method.to_owned(), |route| format!("{method} {route}"));
    assert_eq!(span.name, name);

    let error = text(attributes, "error.type");
    match error.as_deref() {
        None => assert_eq!(span.status, Status::Unset),
        Some("client_disconnected") => assert!(input.leaves && span.status == Status::error("")),
        Some(other) => panic!("{other}"),
    }
    assert_eq!(span.events.len(), 0);
    assert!(span.end_time >= span.start_time);

    let announced = input.values("content-length").next().is_some();
    let received = number(attributes, "http.request.body.size");
    if input.body.is_empty() {
        assert_eq!(received, None);
    } else if answer.status.is_success() && !announced {
        assert_eq!(received, i64::try_from(input.body.len()).ok());
    }
    let sent = number(attributes, "http.response.body.size");
    assert_eq!(sent.is_none(), input.method == "HEAD");
    assert!(sent.is_none_or(|sent| sent >= 0));
}

/// What was a secret in the query, and is nowhere else in the request, is nowhere in the span.
fn secrets(input: &Input, span: &SpanData) {
    // These hold words that are not the request's, which a secret can resemble; all of them were
    // compared as a whole before.
    const CHECKED: [&str; 4] =
        ["error.type", "http.response.header.content-type", "http.route", "url.query"];
    // An address may be written in another way than it was sent, and resemble one too.
    let is_address = |byte: u8| byte.is_ascii_hexdigit() || b".:".contains(&byte);
    let query = input.target.query().unwrap_or_default();
    for (_, secret) in query.split('&').filter_map(secret) {
        let times =
            input.bytes.windows(secret.len().max(1)).filter(|it| *it == secret.as_bytes()).count();
        if secret.len() < TELLING || times != 1 || secret.bytes().all(is_address) {
            continue;
        }
        for attribute in &span.attributes {
            let text = attribute.value.as_str();
            let is_told = !CHECKED.contains(&attribute.key.as_str()) && text.contains(secret);
            assert!(!is_told, "{secret} in {attribute:?}");
        }
    }
}
