//! `GET /rollbar/test`: the route that the reference has for trying out its error reports.

use actix_web::web::Html;
use opentelemetry::KeyValue;

use crate::child_span::HandlerTracer;
use crate::timestamp::Timestamp;

/// Answers `Hello World!`, as the reference does: as HTML.
pub(crate) async fn test(tracer: HandlerTracer) -> Html {
    tracer.in_span("rollbar-test-mock-data", |span| {
        span.set_attribute(KeyValue::new("app.now", Timestamp::now().to_string()));
        Html::new("Hello World!")
    })
}
