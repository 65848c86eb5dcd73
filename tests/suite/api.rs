//! The REST contract: the recorded cases of the reference, then what the recording does not have.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::http::Answer;
use crate::support::service::Service;

/// The middle of the minute in which the reference was recorded.
const RECORDED_AT: &str = "2026-11-22T10:11:12Z";

#[derive(Deserialize)]
struct Recording {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    case: String,
    method: String,
    path: String,
    headers: Map<String, Value>,
    body: Option<String>,
    status: u16,
    response_headers: Map<String, Value>,
    response_json: Option<Value>,
    response_text: Option<String>,
}

impl Case {
    fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
    }

    fn recorded(&self, header: &str) -> Option<&str> {
        self.response_headers.get(header).map(|value| value.as_str().unwrap())
    }
}

/// Where the contract departs from the recording; whatever is not here must be as recorded.
mod departures {
    /// Errors are JSON objects, where the reference sends HTML pages: these statuses.
    pub const JSON_ERRORS: [u16; 3] = [400, 404, 405];
    /// What a page may read, on every answer to an allowed origin; the reference exposes
    /// `location,link`, and nothing on its POST routes.
    pub const EXPOSED: &str = "location, link, traceresponse, server-timing";
    /// What a preflight permits, whatever the route.
    pub const PREFLIGHT_METHODS: &str = "OPTIONS, GET, HEAD, POST";
    pub const PREFLIGHT_HEADERS: &str =
        "content-type, if-modified-since, traceparent, tracestate, baggage";
    /// A preflight's answer has neither a body's type nor `Allow`.
    pub const NOT_IN_PREFLIGHT: [&str; 2] = ["content-type", "allow"];
    /// The user's feed has timestamps without an offset in the reference.
    pub const NAIVE_TIMESTAMPS: [&str; 2] = ["user_ok", "user_unknown_handle"];
    /// A created activity has these besides what the reference gives: replying to it needs them.
    pub const CREATED: [(&str, &str); 4] =
        [("replies", "[]"), ("replies_count", "0"), ("likes_count", "0"), ("reposts_count", "0")];
}

#[test]
fn the_recorded_cases_are_answered_as_the_reference_answers_them() {
    let recording: Recording = serde_json::from_str(include_str!("contract/cases.json")).unwrap();
    assert_eq!(recording.cases.len(), 44);
    let service = Service::start();
    for case in &recording.cases {
        let headers: Vec<_> =
            case.headers.iter().map(|(n, v)| (n.as_str(), v.as_str().unwrap())).collect();
        let body = case.body.as_deref().unwrap_or_default().as_bytes();
        let answer = service.request(&case.method, &case.path, &headers, body);
        assert_eq!(answer.status, case.status, "{}: {}", case.case, answer.text());
        check_headers(case, &answer);
        check_body(case, &answer);
    }
}

fn check_headers(case: &Case, answer: &Answer) {
    let name = &case.case;
    for (header, recorded) in &case.response_headers {
        let recorded = recorded.as_str().unwrap();
        let ours = answer.header(header);
        if case.is_preflight() && departures::NOT_IN_PREFLIGHT.contains(&header.as_str()) {
            assert_eq!(ours, None, "{name}: {header}");
            continue;
        }
        match header.as_str() {
            "content-type" if departures::JSON_ERRORS.contains(&case.status) => {
                assert_eq!(ours.as_deref(), Some("application/json"), "{name}");
            }
            "content-type" | "access-control-allow-origin" => {
                assert_eq!(ours.as_deref(), Some(recorded), "{name}: {header}");
            }
            "vary" => assert!(words(&ours.unwrap()).contains(recorded), "{name}"),
            "allow" => assert_eq!(words(&ours.unwrap()), words(recorded), "{name}"),
            "access-control-allow-methods" => {
                assert_eq!(words(&ours.unwrap()), words(departures::PREFLIGHT_METHODS), "{name}");
            }
            "access-control-allow-headers" => {
                assert_eq!(words(&ours.unwrap()), words(departures::PREFLIGHT_HEADERS), "{name}");
            }
            "access-control-expose-headers" => {} // below, for all
            other => panic!("{name}: {other} was recorded and is not compared"),
        }
    }
    let exposed = case.recorded("access-control-allow-origin").map(|_| departures::EXPOSED);
    assert_eq!(answer.header("access-control-expose-headers").as_deref(), exposed, "{name}");
    let unexpected = ["access-control-allow-credentials", "access-control-max-age"];
    assert!(unexpected.iter().all(|header| answer.header(header).is_none()), "{name}");
}

