//! What is of AWS: CloudWatch Logs, and the X-Ray daemon.

use std::net::TcpListener;

use serde_json::json;

use super::{Checked, check, closed};
use crate::support::certificate::PemFile;
use crate::support::cloudwatch::Reply::{Error, Hang};
use crate::support::cloudwatch::{ACCESS_KEY, CloudWatch, REGION, Reply, SECRET_KEY};
use crate::support::receiver::Receiver;
use crate::support::xray_daemon::{XrayDaemon, rule};

const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Checks CloudWatch alone; an empty variable is one that is not there.
fn cloudwatch(vars: &[(&str, &str)]) -> Checked {
    let needed = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("CLOUDWATCH_LOG_GROUP", "cruddur"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        // Nobody looks for the machine's own credentials.
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let of_test = |name: &str| vars.iter().any(|(other, _)| *other == name);
    let needed = needed.into_iter().filter(|(name, _)| !of_test(name));
    let vars = vars.iter().copied().filter(|(_, value)| !value.is_empty());
    check(&needed.chain(vars).collect::<Vec<_>>())
}

#[test]
fn cloudwatch_is_sent_a_record_and_what_it_answers_is_said() {
    let endpoint = CloudWatch::start();
    let checked = cloudwatch(&[(ENDPOINT, &endpoint.endpoint())]);
    checked.assert_works();
    checked.line("Log records to cloudwatch cruddur");
    checked.line("ok       address: 127.0.0.1 is 127.0.0.1");
    checked.line("ok       connection: 127.0.0.1:");
    checked.line("ok       test record: accepted");
    let [event] = &endpoint.events()[..] else { panic!("one event: {}", checked.stdout) };
    assert_eq!(event.message["message"], "backend-actix check");
    // Where it is, is found without a call.
    assert_eq!(endpoint.actions()[0], "CreateLogStream");

    // what CloudWatch answers, what the line says
    let cases: [(Reply, &[&str]); 8] = [
        (Error(400, "UnrecognizedClientException", "no"), &["check AWS_ACCESS_KEY_ID"]),
        (Error(400, "InvalidSignatureException", "no"), &["check AWS_SECRET_ACCESS_KEY"]),
        (Error(400, "ExpiredTokenException", "no"), &["renew AWS_SESSION_TOKEN"]),
        (Error(400, "AccessDeniedException", "no"), &["does not allow logs:CreateLogStream"]),
        (Error(400, "InvalidParameterException", "bad"), &["bad", "see CLOUDWATCH_LOG_GROUP"]),
        (Error(400, "ThrottlingException", "slow down"), &["slow down", "try again"]),
        (Error(503, "ServiceUnavailableException", "busy"), &["503", "busy", "try again"]),
        (Hang, &["no answer", "AWS_ENDPOINT_URL", "500 ms in OTEL_BLRP_EXPORT_TIMEOUT"]),
    ];
    for (reply, says) in cases {
        let endpoint = CloudWatch::start_as(move |_, _| reply);
        // Enough for the three tries of the SDK itself.
        let timeout = if matches!(reply, Hang) { "500" } else { "5000" };
        let vars = [(ENDPOINT, endpoint.endpoint()), ("OTEL_BLRP_EXPORT_TIMEOUT", timeout.into())];
        let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
        cloudwatch(&vars).assert_fails("test record", says);
    }
}

#[test]
fn a_cloudwatch_that_cannot_be_reached_is_told_with_what_to_change() {
    let (tls, certificate) = Receiver::start_tls();
    let tls = format!("https://localhost:{}", tls.address.port());
    let plain = CloudWatch::start();
    let without_tls = plain.endpoint().replace("http:", "https:");
    let (closed, own) = (closed(), "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS");
    // variables, the step that fails, what its line says
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 10] = [
        (&[(ENDPOINT, "http://nothing.invalid")], "address", &["nothing.invalid", ENDPOINT]),
        (&[(ENDPOINT, &closed)], "connection", &["refused", "see that the endpoint is", ENDPOINT]),
        (&[(ENDPOINT, &plain.endpoint()), (own, &closed)], "connection", &["refused", own]),
        (&[(ENDPOINT, &tls)], "TLS", &["UnknownIssuer", "in SSL_CERT_FILE", ENDPOINT]),
        (&[(ENDPOINT, &without_tls)], "TLS", &["use http:// in", ENDPOINT]),
        // AWS has no such region.
        (
            &[("AWS_REGION", "nowhere-1")],
            "address",
            &["logs.nowhere-1.amazonaws.com", "AWS_REGION"],
        ),
        (&[("AWS_REGION", "no where")], "address", &["`region`", "correct AWS_REGION"]),
        (&[("AWS_REGION", "")], "address", &["there is no AWS region: set AWS_REGION"]),
        (
            &[(ENDPOINT, &plain.endpoint()), ("AWS_ACCESS_KEY_ID", "")],
            "test record",
            &["there are no AWS credentials: set AWS_ACCESS_KEY_ID"],
        ),
        (
            &[(ENDPOINT, "http://nothing.invalid"), ("HTTP_PROXY", &closed)],
            "test record",
            &["see to the proxy of HTTP_PROXY", ENDPOINT],
        ),
    ];
    for (vars, step, says) in cases {
        let checked = cloudwatch(vars);
        checked.assert_fails(step, says);
        assert_eq!(checked.stdout.contains("test record"), step == "test record", "{vars:?}");
    }
    assert!(plain.actions().is_empty(), "{:?}", plain.actions());

    let file = PemFile::new(&certificate);
    let trusted = cloudwatch(&[(ENDPOINT, &tls), ("SSL_CERT_FILE", file.path())]);
    trusted.line("ok       TLS: the certificate is trusted");
    trusted.assert_fails("test record", &["404", "AWS_ENDPOINT_URL: it is not CloudWatch"]);
}

