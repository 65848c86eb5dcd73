//! Every variable: what it decides, what becomes of a value that cannot be used, and that the docs know
//! it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use backend_actix::config::variables::{self, Documentation, SECTIONS, Section, Variable};
use backend_actix::config::{Config, print};
use serde_json::{Value, json};

type Vars<'a> = &'a [(&'a str, &'a str)];

fn config(vars: Vars<'_>) -> Config {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_vars(vars.collect()).unwrap_or_else(|error| panic!("{error}"))
}

/// What `--print-config=json` says of a setting: its value and where that came from.
fn in_force(vars: Vars<'_>, setting: &str) -> (Value, Value) {
    let mut printed = print::as_json(&config(vars));
    let setting = &mut printed["settings"][setting];
    (setting["value"].take(), setting["from"].take())
}

/// A setting that follows the variable of its name.
type Own<'a> = (&'a str, &'a str, Value);

/// How many cases more a table has in a build with AWS.
const IN_AWS: usize = if cfg!(feature = "aws") { 1 } else { 0 };

#[test]
fn each_variable_decides_the_setting_of_its_name() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
    let both = [endpoint, ("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_TRACES_EXPORTER", "otlp")];
    let with_otlp: [Own<'_>; 10] = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b/x?key=MARKER", json!("http://b/x")),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://b/y?key=MARKER", json!("http://b/y")),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=MARKER", json!("set")),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=MARKER", json!("set")),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000", json!(2000)),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2000", json!(2000)),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "GZIP", json!("gzip")),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip", json!("gzip")),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/a.pem", json!("/a.pem")),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/a.pem", json!("/a.pem")),
    ];
    let with_ratio: [Own<'_>; 1] = [("OTEL_TRACES_SAMPLER_ARG", "0.25", json!(0.25))];
    let with_rollbar: [Own<'_>; 3] = [
        ("ROLLBAR_ENVIRONMENT", "staging", json!("staging")),
        ("ROLLBAR_ENDPOINT", "http://A:9000/", json!("http://a:9000")),
        ("CODE_VERSION", "1.2.3", json!("1.2.3")),
    ];
    let alone = vec![
        ("PORT", "8080", json!(8080)),
        ("BIND_ADDRESS", "::1", json!("::1")),
        ("WORKERS", "3", json!(3)),
        ("FRONTEND_URL", "http://A/x, *", json!(["http://a", "*"])),
        ("BACKEND_URL", "https://a:443", json!(["https://a"])),
        ("MAX_CONNECTIONS", "3", json!(3)),
        ("KEEP_ALIVE_SECONDS", "3", json!(3)),
        ("CLIENT_TIMEOUT_SECONDS", "3", json!(3)),
        ("SHUTDOWN_DELAY_SECONDS", "3", json!(3)),
        ("SHUTDOWN_TIMEOUT_SECONDS", "3", json!(3)),
        ("OTEL_SDK_DISABLED", "True", json!(true)),
        ("OTEL_SERVICE_NAME", " a ", json!("a")),
        ("OTEL_RESOURCE_ATTRIBUTES", "b=1, a=%2C", json!({"a": ",", "b": "1"})),
        ("OTEL_TRACES_EXPORTER", "none", json!(["none"])),
        ("TRACE_CONSOLE", "opentelemetry-stdout", json!("opentelemetry-stdout")),
        ("OTEL_TRACES_SAMPLER", "TraceIdRatio", json!("traceidratio")),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "4096", json!(4096)),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7", json!(7)),
        ("OTEL_BSP_SCHEDULE_DELAY", "7", json!(7)),
        ("OTEL_BSP_EXPORT_TIMEOUT", "7", json!(7)),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", json!(0)),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "7", json!(7)),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "7", json!(7)),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "7", json!(7)),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "7", json!(7)),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2147483647", json!(2_147_483_647)),
        ("HONEYCOMB_API_KEY", "MARKER", json!("set")),
        ("HTTPS_PROXY", "http://u:MARKER@a", json!("set")),
        ("HTTP_PROXY", "http://u:MARKER@a", json!("set")),
        ("NO_PROXY", "localhost, b", json!(["localhost", "b"])),
        ("OTEL_PROPAGATORS", "xray,baggage,xray", json!(["xray", "baggage"])),
        ("TRACE_PUBLIC_ENDPOINT", "true", json!(true)),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1", json!(["10.0.0.0/8", "::1/128"])),
        ("TRACE_EXCLUDED_PATHS", "/a,/b,/a", json!(["/a", "/b"])),
        ("CAPTURE_REQUEST_HEADERS", "X-A", json!(["x-a"])),
        ("CAPTURE_RESPONSE_HEADERS", "X-B", json!(["x-b"])),
        ("REDACTED_QUERY_KEYS", "a,b", json!(["a", "b"])),
        ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET,PURGE", json!(["GET", "PURGE"])),
        ("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", "logs", json!("logs")),
        ("RUST_LOG", "access=warn", json!("access=warn")),
        ("OTEL_LOGS_EXPORTER", "none", json!(["none"])),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "4096", json!(4096)),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "7", json!(7)),
        ("OTEL_BLRP_SCHEDULE_DELAY", "7", json!(7)),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "7", json!(7)),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "7", json!(7)),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", json!(7)),
        ("ROLLBAR_ACCESS_TOKEN", "MARKER", json!("set")),
        ("WEB_ADDRESS", "0.0.0.0:3001", json!("0.0.0.0:3001")),
        ("WEB_URL", "http://A:80/x", json!(["http://a/x"])),
        ("WEB_TOKEN", "MARKER-0123456789", json!("set")),
        ("TRACES_KEPT", "7", json!(7)),
        ("TRACES_KEPT_BYTES", "65536", json!(65_536)),
        ("TRACE_LINKS", "J=http://j/{trace_id}", json!(["J=http://j/{trace_id}"])),
    ];
    let of_aws: &[Own<'_>] = &[
        ("AWS_XRAY_DAEMON_ADDRESS", "udp:b:2 tcp:a:1", json!("tcp:a:1 udp:b:2")),
        ("AWS_XRAY_URL", "*:4567", json!("*:4567")),
        ("AWS_XRAY_ANNOTATIONS", "http.route, app.*", json!(["http.route", "app.*"])),
        ("CLOUDWATCH_LOG_GROUP", "cruddur", json!("cruddur")),
    ];
    let of_cloudwatch: &[Own<'_>] = &[("CLOUDWATCH_LOG_STREAM", "a", json!("a"))];
    let in_aws = |cases| if cfg!(feature = "aws") { cases } else { &[][..] };
    // Those that have no other value than their default.
    let fixed: [Own<'_>; 2] = [
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", json!("http/protobuf")),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "HTTP/protobuf", json!("http/protobuf")),
    ];
    let mut tested = BTreeSet::new();
    let groups = [
        (&both[..], &with_otlp[..]),
        (&both, &fixed),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio")], &with_ratio),
        (&[("ROLLBAR_ACCESS_TOKEN", "MARKER")], &with_rollbar),
        (&[], &alone),
        (&[], in_aws(of_aws)),
        (&[("CLOUDWATCH_LOG_GROUP", "g")], in_aws(of_cloudwatch)),
    ];
    for (others, cases) in groups {
        for (variable, text, value) in cases {
            let vars = [others, &[(variable, text)]].concat();
            assert_eq!(in_force(&vars, variable), (value.clone(), json!(variable)), "{text}");
            let (default, from) = in_force(others, variable);
            assert!(from != json!(variable), "{variable}");
            let is_fixed = fixed.iter().any(|(name, ..)| name == variable);
            assert_eq!(default == *value, is_fixed, "{variable} has {text} without being set");
            // Empty is unset, but where it says that something is left out on purpose.
            let empty = [others, &[(variable, " ")]].concat();
            if !["HONEYCOMB_API_KEY", "WEB_ADDRESS"].contains(variable) {
                assert_eq!(in_force(&empty, variable), (default, from), "{variable}");
            }
            tested.insert(*variable);
        }
    }
    let with_setting = variables::all().filter(|it| it.in_force(&config(&[])).is_some());
    assert_eq!(tested, with_setting.map(|variable| variable.name).collect());
}

