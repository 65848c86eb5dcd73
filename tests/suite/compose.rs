//! `compose.yaml` passes on what `docs/environment.md` knows: who sets a variable beside it is heard.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use backend_actix::config::variables;
use yaml_rust2::YamlLoader;

/// What compose says itself.
const FIXED: [&str; 2] = ["WEB_ADDRESS", "WEB_URL"];

/// What is not passed on, and why.
const NOT_PASSED_ON: [(&str, &[&str]); 5] = [
    ("the port that is published, and an address that it reaches", &["PORT", "BIND_ADDRESS"]),
    (
        "together they must stay below stop_grace_period",
        &["SHUTDOWN_DELAY_SECONDS", "SHUTDOWN_TIMEOUT_SECONDS"],
    ),
    (
        "the file must be mounted, too",
        &[
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
            "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE",
        ],
    ),
    (
        "container engines pass on their own",
        &[
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "no_proxy",
        ],
    ),
    (
        "an empty one hides the endpoint of a profile",
        &["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"],
    ),
];

/// Read by AWS's SDK, not by us.
const OF_AWS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The environment that compose gives to the service.
fn environment() -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose.yaml");
    let compose = &YamlLoader::load_from_str(&fs::read_to_string(file).unwrap()).unwrap()[0];
    let environment = compose["services"]["backend-actix"]["environment"].as_hash().unwrap();
    let text = |value: &yaml_rust2::Yaml| value.as_str().unwrap().to_owned();
    environment.iter().map(|(name, value)| (text(name), text(value))).collect()
}

#[test]
#[cfg_attr(not(feature = "aws"), ignore = "a build without AWS reads fewer")]
fn each_variable_of_the_docs_gets_through_or_it_is_said_why_not() {
    let environment = environment();
    let left_out: Vec<_> = NOT_PASSED_ON.iter().flat_map(|(_, names)| *names).copied().collect();
    for name in variables::all().map(|variable| variable.name) {
        let Some(value) = environment.get(name) else {
            assert!(left_out.contains(&name), "compose.yaml does not pass {name} on");
            continue;
        };
        assert!(!left_out.contains(&name), "{name} is passed on");
        let is_passed_on = value.starts_with(&format!("${{{name}:-"));
        assert!(is_passed_on != FIXED.contains(&name), "{name}: {value}");
    }
    let is_known = |name: &str| variables::all().any(|variable| variable.name == name);
    for name in environment.keys() {
        assert!(is_known(name) || OF_AWS.contains(&name.as_str()), "nothing reads {name}");
    }
    for name in left_out {
        assert!(is_known(name), "{name} is no variable");
    }
}

#[test]
fn what_compose_sets_by_itself_can_be_used() {
    // What an empty environment makes of it.
    let filled_in = |value: &str| {
        let mut text = value.to_owned();
        while let Some((before, rest)) = text.split_once("${") {
            let (variable, after) = rest.split_once('}').unwrap();
            let (_, default) = variable.split_once(":-").unwrap();
            text = format!("{before}{default}{after}");
        }
        text
    };
    let vars = environment().into_iter().map(|(name, value)| (name, filled_in(&value)));
    let config = backend_actix::config::Config::from_vars(vars.collect()).unwrap();
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(warning.starts_with("HONEYCOMB_API_KEY is empty"), "{warning}");
    assert_eq!(config.server.max_connections, 350);
    assert_eq!(config.telemetry.service_name, "backend-actix");
    assert!(config.telemetry.otlp.is_none() && config.rollbar.is_none());
}
