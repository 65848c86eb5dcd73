//! Proxies, by their effect: through whom exports go when variables say so.

use std::net::TcpListener;

use backend_actix::config::Config;

use crate::support::certificate::PemFile;
use crate::support::http::Connection;
use crate::support::process::Process;
use crate::support::proxy::Proxy;
use crate::support::receiver::Receiver;
use crate::support::rollbar::{FakeRollbar, TOKEN};

/// Makes a request to the binary with these variables, and ends it: what it had to say.
fn run(vars: &[(&str, &str)]) -> String {
    let process = Process::start(vars);
    Connection::open(process.address).request("GET", "/api/activities/home", &[], b"");
    process.terminate().stderr
}

#[test]
fn each_spelling_of_a_proxy_and_of_its_exceptions_is_followed() {
    // Where no other test listens a moment later.
    let nobody = TcpListener::bind("127.0.0.4:0").unwrap().local_addr().unwrap().to_string();
    // A name that only the proxy knows, and what is known without it.
    let (strange, known) = ("http://collector.invalid:4318", "http://127.0.0.1:{port}");
    let by_name = "http://localhost:{port}";
    let through = "POST http://collector.invalid:4318/v1/traces";
    let through_all_the_same = "POST http://127.0.0.1:{port}/v1/traces";
    // variables, where `{proxy}` is it; where the receiver is; what the proxy is asked
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: [Case<'_>; 16] = [
        (&[("HTTP_PROXY", "http://{proxy}")], strange, through),
        (&[("http_proxy", "http://{proxy}")], strange, through),
        (&[("http_proxy", "{proxy}")], strange, through),
        (&[("ALL_PROXY", "http://{proxy}")], strange, through),
        (&[("all_proxy", "http://{proxy}")], strange, through),
        // The one in capitals wins.
        (&[("HTTP_PROXY", "{proxy}"), ("http_proxy", &nobody)], strange, through),
        (&[("http_proxy", "{proxy}"), ("ALL_PROXY", &nobody)], strange, through),
        (&[("http_proxy", "{proxy}"), ("NO_PROXY", "a.example")], known, through_all_the_same),
        (&[("http_proxy", &nobody), ("NO_PROXY", "a.example, 127.0.0.1")], known, ""),
        (&[("HTTP_PROXY", &nobody), ("no_proxy", "127.0.0.0/8")], known, ""),
        (&[("http_proxy", &nobody), ("no_proxy", ".invalid,localhost")], by_name, ""),
        // It stands for names; an address is none.
        (&[("ALL_PROXY", &nobody), ("no_proxy", "*")], by_name, ""),
        // Another scheme's.
        (&[("https_proxy", &nobody)], known, ""),
        // Empty, it hides the other spelling, and no more than that.
        (&[("HTTP_PROXY", ""), ("http_proxy", &nobody)], known, ""),
        (
            &[("HTTP_PROXY", ""), ("http_proxy", &nobody), ("all_proxy", "{proxy}")],
            strange,
            through,
        ),
        (
            &[("http_proxy", "{proxy}"), ("NO_PROXY", ""), ("no_proxy", "127.0.0.1")],
            known,
            through_all_the_same,
        ),
    ];
    for (vars, endpoint, asked) in cases {
        let receiver = Receiver::start();
        let proxy = Proxy::start(receiver.address);
        let filled = |text: &str| {
            let text = text.replace("{proxy}", &proxy.address.to_string());
            text.replace("{port}", &receiver.address.port().to_string())
        };
        let vars: Vec<_> = vars.iter().map(|(name, value)| (*name, filled(value))).collect();
        let mut all = vec![("OTEL_TRACES_EXPORTER", "otlp".to_owned())];
        all.push(("OTEL_EXPORTER_OTLP_ENDPOINT", filled(endpoint)));
        all.extend(vars);
        let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let stderr = run(&all);
        assert_eq!(receiver.spans().len(), 2, "{all:?}: {stderr}");
        let expected: Vec<_> = [filled(asked)].into_iter().filter(|it| !it.is_empty()).collect();
        assert_eq!(proxy.asked(), expected, "{all:?}");
        // What is shown is what is done.
        let vars = all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::from_vars(vars.collect()).unwrap();
        let endpoint = config.telemetry.otlp.unwrap().endpoint;
        let shown = config.proxy.on_the_way(endpoint.scheme(), endpoint.host());
        assert_eq!(shown.is_some(), !expected.is_empty(), "{all:?}");
        let hidden = ["HTTP_PROXY", "NO_PROXY"].iter().filter(|it| all.contains(&(**it, "")));
        let told = config.warnings.iter().filter(|it| it.contains("though empty"));
        assert_eq!(told.count(), hidden.count(), "{all:?}: {:?}", config.warnings);
    }
}

