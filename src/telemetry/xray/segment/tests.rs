use std::time::Duration;

use opentelemetry::trace::{
    Event, Link as SpanLink, SpanContext, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use serde_json::json;

use super::*;
use crate::config::Environment;

const TRACE: &str = "1-5759e988-bd862e3fe1be46a994272793";

fn span(kind: SpanKind, attributes: Vec<KeyValue>) -> SpanData {
    let trace_id = TraceId::from_hex("5759e988bd862e3fe1be46a994272793").unwrap();
    let start_time = UNIX_EPOCH + Duration::from_micros(1_461_096_053_375_180);
    SpanData {
        span_context: SpanContext::new(
            trace_id,
            SpanId::from(0xdefd_fd99_12dc_5a56),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: kind,
        name: "work {of mine}".into(),
        start_time,
        end_time: start_time + Duration::from_millis(29),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("tests").build(),
    }
}

fn child(kind: SpanKind, is_remote: bool) -> SpanData {
    let mut span = span(kind, Vec::new());
    span.parent_span_id = SpanId::from(0x5399_5c3f_42cd_8ad8);
    span.parent_span_is_remote = is_remote;
    span
}

fn translate_as(
    variables: &[(&str, &str)],
    resource: &[(&'static str, &'static str)],
    span: &SpanData,
) -> Json {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let env = Environment::new(variables.iter().map(owned).collect());
    let config = XrayConfig::read(&env, None, false).unwrap();
    let resource = Resource::builder_empty()
        .with_attributes(resource.iter().map(|(key, value)| KeyValue::new(*key, *value)))
        .build();
    let translator = Translator::new(&config, "my-service", &resource);
    serde_json::to_value(translator.document(span)).unwrap()
}

fn translate(span: &SpanData) -> Json {
    translate_as(&[], &[], span)
}

#[test]
fn the_least_of_a_segment_and_of_a_subsegment() {
    let segment = translate(&span(SpanKind::Server, Vec::new()));
    assert_eq!(
        segment,
        json!({
            "name": "my-service",
            "id": "defdfd9912dc5a56",
            "trace_id": TRACE,
            "start_time": 1_461_096_053.375_18,
            "end_time": 1_461_096_053.404_18,
            "aws": { "xray": { "sdk": "opentelemetry for rust" } },
            "metadata": {
                "otel": { "span.name": "work {of mine}", "scope.name": "tests" },
                "resource": {},
            },
        })
    );
    let subsegment = translate(&child(SpanKind::Internal, false));
    assert_eq!(
        subsegment,
        json!({
            "type": "subsegment",
            "name": "work of mine",
            "id": "defdfd9912dc5a56",
            "parent_id": "53995c3f42cd8ad8",
            "trace_id": TRACE,
            "start_time": 1_461_096_053.375_18,
            "end_time": 1_461_096_053.404_18,
            "metadata": { "otel": { "span.name": "work {of mine}", "scope.name": "tests" } },
        })
    );
}

#[test]
fn a_call_is_never_without_the_segment_of_who_makes_it() {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    let (id, parent) = ("defdfd9912dc5a56", "53995c3f42cd8ad8");
    for (kind, is_remote, has_parent) in [
        (Internal, false, false),
        (Client, false, false),
        (Client, true, true),
        (Internal, true, true),
        (Producer, true, true),
    ] {
        let span =
            if has_parent { child(kind.clone(), is_remote) } else { span(kind.clone(), vec![]) };
        let document = translate(&span);
        assert_eq!(document["name"], json!("my-service"), "{document}");
        assert_eq!(document.get("type"), None, "{document}");
        assert_eq!(document.get("parent_id"), has_parent.then_some(&json!(parent)), "{document}");
        assert_ne!(document["id"], json!(id));
        let [subsegment] = &document["subsegments"].as_array().unwrap()[..] else { panic!() };
        assert_eq!(subsegment["id"], json!(id));
        assert_eq!(subsegment.get("trace_id"), None);
        let is_call = kind != Internal;
        assert_eq!(subsegment.get("namespace"), is_call.then_some(&json!("remote")), "{kind:?}");
    }
    for kind in [Server, Consumer] {
        for is_remote in [true, false] {
            let document = translate(&child(kind.clone(), is_remote));
            assert_eq!(document["id"], json!(id), "{document}");
            assert_eq!(document["parent_id"], json!(parent), "{document}");
            assert_eq!(document.get("type"), None, "{document}");
        }
    }
}

#[test]
fn an_error_is_whose_mistake_it_was() {
    let error = Status::error("");
    let cases = [
        (None, Status::Unset, json!({})),
        (Some(200), Status::Unset, json!({})),
        (Some(302), Status::Unset, json!({})),
        (Some(400), Status::Unset, json!({ "error": true })),
        (Some(404), error.clone(), json!({ "error": true })),
        (Some(429), Status::Unset, json!({ "error": true, "throttle": true })),
        (Some(500), error.clone(), json!({ "fault": true })),
        (Some(599), Status::Unset, json!({ "fault": true })),
        (Some(600), Status::Unset, json!({})),
        // A client that went away, a call that got no answer.
        (None, error.clone(), json!({ "fault": true })),
        (Some(200), error, json!({ "fault": true })),
    ];
    for (code, status, flags) in cases {
        for kind in [SpanKind::Server, SpanKind::Client] {
            let attributes = code.map(|code: i64| KeyValue::new("http.response.status_code", code));
            let mut span = span(kind, attributes.into_iter().collect());
            span.status = status.clone();
            let mut found = translate(&span);
            let fields = found.as_object_mut().unwrap();
            fields.retain(|key, _| ["error", "throttle", "fault"].contains(&key.as_str()));
            assert_eq!(found, flags, "{code:?} {status:?}");
        }
    }
}

#[test]
fn a_request_that_was_served() {
    let attributes = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.scheme", "https"),
        KeyValue::new("url.path", "/search"),
        KeyValue::new("url.query", "term=a"),
        KeyValue::new("server.address", "shop.example"),
        KeyValue::new("server.port", 8443),
        KeyValue::new("client.address", "192.0.2.60"),
        KeyValue::new("network.peer.address", "10.0.0.1"),
        KeyValue::new("user_agent.original", "u".repeat(300)),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("http.response.body.size", 86),
        KeyValue::new("http.route", "/search"),
        KeyValue::new("app.result_length", 3),
    ];
    let segment = translate(&span(SpanKind::Server, attributes));
    assert_eq!(
        segment["http"],
        json!({
            "request": {
                "method": "GET",
                "url": "https://shop.example:8443/search",
                "user_agent": "u".repeat(250),
                "client_ip": "192.0.2.60",
                "x_forwarded_for": true,
            },
            "response": { "status": 200, "content_length": 86 },
        })
    );
    assert_eq!(segment["annotations"], json!({ "app_result_length": 3 }));
    // What the block says in full is not said twice.
    assert_eq!(
        segment["metadata"]["default"],
        json!({
            "url.query": "term=a",
            "server.address": "shop.example",
            "server.port": 8443,
            "network.peer.address": "10.0.0.1",
            "user_agent.original": "u".repeat(300),
            "http.route": "/search",
        })
    );
}

#[test]
fn a_client_that_is_the_peer_is_known_for_certain() {
    let attributes = vec![
        KeyValue::new("http.request.method", "_OTHER"),
        KeyValue::new("http.request.method_original", "BREW"),
        KeyValue::new("url.path", "/pot"),
        KeyValue::new("client.address", "192.0.2.60"),
        KeyValue::new("network.peer.address", "192.0.2.60"),
    ];
    let segment = translate(&span(SpanKind::Server, attributes));
    let request = json!({ "method": "BREW", "url": "/pot", "client_ip": "192.0.2.60" });
    assert_eq!(segment["http"], json!({ "request": request }));
}

#[test]
fn a_call_is_named_after_who_was_called() {
    let attributes = vec![
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("server.address", "api.example.com"),
        KeyValue::new("server.port", 443),
        KeyValue::new("url.full", "https://api.example.com/health?q=1"),
        KeyValue::new("http.response.status_code", 201),
    ];
    let mut call = child(SpanKind::Client, false);
    call.attributes = attributes;
    let subsegment = translate(&call);
    assert_eq!(subsegment["name"], json!("api.example.com"));
    assert_eq!(subsegment["namespace"], json!("remote"));
    let request = json!({ "method": "POST", "url": "https://api.example.com/health" });
    assert_eq!(subsegment["http"], json!({ "request": request, "response": { "status": 201 } }));
    assert_eq!(
        subsegment["metadata"]["default"]["url.full"],
        json!("https://api.example.com/health?q=1")
    );
    call.attributes.push(KeyValue::new("service.peer.name", "Health"));
    assert_eq!(translate(&call)["name"], json!("Health"));
}

#[test]
fn a_segment_may_be_named_after_the_host() {
    let name = |pattern: &str, host: &'static str, port: i64| {
        let attributes = vec![
            KeyValue::new("server.address", host),
            KeyValue::new("server.port", port),
            KeyValue::new("url.scheme", "http"),
        ];
        let span = span(SpanKind::Server, attributes);
        translate_as(&[("AWS_XRAY_URL", pattern)], &[], &span)["name"].clone()
    };
    let gitpod = "*4567-me.ws.gitpod.io*";
    assert_eq!(name(gitpod, "4567-me.ws.gitpod.io", 80), json!("4567-me.ws.gitpod.io"));
    assert_eq!(name(gitpod, "3000-me.ws.gitpod.io", 80), json!("my-service"));
    assert_eq!(name("localhost:*", "localhost", 4567), json!("localhost:4567"));
    assert_eq!(name("localhost", "localhost", 4567), json!("my-service"));
    assert_eq!(name("", "localhost", 4567), json!("my-service"));
}

