//! `backend-actix check`: what it says of receivers that work, and of those that do not. Those of spans are
//! tried here, the other destinations in files of their own.

use std::net::TcpListener;
use std::process::Output;

use crate::support::certificate::PemFile;
use crate::support::honeycomb::{CLASSIC_KEY, KEY, READ_KEY, SEND_KEY, STRANGE_KEY};
use crate::support::process::command;
use crate::support::receiver::Behaviour::{self, Fail, Hang, Reject};
use crate::support::receiver::Receiver;

#[cfg(feature = "aws")]
mod aws;
mod logs;
mod rollbar;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// An origin where nobody listens: no other test does so there a moment later.
fn closed() -> String {
    let closed = TcpListener::bind("127.0.0.4:0").unwrap().local_addr().unwrap();
    format!("http://{closed}")
}

struct Checked {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the check; whatever it says shows no secret.
fn check(vars: &[(&str, &str)]) -> Checked {
    let Output { status, stdout, stderr } = command(vars).arg("check").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let checked =
        Checked { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) };
    for text in [&checked.stdout, &checked.stderr] {
        assert!(!text.contains("MARKER"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
    checked
}

impl Checked {
    fn line(&self, beginning: &str) -> &str {
        let lines = || self.stdout.lines().map(str::trim_start);
        lines()
            .find(|line| line.starts_with(beginning))
            .unwrap_or_else(|| panic!("no {beginning:?} in {}", self.stdout))
    }

    fn assert_works(&self) {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        assert_eq!(self.line("All"), "All that was tried works.");
        assert!(!self.stdout.contains("FAILED"), "{}", self.stdout);
    }

    /// One step failed, and its line says all that.
    fn assert_fails(&self, step: &str, says: &[&str]) {
        assert_eq!(self.code, 1, "{}", self.stdout);
        assert_eq!(self.stdout.matches("FAILED").count(), 1, "{}", self.stdout);
        let line = self.line(&format!("FAILED   {step}: "));
        for part in says {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(self.stderr.starts_with("backend-actix: 1 failed"), "{}", self.stderr);
        assert!(!self.stdout.contains("All that was"), "{}", self.stdout);
    }
}

#[test]
fn a_receiver_that_takes_the_test_span_works() {
    let receiver = Receiver::start();
    let vars = [
        (ENDPOINT, receiver.endpoint()),
        ("OTEL_SERVICE_NAME", "tried".to_owned()),
        // What hinders the spans of requests does not hinder this one.
        ("OTEL_TRACES_SAMPLER", "always_off".to_owned()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-secret=MARKER".to_owned()),
    ];
    let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let checked = check(&vars);
    checked.assert_works();
    let [span] = &receiver.spans()[..] else { panic!("one span: {}", checked.stdout) };
    assert_eq!((span.name(), span.parent_span_id().as_str()), ("backend-actix check", ""));
    assert_eq!(span.resource["service.name"], "tried");
    assert_eq!(receiver.headers()[0]["x-secret"], "MARKER");
    assert!(checked.line("ok       test span").ends_with(&span.trace_id()));
    for part in [
        "OTEL_TRACES_EXPORTER console,otlp (OTEL_EXPORTER_OTLP_ENDPOINT)",
        "OTEL_SERVICE_NAME tried",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS set",
        "ok       address: 127.0.0.1",
        &format!("ok       connection: {} accepts it", receiver.address),
        "warning  OTEL_TRACES_SAMPLER makes none",
    ] {
        assert!(checked.stdout.contains(part), "{part} in {}", checked.stdout);
    }
}

#[test]
fn a_receiver_that_cannot_be_reached_is_told_with_what_to_change() {
    let closed = closed();
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    // variable, value, the step that fails, what its line says
    let cases = [
        (
            ENDPOINT,
            closed.as_str(),
            "connection",
            vec!["refused", "see that the receiver is up", ENDPOINT],
        ),
        (traces, &closed, "connection", vec!["refused", traces]),
        (
            ENDPOINT,
            "http://nothing.invalid:4318",
            "address",
            vec!["nothing.invalid cannot be resolved", ENDPOINT],
        ),
        (traces, "https://nothing.invalid/?k=MARKER", "address", vec!["nothing.invalid", traces]),
    ];
    for (variable, value, step, says) in cases {
        let checked = check(&[(variable, value)]);
        checked.assert_fails(step, &says);
        assert!(!checked.stdout.contains("test span"), "{}", checked.stdout);
    }
}

#[test]
fn a_receiver_that_does_not_take_the_test_span_is_told_with_what_to_change() {
    // what the receiver does, what the line says
    let cases: [(Behaviour, &[&str]); 8] = [
        (Fail(401, None, "unknown key"), &["401", "unknown key", "no key is sent"]),
        (Fail(403, None, ""), &["403", "OTEL_EXPORTER_OTLP_HEADERS"]),
        (Fail(404, None, ""), &["404", "/v1/traces is appended to OTEL_EXPORTER_OTLP_ENDPOINT"]),
        (Fail(400, None, "bad"), &["400", "bad", ENDPOINT]),
        (Fail(500, None, "broken"), &["500", "broken", ENDPOINT]),
        (Fail(503, None, "busy"), &["503", "busy", "try again"]),
        (Reject(1, "too old"), &["rejects", "too old"]),
        (Hang, &["timed out", "300 ms in OTEL_EXPORTER_OTLP_TIMEOUT", "4318"]),
    ];
    for (behaviour, says) in cases {
        let receiver = Receiver::start_as(move |_| behaviour);
        let endpoint = receiver.endpoint();
        let timeout = ("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
        check(&[(ENDPOINT, &endpoint), timeout]).assert_fails("test span", says);
    }
    let receiver = Receiver::start_as(|_| Hang);
    let endpoint = receiver.endpoint();
    check(&[(ENDPOINT, &endpoint), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "300")])
        .assert_fails("test span", &["300 ms in OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"]);
    let receiver = Receiver::start();
    let root = format!("{}/", receiver.endpoint());
    let checked = check(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &root)]);
    checked.assert_fails("test span", &["404", "taken as it is: let it end in /v1/traces"]);
    checked.line("warning  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT has no path");
}

#[test]
fn a_certificate_that_is_not_trusted_is_told_from_a_receiver_without_tls() {
    let (receiver, certificate) = Receiver::start_tls();
    let plain = Receiver::start();
    let file = PemFile::new(&certificate);
    let path = file.path();
    let name = format!("https://localhost:{}", receiver.address.port());
    let number = format!("https://{}", receiver.address);
    let without_tls = format!("https://{}", plain.address);
    let trusted = ("OTEL_EXPORTER_OTLP_CERTIFICATE", path);

    let checked = check(&[(ENDPOINT, &name), trusted]);
    checked.assert_works();
    checked.line("ok       TLS: the certificate is trusted");
    assert_eq!(receiver.spans().len(), 1);

    check(&[(ENDPOINT, &name)])
        .assert_fails("TLS", &["UnknownIssuer", "OTEL_EXPORTER_OTLP_CERTIFICATE", ENDPOINT]);
    let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", path);
    for trusted in [trusted, of_traces] {
        check(&[(ENDPOINT, &number), trusted])
            .assert_fails("TLS", &["not valid for name", trusted.0, ENDPOINT]);
    }
    check(&[(ENDPOINT, &without_tls)]).assert_fails("TLS", &["use http:// in", ENDPOINT]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("https://{}", silent.local_addr().unwrap());
    check(&[(ENDPOINT, &silent), ("OTEL_EXPORTER_OTLP_TIMEOUT", "300")])
        .assert_fails("TLS", &["timed out", ENDPOINT]);
    let missing = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem");
    check(&[(ENDPOINT, &name), missing])
        .assert_fails("client", &["OTEL_EXPORTER_OTLP_CERTIFICATE is", missing.1]);
}

#[test]
fn honeycomb_tells_whose_the_key_is_and_where_to_look() {
    let receiver = Receiver::start();
    let endpoint = receiver.endpoint();
    let honeycomb = |key: &str, more: &[(&str, &str)]| {
        let vars = [("HONEYCOMB_API_ENDPOINT", endpoint.as_str()), ("HONEYCOMB_API_KEY", key)];
        check(&[&vars, more].concat())
    };
    let checked = honeycomb(KEY, &[("OTEL_SERVICE_NAME", "Crud dur")]);
    checked.assert_works();
    assert_eq!(checked.line("ok       key"), "ok       key: of team Acme, environment Test");
    assert_eq!(
        checked.line("ok       dataset"),
        "ok       dataset: https://ui.honeycomb.io/acme/environments/test/datasets/crud-dur"
    );
    assert_eq!(receiver.spans().len(), 1);

    let checked = honeycomb(CLASSIC_KEY, &[("HONEYCOMB_DATASET", "old")]);
    checked.assert_works();
    assert!(!checked.stdout.contains(CLASSIC_KEY), "{}", checked.stdout);
    assert_eq!(checked.line("ok       key"), "ok       key: of team Acme, Honeycomb Classic");
    let dataset = "ok       dataset: https://ui.honeycomb.io/acme/datasets/old";
    assert_eq!(checked.line("ok       dataset"), dataset);

    let checked = honeycomb(SEND_KEY, &[]);
    checked.assert_works();
    checked.line("warning  the key may not create datasets: without one named backend-actix");

    let may_not_send = ["of team Acme", "may not send events", "HONEYCOMB_API_KEY"];
    honeycomb(READ_KEY, &[]).assert_fails("key", &may_not_send);
    let unknown = [
        "does not know it",
        "correct HONEYCOMB_API_KEY",
        "api.eu1.honeycomb.io in HONEYCOMB_API_ENDPOINT",
    ];
    honeycomb("MARKER-unknown", &[]).assert_fails("key", &unknown);
    let strange = ["is not Honeycomb's API", "HONEYCOMB_API_ENDPOINT"];
    honeycomb(STRANGE_KEY, &[]).assert_fails("key", &strange);
}

#[test]
fn a_key_is_never_tried_on_another_host() {
    let receiver = Receiver::start();
    let checked = check(&[(ENDPOINT, &receiver.endpoint()), ("HONEYCOMB_API_KEY", KEY)]);
    checked.assert_works();
    checked.line("HONEYCOMB_API_KEY is not sent there");
    assert!(!receiver.headers()[0].contains_key("x-honeycomb-team"));
}

#[test]
fn a_proxy_is_used_as_the_service_uses_it() {
    let proxy = Receiver::start();
    let address = format!("http://user:MARKER@{}", proxy.address);
    let checked = check(&[(ENDPOINT, "http://nothing.invalid"), ("HTTP_PROXY", &address)]);
    checked.assert_works();
    checked.line("goes through the proxy of HTTP_PROXY");
    let direct = [(ENDPOINT, &*closed()), ("HTTP_PROXY", &address), ("no_proxy", "127.0.0.0/8")];
    check(&direct).assert_fails("connection", &["refused", ENDPOINT]);
    assert_eq!((proxy.spans().len(), proxy.headers()[0]["host"].as_str()), (1, "nothing.invalid"));
}

#[test]
fn a_proxy_that_is_in_the_way_is_told_by_its_variable() {
    let nobody = closed();
    let asking = Receiver::start_as(|_| Fail(407, None, ""));
    let asking = asking.address.to_string();
    let (plain, tls) = ("http://nothing.invalid", "https://nothing.invalid");
    // endpoint, variable, the proxy; the step that fails, and what its line says
    let cases = [
        (plain, "HTTP_PROXY", &nobody, "test span", "see to the proxy of HTTP_PROXY"),
        (tls, "HTTPS_PROXY", &nobody, "TLS", "see to the proxy of HTTPS_PROXY"),
        (plain, "ALL_PROXY", &asking, "test span", "put a user and a password into ALL_PROXY"),
    ];
    for (endpoint, variable, proxy, step, says) in cases {
        check(&[(ENDPOINT, endpoint), (variable, proxy)]).assert_fails(step, &[says]);
    }
}

#[test]
fn what_is_not_sent_anywhere_is_said() {
    // variables, what is said
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "go on stdout only; for Honeycomb set HONEYCOMB_API_KEY"),
        (&[("OTEL_TRACES_EXPORTER", "none")], "go nowhere; for Honeycomb set HONEYCOMB_API_KEY"),
        (&[("OTEL_SDK_DISABLED", "true"), (ENDPOINT, "http://a")], "OTEL_SDK_DISABLED is true"),
        (&[("HONEYCOMB_API_KEY", "")], "warning  HONEYCOMB_API_KEY is empty"),
        (
            &[("OTEL_EXPORTER_OLTP_ENDPOINT", "http://MARKER")],
            "did you mean OTEL_EXPORTER_OTLP_ENDPOINT?",
        ),
    ];
    for (vars, says) in cases {
        let checked = check(vars);
        checked.assert_works();
        assert!(checked.stdout.contains(says), "{says} in {}", checked.stdout);
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_one_line_and_exit_code_2() {
    let checked = check(&[(ENDPOINT, "localhost:4318")]);
    assert_eq!((checked.code, checked.stdout.as_str()), (2, ""));
    assert_eq!(checked.stderr.lines().count(), 1, "{}", checked.stderr);
    assert!(checked.stderr.contains("expected a URL such as"), "{}", checked.stderr);
}