fn words(list: &str) -> BTreeSet<String> {
    list.split(',').map(|word| word.trim().to_owned()).collect()
}

fn check_body(case: &Case, answer: &Answer) {
    let name = &case.case;
    if departures::JSON_ERRORS.contains(&case.status) {
        let (trace_id, _) = answer.traceresponse();
        assert_eq!(answer.json()["error"]["trace_id"], json!(trace_id), "{name}");
    }
    if let Some(text) = &case.response_text {
        assert_eq!(answer.text(), text, "{name}");
    }
    if let Some(recorded) = &case.response_json {
        let mut ours = answer.json();
        if name.starts_with("create_") && case.status == 200 {
            for (key, value) in departures::CREATED {
                let added = ours.as_object_mut().unwrap().remove(key).map(|v| v.to_string());
                assert_eq!(added.as_deref(), Some(value), "{name}: {key}");
            }
        }
        compare(case, "", recorded, &ours);
    }
}

/// Compares to the letter, but for what differs at every call: times by their form and distance
/// from now, ids of what was created by their form.
fn compare(case: &Case, at: &str, recorded: &Value, ours: &Value) {
    let place = format!("{}{at}", case.case);
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(ours), keys(recorded), "{place}");
            for (key, value) in recorded {
                compare(case, &format!("{at}.{key}"), value, &ours[key]);
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            assert_eq!(ours.len(), recorded.len(), "{place}");
            for (index, (recorded, ours)) in recorded.iter().zip(ours).enumerate() {
                compare(case, &format!("{at}[{index}]"), recorded, ours);
            }
        }
        (Value::String(recorded), Value::String(ours)) if at.ends_with("_at") => {
            let distance = |time: DateTime<Utc>, from: DateTime<Utc>| time - from;
            let recorded = if departures::NAIVE_TIMESTAMPS.contains(&case.case.as_str()) {
                format!("{recorded}+00:00")
            } else {
                recorded.clone()
            };
            let recorded = distance(timestamp(&recorded), RECORDED_AT.parse().unwrap());
            let ours = distance(timestamp(ours), Utc::now());
            assert!((ours - recorded).abs() < TimeDelta::minutes(2), "{place}: {ours} {recorded}");
        }
        (Value::String(_), Value::String(ours)) if case.method == "POST" && at == ".uuid" => {
            let uuid = uuid::Uuid::try_parse(ours).unwrap();
            assert_eq!(uuid.get_version_num(), 4, "{place}");
        }
        _ => assert_eq!(ours, recorded, "{place}"),
    }
}

/// Reads `2026-11-22T10:10:41.892591+00:00`, and nothing that looks different.
fn timestamp(text: &str) -> DateTime<Utc> {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000000+00:00", "{text}");
    text.parse().unwrap()
}

