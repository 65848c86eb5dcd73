//! The binary as a user meets it: what is on stdout, what on stderr, and that it never panics.

use std::net::TcpListener;

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};

use crate::support::http::Connection;
use crate::support::process::{Process, command, run};

#[test]
fn spans_are_on_stdout_and_everything_else_on_stderr() {
    let process = Process::start(&[]);
    let answer = Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    let (trace_id, _) = answer.traceresponse();
    let finished = process.terminate();
    for part in [
        "Name         : home-activities-mock-data",
        "Name         : GET /api/activities/home",
        "app.now: String(",
        "app.result_length: I64(3)",
        "service.name=String(Owned(\"backend-actix\"))",
        &format!("TraceId      : {trace_id}"),
    ] {
        assert!(finished.stdout.contains(part), "{part} in {}", finished.stdout);
    }
    for part in ["TraceId", "SpanId", "app.now", "mock-data"] {
        assert!(!finished.stderr.contains(part), "{part} in {}", finished.stderr);
    }
    for part in ["listening on http://127.0.0.1:", "spans go to console", "2 spans exported"] {
        assert!(finished.stderr.contains(part), "{part} in {}", finished.stderr);
        assert!(!finished.stdout.contains(part), "{part} in {}", finished.stdout);
    }
}

#[test]
fn spans_that_end_together_are_printed_with_one_write_and_none_with_two() {
    // On this kind of socket what is written at once is read at once, and no more.
    let (reader, stdout) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let process = Process::start_into(stdout, &[]);
    let mut connection = Connection::open(process.address);
    let read = || {
        let mut buffer = [0; 65536];
        let (length, _) = recv(&reader, &mut buffer, RecvFlags::empty()).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap().to_owned();
        assert!(text.starts_with("Spans\n") && text.ends_with('\n'), "{text:?}");
        text
    };
    for _ in 0..20 {
        connection.request("GET", "/api/activities/home", &[], b"");
        let mut printed = Vec::new();
        while printed.iter().map(|text: &String| text.matches("Span #0").count()).sum::<usize>() < 2
        {
            printed.push(read());
        }
        // In the order in which they ended, and each as a whole.
        let text = printed.concat();
        let (child, server) =
            text.split_once("Name         : home-activities-mock-data\n").unwrap();
        assert!(child.starts_with("Spans\n"), "{text:?}");
        assert!(server.contains("Name         : GET /api/activities/home\n"), "{text:?}");
        assert!(printed.len() <= 2, "{printed:?}");
    }
    process.terminate();
}

#[test]
fn each_trace_is_printed_with_one_write_as_a_tree() {
    let (reader, stdout) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let process = Process::start_into(stdout, &[("TRACE_CONSOLE", "tree")]);
    let mut connection = Connection::open(process.address);
    for _ in 0..2 {
        connection.request("GET", "/api/activities/home", &[], b"");
        let mut buffer = [0; 65536];
        let (length, _) = recv(&reader, &mut buffer, RecvFlags::empty()).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            matches!(lines[..], [root, child] if root.starts_with("GET /api/activities/home ") && child.contains("home-activities-mock-data")),
            "{text:?}"
        );
    }
    process.terminate();
}

#[test]
fn the_stock_exporter_prints_the_same_where_it_is_asked_for() {
    let printed = |format| {
        let process = Process::start(&[("TRACE_CONSOLE", format)]);
        Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
        // What differs from run to run: ids, times, ports, the order of the resource's attributes.
        let stdout = process.terminate().stdout;
        let mut lines: Vec<_> = stdout
            .lines()
            .filter_map(|line| line.split([':', '=']).next())
            .map(str::to_owned)
            .collect();
        lines.sort_unstable();
        lines
    };
    let ours = printed("dump");
    assert!(ours.len() > 40, "{ours:?}");
    assert_eq!(ours, printed("opentelemetry-stdout"));
}

