//! What the binary says of itself: arguments in, stdout and exit code out.

use std::process::Output;

use backend_actix::config::variables;
use serde_json::{Value, json};

use crate::support::process::command;

fn run(vars: &[(&str, &str)], argument: &str) -> Output {
    command(vars).arg(argument).output().unwrap()
}

fn stdout(vars: &[(&str, &str)], argument: &str) -> String {
    let output = run(vars, argument);
    assert!(output.status.success() && output.stderr.is_empty(), "{argument}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_is_short_and_names_only_variables_that_exist() {
    let help = stdout(&[], "--help");
    assert_eq!(stdout(&[], "-h"), help);
    assert!(help.lines().count() <= 30 && help.lines().all(|line| line.len() <= 80), "{help}");
    for part in ["--print-config", "health", "docs/environment.md"] {
        assert!(help.contains(part), "{part} in {help}");
    }
    let words = help.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let named: Vec<_> = words.filter(|word| word.contains(char::is_uppercase)).collect();
    let variables: Vec<_> = named.iter().filter(|name| !name.starts_with('-')).collect();
    assert!(variables.len() >= 5, "{help}");
    for name in variables {
        assert!(variables::all().any(|variable| variable.name == *name), "{name} in {help}");
    }
}

#[test]
fn the_version_is_the_package_s() {
    let version = concat!("backend-actix ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(stdout(&[], "--version"), version);
    assert_eq!(stdout(&[], "-V"), version);
}

#[test]
fn the_configuration_is_printed_with_where_it_comes_from_and_without_secrets() {
    let vars = [
        ("PORT", "8080"),
        ("HONEYCOMB_API_KEY", "MARKER-KEY"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-marker=MARKER-HEADER"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://api.honeycomb.io/v1/traces?k=MARKER-QUERY"),
        ("OTEL_EXPORTER_OLTP_ENDPOINT", "http://MARKER-TYPO"),
        ("OTEL_METRICS_EXPORTER", "MARKER-UNUSED"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
    ];
    let text = stdout(&vars, "--print-config");
    let row = |name: &str| -> Vec<_> {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_whitespace().skip(1).collect()
    };
    assert_eq!(row("PORT"), ["8080", "PORT"]);
    assert_eq!(row("BIND_ADDRESS"), ["127.0.0.1", "default"]);
    assert_eq!(row("HONEYCOMB_API_KEY"), ["set", "HONEYCOMB_API_KEY"]);
    assert_eq!(row("OTEL_TRACES_EXPORTER")[0], "console,otlp");
    assert_eq!(row("OTEL_EXPORTER_OTLP_TRACES_HEADERS"), ["set", "OTEL_EXPORTER_OTLP_HEADERS"]);
    assert_eq!(
        row("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        ["https://api.honeycomb.io/v1/traces", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    );
    assert!(text.contains("\nWarnings\n  OTEL_EXPORTER_OLTP_ENDPOINT is set, but"), "{text}");
    assert!(text.contains("\nSet, but not used here\n  OTEL_METRICS_EXPORTER\n"), "{text}");

    let json: Value = serde_json::from_str(&stdout(&vars, "--print-config=json")).unwrap();
    let setting = |name: &str| json["settings"][name].clone();
    assert_eq!(setting("PORT"), json!({"value": 8080, "from": "PORT"}));
    assert_eq!(setting("HONEYCOMB_API_KEY"), json!({"value": "set", "from": "HONEYCOMB_API_KEY"}));
    assert_eq!(setting("OTEL_BSP_SCHEDULE_DELAY"), json!({"value": 1000, "from": "default"}));
    assert_eq!(json["warnings"].as_array().unwrap().len(), 2);
    assert_eq!(json["unused"], json!(["OTEL_METRICS_EXPORTER"]));
    for printed in [text, json.to_string()] {
        assert!(!printed.contains("MARKER") && !printed.contains("marker"), "{printed}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_is_not_printed() {
    let output = run(&[("PORT", "abc")], "--print-config");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("backend-actix: PORT is \"abc\": expected"), "{stderr}");
}

#[test]
fn an_unknown_argument_is_one_line_and_exit_code_2() {
    for arguments in
        [&["serve"][..], &["--port", "1"], &["health", "now"], &["--print-config=yaml"]]
    {
        let output = command(&[]).args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("is no command") && stderr.contains("--help"), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}