#[test]
fn an_empty_address_of_the_page_says_that_there_is_none() {
    let variable = "WEB_ADDRESS";
    assert_eq!(in_force(&[], variable), (json!("127.0.0.1:3000"), json!("default")));
    assert_eq!(in_force(&[(variable, "")], variable), (json!("off"), json!(variable)));
}

#[test]
fn a_general_variable_decides_what_has_no_variable_of_its_own() {
    let otlp = [("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_LOGS_EXPORTER", "otlp")];
    let key = ("HONEYCOMB_API_KEY", "k");
    let gitpod =
        [("GITPOD_WORKSPACE_ID", "a-b"), ("GITPOD_WORKSPACE_CLUSTER_HOST", "ws-eu1.gitpod.io")];
    let codespace = [
        ("CODESPACE_NAME", "fuzzy"),
        ("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev"),
    ];
    // the other variables, the general one and its value; the setting, its value
    let cases: [(Vars<'_>, (&str, &str), &str, Value); 28 + IN_AWS] = [
        (
            &otlp,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"),
            "TRACES_ENDPOINT",
            json!("http://a/v1/traces"),
        ),
        (
            &otlp,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a/b/"),
            "LOGS_ENDPOINT",
            json!("http://a/b/v1/logs"),
        ),
        (&otlp, ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"), "TRACES_HEADERS", json!("set")),
        (&otlp, ("OTEL_EXPORTER_OTLP_HEADERS", "a=b"), "LOGS_HEADERS", json!("set")),
        (&otlp, ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"), "TRACES_TIMEOUT", json!(3000)),
        (&otlp, ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"), "LOGS_TIMEOUT", json!(3000)),
        (&otlp, ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), "TRACES_COMPRESSION", json!("gzip")),
        (&otlp, ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), "LOGS_COMPRESSION", json!("gzip")),
        (
            &otlp,
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/a.pem"),
            "TRACES_CERTIFICATE",
            json!("/a.pem"),
        ),
        (&otlp, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/a.pem"), "LOGS_CERTIFICATE", json!("/a.pem")),
        (
            &otlp,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            "TRACES_PROTOCOL",
            json!("http/protobuf"),
        ),
        (
            &otlp,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            "LOGS_PROTOCOL",
            json!("http/protobuf"),
        ),
        (&otlp, key, "TRACES_ENDPOINT", json!("https://api.honeycomb.io/v1/traces")),
        (&otlp, key, "LOGS_ENDPOINT", json!("https://api.honeycomb.io/v1/logs")),
        (&otlp, key, "TRACES_HEADERS", json!("set")),
        (&[], key, "OTEL_TRACES_EXPORTER", json!(["console", "otlp"])),
        (
            &[],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"),
            "OTEL_TRACES_EXPORTER",
            json!(["console", "otlp"]),
        ),
        #[cfg(feature = "aws")]
        (
            &[],
            ("CLOUDWATCH_LOG_GROUP", "g"),
            "OTEL_LOGS_EXPORTER",
            json!(["console", "cloudwatch"]),
        ),
        (&[], ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a"), "OTEL_SERVICE_NAME", json!("a")),
        (&[], ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", json!(7)),
        (&[], ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", json!(7)),
        (&[], ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"), "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", json!(7)),
        (
            &[],
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7"),
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            json!(7),
        ),
        (
            &[],
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7"),
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            json!(7),
        ),
        (
            &[],
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7"),
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            json!(7),
        ),
        (
            &[],
            ("OTEL_LOG_LEVEL", "DEBUG"),
            "RUST_LOG",
            json!("debug,actix_server=warn,aws_config=error"),
        ),
        (&gitpod[1..], gitpod[0], "FRONTEND_URL", json!(["https://3000-a-b.ws-eu1.gitpod.io"])),
        (
            &codespace[1..],
            codespace[0],
            "FRONTEND_URL",
            json!(["https://fuzzy-3000.app.github.dev"]),
        ),
        (
            &codespace[1..],
            codespace[0],
            "BACKEND_URL",
            json!(["https://fuzzy-4567.app.github.dev"]),
        ),
    ];
    for (others, (variable, text), setting, value) in cases {
        let setting = match setting.split_once('_') {
            Some(("TRACES" | "LOGS", _)) => format!("OTEL_EXPORTER_OTLP_{setting}"),
            _ => setting.to_owned(),
        };
        let vars = [others, &[(variable, text)]].concat();
        assert_eq!(in_force(&vars, &setting), (value, json!(variable)), "{setting} {text}");
    }
}

#[test]
fn a_number_or_name_that_cannot_be_used_is_as_if_it_were_not_set() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    // variables, the last of which is bad; the setting, its value and where that is from
    let cases: [(Vars<'_>, &str, Value, &str); 31] = [
        (&[("OTEL_SDK_DISABLED", "1")], "OTEL_SDK_DISABLED", json!(false), "default"),
        (
            &[("OTEL_TRACES_SAMPLER", "jaeger_remote")],
            "OTEL_TRACES_SAMPLER",
            json!("parentbased_always_on"),
            "default",
        ),
        (
            &[("OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote")],
            "OTEL_TRACES_SAMPLER",
            json!("parentbased_always_on"),
            "default",
        ),
        (
            &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")],
            "OTEL_TRACES_SAMPLER_ARG",
            json!(1.0),
            "default",
        ),
        (
            &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "nan")],
            "OTEL_TRACES_SAMPLER_ARG",
            json!(1.0),
            "default",
        ),
        (&[("OTEL_TRACES_SAMPLER_ARG", "0.1")], "OTEL_TRACES_SAMPLER_ARG", Value::Null, "default"),
        (
            &[("OTEL_TRACES_EXPORTER", "zipkin")],
            "OTEL_TRACES_EXPORTER",
            json!(["console"]),
            "default",
        ),
        (
            &[("OTEL_TRACES_EXPORTER", "zipkin,none")],
            "OTEL_TRACES_EXPORTER",
            json!(["none"]),
            "OTEL_TRACES_EXPORTER",
        ),
        (
            &[("OTEL_TRACES_EXPORTER", "console,none")],
            "OTEL_TRACES_EXPORTER",
            json!(["console"]),
            "OTEL_TRACES_EXPORTER",
        ),
        (&[("OTEL_LOGS_EXPORTER", "logging")], "OTEL_LOGS_EXPORTER", json!(["console"]), "default"),
        (
            &[("OTEL_PROPAGATORS", "b3")],
            "OTEL_PROPAGATORS",
            json!(["tracecontext", "baggage"]),
            "default",
        ),
        (
            &[("OTEL_PROPAGATORS", "b3multi,xray")],
            "OTEL_PROPAGATORS",
            json!(["xray"]),
            "OTEL_PROPAGATORS",
        ),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "0")], "OTEL_BSP_MAX_QUEUE_SIZE", json!(32768), "default"),
        (
            &[("OTEL_BSP_MAX_QUEUE_SIZE", "1048577")],
            "OTEL_BSP_MAX_QUEUE_SIZE",
            json!(32768),
            "default",
        ),
        (
            &[("OTEL_BSP_MAX_QUEUE_SIZE", "100"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "101")],
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            json!(100),
            "default",
        ),
        (&[("OTEL_BSP_SCHEDULE_DELAY", "1s")], "OTEL_BSP_SCHEDULE_DELAY", json!(1000), "default"),
        (&[("OTEL_BSP_EXPORT_TIMEOUT", "-1")], "OTEL_BSP_EXPORT_TIMEOUT", json!(30000), "default"),
        (&[("OTEL_BLRP_MAX_QUEUE_SIZE", "-1")], "OTEL_BLRP_MAX_QUEUE_SIZE", json!(2048), "default"),
        (
            &[("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2049")],
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
            json!(512),
            "default",
        ),
        (
            &[("OTEL_BLRP_SCHEDULE_DELAY", "0.5")],
            "OTEL_BLRP_SCHEDULE_DELAY",
            json!(1000),
            "default",
        ),
        (&[("OTEL_BLRP_EXPORT_TIMEOUT", "x")], "OTEL_BLRP_EXPORT_TIMEOUT", json!(30000), "default"),
        (
            &[("OTEL_SPAN_EVENT_COUNT_LIMIT", "-1")],
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            json!(128),
            "default",
        ),
        (
            &[("OTEL_SPAN_LINK_COUNT_LIMIT", "2147483648")],
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            json!(128),
            "default",
        ),
        (
            &[("OTEL_ATTRIBUTE_COUNT_LIMIT", "x")],
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            json!(128),
            "default",
        ),
        (
            &[("OTEL_ATTRIBUTE_COUNT_LIMIT", "9"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "x")],
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            json!(9),
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
        ),
        (
            &[
                ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "9"),
                ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-9"),
            ],
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            json!(9),
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ),
        (
            &[
                endpoint,
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
                ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "10s"),
            ],
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            json!(3000),
            "OTEL_EXPORTER_OTLP_TIMEOUT",
        ),
        (
            &[
                endpoint,
                ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
                ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
            ],
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
            json!("gzip"),
            "OTEL_EXPORTER_OTLP_COMPRESSION",
        ),
        (
            &[("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", "events")],
            "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN",
            json!("both"),
            "default",
        ),
        (
            &[("OTEL_LOG_LEVEL", "verbose")],
            "RUST_LOG",
            json!("info,actix_server=warn,aws_config=error"),
            "default",
        ),
        (
            &[("OTEL_LOG_LEVEL", "warn"), ("RUST_LOG", "a=b=c")],
            "RUST_LOG",
            json!("warn,actix_server=warn,aws_config=error"),
            "OTEL_LOG_LEVEL",
        ),
    ];
    for (vars, setting, value, from) in cases {
        assert_eq!(in_force(vars, setting), (value, json!(from)), "{vars:?}");
        let (bad, text) = vars.last().unwrap();
        let warnings = config(vars).warnings;
        let [warning] = &warnings[..] else { panic!("{vars:?}: {warnings:?}") };
        assert!(warning.starts_with(bad), "{warning}");
        let tells = ["ignored", "using"].iter().any(|word| warning.contains(word));
        assert!(
            tells && (warning.contains(text) || bad.ends_with("_ARG") || text.contains(',')),
            "{warning}"
        );
    }
}