#[test]
fn exceptions_are_the_cause() {
    let exception = |class: &'static str, stack: &'static str| {
        let attributes = vec![
            KeyValue::new("exception.type", class),
            KeyValue::new("exception.message", "no"),
            KeyValue::new("exception.stacktrace", stack),
        ];
        Event::new("exception", UNIX_EPOCH, attributes, 0)
    };
    let mut failed = span(SpanKind::Server, Vec::new());
    failed.status = Status::error("not told: the exceptions are");
    failed.events.events = vec![
        Event::new("asked", UNIX_EPOCH, Vec::new(), 0),
        exception("panic", "no\nsrc/a.rs:7:9\n   0: f\n             at src/a.rs:7:9\n"),
        exception("storage", ""),
    ];
    let cause = &translate(&failed)["cause"];
    let exceptions = cause["exceptions"].as_array().unwrap();
    assert_eq!(exceptions.len(), 2);
    assert_eq!(exceptions[0]["type"], json!("panic"));
    assert_eq!(exceptions[0]["message"], json!("no"));
    assert_eq!(exceptions[0]["stack"], json!([{ "label": "f", "path": "src/a.rs", "line": 7 }]));
    assert_eq!(exceptions[1].get("stack"), None);
    assert_ne!(exceptions[0]["id"], exceptions[1]["id"]);
}