#[test]
fn what_is_encrypted_goes_through_the_proxy_of_https_and_stays_so() {
    let (receiver, certificate) = Receiver::start_tls();
    let file = PemFile::new(&certificate);
    let port = receiver.address.port();
    let endpoint = format!("https://localhost:{port}");
    let trusted = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", file.path()),
    ];
    let mut arrived = 0;
    for (variable, is_through) in [
        ("HTTPS_PROXY", true),
        ("https_proxy", true),
        ("all_proxy", true),
        // Another scheme's.
        ("http_proxy", false),
    ] {
        let proxy = Proxy::start(receiver.address);
        let address = format!("http://{}", proxy.address);
        let stderr = run(&[&trusted[..], &[(variable, &address)]].concat());
        arrived += 2;
        assert_eq!(receiver.spans().len(), arrived, "{variable}: {stderr}");
        let asked = if is_through { vec![format!("CONNECT localhost:{port}")] } else { vec![] };
        assert_eq!(proxy.asked(), asked, "{variable}");
    }
    let proxy = Proxy::start(receiver.address);
    let proxy_vars = [("https_proxy", proxy.address.to_string()), ("no_proxy", "localhost".into())];
    let proxy_vars: Vec<_> = proxy_vars.iter().map(|(name, it)| (*name, it.as_str())).collect();
    let stderr = run(&[&trusted[..], &proxy_vars].concat());
    assert_eq!(receiver.spans().len(), arrived + 2, "{stderr}");
    assert!(proxy.asked().is_empty());
}

#[test]
fn log_records_and_reports_go_through_the_proxy_as_spans_do() {
    let receiver = Receiver::start();
    let proxy = Proxy::start(receiver.address);
    let address = proxy.address.to_string();
    let stderr = run(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "console,otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318"),
        ("http_proxy", &address),
    ]);
    assert!(!receiver.logs().is_empty(), "{stderr}");
    assert_eq!(proxy.asked()[0], "POST http://collector.invalid:4318/v1/logs");

    let rollbar = FakeRollbar::start();
    let proxy = Proxy::start(rollbar.address);
    let address = proxy.address.to_string();
    let process = Process::start(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("ROLLBAR_ACCESS_TOKEN", TOKEN),
        ("ROLLBAR_ENDPOINT", "http://rollbar.invalid"),
        ("http_proxy", &address),
    ]);
    let answer = Connection::open(process.address).request("GET", "/rollbar/test", &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    process.terminate();
    assert_eq!(rollbar.items().len(), 1);
    assert_eq!(proxy.asked(), ["POST http://rollbar.invalid/api/1/item/"]);
}

#[cfg(feature = "aws")]
#[test]
fn cloudwatch_is_reached_through_the_proxy_and_the_x_ray_daemon_is_not() {
    use crate::support::cloudwatch::{ACCESS_KEY, CloudWatch, REGION, SECRET_KEY};
    use crate::support::xray_daemon::XrayDaemon;

    let (cloudwatch, daemon) = (CloudWatch::start(), XrayDaemon::start());
    let (proxy, at) = (Proxy::start(cloudwatch.address()), daemon.variable());
    let address = format!("http://{}", proxy.address);
    let stderr = run(&[
        ("CLOUDWATCH_LOG_GROUP", "cruddur"),
        ("AWS_ENDPOINT_URL", "http://logs.invalid"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "xray"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("AWS_XRAY_DAEMON_ADDRESS", &at),
        ("http_proxy", &address),
    ]);
    assert!(!cloudwatch.events().is_empty(), "{stderr}");
    assert!(!daemon.questions().is_empty(), "{stderr}");
    let asked = proxy.asked();
    assert!(asked.iter().all(|line| line == "POST http://logs.invalid/"), "{asked:?}");
}
