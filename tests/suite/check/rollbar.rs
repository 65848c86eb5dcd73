//! Rollbar.

use super::{check, closed};
use crate::support::certificate::PemFile;
use crate::support::receiver::Receiver;
use crate::support::rollbar::{FakeRollbar, Reply, TOKEN};

/// Checks Rollbar alone, at `endpoint`.
fn rollbar(endpoint: &str, vars: &[(&str, &str)]) -> super::Checked {
    let needed = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("ROLLBAR_ACCESS_TOKEN", TOKEN),
        ("ROLLBAR_ENDPOINT", endpoint),
        ("ROLLBAR_ENVIRONMENT", "trying"),
    ];
    let checked = check(&[&needed, vars].concat());
    assert!(!checked.stdout.contains(TOKEN), "{}", checked.stdout);
    checked
}

#[test]
fn rollbar_is_sent_an_item_and_what_it_answers_is_said() {
    // what Rollbar answers, what the line says
    let cases: [(Option<Reply>, &[&str]); 6] = [
        (None, &[]),
        (
            Some(Reply::Status(401)),
            &["Rollbar answers 401", "set ROLLBAR_ACCESS_TOKEN", "post_server_item"],
        ),
        (Some(Reply::Status(404)), &["Rollbar answers 404", "check ROLLBAR_ENDPOINT"]),
        (Some(Reply::Status(422)), &["Rollbar answers 422", "ROLLBAR_ENDPOINT: it is not Rollbar"]),
        (Some(Reply::Limited(60)), &["rate limit", "60 s", "the limit of ROLLBAR_ACCESS_TOKEN"]),
        (Some(Reply::Status(500)), &["Rollbar answers 500", "try again"]),
    ];
    for (reply, says) in cases {
        let project = FakeRollbar::start_with(reply.as_slice());
        let checked = rollbar(&project.endpoint(), &[]);
        if reply.is_some() {
            checked.assert_fails("test item", says);
            continue;
        }
        checked.assert_works();
        checked.line("ok       address: 127.0.0.1 is 127.0.0.1");
        checked.line(&format!("ok       connection: {} accepts it", project.address));
        assert!(checked.line("ok       test item").contains("\"trying\""));
        let [item] = &project.items()[..] else { panic!("{}", checked.stdout) };
        assert_eq!(item["body"]["message"]["body"], "backend-actix check");
        assert_eq!(item["level"], "info");
    }
}

#[test]
fn a_rollbar_that_cannot_be_reached_is_told_with_what_to_change() {
    let (tls, certificate) = Receiver::start_tls();
    let tls = format!("https://localhost:{}", tls.address.port());
    let plain = FakeRollbar::start();
    let without_tls = format!("https://{}", plain.address);
    let variable = "ROLLBAR_ENDPOINT";
    // where it is to be, the step that fails, what its line says
    let cases: [(&str, &str, &[&str]); 4] = [
        ("http://nothing.invalid", "address", &["nothing.invalid cannot be resolved", variable]),
        (&closed(), "connection", &["refused", "see that the endpoint is up", variable]),
        (&tls, "TLS", &["UnknownIssuer", "in SSL_CERT_FILE", variable]),
        (&without_tls, "TLS", &["use http:// in ROLLBAR_ENDPOINT"]),
    ];
    for (endpoint, step, says) in cases {
        let checked = rollbar(endpoint, &[]);
        checked.assert_fails(step, says);
        assert!(!checked.stdout.contains("test item"), "{}", checked.stdout);
    }
    assert!(plain.posted().is_empty());
    let file = PemFile::new(&certificate);
    let trusted = rollbar(&tls, &[("SSL_CERT_FILE", file.path())]);
    trusted.line("ok       TLS: the certificate is trusted");
    trusted.assert_fails("test item", &["Rollbar answers 404", variable]);

    let proxy = closed();
    let checked = rollbar("http://nothing.invalid", &[("HTTP_PROXY", &proxy)]);
    checked.assert_fails("test item", &["see to the proxy of HTTP_PROXY", variable]);
}
