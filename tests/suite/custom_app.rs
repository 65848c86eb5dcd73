//! The middleware in a service that is not ours: handlers that await, and that fail.

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, rt};
use backend_actix::child_span::{in_span, in_span_async};
use opentelemetry::KeyValue;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_sdk::trace::SdkTracer;
use serde_json::json;

use crate::support::service::Service;

fn routes(config: &mut ServiceConfig) {
    config
        .route("/awaits", web::get().to(awaits))
        .route("/fails", web::get().to(async || Err::<&str, _>(ErrorServiceUnavailable("MARKER"))))
        .route("/says-500", web::get().to(async || HttpResponse::InternalServerError().body("no")));
}

async fn awaits(tracer: Data<SdkTracer>) -> &'static str {
    rt::task::yield_now().await;
    let tracer = tracer.get_ref();
    in_span_async(tracer, "outer", async |span| {
        rt::task::yield_now().await;
        in_span(tracer, "inner", |_| ());
        rt::task::yield_now().await;
        span.set_attribute(KeyValue::new("app.seen", true));
    })
    .await;
    rt::task::yield_now().await;
    in_span(tracer, "after", |_| ());
    // What the handler says of the active span goes to the SERVER span.
    opentelemetry::Context::map_current(|cx| cx.span().set_attribute(KeyValue::new("app.own", 7)));
    "done"
}

#[test]
fn the_context_is_active_across_awaits_and_children_nest() {
    let service = Service::start_app(routes, |middleware| middleware);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = service.connect();
                for _ in 0..10 {
                    assert_eq!(connection.request("GET", "/awaits", &[], b"").text(), "done");
                }
            });
        }
    });
    let spans = service.stop();
    assert_eq!(spans.len(), 160);
    let parent = |name: &str| match name {
        "inner" => "outer",
        _ => "GET /awaits",
    };
    for span in &spans {
        if span.name() == "GET /awaits" {
            assert_eq!(span.attributes()["app.own"], json!(7));
            continue;
        }
        let found = spans.iter().find(|other| other.span_id() == span.parent_span_id()).unwrap();
        assert_eq!(found.name(), parent(span.name()), "parent of {}", span.name());
        assert_eq!(found.trace_id(), span.trace_id());
    }
}

#[test]
fn a_5xx_is_an_error_of_the_server_span() {
    for (path, code) in [("/fails", 503), ("/says-500", 500)] {
        let service = Service::start_app(routes, |middleware| middleware);
        let answer = service.get(path);
        assert_eq!(answer.status, code, "{path}");
        assert!(answer.header("traceresponse").is_some(), "{path}");
        let spans = service.stop();
        let [span] = &spans[..] else { panic!("{path}: {spans:#?}") };
        let attributes = span.attributes();
        assert_eq!(attributes["http.response.status_code"], json!(code), "{path}");
        assert_eq!(attributes["error.type"], json!(code.to_string()), "{path}");
        // The status code says it; a description would only repeat it.
        let status = span.span.status.clone().unwrap();
        assert_eq!(
            (status.code, status.message.as_str()),
            (StatusCode::Error as i32, ""),
            "{path}"
        );
    }
}

#[test]
fn an_excluded_path_and_what_is_under_it_is_not_traced() {
    let service = Service::start_app(routes, |middleware| middleware.exclude("/awaits/"));
    for (path, traced) in
        [("/awaits", false), ("/awaits/", false), ("/awaits/x", false), ("/awaitsx", true)]
    {
        assert_eq!(service.get(path).header("traceresponse").is_some(), traced, "{path}");
    }
}
