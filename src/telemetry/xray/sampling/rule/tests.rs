use opentelemetry::{Array, StringValue};
use serde_json::json;

use super::*;

fn rule(changes: serde_json::Value) -> Rule {
    let mut definition = json!({
        "RuleName": "tests", "RuleARN": "arn:aws:xray:us-east-1:1:sampling-rule/tests",
        "ResourceARN": "*", "Priority": 1, "FixedRate": 0.5, "ReservoirSize": 0,
        "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*",
        "Version": 1, "Attributes": {},
    });
    let fields = definition.as_object_mut().unwrap();
    fields.extend(changes.as_object().unwrap().clone());
    Rule::new(serde_json::from_value(definition).unwrap())
}

fn request() -> Vec<KeyValue> {
    vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("server.address", "shop.example"),
        KeyValue::new("url.path", "/api/activities/home"),
        KeyValue::new("user_agent.original", "curl/8"),
        KeyValue::new("server.port", 443),
        KeyValue::new(
            "http.request.header.x-tenant",
            Value::Array(Array::String(vec![StringValue::from("t1")])),
        ),
    ]
}

#[test]
fn a_rule_matches_by_patterns_of_any_case() {
    for (changes, is_match) in [
        (json!({}), true),
        (json!({ "HTTPMethod": "get" }), true),
        (json!({ "HTTPMethod": "POST" }), false),
        (json!({ "Host": "*.EXAMPLE" }), true),
        (json!({ "Host": "shop.example:443" }), false),
        (json!({ "Host": "?hop.example" }), true),
        (json!({ "URLPath": "/api/*" }), true),
        (json!({ "URLPath": "/API/activities/h?me" }), true),
        (json!({ "URLPath": "/api" }), false),
        (json!({ "URLPath": "/api/*", "HTTPMethod": "POST" }), false),
        (json!({ "Attributes": null }), true),
        (json!({ "Attributes": { "user_agent.original": "curl/*" } }), true),
        (json!({ "Attributes": { "user_agent.original": "curl" } }), false),
        (json!({ "Attributes": { "server.port": "4?3" } }), true),
        (json!({ "Attributes": { "http.request.header.x-tenant": "*t1*" } }), true),
        (json!({ "Attributes": { "server.port": "443", "missing": "*" } }), false),
    ] {
        let attributes = request();
        let is_matched = rule(changes.clone()).matches(&Request::of(&attributes));
        assert_eq!(is_matched, is_match, "{changes}");
    }
}

#[test]
fn what_is_not_known_fits_the_star_alone() {
    let nothing = Request::of(&[]);
    assert!(rule(json!({})).matches(&nothing));
    for pattern in ["HTTPMethod", "Host", "URLPath"] {
        assert!(!rule(json!({ pattern: "?*" })).matches(&nothing), "{pattern}");
        assert!(!rule(json!({ pattern: "" })).matches(&nothing), "{pattern}");
    }
}

#[test]
fn methods_and_paths_are_found_where_spans_have_them() {
    let method = vec![
        KeyValue::new("http.request.method", "_OTHER"),
        KeyValue::new("http.request.method_original", "BREW"),
    ];
    assert!(rule(json!({ "HTTPMethod": "BREW" })).matches(&Request::of(&method)));
    for (url, path) in [
        ("https://a.example/b/c?d=/e", "/b/c"),
        ("https://a.example/b#/c", "/b"),
        ("https://a.example?b=/c", "/"),
        ("https://a.example", "/"),
    ] {
        let call = vec![KeyValue::new("url.full", url)];
        assert!(rule(json!({ "URLPath": path })).matches(&Request::of(&call)), "{url}");
    }
}

#[test]
fn a_rule_is_for_a_service() {
    let service = Service {
        name: "backend-flask".to_owned(),
        kind: Some("AWS::ECS::Container"),
        arn: Some("arn:aws:ecs:us-east-1:1:container/7".to_owned()),
    };
    let unknown = Service { name: "backend-flask".to_owned(), kind: None, arn: None };
    for (changes, is_for, is_for_unknown) in [
        (json!({}), true, true),
        (json!({ "ServiceName": "Backend-*" }), true, true),
        (json!({ "ServiceName": "frontend" }), false, false),
        (json!({ "ServiceType": "AWS::ECS::Container" }), true, false),
        (json!({ "ServiceType": "AWS::EC2::Instance" }), false, false),
        (json!({ "ResourceARN": "arn:aws:ecs:*" }), true, false),
        (json!({ "Version": 2 }), false, false),
    ] {
        let rule = rule(changes.clone());
        assert_eq!(rule.definition().is_for(&service), is_for, "{changes}");
        assert_eq!(rule.definition().is_for(&unknown), is_for_unknown, "{changes}");
    }
}

#[test]
fn an_interval_beyond_all_time_is_no_end_of_the_rule() {
    let answer = json!({ "RuleName": "tests", "FixedRate": 1.0, "Interval": u64::MAX });
    let rule = rule(json!({}));
    rule.follow(&serde_json::from_value(answer).unwrap(), Duration::from_secs(1));
    assert!(rule.decide(Duration::from_secs(2), |rate| rate == 1.0));
}