#[test]
fn an_x_ray_daemon_is_tried_as_far_as_udp_tells() {
    let daemon = XrayDaemon::start();
    let address = daemon.variable();
    let checked = check(&[("AWS_XRAY_DAEMON_ADDRESS", &address)]);
    checked.assert_works();
    checked.line(&format!("Spans to xray {address}"));
    checked.line("ok       address: 127.0.0.1 is 127.0.0.1");
    let document = &daemon.documents()[0];
    let trace_id = document["trace_id"].as_str().unwrap()[2..].replace('-', "");
    checked.line(&format!("ok       test span: handed over, trace {trace_id}"));
    // Nothing is asked that nobody wants to know.
    assert!(daemon.questions().is_empty());
    assert!(!checked.stdout.contains("Sampling rules"), "{}", checked.stdout);

    let variable = "AWS_XRAY_DAEMON_ADDRESS";
    // Nobody listens there.
    check(&[(variable, "127.0.0.1:1")])
        .assert_fails("test span", &["nothing listens at 127.0.0.1:1", variable]);
    check(&[(variable, "nothing.invalid:2000")])
        .assert_fails("address", &["nothing.invalid cannot be resolved", variable]);
}

#[test]
fn an_x_ray_daemon_is_asked_for_sampling_rules_where_they_decide() {
    let variable = "AWS_XRAY_DAEMON_ADDRESS";
    let sampling = |daemon: &str| {
        let vars = [("OTEL_TRACES_SAMPLER", "xray"), ("OTEL_TRACES_EXPORTER", "none")];
        check(&[&vars[..], &[(variable, daemon)]].concat())
    };
    let daemon = XrayDaemon::start();
    let rules = [rule("one", 1, json!({})), rule("Default", 10_000, json!({}))];
    daemon.answer(&json!({ "SamplingRuleRecords": rules }), &json!({}));
    let checked = sampling(&daemon.variable());
    checked.assert_works();
    checked.line(&format!("Sampling rules from xray {}", daemon.variable()));
    checked.line("ok       sampling rules: 2 in the account");
    assert_eq!(daemon.questions()[0].path, "/GetSamplingRules");

    daemon.refuse(403);
    let no_rights = ["answers 403", "xray:GetSamplingRules and xray:GetSamplingTargets"];
    sampling(&daemon.variable()).assert_fails("sampling rules", &no_rights);
    daemon.answer(&json!([]), &json!([]));
    let no_rules = ["cannot be read", "see what listens at the TCP address of", variable];
    sampling(&daemon.variable()).assert_fails("sampling rules", &no_rules);

    // The TCP side decides, and it alone.
    let udp = daemon.variable();
    let closed = closed().replace("http://", "");
    for (tcp, step, says) in [
        (closed.as_str(), "connection", "see that the daemon is up"),
        ("nothing.invalid:2000", "address", "nothing.invalid cannot be resolved"),
    ] {
        sampling(&format!("udp:{udp} tcp:{tcp}")).assert_fails(step, &[says, variable]);
    }
}

#[test]
fn an_x_ray_daemon_that_only_listens_for_documents_hands_out_no_rules() {
    // It accepts, and says nothing of HTTP.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let closing = std::thread::spawn(move || {
        for _ in 0..2 {
            drop(silent.accept().unwrap());
        }
    });
    let daemon = XrayDaemon::start();
    let both = format!("udp:{} tcp:{address}", daemon.variable());
    let checked = check(&[("OTEL_TRACES_SAMPLER", "xray"), ("AWS_XRAY_DAEMON_ADDRESS", &both)]);
    checked.line("ok       test span: handed over");
    checked.assert_fails("sampling rules", &["see what listens at the TCP address of"]);
    closing.join().unwrap();
}
