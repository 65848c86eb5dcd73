//! What a sampler sees: it decides when the span opens, so what it may ask about must be there then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use backend_actix::server_span::{HeaderNames, Middleware};
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample,
};

/// The name and the attributes of a span to be.
type Asked = (String, BTreeMap<String, String>);

/// Notes what it is asked, and samples nothing.
#[derive(Clone, Debug, Default)]
struct Curious(Arc<Mutex<Vec<Asked>>>);

impl ShouldSample for Curious {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        assert_eq!(*kind, SpanKind::Server);
        let attributes =
            attributes.iter().map(|kv| (kv.key.to_string(), kv.value.to_string())).collect();
        self.0.lock().unwrap().push((name.to_owned(), attributes));
        SamplingResult {
            decision: SamplingDecision::Drop,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[actix_web::test]
async fn a_sampler_sees_the_request_and_the_route_as_the_path_tells_it() {
    let sampler = Curious::default();
    let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
    let middleware = Middleware::new(&provider)
        .trust_proxies("127.0.0.1".parse().unwrap())
        .capture_request_headers(HeaderNames::new(["x-tenant"]).unwrap());
    let app = init_service(
        App::new().wrap(middleware).route("/things/{id}", web::get().to(async || "thing")),
    )
    .await;
    let request = TestRequest::with_uri("/things/7?sig=secret&a=b")
        .peer_addr("127.0.0.1:4711".parse().unwrap())
        .insert_header(("host", "shop.example:8443"))
        .insert_header(("x-forwarded-for", "192.0.2.60"))
        .insert_header(("x-forwarded-proto", "https"))
        .insert_header(("user-agent", "tests/1"))
        .insert_header(("x-tenant", "t1"));
    let response = call_service(&app, request.to_request()).await;
    // Not sampled is told too: only the flag of the random id.
    assert!(response.headers().get("traceresponse").unwrap().to_str().unwrap().ends_with("-02"));

    let seen = sampler.0.lock().unwrap();
    let [(name, attributes)] = &seen[..] else { panic!("asked once: {seen:?}") };
    assert_eq!(name, "GET /things/{id}");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/things/7"),
        ("url.scheme", "https"),
        ("url.query", "sig=REDACTED&a=b"),
        ("server.address", "shop.example"),
        ("server.port", "8443"),
        ("client.address", "192.0.2.60"),
        ("user_agent.original", "tests/1"),
        ("http.request.header.x-tenant", "[\"t1\"]"),
    ] {
        assert_eq!(attributes.get(key).map(String::as_str), Some(value), "{key}");
    }
    // A guess is in the name, never in an attribute.
    assert_eq!(attributes.get("http.route"), None);
}

#[actix_web::test]
async fn a_sampler_that_reads_no_attributes_is_given_none() {
    let sampler = Curious::default();
    let provider = SdkTracerProvider::builder().with_sampler(sampler.clone()).build();
    let middleware = Middleware::new(&provider).sampler_reads_attributes(false);
    let app = init_service(
        App::new().wrap(middleware).route("/things/{id}", web::get().to(async || "thing")),
    )
    .await;
    call_service(&app, TestRequest::with_uri("/things/7").to_request()).await;
    let seen = sampler.0.lock().unwrap();
    assert_eq!(seen[..], [("GET /things/{id}".to_owned(), BTreeMap::new())]);
}

#[actix_web::test]
async fn who_is_told_of_starts_sees_what_is_recorded_with_its_attributes() {
    for (sampler, expected) in
        [(Sampler::AlwaysOn, vec!["/things/7"]), (Sampler::AlwaysOff, vec![])]
    {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let noted = Arc::clone(&seen);
        let middleware =
            Middleware::new(&provider).sampler_reads_attributes(false).on_start(move |span| {
                let attributes = span.exported_data().unwrap().attributes;
                let path = attributes.into_iter().find(|kv| kv.key.as_str() == "url.path").unwrap();
                noted.lock().unwrap().push(path.value.to_string());
                panic!("a panic in it is caught");
            });
        let app = init_service(
            App::new().wrap(middleware).route("/things/{id}", web::get().to(async || "thing")),
        )
        .await;
        call_service(&app, TestRequest::with_uri("/things/7").to_request()).await;
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}