#[test]
fn a_trace_is_printed_as_a_tree_where_that_is_asked_for() {
    let process = Process::start(&[("TRACE_CONSOLE", "tree")]);
    let mut connection = Connection::open(process.address);
    let (home, _) = connection.request("GET", "/api/activities/home", &[], b"").traceresponse();
    let (nope, _) = connection.request("GET", "/nope", &[], b"").traceresponse();
    let finished = process.terminate();
    let lines: Vec<_> = finished.stdout.lines().collect();
    let [first, second, third] = lines[..] else { panic!("{}", finished.stdout) };
    assert!(first.starts_with("GET /api/activities/home  200  "), "{first}");
    assert!(first.ends_with(&format!("  trace {home}")), "{first}");
    assert!(second.starts_with("└─ home-activities-mock-data  "), "{second}");
    assert!(
        second.contains("  app.now=\"") && second.ends_with(" app.result_length=3"),
        "{second}"
    );
    assert!(third.starts_with("GET  404  ") && third.ends_with(&nope), "{third}");
    assert_eq!(finished.report("console"), [3, 0, 0]);
}

#[test]
fn each_request_has_a_line_with_its_trace() {
    let process = Process::start(&[]);
    let mut connection = Connection::open(process.address);
    let requests = [
        ("GET", "/api/activities/home", "GET /api/activities/home 200"),
        ("GET", "/api/activities/@worf", "GET /api/activities/@{handle} 200"),
        ("GET", "/nope", "GET - 404"),
        ("HEAD", "/api/message_groups", "HEAD /api/message_groups 200"),
        ("DELETE", "/api/messages", "DELETE /api/messages 405"),
    ];
    let expected: Vec<_> = requests
        .map(|(method, path, line)| {
            (line, connection.request(method, path, &[], b"").traceresponse().0)
        })
        .into();
    let stderr = process.terminate().stderr;
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains(" access: ")).collect();
    assert_eq!(lines.len(), expected.len(), "{stderr}");
    for (line, (request, trace_id)) in lines.iter().zip(&expected) {
        assert!(line.contains(" INFO "), "{line}");
        assert!(line.contains(&format!("access: {request} ")), "{line}");
        assert!(line.contains(&format!("trace_id={trace_id}")), "{line}");
        assert!(line.contains("duration_ms="), "{line}");
    }
}

#[test]
fn a_closed_stdout_or_stderr_harms_no_request() {
    for (out, err) in [(true, false), (false, true), (true, true)] {
        let mut process = if out { Process::start_unread(&[]) } else { Process::start(&[]) };
        if out {
            process.close_stdout();
        }
        if err {
            process.close_stderr();
        }
        let mut connection = Connection::open(process.address);
        for _ in 0..10 {
            assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
        }
        let finished = process.terminate();
        assert_eq!(finished.status.code(), Some(0), "{out} {err}: {}", finished.stderr);
        if out && !err {
            let stderr = &finished.stderr;
            assert_eq!(stderr.matches("stdout cannot be written to").count(), 1, "{stderr}");
            assert!(!stderr.contains("panic"), "{stderr}");
        }
    }
}

#[test]
fn a_stdout_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let process = Process::start_unread(&[("SHUTDOWN_TIMEOUT_SECONDS", "2")]);
    let mut connection = Connection::open(process.address);
    // More spans than the pipe and the queue can hold.
    for _ in 0..3000 {
        assert_eq!(connection.request("GET", "/api/activities/home", &[], b"").status, 200);
    }
    let finished = process.terminate();
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert_eq!(finished.stderr.matches("stdout is not read").count(), 1, "{}", finished.stderr);
    let report = finished.stderr.lines().last().unwrap();
    let numbers: Vec<u64> = report.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [exported, failed, dropped] = numbers[..] else { panic!("{report}") };
    assert_eq!((exported + failed + dropped, failed), (6000, 0), "{report}");
    assert!(dropped > 0, "{report}");
}