#[test]
fn a_timeout_of_zero_is_none_and_the_processor_s_own_still_holds() {
    let vars = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "0")];
    let (timeout, _) = in_force(&vars, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
    assert_eq!(timeout, json!(30_000));
}

#[test]
fn what_is_misspelt_is_told_the_name_that_was_meant() {
    // name, what the one warning says
    let cases = [
        ("OTEL_EXPORTER_OLTP_ENDPOINT", "did you mean OTEL_EXPORTER_OTLP_ENDPOINT?"),
        ("OTEL_EXPORTER_OTLP_TRACE_ENDPOINT", "did you mean OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?"),
        ("OTEL_EXPORTER_OTLP_HEADER", "did you mean OTEL_EXPORTER_OTLP_HEADERS?"),
        ("OTEL_SERVICENAME", "did you mean OTEL_SERVICE_NAME?"),
        ("OTEL_TRACE_SAMPLER", "did you mean OTEL_TRACES_SAMPLER?"),
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHOD",
            "did you mean OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS?",
        ),
        ("HONEYCOMB_APIKEY", "did you mean HONEYCOMB_API_KEY?"),
        ("HONEYCOMB_SERVICE", "is it spelt right?"),
        ("OTEL_SOMETHING_ELSE", "is it spelt right?"),
        ("SHUTDOWN_TIMEOUT_SECOND", "did you mean SHUTDOWN_TIMEOUT_SECONDS?"),
        ("BACKEND_URI", "did you mean BACKEND_URL?"),
        ("TRUSTED_PROXY", ""),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "not built in: no client certificate is sent"),
        ("OTEL_CONFIG_FILE", "not built in: the variables decide"),
    ];
    for (name, says) in cases {
        let warnings = config(&[(name, "1")]).warnings;
        if says.is_empty() {
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
            continue;
        }
        let [warning] = &warnings[..] else { panic!("{name}: {warnings:?}") };
        assert!(warning.starts_with(&format!("{name} is set, but ")), "{warning}");
        assert!(warning.contains(says), "{warning}");
        assert!(config(&[(name, "")]).warnings.is_empty(), "{name}: empty is unset");
    }
}

