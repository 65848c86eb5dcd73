//! Log records to CloudWatch Logs: what arrives there, and what becomes of it when AWS is not as it
//! should be.

use std::collections::BTreeSet;
use std::net::TcpListener;

use chrono::TimeDelta;
use serde_json::json;

use crate::support::cloudwatch::Reply::{Error, Hang, LeaveOut, Strict};
use crate::support::cloudwatch::{ACCESS_KEY, CloudWatch, Put, REGION, SECRET_KEY};
use crate::support::http::Connection;
use crate::support::process::{Finished, Process, run};
use crate::support::receiver::Receiver;
use crate::support::xray_daemon::XrayDaemon;

const GROUP: &str = "cruddur";

/// The binary, with log records to a group, and what else `vars` say.
fn start_at(endpoint: &str, vars: &[(&str, &str)]) -> Process {
    let needed = [
        ("CLOUDWATCH_LOG_GROUP", GROUP),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        // No test looks for the machine's own credentials.
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
    ];
    let is_unset = |name: &str| vars.contains(&(name, UNSET));
    let vars = needed.iter().chain(vars).filter(|(name, _)| !is_unset(name));
    Process::start(&vars.copied().collect::<Vec<_>>())
}

fn start(cloudwatch: &CloudWatch, vars: &[(&str, &str)]) -> Process {
    start_at(&cloudwatch.endpoint(), vars)
}

/// Makes so many requests; gives the trace and span id of each.
fn requests(process: &Process, count: usize) -> BTreeSet<(String, String)> {
    let mut connection = Connection::open(process.address);
    let request = |_| connection.request("GET", "/api/activities/home", &[], b"").traceresponse();
    (0..count).map(request).collect()
}

fn access(cloudwatch: &CloudWatch) -> Vec<Put> {
    let mut events = cloudwatch.events();
    events.retain(|event| event.message["target"] == "access");
    events
}

fn ids(events: &[Put]) -> BTreeSet<(String, String)> {
    let text = |event: &Put, key: &str| event.message[key].as_str().unwrap().to_owned();
    events.iter().map(|event| (text(event, "trace_id"), text(event, "span_id"))).collect()
}

/// Ends the process; nothing that it said may have a secret in it.
fn terminate(process: Process) -> Finished {
    let finished = process.terminate();
    assert!(finished.status.success(), "{}", finished.stderr);
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains(SECRET_KEY) && !said.contains("MARKER"), "{said}");
    finished
}