#[test]
fn a_bad_environment_is_one_clear_line_and_exit_code_2() {
    // variable, value, what the line says besides both
    let cases = [
        ("PORT", "abc", "expected a port number"),
        ("WEB_ADDRESS", "3000", "expected an address and a port such as 127.0.0.1:3000"),
        ("WEB_ADDRESS", "localhost:3000", "expected an address and a port"),
        ("WEB_URL", "pages.example", "expected http:// or https:// URLs"),
        ("TRACES_KEPT", "0", "expected a whole number from 1 to 100000"),
        ("TRACES_KEPT_BYTES", "1", "expected a whole number from 65536"),
        ("TRACE_LINKS", "Jaeger=http://localhost", "expected entries such as Jaeger="),
        ("TRACE_LINKS", "Jaeger=javascript:alert({trace_id})", "expected entries such as"),
        ("TRACE_LINKS", "http://j/{trace_id}", "expected entries such as"),
        ("TRACE_LINKS", "J=http://{trace_id}.example/", "expected entries such as"),
        ("TRACE_CONSOLE", "lines", "expected dump, tree or opentelemetry-stdout"),
        ("PORT", "65536", "expected a port number"),
        ("BIND_ADDRESS", "localhost", "expected an IP address"),
        ("WORKERS", "0", "expected a number of threads"),
        ("WORKERS", "513", "expected a number of threads from 1 to 512"),
        ("MAX_CONNECTIONS", "0", "expected a number of connections"),
        ("KEEP_ALIVE_SECONDS", "1m", "expected seconds, from 1 to 65535"),
        ("CLIENT_TIMEOUT_SECONDS", "0", "expected seconds, from 1 to 65535"),
        ("SHUTDOWN_DELAY_SECONDS", "-1", "expected seconds, from 0 to 65535"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "-1", "expected seconds, from 1"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "0", "expected seconds, from 1"),
        ("HONEYCOMB_API_ENDPOINT", "nope", "expected a URL"),
        ("HONEYCOMB_DATASET", "gr\u{fc}n", "expected a name of ASCII characters"),
        ("HONEYCOMB_DATASET", "\u{30c7}\u{30fc}\u{30bf}", "rename the dataset"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "neither an IP address nor a network"),
        ("TRACE_EXCLUDED_PATHS", "metrics", "expected paths"),
        ("TRACE_PUBLIC_ENDPOINT", "yes", "expected true or false"),
        ("CAPTURE_REQUEST_HEADERS", "x-a,Authorization", "never recorded"),
        ("CAPTURE_RESPONSE_HEADERS", "set-cookie", "never recorded"),
        ("FRONTEND_URL", "localhost:3000", "expected http:// or https:// URLs"),
        ("BACKEND_URL", "nope", "expected http:// or https:// URLs"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not a url", "expected a URL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "expected a URL"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://a", "expected a URL"),
        ("OTEL_RESOURCE_ATTRIBUTES", "novalue", "expected key=value pairs"),
    ];
    for (variable, value, says) in cases {
        let finished = run(&[(variable, value)]);
        let stderr = &finished.stderr;
        assert_eq!(finished.status.code(), Some(2), "{variable}={value}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{variable}={value}: {stderr}");
        for part in [variable, says] {
            assert!(stderr.contains(part), "{part} in {stderr}");
        }
        // What is no endpoint may be a key.
        let is_shown = says != "expected a URL";
        assert_eq!(stderr.contains(value), is_shown, "{value} in {stderr}");
        assert_eq!(finished.stdout, "");
    }
}

#[test]
fn what_makes_an_exporter_useless_is_one_clear_line_and_exit_code_2() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:1");
    let cases = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "expected http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "expected http/protobuf"),
        ("HONEYCOMB_API_KEY", "\"MARKER\"", "quotation mark"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere.pem", "/nowhere.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/nowhere.pem", "/nowhere.pem"),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            env!("CARGO_MANIFEST_DIR"),
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
        ),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            "PEM",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=MARKER\u{7},x", "the value of x-key cannot be sent"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,MARKER", "entry 2 has no name of a header"),
        ("HTTPS_PROXY", "http://MAR KER:MARKER@proxy:3128", "expected the address of a proxy"),
        ("all_proxy", "ftp://:MARKER@proxy:1080", "expected the address of a proxy"),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Authorization: Basic MARKER=",
            "entry 1 has no name of a header",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://user:MARKER@localhost:1/",
            "without credentials",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://user:MARKER@localhost:1/ x",
            "expected a URL",
        ),
    ];
    for (variable, value, says) in cases {
        let finished = run(&[endpoint, (variable, value)]);
        let last = finished.stderr.lines().last().unwrap();
        assert_eq!(finished.status.code(), Some(2), "{variable}={value}: {}", finished.stderr);
        assert!(last.contains(variable) && last.contains(says), "{last}");
        assert!(!finished.stderr.contains("MARKER"), "{}", finished.stderr);
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
    }
}

