//! Names that are nearly ones of ours: a variable that is misspelt changes nothing, and says nothing.

use super::environment::Environment;
use super::variables;

/// Prefixes under which every name should mean something to us.
const PREFIXES: [&str; 2] = ["OTEL_", "HONEYCOMB_"];

/// Variables of the OpenTelemetry specification that would change what is sent or how, were they built
/// in, and what holds instead.
const NOT_BUILT_IN: [(&str, &str); 8] = [
    ("OTEL_CONFIG_FILE", "the variables decide"),
    ("OTEL_EXPERIMENTAL_CONFIG_FILE", "the variables decide"),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", NO_CLIENT_CERTIFICATE),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", NO_CLIENT_CERTIFICATE),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", NO_CLIENT_CERTIFICATE),
    ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", NO_CLIENT_CERTIFICATE),
    ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", NO_CLIENT_CERTIFICATE),
    ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", NO_CLIENT_CERTIFICATE),
];
const NO_CLIENT_CERTIFICATE: &str = "no client certificate is sent";

/// Variables of OpenTelemetry that mean nothing to a service that has no metrics, and speaks neither
/// gRPC nor Zipkin; and the beginnings of those that belong to others: what the specification's
/// language-specific form `OTEL_{LANGUAGE}_{FEATURE}` gives, agents, and the Kubernetes operator.
const OF_OTHERS: [&str; 27] = [
    "OTEL_METRICS_",
    "OTEL_METRIC_",
    "OTEL_EXPORTER_OTLP_METRICS_",
    "OTEL_EXPORTER_OTLP_PROFILES_",
    "OTEL_EXPORTER_OTLP_INSECURE",
    "OTEL_EXPORTER_OTLP_SPAN_INSECURE",
    "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
    "OTEL_EXPORTER_OTLP_LOGS_INSECURE",
    "OTEL_EXPORTER_ZIPKIN_",
    "OTEL_EXPORTER_PROMETHEUS_",
    "OTEL_EXPORTER_JAEGER_",
    "OTEL_EXPERIMENTAL_",
    "OTEL_SEMCONV_",
    "OTEL_INSTRUMENTATION_",
    "OTEL_ENTITIES",
    "OTEL_RESOURCE_ATTRIBUTES_",
    "OTEL_RESOURCE_PROVIDERS_",
    "OTEL_OPERATOR_",
    "OTEL_JAVA",
    "OTEL_NODE_",
    "OTEL_PYTHON_",
    "OTEL_DOTNET_",
    "OTEL_GO_",
    "OTEL_PHP_",
    "OTEL_RUBY_",
    "OTEL_RUST_",
    "OTEL_CPP_",
];

/// Warns of names that are probably misspelt, and of what is not built in; returns those of
/// OpenTelemetry that mean nothing here.
pub(super) fn check(env: &mut Environment) -> Vec<String> {
    let mut unknown: Vec<_> =
        env.names().filter(|name| !is_known(name)).map(str::to_owned).collect();
    unknown.sort_unstable();
    let mut unused = Vec::new();
    for name in unknown {
        if let Some((_, instead)) = NOT_BUILT_IN.iter().find(|(variable, _)| *variable == name) {
            env.warn(format!("{name} is set, but not built in: {instead}"));
        } else if let Some(meant) = nearest(&name) {
            env.warn(format!("{name} is set, but nothing reads it; did you mean {meant}?"));
        } else if OF_OTHERS.iter().any(|beginning| name.starts_with(beginning)) {
            unused.push(name);
        } else if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            env.warn(format!("{name} is set, but nothing reads it; is it spelt right?"));
        }
    }
    unused
}

fn is_known(name: &str) -> bool {
    variables::all().any(|variable| variable.name == name)
}

/// The variable that was probably meant: nearer to the name than to be chance, the more so where the
/// name has no prefix of ours and may be anybody's.
fn nearest(name: &str) -> Option<&'static str> {
    let has_prefix = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let most = if has_prefix { (name.len() / 8).clamp(2, 3) } else { 2 };
    variables::all()
        .map(|variable| variable.name)
        // `NODE_VERSION` is no misspelt `CODE_VERSION`; and of a short name much is two letters away.
        .filter(|known| has_prefix || (known.len() >= 8 && name.starts_with(&known[..1])))
        .map(|known| (distance(name, known), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, &wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_the_least_number_of_changes() {
        for (one, other, changes) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("", "abc", 3),
            ("OLTP", "OTLP", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), changes, "{one} {other}");
            assert_eq!(distance(other, one), changes, "{other} {one}");
        }
    }

    #[test]
    fn what_is_not_built_in_or_of_others_is_not_known() {
        for (name, _) in NOT_BUILT_IN {
            assert!(!is_known(name), "{name}");
        }
    }
}