#[test]
fn what_belongs_to_others_is_not_called_misspelt() {
    let of_opentelemetry = [
        "OTEL_DOTNET_AUTO_HOME",
        "OTEL_EXPORTER_OTLP_INSECURE",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
        "OTEL_JAVAAGENT_ENABLED",
        "OTEL_METRICS_EXPORTER",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_NODE_RESOURCE_DETECTORS",
        "OTEL_PYTHON_LOG_CORRELATION",
        "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
        "OTEL_SEMCONV_STABILITY_OPT_IN",
    ];
    let of_anybody = [
        "AWS_PROFILE",
        "CARGO_HOME",
        "FRONTEND_PORT",
        "GITPOD_WORKSPACE_URL",
        "HOME",
        "HOSTNAME",
        "KUBERNETES_SERVICE_HOST",
        "NODE_VERSION",
        "PATH",
        "PORTS",
        "RUST_BACKTRACE",
        "WORKER",
        "ÜBER_LOG",
        "",
    ];
    let vars: Vec<_> =
        of_opentelemetry.iter().chain(&of_anybody).map(|name| (*name, "1")).collect();
    let config = config(&vars);
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.unused, of_opentelemetry);
    assert_eq!(print::as_json(&config)["unused"], json!(of_opentelemetry));
}