#[test]
fn an_unusable_setting_of_the_specification_is_a_warning() {
    let cases = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "using 32768"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "using 32768"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "99999", "using 2048"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1s", "using 1000"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "using parentbased_always_on"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "using parentbased_always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1", "ignored"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "ignored"),
        ("OTEL_SDK_DISABLED", "yes", "using false"),
        ("OTEL_LOG_LEVEL", "loud", "using info"),
        ("RUST_LOG", "a=b=c", "using info"),
        ("OTEL_PROPAGATORS", "b3", "ignored"),
        ("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", "spans", "using both"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-1", "using 4096"),
    ];
    for (variable, value, says) in cases {
        let process = Process::start(&[(variable, value)]);
        let answer =
            Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
        assert_eq!(answer.status, 200, "{variable}={value}");
        let finished = process.terminate();
        let warnings: Vec<_> =
            finished.stderr.lines().filter(|line| line.contains(" WARN ")).collect();
        let [warning] = warnings[..] else { panic!("{variable}={value}: {}", finished.stderr) };
        for part in [variable, value, says] {
            assert!(warning.contains(part), "{part} in {warning}");
        }
        assert!(finished.stdout.contains("home-activities-mock-data"), "{variable}={value}");
    }
}

#[test]
fn an_empty_honeycomb_key_is_not_configured_and_said_once() {
    let header = ("OTEL_EXPORTER_OTLP_HEADERS", "x-honeycomb-team=");
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://api.honeycomb.io");
    for vars in [
        &[endpoint, header][..],
        &[header],
        &[("HONEYCOMB_API_KEY", "")],
        &[("HONEYCOMB_API_KEY", ""), header],
    ] {
        let process = Process::start(vars);
        Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
        let stderr = process.terminate().stderr;
        assert_eq!(stderr.matches("Honeycomb is not configured").count(), 1, "{vars:?}: {stderr}");
        assert!(stderr.contains("spans go to console\n"), "{vars:?}: {stderr}");
    }
}

#[test]
fn health_asks_the_service_that_runs() {
    let health = |port: &str| {
        command(&[("PORT", port), ("BIND_ADDRESS", "0.0.0.0")]).arg("health").output().unwrap()
    };
    let process = Process::start(&[]);
    let answer = health(&process.address.port().to_string());
    assert_eq!(answer.status.code(), Some(0), "{}", String::from_utf8_lossy(&answer.stderr));
    assert!(answer.stdout.is_empty() && answer.stderr.is_empty());
    process.terminate();
    // A port that nobody may listen on, but root, who does not.
    let answer = health("1");
    let stderr = String::from_utf8(answer.stderr).unwrap();
    assert_eq!(answer.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("nothing answers at http://127.0.0.1:1/health"), "{stderr}");
    let bad = command(&[("PORT", "abc")]).arg("health").output().unwrap();
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn a_port_that_is_taken_is_one_clear_line_and_exit_code_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let finished = run(&[("PORT", &port)]);
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    for part in [port.as_str(), "cannot listen on", "PORT"] {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
}

#[test]
fn no_log_exporter_leaves_stderr_to_what_ends_the_process() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let vars = [("PORT", port.as_str()), ("OTEL_SDK_DISABLED", "yes")];
    for (exporter, lines) in [("", 2), ("console", 2), ("none", 1)] {
        let finished = run(&[&vars[..], &[("OTEL_LOGS_EXPORTER", exporter)]].concat());
        assert_eq!(finished.status.code(), Some(2), "{exporter}: {}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), lines, "{exporter}: {}", finished.stderr);
        assert!(finished.stderr.contains("cannot listen on"), "{exporter}: {}", finished.stderr);
    }
}
