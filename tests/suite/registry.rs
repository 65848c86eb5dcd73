//! The attributes that are no convention's, as docs/registry describes them for `weaver`: what the code
//! writes is there, what is there is written, and values have the types it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_semantic_conventions::SCHEMA_URL;
use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use crate::support::receiver::Received;
use crate::support::rollbar::{FakeRollbar, TOKEN};
use crate::support::service::Service;

const UUID: &str = "68f126b0-1ceb-4a33-88be-d90fa7109eee";
/// A caller that has sampled one trace in two, so that each span says its rate.
const CALLER: [(&str, &str); 2] = [
    ("traceparent", "00-4bf92f3577b34da6a3f0000000000000-00f067aa0ba902b7-03"),
    ("tracestate", "ot=th:8"),
];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml(path: &str) -> Yaml {
    let text = fs::read_to_string(project(path)).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
}

fn text(yaml: &Yaml) -> String {
    yaml.as_str().unwrap_or_else(|| panic!("a text: {yaml:?}")).to_owned()
}

fn list(yaml: &Yaml) -> &Vec<Yaml> {
    yaml.as_vec().unwrap_or_else(|| panic!("a list: {yaml:?}"))
}

/// The attributes of the registry by their key.
fn attributes() -> BTreeMap<String, Yaml> {
    let file = yaml("docs/registry/attributes.yaml");
    let attributes: Vec<_> =
        list(&file["groups"]).iter().flat_map(|group| list(&group["attributes"])).collect();
    let by_key: BTreeMap<_, _> =
        attributes.iter().map(|it| (text(&it["id"]), (*it).clone())).collect();
    assert_eq!(by_key.len(), attributes.len(), "each key once");
    by_key
}

/// The spans of the registry that have a name of their own, with their attributes.
fn internal_spans() -> BTreeMap<String, BTreeSet<String>> {
    let file = yaml("docs/registry/spans.yaml");
    list(&file["groups"])
        .iter()
        .filter(|group| text(&group["span_kind"]) == "internal")
        .map(|group| {
            let note = text(&group["note"]);
            let name = note.split('`').nth(1).expect("the name in backticks");
            let keys = list(&group["attributes"]).iter().map(|it| text(&it["ref"])).collect();
            (name.to_owned(), keys)
        })
        .collect()
}

/// Is this a key that no convention has?
fn is_ours(key: &str) -> bool {
    key.starts_with("app.") || key == "SampleRate"
}

/// Every key of ours in a source file, but for those of comments and of the tests inside of it.
fn keys_in(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|literal| is_ours(literal))
        .map(str::to_owned)
        .collect()
}

/// The source files below a folder, but for those that are a module's tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| path.file_stem().is_some_and(|name| name != "tests"))
        .collect()
}

/// Is this a value of the type that the registry gives to the attribute?
fn fits(attribute: &Yaml, value: &Value) -> bool {
    let kind = &attribute["type"];
    if let Some(members) = kind["members"].as_vec() {
        return members.iter().any(|member| *value == json!(text(&member["value"])));
    }
    let all = |fits: fn(&Value) -> bool| value.as_array().is_some_and(|it| it.iter().all(fits));
    match text(kind).as_str() {
        "string" => value.is_string(),
        "int" => value.is_i64(),
        "string[]" => all(Value::is_string),
        other => panic!("a type that no attribute had so far: {other}"),
    }
}

/// A value as the registry's examples have it.
fn example(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Integer(number) => json!(number),
        Yaml::Array(values) => values.iter().map(example).collect(),
        other => json!(text(other)),
    }
}

/// The spans of one request to each route, and of one that is rejected.
fn spans_of_all_routes() -> Vec<Received> {
    let rollbar = FakeRollbar::start();
    let service = Service::start_with(&[
        ("ROLLBAR_ACCESS_TOKEN", TOKEN),
        ("ROLLBAR_ENDPOINT", &rollbar.endpoint()),
    ]);
    for path in [
        "/api/activities/home",
        "/api/activities/notifications",
        "/api/activities/search?term=cloud",
        "/api/activities/@worf",
        &format!("/api/activities/{UUID}"),
        "/api/message_groups",
        "/api/messages/@worf",
        "/rollbar/test",
    ] {
        assert_eq!(service.request("GET", path, &CALLER, b"").status, 200, "{path}");
    }
    for (path, body, status) in [
        ("/api/activities", json!({"message": "a", "ttl": "7-days"}), 200),
        ("/api/activities", json!({"message": "a", "ttl": "7 days"}), 422),
        (&format!("/api/activities/{UUID}/reply"), json!({"message": "a"}), 200),
        ("/api/messages", json!({"message": "a", "user_receiver_handle": "worf"}), 200),
    ] {
        let headers = [&CALLER[..], &[("content-type", "application/json")]].concat();
        let answer = service.request("POST", path, &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, status, "{path} {body}");
    }
    service.stop()
}

#[test]
fn code_and_registry_have_the_same_keys() {
    let written: BTreeSet<_> = sources(&project("src"))
        .iter()
        .flat_map(|path| keys_in(&fs::read_to_string(path).unwrap()))
        // A pattern is no key.
        .filter(|key| !key.contains('*'))
        .collect();
    let described: BTreeSet<_> = attributes().into_keys().collect();
    assert_eq!(written, described);
}

#[test]
fn what_leaves_has_the_types_and_the_spans_of_the_registry() {
    let (attributes, described) = (attributes(), internal_spans());
    let mut seen = BTreeSet::new();
    let mut spans: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for span in spans_of_all_routes() {
        let said = span.attributes();
        let ours = said.into_iter().filter(|(key, _)| is_ours(key));
        for (key, value) in ours {
            let name = span.name();
            let attribute = attributes.get(&key).unwrap_or_else(|| panic!("{name}: {key}"));
            assert!(fits(attribute, &value), "{name}: {key} is {value}");
            if span.span.kind == SpanKind::Internal as i32 {
                spans.entry(name.to_owned()).or_default().insert(key.clone());
            }
            seen.insert(key);
        }
    }
    assert_eq!(spans, described);
    assert_eq!(seen, attributes.into_keys().collect(), "each is on some span");
}

#[test]
fn the_registry_says_of_each_attribute_what_weaver_asks_for() {
    for (key, attribute) in attributes() {
        assert_eq!(text(&attribute["stability"]), "development", "{key}");
        assert!(text(&attribute["brief"]).ends_with('.'), "{key}");
        for value in list(&attribute["examples"]) {
            assert!(fits(&attribute, &example(value)), "{key}: {value:?}");
        }
    }
}

#[test]
fn the_registry_builds_on_the_conventions_that_the_code_uses() {
    let manifest = yaml("docs/registry/manifest.yaml");
    let [conventions] = &list(&manifest["dependencies"])[..] else { panic!("one dependency") };
    assert_eq!(text(&conventions["schema_url"]), SCHEMA_URL);
    let version = SCHEMA_URL.rsplit('/').next().unwrap();
    assert!(text(&conventions["registry_path"]).contains(&format!("@v{version}[")));
}
