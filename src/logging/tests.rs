//! What is written of what is logged, and what is not even looked at.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;

use super::*;
use crate::config::Config;

/// `OTEL_LOGS_EXPORTER`, with the lines on stderr and without.
const EXPORTERS: [&str; 4] = ["console", "console,otlp", "otlp", "none"];

fn config(exporters: &str) -> LogsConfig {
    let vars = [("OTEL_LOGS_EXPORTER".to_owned(), exporters.to_owned())];
    Config::from_vars(vars.into()).unwrap().logs
}

/// What is written to it, for whoever has a clone.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What stderr has of what `log` logs.
fn lines(exporters: &str, log: impl FnOnce()) -> String {
    let written = Written::default();
    let (stderr, guard) = tracing_appender::non_blocking(written.clone());
    let subscriber = subscriber("info", &config(exporters), stderr, Records::default());
    tracing::subscriber::with_default(subscriber, log);
    // All is written then.
    drop(guard);
    String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn what_is_not_logged_is_not_even_looked_at() {
    let cases = [
        ("warn", LevelFilter::WARN),
        ("info,access=debug", LevelFilter::DEBUG),
        ("off", LevelFilter::OFF),
    ];
    for exporters in EXPORTERS {
        for (filter, level) in cases {
            let (nowhere, _guard) = tracing_appender::non_blocking(std::io::sink());
            let subscriber = subscriber(filter, &config(exporters), nowhere, Records::default());
            assert_eq!(subscriber.max_level_hint(), Some(level), "{exporters} {filter}");
        }
    }
}

#[test]
fn what_is_said_of_a_client_costs_no_line_of_those_that_follow() {
    for exporters in EXPORTERS {
        let lines = lines(exporters, || {
            for _ in 0..3 {
                tracing::error!(target: clients::TARGET, "stream error: request parse error: !");
                tracing::warn!(target: OF_TELEMETRY, "spans were dropped");
            }
        });
        let expected = if exporters == "none" { 0 } else { 3 };
        assert_eq!(lines.matches("spans were dropped").count(), expected, "{exporters}: {lines}");
        assert!(!lines.contains(clients::TARGET), "{exporters}: {lines}");
    }
}

#[test]
fn each_warning_of_the_sdk_is_written_once_and_all_others_as_often_as_they_come() {
    for exporters in EXPORTERS {
        let lines = lines(exporters, || {
            for _ in 0..3 {
                tracing::warn!(target: "opentelemetry_sdk", "first");
                tracing::warn!(target: "opentelemetry_sdk", "second");
                tracing::warn!(target: OF_TELEMETRY, "third");
            }
        });
        let counts = ["first", "second", "third"].map(|text| lines.matches(text).count());
        let expected = if exporters == "none" { [0, 0, 0] } else { [1, 1, 3] };
        assert_eq!(counts, expected, "{exporters}: {lines}");
    }
}