#[test]
fn a_request_is_an_event_in_a_stream_of_this_process() {
    let cloudwatch = CloudWatch::start();
    let process = start(
        &cloudwatch,
        &[("OTEL_RESOURCE_ATTRIBUTES", "host.name=a:b,service.instance.id=i-1")],
    );
    let made = requests(&process, 3);
    let finished = terminate(process);

    let stream = BTreeSet::from(["a_b/i-1".to_owned()]);
    assert_eq!(cloudwatch.groups(), [(GROUP.to_owned(), stream)].into());
    assert_eq!(
        cloudwatch.actions()[..4],
        ["CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents"],
        "what is missing is created, and nothing is asked for besides"
    );
    let events = access(&cloudwatch);
    assert_eq!((events.len(), ids(&events)), (3, made));
    for event in &events {
        assert_eq!(event.stream, "a_b/i-1");
        let message = &event.message;
        assert_eq!(message["level"], "INFO");
        assert_eq!(message["message"], "GET /api/activities/home 200");
        assert_eq!(
            (&message["method"], &message["route"], &message["status"]),
            (&json!("GET"), &json!("/api/activities/home"), &json!(200))
        );
        let trace_id = message["trace_id"].as_str().unwrap();
        assert_eq!(message["xray_trace_id"], format!("1-{}-{}", &trace_id[..8], &trace_id[8..]));
        let time = message["time"].as_str().unwrap();
        let time = chrono::DateTime::parse_from_rfc3339(time).unwrap();
        assert_eq!(time.timestamp_millis(), event.timestamp);
    }
    let arrived = cloudwatch.events().len() as u64;
    assert_eq!(finished.report("cloudwatch cruddur: "), [arrived, 0, 0], "{}", finished.stderr);
    assert!(
        finished.stderr.contains("log records go to cloudwatch cruddur"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_hundred_requests_are_the_same_traces_in_cloudwatch_xray_otlp_stdout_and_stderr() {
    let (cloudwatch, receiver) = (CloudWatch::start(), Receiver::start());
    let daemon = XrayDaemon::start();
    let process = start(
        &cloudwatch,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
            ("AWS_XRAY_DAEMON_ADDRESS", &daemon.variable()),
            ("OTEL_TRACES_EXPORTER", "console,otlp,xray"),
            ("OTEL_LOGS_EXPORTER", "console,otlp,cloudwatch"),
        ],
    );
    let made = requests(&process, 100);
    let finished = terminate(process);

    assert_eq!(made.len(), 100);
    let events = access(&cloudwatch);
    assert_eq!((events.len(), ids(&events)), (100, made.clone()));
    let mut logs = receiver.logs();
    logs.retain(|log| log.scope_name == "access");
    let of_logs: BTreeSet<_> = logs.iter().map(|log| (log.trace_id(), log.span_id())).collect();
    assert_eq!((logs.len(), of_logs), (100, made.clone()));
    let mut spans = receiver.spans();
    spans.retain(|span| span.scope_name == "backend-actix");
    let of_spans: BTreeSet<_> =
        spans.iter().map(|span| (span.trace_id(), span.span_id())).collect();
    assert_eq!((spans.len(), of_spans), (100, made.clone()));
    let segments = daemon.traces().into_keys();
    let in_xray_form = |event: &Put| event.message["xray_trace_id"].as_str().unwrap().to_owned();
    let of_events: BTreeSet<_> = events.iter().map(in_xray_form).collect();
    assert_eq!(segments.collect::<BTreeSet<_>>(), of_events);
    for (trace_id, _) in &made {
        assert_eq!(finished.stderr.matches(&format!("trace_id={trace_id}")).count(), 1);
        assert_eq!(finished.stdout.matches(&format!(": {trace_id}")).count(), 2, "both spans");
    }
    let all = cloudwatch.events().len() as u64;
    assert_eq!(receiver.logs().len() as u64, all);
    assert_eq!(finished.report("cloudwatch cruddur: "), [all, 0, 0], "{}", finished.stderr);
    assert_eq!(finished.report("/v1/logs: "), [all, 0, 0], "{}", finished.stderr);
    assert_eq!(finished.report("/v1/traces: "), [200, 0, 0], "{}", finished.stderr);
    assert_eq!(finished.report("xray "), [200, 0, 0], "{}", finished.stderr);
    assert_eq!(finished.report("console: "), [200, 0, 0], "{}", finished.stderr);
}

#[test]
fn only_what_is_missing_is_created() {
    let cloudwatch = CloudWatch::start();
    cloudwatch.create_group(GROUP);
    for _ in 0..2 {
        let process = start(&cloudwatch, &[("CLOUDWATCH_LOG_STREAM", "one")]);
        requests(&process, 1);
        terminate(process);
    }
    assert_eq!(access(&cloudwatch).len(), 2, "the second finds the stream of the first");
    assert!(!cloudwatch.actions().contains(&"CreateLogGroup".to_owned()));
}

#[test]
fn a_group_that_is_deleted_meanwhile_is_made_again_and_nothing_is_lost() {
    let cloudwatch = CloudWatch::start();
    let process = start(&cloudwatch, &[]);
    let mut made = requests(&process, 1);
    // The lines of the start, and this request.
    let all_so_far = |_: &CloudWatch| {
        let health = Connection::open(process.address).request("GET", "/health", &[], b"").json();
        health["telemetry"]["exporters"][0]["created"].as_u64().unwrap() as usize
    };
    cloudwatch.wait_for(all_so_far(&cloudwatch));
    cloudwatch.delete_groups();
    made.extend(requests(&process, 1));
    let finished = terminate(process);
    assert_eq!(ids(&access(&cloudwatch)), made);
    assert_eq!(finished.report("cloudwatch ")[1..], [0, 0], "{}", finished.stderr);
    assert!(!finished.stderr.contains(" WARN "), "{}", finished.stderr);
}

#[test]
fn more_than_a_batch_may_hold_goes_in_several() {
    let cloudwatch = CloudWatch::start();
    let process = start(
        &cloudwatch,
        &[
            // All at the end, which the processor hands over as one.
            ("OTEL_BLRP_SCHEDULE_DELAY", "600000"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "20000"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "20000"),
        ],
    );
    requests(&process, 5000);
    let finished = terminate(process);
    assert_eq!(access(&cloudwatch).len(), 5000);
    let batches = cloudwatch.batches();
    assert!(batches.len() > 1, "{batches:?}");
    let arrived = batches.iter().sum::<usize>() as u64;
    assert_eq!(finished.report("cloudwatch "), [arrived, 0, 0], "{}", finished.stderr);
}

#[test]
fn what_is_throttled_or_fails_for_now_is_sent_again() {
    let cases = [
        ("throttling", Error(400, "ThrottlingException", "Rate exceeded")),
        ("500", Error(500, "InternalFailure", "")),
        ("503", Error(503, "ServiceUnavailableException", "")),
    ];
    for (name, fault) in cases {
        // As often as the SDK itself tries, and once more.
        let behave = move |number, action: &str| {
            if action == "PutLogEvents" && number < 7 { fault } else { Strict }
        };
        let cloudwatch = CloudWatch::start_as(behave);
        let process = start(&cloudwatch, &[]);
        let made = requests(&process, 10);
        cloudwatch.wait_for(10);
        let finished = terminate(process);
        assert_eq!(ids(&access(&cloudwatch)), made, "{name}");
        assert_eq!(finished.report("cloudwatch ")[1..], [0, 0], "{name}: {}", finished.stderr);
        let stderr = &finished.stderr;
        assert_eq!(stderr.matches("log records could not be sent").count(), 1, "{name}: {stderr}");
        assert_eq!(stderr.matches("log records are accepted again").count(), 1, "{name}: {stderr}");
        assert_eq!(stderr.matches(" WARN ").count(), 1, "{name}: {stderr}");
    }
}

/// No value at all, where `start_at` has one.
const UNSET: &str = "\0";

/// A variable and its value.
type Var = (&'static str, &'static str);

#[test]
fn what_aws_refuses_is_one_clear_line_and_counted() {
    let every = |code, message| move |_: usize, _: &str| Error(400, code, message);
    let strict = || CloudWatch::start();
    let puts = |code, message| {
        CloudWatch::start_as(move |_, action| match action {
            "PutLogEvents" => Error(400, code, message),
            _ => Strict,
        })
    };
    let denied = "User: arn:aws:iam::1:user/x is not authorized to perform: logs:CreateLogGroup";
    let groups_denied = CloudWatch::start_as(move |_, action| match action {
        "CreateLogGroup" => Error(400, "AccessDeniedException", denied),
        _ => Strict,
    });
    let cases: [(&str, CloudWatch, &[Var], &[&str]); 10] = [
        (
            "expired",
            CloudWatch::start_as(every(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            )),
            &[("AWS_SESSION_TOKEN", "MARKER")],
            &["the AWS credentials have expired", "AWS_SESSION_TOKEN"],
        ),
        (
            "unknown key",
            CloudWatch::start_as(every("UnrecognizedClientException", "invalid")),
            &[],
            &["AWS does not know the credentials", "AWS_ACCESS_KEY_ID"],
        ),
        ("behind", CloudWatch::start_ahead(TimeDelta::seconds(7230)), &[], &["120 minutes behind"]),
        ("ahead", CloudWatch::start_ahead(-TimeDelta::seconds(10830)), &[], &["180 minutes ahead"]),
        (
            "denied",
            groups_denied,
            &[],
            &["does not allow logs:CreateLogGroup", "arn:aws:iam::1:user/x"],
        ),
        (
            "not put",
            puts("AccessDeniedException", "no identity-based policy allows it"),
            &[],
            &["does not allow logs:PutLogEvents", "no identity-based policy"],
        ),
        (
            "invalid",
            puts("InvalidParameterException", "1 validation error"),
            &[],
            &["logs:PutLogEvents: AWS answers 400 InvalidParameterException: 1 validation error"],
        ),
        (
            "no region",
            strict(),
            &[("AWS_REGION", UNSET)],
            &["there is no AWS region: set AWS_REGION"],
        ),
        (
            "no credentials",
            strict(),
            &[("AWS_ACCESS_KEY_ID", UNSET), ("AWS_SECRET_ACCESS_KEY", UNSET)],
            &["there are no AWS credentials: set AWS_ACCESS_KEY_ID", "no providers in chain"],
        ),
        (
            "no certificates",
            strict(),
            &[("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")],
            &["there are no CA certificates on this system"],
        ),
    ];
    for (name, cloudwatch, vars, said) in cases {
        let mut process = start(&cloudwatch, vars);
        let line = process.wait_for_line("log records could not be sent and are lost");
        for part in said {
            assert!(line.contains(part), "{name}: {line}");
        }
        requests(&process, 20);
        let health = Connection::open(process.address).request("GET", "/health", &[], b"").json();
        let exporter = health["telemetry"]["exporters"][0].clone();
        let message = exporter["last_error"]["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{name}: {exporter}");
        let finished = terminate(process);
        let [exported, failed, dropped] = finished.report("cloudwatch ");
        assert_eq!((exported, dropped), (0, 0), "{name}: {}", finished.stderr);
        assert!(failed > exporter["created"].as_u64().unwrap(), "{name}: {}", finished.stderr);
        // That line, and the last.
        assert_eq!(finished.stderr.matches(" WARN ").count(), 2, "{name}: {}", finished.stderr);
        assert!(!finished.stderr.contains("panicked"), "{name}: {}", finished.stderr);
    }
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_told_once_and_holds_up_nothing() {
    // Where no other test listens a moment later.
    let nobody = TcpListener::bind("127.0.0.4:0").unwrap().local_addr().unwrap();
    let hanging = CloudWatch::start_as(|_, _| Hang);
    let cases = [
        (format!("http://{nobody}"), "Connection refused"),
        ("http://nothing.invalid".to_owned(), "dns error"),
        (hanging.endpoint(), "no answer from CloudWatch in 300ms"),
    ];
    for (endpoint, reason) in cases {
        let vars = [("SHUTDOWN_TIMEOUT_SECONDS", "2"), ("OTEL_BLRP_EXPORT_TIMEOUT", "300")];
        let vars = if reason.contains("300ms") { &vars[..] } else { &vars[..1] };
        let mut process = start_at(&endpoint, vars);
        let line = process.wait_for_line("log records could not be sent");
        assert!(line.contains(reason), "{line}");
        requests(&process, 100);
        let health = Connection::open(process.address).request("GET", "/health", &[], b"").json();
        let exporter = &health["telemetry"]["exporters"][0];
        let number = |key: &str| exporter[key].as_u64().unwrap();
        assert_eq!((number("exported"), number("dropped")), (0, 0), "{exporter}");
        assert_eq!(number("created"), number("queued") + number("failed"), "{exporter}");
        let finished = terminate(process);
        let [exported, failed, dropped] = finished.report("cloudwatch ");
        assert_eq!(exported, 0, "{}", finished.stderr);
        assert!(failed + dropped > number("created"), "{}", finished.stderr);
        let told = finished.stderr.matches("wait for another try").count();
        assert_eq!(told, 1, "{}", finished.stderr);
    }
}

#[test]
fn an_empty_variable_of_an_endpoint_does_no_harm() {
    let cloudwatch = CloudWatch::start();
    // The one that would win.
    let process = start(&cloudwatch, &[("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "")]);
    requests(&process, 1);
    let finished = terminate(process);
    assert_eq!(access(&cloudwatch).len(), 1, "{}", finished.stderr);
}

#[test]
fn events_that_cloudwatch_leaves_out_of_a_batch_are_counted() {
    let cloudwatch = CloudWatch::start_as(|_, _| LeaveOut(2, 1));
    // One batch of all.
    let process = start(&cloudwatch, &[("OTEL_BLRP_SCHEDULE_DELAY", "600000")]);
    requests(&process, 10);
    let finished = terminate(process);
    let arrived = cloudwatch.events().len() as u64;
    assert_eq!(finished.report("cloudwatch "), [arrived, 3, 0], "{}", finished.stderr);
    let stderr = &finished.stderr;
    assert!(stderr.contains("older than 14 days; more than 2 hours in the future"), "{stderr}");
}

#[test]
fn cloudwatch_is_off_unless_there_is_a_group_and_no_list_without_it() {
    let cloudwatch = CloudWatch::start();
    let cases: [(&[Var], Option<&str>); 4] = [
        (&[("CLOUDWATCH_LOG_GROUP", "")], None),
        (&[("OTEL_LOGS_EXPORTER", "console")], None),
        (&[("OTEL_SDK_DISABLED", "true")], None),
        (
            &[("CLOUDWATCH_LOG_GROUP", ""), ("OTEL_LOGS_EXPORTER", "console,cloudwatch")],
            Some("CLOUDWATCH_LOG_GROUP is not set"),
        ),
    ];
    for (vars, warning) in cases {
        let process = start(&cloudwatch, vars);
        requests(&process, 1);
        let stderr = terminate(process).stderr;
        assert!(!stderr.contains("cloudwatch cruddur"), "{vars:?}: {stderr}");
        assert!(warning.is_none_or(|warning| stderr.contains(warning)), "{vars:?}: {stderr}");
    }
    assert!(cloudwatch.actions().is_empty());
}

#[test]
fn a_name_or_an_endpoint_that_cannot_be_used_stops_the_start() {
    let long = "x".repeat(513);
    let group = ("CLOUDWATCH_LOG_GROUP", "g");
    let cases = [
        (&[("CLOUDWATCH_LOG_GROUP", "my group")][..], "expected the name of a log group"),
        (&[("CLOUDWATCH_LOG_GROUP", "a:b")], "expected the name of a log group"),
        (&[("CLOUDWATCH_LOG_GROUP", "aws/mine")], "expected the name of a log group"),
        (&[("CLOUDWATCH_LOG_GROUP", &long)], "expected the name of a log group"),
        (&[group, ("CLOUDWATCH_LOG_STREAM", "a:b")], "expected the name of a log stream"),
        (&[group, ("CLOUDWATCH_LOG_STREAM", "a*")], "expected the name of a log stream"),
        (&[group, ("AWS_ENDPOINT_URL", "localhost:5000")], "AWS_ENDPOINT_URL"),
        (&[group, ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "ftp://a")], "expected a URL"),
    ];
    for (vars, says) in cases {
        let finished = run(vars);
        assert_eq!(finished.status.code(), Some(2), "{vars:?}: {}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{vars:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(says), "{vars:?}: {}", finished.stderr);
    }
}

#[test]
fn what_the_sdk_says_of_itself_is_never_sent() {
    let cloudwatch = CloudWatch::start();
    let process = start(&cloudwatch, &[("RUST_LOG", "trace"), ("AWS_SESSION_TOKEN", "MARKER")]);
    let made = requests(&process, 1);
    let finished = terminate(process);
    assert_eq!(ids(&access(&cloudwatch)), made);
    for target in ["aws_smithy_runtime", "aws_config", "hyper_util"] {
        assert!(finished.stderr.contains(target), "events of {target} are on stderr");
        let starts = |event: &Put| event.message["target"].as_str().unwrap().starts_with(target);
        let sent = cloudwatch.events().into_iter().find(starts);
        assert!(sent.is_none(), "{sent:#?}");
    }
    assert!(!finished.stderr.contains(SECRET_KEY));
}