#[test]
fn an_error_without_an_exception_is_what_the_status_says() {
    let cases = [
        ("", None, None),
        ("", Some("500"), None),
        ("no answer", Some("500"), Some(json!({ "message": "no answer", "remote": true }))),
        ("", Some("timeout"), Some(json!({ "type": "timeout", "remote": true }))),
    ];
    for (description, class, expected) in cases {
        let mut call = child(SpanKind::Client, false);
        call.status = Status::error(description);
        call.attributes =
            class.map(|class| KeyValue::new("error.type", class)).into_iter().collect();
        let document = translate(&call);
        let mut found = document.get("cause").map(|cause| cause["exceptions"][0].clone());
        if let Some(exception) = &mut found {
            assert_eq!(
                exception.as_object_mut().unwrap().remove("id").unwrap().as_str().unwrap().len(),
                16
            );
        }
        assert_eq!(found, expected, "{description} {class:?}");
    }
}

#[test]
fn where_the_service_runs_is_told_where_it_is_known() {
    let segment = |resource: &[(&'static str, &'static str)]| {
        let log_group = [("CLOUDWATCH_LOG_GROUP", "cruddur")];
        translate_as(&log_group, resource, &span(SpanKind::Server, Vec::new()))
    };
    let version = ("service.version", "1.2.3");
    let nowhere = segment(&[version, ("cloud.platform", "azure_vm")]);
    assert_eq!(nowhere.get("origin"), None);
    assert_eq!(nowhere["service"], json!({ "version": "1.2.3" }));
    assert_eq!(nowhere["aws"]["cloudwatch_logs"], json!([{ "log_group": "cruddur" }]));
    assert_eq!(nowhere["metadata"]["resource"]["service.version"], json!("1.2.3"));

    let machine = segment(&[
        ("cloud.platform", "aws_ec2"),
        ("cloud.account.id", "123456789012"),
        ("cloud.availability_zone", "us-east-1a"),
        ("host.id", "i-07"),
    ]);
    assert_eq!(machine["origin"], json!("AWS::EC2::Instance"));
    assert_eq!(machine["aws"]["account_id"], json!("123456789012"));
    let ec2 = json!({ "instance_id": "i-07", "availability_zone": "us-east-1a" });
    assert_eq!(machine["aws"]["ec2"], ec2);

    let container = segment(&[("cloud.platform", "aws_ecs"), ("container.id", "c7")]);
    assert_eq!(container["origin"], json!("AWS::ECS::Container"));
    assert_eq!(container["aws"]["ecs"], json!({ "container": "c7" }));
}

#[test]
fn other_traces_are_linked() {
    let mut span = span(SpanKind::Server, Vec::new());
    let other = SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::default(),
        true,
        TraceState::NONE,
    );
    span.links.links = vec![SpanLink::with_context(other)];
    let link =
        json!({ "trace_id": "1-00000000-000000000000000000000007", "id": "0000000000000008" });
    assert_eq!(translate(&span)["links"], json!([link]));
}