#[test]
fn a_body_that_breaks_the_rules_is_told_why() {
    let long = |chars: usize| "x".repeat(chars);
    let activity = "/api/activities";
    let reply = "/api/activities/68f126b0-1ceb-4a33-88be-d90fa7109eee/reply";
    let message = "/api/messages";
    let rejected = |code: &str| (422, json!([code]));
    let wrong = |status: u16, code: &str| (status, json!(code));
    let cases = [
        // A missing field and `null` are blank, and the message's error wins.
        (activity, json!({}).to_string(), rejected("message_blank")),
        (activity, json!({"message": "a"}).to_string(), rejected("ttl_blank")),
        (activity, json!({"message": null, "ttl": null}).to_string(), rejected("message_blank")),
        (activity, json!({"message": long(281)}).to_string(), rejected("message_exceed_max_chars")),
        (activity, json!({"message": "a", "ttl": "7 days"}).to_string(), rejected("ttl_blank")),
        (reply, json!({}).to_string(), rejected("message_blank")),
        (reply, json!({"message": ""}).to_string(), rejected("message_blank")),
        (reply, json!({"message": long(1025)}).to_string(), rejected("message_exceed_max_chars")),
        (message, json!({"message": "a"}).to_string(), rejected("user_reciever_handle_blank")),
        (message, json!({}).to_string(), rejected("message_blank")),
        // What is no object, or has a field of another type, is no mistake in a value.
        (activity, "null".to_owned(), wrong(400, "not_a_json_object")),
        (activity, r#"["a", "7-days"]"#.to_owned(), wrong(400, "not_a_json_object")),
        (activity, r#""a""#.to_owned(), wrong(400, "not_a_json_object")),
        (activity, json!({"message": 1, "ttl": "7-days"}).to_string(), wrong(400, "wrong_type")),
        (activity, json!({"message": "", "ttl": 7}).to_string(), wrong(400, "wrong_type")),
        (
            message,
            json!({"message": "a", "user_receiver_handle": []}).to_string(),
            wrong(400, "wrong_type"),
        ),
        (reply, json!({"message": {"text": "a"}}).to_string(), wrong(400, "wrong_type")),
        (reply, "{".to_owned(), wrong(400, "invalid_json")),
        (reply, "{} {}".to_owned(), wrong(400, "invalid_json")),
        (
            "/api/activities/nope/reply",
            json!({"message": "a"}).to_string(),
            wrong(400, "invalid_uuid"),
        ),
        ("/api/activities/@/reply", json!({"message": "a"}).to_string(), wrong(404, "not_found")),
    ];
    let service = Service::start();
    for (path, body, (status, expected)) in cases {
        let answer = service.post(path, &body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        let json = answer.json();
        let told = if status == 422 { json.clone() } else { json["error"]["code"].clone() };
        assert_eq!(told, expected, "{path} {body}");
        if status != 422 {
            assert_eq!(json["error"]["trace_id"], json!(answer.traceresponse().0), "{path} {body}");
        }
    }
    let answer = service.post(activity, r#"{"message": 1}"#);
    let sentence = answer.json()["error"]["message"].clone();
    assert_eq!(sentence, json!("field `message` is a number, expected a string"));
}

#[test]
fn lengths_count_code_points() {
    let service = Service::start();
    let cases = [
        ("/api/activities", 280, 200),
        ("/api/activities", 281, 422),
        ("/api/activities/68f126b0-1ceb-4a33-88be-d90fa7109eee/reply", 1024, 200),
        ("/api/activities/68f126b0-1ceb-4a33-88be-d90fa7109eee/reply", 1025, 422),
        ("/api/messages", 1024, 200),
        ("/api/messages", 1025, 422),
    ];
    for (path, length, status) in cases {
        let message = "🚀".repeat(length);
        let body = json!({"message": message, "ttl": "7-days", "user_receiver_handle": "worf"});
        let answer = service.post(path, &body.to_string());
        assert_eq!(answer.status, status, "{path} {length}: {}", answer.text());
        if status == 200 {
            assert_eq!(answer.json()["message"], json!(message));
        }
    }
}

#[test]
fn a_post_must_declare_json_and_be_of_bounded_size() {
    let service = Service::start();
    let valid = json!({"message": "a", "ttl": "7-days"}).to_string();
    let types = [
        (Some("application/json"), 200),
        (Some("application/json; charset=utf-8"), 200),
        (Some("APPLICATION/JSON"), 200),
        (Some("application/vnd.api+json"), 200),
        (Some("application/vnd.api+json; v=1"), 200),
        (Some("application/json ; charset=utf-8"), 200),
        (Some("application/json; charset"), 200),
        (Some("application/json+xml"), 415),
        (Some("application/+jsonx"), 415),
        (Some("text/json"), 415),
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("application/jsonp"), 415),
        (Some("nonsense"), 415),
        (None, 415),
    ];
    for (content_type, status) in types {
        let headers: Vec<_> =
            content_type.map(|value| ("content-type", value)).into_iter().collect();
        let answer = service.request("POST", "/api/activities", &headers, valid.as_bytes());
        assert_eq!(answer.status, status, "{content_type:?}: {}", answer.text());
    }
    for (size, status) in [(256 * 1024, 422), (256 * 1024 + 1, 413)] {
        let padding = "x".repeat(size - json!({"message": ""}).to_string().len());
        let body = json!({"message": padding}).to_string();
        assert_eq!(body.len(), size);
        let answer = service.post("/api/activities", &body);
        assert_eq!(answer.status, status, "{size}: {}", answer.text());
    }
}

#[test]
fn every_path_has_its_methods_and_no_other_path_is_there() {
    let uuid = "68f126b0-1ceb-4a33-88be-d90fa7109eee";
    let (read, write) = ("GET, HEAD, OPTIONS", "POST, OPTIONS");
    let paths = [
        ("/api/activities/home".to_owned(), read),
        ("/api/activities/notifications".to_owned(), read),
        ("/api/activities/search?term=a".to_owned(), read),
        ("/api/activities/@worf".to_owned(), read),
        (format!("/api/activities/{uuid}"), read),
        ("/api/message_groups".to_owned(), read),
        ("/api/messages/@worf".to_owned(), read),
        ("/rollbar/test".to_owned(), read),
        ("/health".to_owned(), read),
        ("/api/activities".to_owned(), write),
        (format!("/api/activities/{uuid}/reply"), write),
        ("/api/messages".to_owned(), write),
    ];
    let service = Service::start();
    for (path, allow) in &paths {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let answer = service.request(method, path, &[], b"");
            if !words(allow).contains(method) {
                assert_eq!(answer.status, 405, "{method} {path}");
                assert_eq!(
                    words(&answer.header("allow").unwrap()),
                    words(allow),
                    "{method} {path}"
                );
                if method != "HEAD" {
                    let code = &answer.json()["error"]["code"];
                    assert_eq!(code, "method_not_allowed", "{method} {path}");
                }
            } else if method == "OPTIONS" {
                assert_eq!(answer.status, 200, "{method} {path}");
                assert_eq!(words(&answer.header("allow").unwrap()), words(allow), "{path}");
            } else {
                assert_ne!(answer.status, 405, "{method} {path}");
            }
            if method == "HEAD" && *allow == read {
                let length = |answer: &Answer| answer.header("content-length");
                let get = service.get(path);
                assert_eq!((answer.status, length(&answer)), (200, length(&get)), "{path}");
            }
        }
    }
    let missing = [
        "/",
        "/api",
        "/api/",
        "/api/activities/",
        "/api/activities/home/",
        "/api/activities/@",
        "/api/activities/@worf/",
        "/api/activities/0e8d6eb0-2d5f-4c9e-9dd5-0b0f3c1e0000",
        "/api/messages/@",
        "/api/messages/worf",
        "/api/nope",
        "/rollbar",
        "//api/activities/home",
        "/api/activities/home%2Fx/y",
    ];
    for path in missing {
        let answer = service.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "not_found", "{path}");
        assert_eq!(error["trace_id"], json!(answer.traceresponse().0), "{path}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{path}");
    }
}

#[test]
fn one_activity_is_shown_with_its_replies() {
    let service = Service::start();
    let home = service.get("/api/activities/home").json();
    for activity in home.as_array().unwrap() {
        let uuid = activity["uuid"].as_str().unwrap();
        let shown = service.get(&format!("/api/activities/{uuid}")).json();
        let [shown] = &shown.as_array().unwrap()[..] else { panic!("an array of one") };
        assert_eq!(shown["uuid"], activity["uuid"]);
        assert_eq!(shown["message"], activity["message"]);
        let replies = |activity: &Value| activity["replies"].as_array().unwrap().len();
        assert_eq!(replies(shown), replies(activity), "{uuid}");
    }
    assert_eq!(service.get("/api/activities/nope").status, 400);
}

#[test]
fn a_term_or_a_handle_is_percent_decoded_and_may_be_anything() {
    let service = Service::start();
    let found = [
        "/api/activities/search?term=%20",
        "/api/activities/search?term=a&term=",
        "/api/activities/search?x=1&term=caf%C3%A9",
        "/api/activities/search?term=%FF",
        "/api/activities/@%E2%9C%93",
        "/api/activities/@a%2Fb",
        "/api/activities/@%FF",
        "/api/messages/@worf?user_receiver_handle=worf",
    ];
    for path in found {
        let answer = service.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    for path in
        ["/api/activities/search?", "/api/activities/search?term", "/api/activities/search?Term=a"]
    {
        let answer = service.get(path);
        assert_eq!((answer.status, answer.json()), (422, json!(["search_term_blank"])), "{path}");
    }
}

#[test]
fn health_is_answered_without_a_trace() {
    let service = Service::start();
    let paths =
        [("/health", 200), ("/%68ealth", 200), ("/health/", 404), ("/health/nothing-here", 404)];
    for (path, status) in paths {
        let answer = service.get(path);
        assert_eq!(answer.header("traceresponse"), None, "{path}");
        assert_eq!(answer.status, status, "{path}");
    }
    let answer = service.get("/health").json();
    assert_eq!(answer["status"], "ok");
    let exporters = answer["telemetry"]["exporters"].as_array().unwrap();
    assert_eq!(exporters.len(), 1, "{answer}");
    assert_eq!(exporters[0]["created"], 0, "{answer}");
    assert!(service.stop().is_empty());
}
