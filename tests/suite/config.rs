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
fn what_is_set_but_not_built_in_is_said() {
    for variable in ["AWS_XRAY_DAEMON_ADDRESS", "CLOUDWATCH_LOG_GROUP", "ROLLBAR_ACCESS_TOKEN"] {
        let warnings = config(&[(variable, "x")]).unwrap().warnings;
        assert!(
            matches!(&warnings[..], [warning] if warning.starts_with(variable)),
            "{warnings:?}"
        );
        assert!(config(&[(variable, "")]).unwrap().warnings.is_empty(), "{variable}");
    }
}
