//! Which pages may call: the configured origins, for all of `/api/*`, and nobody else.

use crate::support::service::Service;

const GRANTS: [&str; 5] = [
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-expose-headers",
    "timing-allow-origin",
];

#[test]
fn a_foreign_page_gets_an_answer_that_its_browser_keeps_from_it() {
    let service = Service::start();
    let json = ("content-type", "application/json");
    for origin in [None, Some("http://evil.example"), Some("null"), Some("http://localhost:3001")] {
        let origin: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let with = |more: &[_]| [&origin[..], more].concat();
        let answers = [
            service.request("GET", "/api/activities/home", &origin, b""),
            service.request("GET", "/api/nope", &origin, b""),
            service.request("POST", "/api/activities", &with(&[json]), b"{}"),
            service.request(
                "OPTIONS",
                "/api/messages",
                &with(&[("access-control-request-method", "POST")]),
                b"",
            ),
        ];
        for answer in answers {
            for grant in GRANTS {
                assert_eq!(answer.header(grant), None, "{origin:?} {grant}");
            }
            assert!(answer.header("vary").unwrap().contains("Origin"), "{origin:?}");
            assert!(answer.header("traceresponse").is_some(), "{origin:?}");
        }
    }
}

#[test]
fn a_page_of_an_allowed_origin_may_send_its_trace_and_read_ours() {
    let service = Service::start_with(&[(
        "FRONTEND_URL",
        "https://Cruddur.example:443/app, http://[::1]:3000",
    )]);
    for origin in ["https://cruddur.example", "http://[::1]:3000", "HTTPS://CRUDDUR.example"] {
        let preflight = service.request(
            "OPTIONS",
            "/api/activities/home",
            &[
                ("origin", origin),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "traceparent,tracestate,baggage,content-type"),
            ],
            b"",
        );
        assert_eq!(preflight.status, 200, "{origin}: {}", preflight.text());
        assert_eq!(preflight.header("access-control-allow-origin").as_deref(), Some(origin));
        let answer = service.request("GET", "/api/activities/home", &[("origin", origin)], b"");
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some(origin));
        assert_eq!(answer.header("timing-allow-origin").as_deref(), Some(origin));
        let exposed = answer.header("access-control-expose-headers").unwrap();
        assert!(
            exposed.contains("traceresponse") && exposed.contains("server-timing"),
            "{exposed}"
        );
    }
    let default =
        service.request("GET", "/api/activities/home", &[("origin", "http://localhost:3000")], b"");
    assert_eq!(default.header("access-control-allow-origin"), None);
}

#[test]
fn a_preflight_for_more_than_the_api_takes_is_refused_as_json() {
    let service = Service::start();
    let asked = [("DELETE", "content-type"), ("GET", "x-secret")];
    for (method, header) in asked {
        let answer = service.request(
            "OPTIONS",
            "/api/activities/home",
            &[
                ("origin", "http://localhost:3000"),
                ("access-control-request-method", method),
                ("access-control-request-headers", header),
            ],
            b"",
        );
        assert_eq!(answer.status, 400, "{method} {header}");
        assert_eq!(answer.json()["error"]["code"], "bad_request");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {header}");
    }
}

#[test]
fn outside_of_the_api_there_is_no_cors() {
    let service = Service::start();
    for path in ["/health", "/rollbar/test", "/"] {
        let answer = service.request("GET", path, &[("origin", "http://localhost:3000")], b"");
        for grant in GRANTS {
            assert_eq!(answer.header(grant), None, "{path} {grant}");
        }
    }
}