/// The row that a variable is to have.
fn row(variable: &'static Variable) -> Option<String> {
    let Documentation::Row { default, meaning } = variable.documentation else { return None };
    let form = Documentation::FormOf(variable.name);
    let forms = variables::all().filter(|other| other.documentation == form);
    let names: Vec<_> =
        std::iter::once(variable).chain(forms).map(|it| format!("`{}`", it.name)).collect();
    let row = format!("| {} | {default} | {meaning} |", names.join(", "));
    Some(row.replace("|  |", "| |"))
}

#[test]
#[cfg_attr(not(feature = "aws"), ignore = "a build without AWS reads fewer")]
fn the_docs_have_a_row_for_each_variable_and_no_other() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/environment.md");
    let text = fs::read_to_string(file).unwrap();
    let is_of_interest = |line: &&str| line.starts_with("## ") || line.starts_with("| `");
    let there: Vec<_> = text.lines().filter(is_of_interest).collect();
    let expected: Vec<_> = SECTIONS
        .iter()
        .flat_map(|Section { title, variables }| {
            std::iter::once(format!("## {title}")).chain(variables.iter().filter_map(row))
        })
        .collect();
    let missing: Vec<_> = expected.iter().filter(|line| !there.contains(&line.as_str())).collect();
    assert!(missing.is_empty(), "docs/environment.md lacks {missing:#?}");
    assert_eq!(there, expected, "in this order, and no other");
}

#[test]
fn the_defaults_of_the_docs_are_those_that_hold() {
    let config = config(&[]);
    let mut compared = 0;
    for variable in variables::all() {
        let Documentation::Row { default, .. } = variable.documentation else { continue };
        let default = default.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
        let value = variable.in_force(&config).filter(|value| !value.is_null());
        let (Some(default), Some(value)) = (default, value) else { continue };
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Array(list) => {
                list.iter().map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(",")
            }
            other => other.to_string(),
        };
        assert!(default == text || default.contains("`; "), "{}: {default}, {text}", variable.name);
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}
