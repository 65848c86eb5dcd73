//! What the environment becomes.

use std::time::Duration;

use backend_actix::config::{Config, ConfigError};

type Vars<'a> = &'a [(&'a str, &'a str)];

fn config(vars: Vars<'_>) -> Result<Config, ConfigError> {
    Config::from_vars(vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
}

#[test]
fn an_empty_environment_serves_on_loopback_and_prints_spans() {
    for vars in [
        &[][..],
        &[("PORT", ""), ("OTEL_TRACES_EXPORTER", ""), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
    ] {
        let config = config(vars).unwrap();
        assert_eq!(
            (config.server.bind_address.to_string().as_str(), config.server.port),
            ("127.0.0.1", 4567)
        );
        assert!(config.telemetry.console && config.telemetry.otlp.is_none());
        assert_eq!(config.telemetry.service_name, "backend-actix");
        assert_eq!(config.telemetry.batch.max_queue_size, 32_768);
        assert_eq!(config.telemetry.batch.max_export_batch_size, 2_048);
        assert_eq!(config.warnings, Vec::<String>::new());
    }
}

#[test]
fn the_endpoint_is_what_the_specification_makes_of_the_variables() {
    let (general, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let (key, region) = ("HONEYCOMB_API_KEY", "HONEYCOMB_API_ENDPOINT");
    let exporter = "OTEL_TRACES_EXPORTER";
    let eu = "https://api.eu1.honeycomb.io";
    // variables, the endpoint, warnings
    let cases: [(Vars<'_>, Option<&str>, usize); 14] = [
        (&[(general, "http://a:4318")], Some("http://a:4318/v1/traces"), 0),
        (&[(general, "http://a:4318/")], Some("http://a:4318/v1/traces"), 0),
        (&[(general, "http://a/base/")], Some("http://a/base/v1/traces"), 0),
        (&[(general, "http://a/v1/traces")], Some("http://a/v1/traces/v1/traces"), 1),
        (&[(traces, "http://a/v1/traces")], Some("http://a/v1/traces"), 0),
        (&[(traces, "http://a/x"), (general, "http://b")], Some("http://a/x"), 0),
        (&[(traces, "http://a:4318")], Some("http://a:4318/"), 1),
        (&[(key, "k")], Some("https://api.honeycomb.io/v1/traces"), 0),
        (&[(key, "k"), (region, eu)], Some("https://api.eu1.honeycomb.io/v1/traces"), 0),
        (&[(key, "k"), (general, "http://a")], Some("http://a/v1/traces"), 0),
        (&[(exporter, "otlp")], Some("http://localhost:4318/v1/traces"), 0),
        (&[(exporter, "console"), (general, "http://a")], None, 0),
        (&[(exporter, "none"), (key, "k")], None, 0),
        (&[], None, 0),
    ];
    for (vars, endpoint, warnings) in cases {
        let config = config(vars).unwrap();
        let ours = config.telemetry.otlp.as_ref().map(|otlp| otlp.endpoint.as_str());
        assert_eq!(ours, endpoint, "{vars:?}");
        assert_eq!(config.warnings.len(), warnings, "{vars:?}: {:?}", config.warnings);
    }
}

#[test]
fn the_usual_mistakes_with_receivers_are_said() {
    let (general, traces) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let (key, dataset) = ("HONEYCOMB_API_KEY", "HONEYCOMB_DATASET");
    let headers = "OTEL_EXPORTER_OTLP_HEADERS";
    let classic = "0123456789abcdef0123456789abcdef";
    let by_header = "x-honeycomb-team=0123456789abcdef0123456789abcdef";
    let honeycomb = "https://api.honeycomb.io";
    // variables, what the one warning says; nothing: there is none
    let cases: [(Vars<'_>, &str); 17] = [
        (&[(general, "http://a/v1/traces")], "is appended once more"),
        (&[(traces, "http://a:4318")], "has no path"),
        (&[(general, "http://a:4317")], "on which receivers take gRPC"),
        (&[(traces, "http://a:4317/v1/traces")], "on which receivers take gRPC"),
        (&[(general, honeycomb)], "Honeycomb takes nothing without a key"),
        (&[(general, "http://api.honeycomb.io"), (key, "k")], "the key travels unencrypted"),
        (&[(key, classic)], "wants the name of a dataset; set HONEYCOMB_DATASET"),
        (&[(key, classic), (dataset, "a")], ""),
        (&[(general, honeycomb), (headers, by_header)], "wants the name of a dataset"),
        (&[(key, "k"), (dataset, "a")], "the dataset is named after OTEL_SERVICE_NAME"),
        (&[(dataset, "a")], "HONEYCOMB_DATASET is set, but HONEYCOMB_API_KEY is not"),
        (
            &[("HONEYCOMB_API_ENDPOINT", honeycomb)],
            "HONEYCOMB_API_ENDPOINT is set, but HONEYCOMB_API_KEY is not",
        ),
        (&[(headers, "x-honeycomb-team=k")], "is set, but no endpoint is: nothing is sent"),
        (
            &[(general, honeycomb), (headers, "x-honeycomb-team=")],
            "is empty: Honeycomb is not configured",
        ),
        (&[(key, "")], "HONEYCOMB_API_KEY is empty: Honeycomb is not configured"),
        (&[(key, ""), (general, "http://collector:4318")], ""),
        (
            &[(general, "http://a"), (headers, "a=1,b=2,A=3")],
            "has a more than once; the last value is sent",
        ),
    ];
    for (vars, says) in cases {
        let warnings = config(vars).unwrap().warnings;
        match &warnings[..] {
            [] => assert!(says.is_empty(), "{vars:?}"),
            [warning] => assert!(!says.is_empty() && warning.contains(says), "{warning}"),
            _ => panic!("{vars:?}: {warnings:?}"),
        }
    }
}

#[test]
fn headers_are_decoded_and_the_last_of_a_name_counts() {
    // list, the headers
    let cases: [(&str, &[(&str, &str)]); 5] = [
        ("a=1, b = 2 ,,", &[("a", "1"), ("b", "2")]),
        ("a=b%2Cc%3D%20d", &[("a", "b,c= d")]),
        ("a=b=c==", &[("a", "b=c==")]),
        ("A=1,b=2,a=3", &[("a", "3"), ("b", "2")]),
        ("a=", &[("a", "")]),
    ];
    for (list, expected) in cases {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
        let config = config(&[endpoint, ("OTEL_EXPORTER_OTLP_HEADERS", list)]).unwrap();
        let headers = config.telemetry.otlp.unwrap().headers;
        let mut sent: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        sent.sort_unstable();
        assert_eq!(sent, expected, "{list}");
    }
}

#[test]
fn logs_have_the_same_rules_and_a_path_of_their_own() {
    let exporter = ("OTEL_LOGS_EXPORTER", "otlp");
    let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");
    let own = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://b/x");
    let key = ("HONEYCOMB_API_KEY", "k");
    let cases: [(Vars<'_>, Option<&str>, bool); 8] = [
        (&[], None, true),
        (&[general], None, true),
        (&[key], None, true),
        (&[("OTEL_LOGS_EXPORTER", "none"), general], None, false),
        (&[exporter], Some("http://localhost:4318/v1/logs"), false),
        (&[exporter, general], Some("http://a:4318/v1/logs"), false),
        (&[exporter, general, own], Some("http://b/x"), false),
        (&[exporter, key], Some("https://api.honeycomb.io/v1/logs"), false),
    ];
    for (vars, endpoint, console) in cases {
        let logs = config(vars).unwrap().logs;
        let ours = logs.otlp.as_ref().map(|otlp| otlp.endpoint.as_str());
        assert_eq!((ours, logs.console), (endpoint, console), "{vars:?}");
        if let Some(otlp) = logs.otlp {
            let has_key = otlp.headers.contains_key("x-honeycomb-team");
            assert_eq!((has_key, otlp.is_honeycomb), (vars.contains(&key), vars.contains(&key)));
        }
    }
    let bad = config(&[("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "MARKER")]).unwrap_err();
    assert_eq!(bad.variable, "OTEL_EXPORTER_OTLP_LOGS_HEADERS");
    assert!(!bad.to_string().contains("MARKER"), "{bad}");
}

#[test]
fn the_exporters_are_those_that_are_named() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    // OTEL_TRACES_EXPORTER, console, otlp
    let cases = [
        ("", true, true),
        ("otlp", false, true),
        ("console", true, false),
        ("OTLP, Console,otlp", true, true),
        ("none", false, false),
    ];
    for (exporters, console, otlp) in cases {
        let telemetry = config(&[endpoint, ("OTEL_TRACES_EXPORTER", exporters)]).unwrap().telemetry;
        assert_eq!((telemetry.console, telemetry.otlp.is_some()), (console, otlp), "{exporters}");
    }
}

#[test]
fn the_form_for_traces_wins() {
    let config = config(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2000"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=general,b=general"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=traces"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
    ])
    .unwrap();
    let otlp = config.telemetry.otlp.unwrap();
    assert_eq!(otlp.timeout, Duration::from_secs(2));
    assert!(otlp.gzip);
    assert_eq!(otlp.headers["a"], "traces");
    assert_eq!(otlp.headers.len(), 1);
}

#[test]
fn an_export_takes_no_longer_than_the_smaller_of_both_timeouts() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a");
    for (otlp, batch, seconds) in
        [("", "", 10), ("", "4000", 4), ("2000", "4000", 2), ("20000", "", 20)]
    {
        let vars =
            [endpoint, ("OTEL_EXPORTER_OTLP_TIMEOUT", otlp), ("OTEL_BSP_EXPORT_TIMEOUT", batch)];
        let timeout = config(&vars).unwrap().telemetry.otlp.unwrap().timeout;
        assert_eq!(timeout.as_secs(), seconds, "{otlp} {batch}");
    }
}

#[test]
fn a_batch_is_never_larger_than_the_queue() {
    let telemetry = config(&[("OTEL_BSP_MAX_QUEUE_SIZE", "100")]).unwrap().telemetry;
    assert_eq!(telemetry.batch.max_export_batch_size, 100);
}

#[test]
fn no_secret_is_in_the_debug_form() {
    let config = config(&[
        ("HONEYCOMB_API_KEY", "MARKER"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-secret=MARKER"),
    ])
    .unwrap();
    assert!(config.telemetry.otlp.is_some());
    assert!(!format!("{config:?}").contains("MARKER"));
}

#[test]
fn a_warning_shows_no_credentials() {
    // As where two variables are mixed up.
    let url = "https://user:MARKER@host/?key=MARKER";
    for variable in [
        "OTEL_TRACES_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_PROPAGATORS",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_SDK_DISABLED",
        "RUST_LOG",
    ] {
        for more in [&[][..], &[("OTEL_TRACES_SAMPLER", "traceidratio")]] {
            let mut vars = more.to_vec();
            vars.push((variable, url));
            let warnings = config(&vars).unwrap().warnings;
            assert!(warnings.iter().any(|it| it.contains(variable)), "{variable}: {warnings:?}");
            let shown = warnings.iter().filter(|it| it.to_ascii_uppercase().contains("MARKER"));
            assert_eq!(shown.count(), 0, "{variable}: {warnings:?}");
        }
    }
}

#[test]
fn the_allowed_origins_follow_the_machine_that_browsers_see() {
    let gitpod =
        [("GITPOD_WORKSPACE_ID", "a-b"), ("GITPOD_WORKSPACE_CLUSTER_HOST", "ws-eu1.gitpod.io")];
    let codespace = [
        ("CODESPACE_NAME", "fuzzy"),
        ("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "app.github.dev"),
    ];
    let own =
        [("FRONTEND_URL", "https://a.example/, https://b.example"), ("GITPOD_WORKSPACE_ID", "a-b")];
    // variables, origins that are allowed, one that is not
    let cases: [(Vars<'_>, [&str; 2], &str); 5] = [
        (&[], ["http://localhost:3000", "http://localhost:4567"], "http://localhost:8000"),
        (
            &gitpod,
            ["https://3000-a-b.ws-eu1.gitpod.io", "https://4567-a-b.ws-eu1.gitpod.io"],
            "http://localhost:3000",
        ),
        (
            &codespace,
            ["https://fuzzy-3000.app.github.dev", "https://fuzzy-4567.app.github.dev"],
            "http://localhost:3000",
        ),
        (&own, ["https://a.example", "https://b.example"], "http://localhost:3000"),
        (
            &gitpod[..1],
            ["http://localhost:3000", "http://localhost:4567"],
            "https://3000-a-b.ws-eu1.gitpod.io",
        ),
    ];
    for (vars, allowed, other) in cases {
        let origins = config(vars).unwrap().origins;
        assert!(allowed.iter().all(|origin| origins.allow(origin)), "{vars:?}: {origins:?}");
        assert!(!origins.allow(other), "{vars:?}: {origins:?}");
    }
    assert!(config(&[("FRONTEND_URL", "*")]).unwrap().origins.allow("https://anything.example"));
}

#[test]
fn rollbar_is_on_with_a_token() {
    let token = ("ROLLBAR_ACCESS_TOKEN", "0123456789abcdef");
    for vars in [&[][..], &[(token.0, "")], &[("ROLLBAR_ENVIRONMENT", "test")]] {
        assert!(config(vars).unwrap().rollbar.is_none(), "{vars:?}");
    }
    let rollbar = config(&[token]).unwrap().rollbar.unwrap();
    assert_eq!(rollbar.endpoint.to_string(), "https://api.rollbar.com");
    assert_eq!(rollbar.environment, "production");
    assert_eq!(rollbar.code_version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let rollbar = config(&[
        token,
        ("ROLLBAR_ENVIRONMENT", "staging"),
        ("ROLLBAR_ENDPOINT", "http://localhost:9000"),
        ("CODE_VERSION", "3da541559918a808c2402bba5012f6c60b27661c"),
    ]);
    let rollbar = rollbar.unwrap().rollbar.unwrap();
    assert_eq!(rollbar.endpoint.item_url(), "http://localhost:9000/api/1/item/");
    assert_eq!(rollbar.environment, "staging");
    assert_eq!(rollbar.code_version.as_deref(), Some("3da541559918a808c2402bba5012f6c60b27661c"));
    assert!(!format!("{rollbar:?}").contains(token.1));
}

#[test]
fn what_rollbar_cannot_use_is_an_error_that_shows_no_secret() {
    let long = "x".repeat(256);
    for (variable, value, told) in [
        ("ROLLBAR_ACCESS_TOKEN", "two MARKERs", "post_server_item"),
        ("ROLLBAR_ENDPOINT", "https://a:MARKER@api.rollbar.com", "https://api.rollbar.com"),
        ("ROLLBAR_ENDPOINT", "https://api.rollbar.com/api/1/item/", "without a user, a path"),
        ("ROLLBAR_ENDPOINT", "api.rollbar.com", "https://api.rollbar.com"),
        ("ROLLBAR_ENVIRONMENT", long.as_str(), "255 characters"),
        ("CODE_VERSION", &long[..41], "40 characters"),
    ] {
        let error = config(&[(variable, value)]).unwrap_err();
        assert_eq!(error.variable, variable);
        let error = error.to_string();
        assert!(error.contains(told) && !error.contains("MARKER"), "{error}");
    }
}
