//! `GET /rollbar/test`: the route that the reference has for trying out its reports. It sends a message
//! to Rollbar as nothing else here does: within the request and its trace, where one can see it go.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Data, Html};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::item::{Item, Level};
use super::rollbar::{ITEM_UUID, Rollbar};
use crate::child_span::HandlerTracer;
use crate::config::ServerSpanConfig;
use crate::http_client::{BuildError, Client, transport};
use crate::server_span::{Middleware, ServerSpan};
use crate::timestamp::Timestamp;

/// How long the answer may wait for Rollbar's.
const TIMEOUT: Duration = Duration::from_secs(2);

const TEXT: &str = "Hello World!";

/// Rollbar, and the client by which the route sends to it.
#[derive(Clone)]
pub(crate) struct Reporting {
    pub(crate) rollbar: Rollbar,
    client: Client,
}

impl Reporting {
    /// Reports to `rollbar`, by a client whose spans go to `provider`.
    pub(crate) fn new(
        config: &ServerSpanConfig,
        rollbar: &Rollbar,
        provider: &SdkTracerProvider,
    ) -> Result<Self, BuildError> {
        let endpoint = rollbar.endpoint();
        let http = transport(endpoint.is_https());
        let client = config
            .apply_to_client(Client::builder(provider).http(http))
            .timeout(TIMEOUT)
            // A redirect would carry the token to wherever it points.
            .max_redirects(0)
            // Rollbar is no part of the trace, and the caller's baggage is none of its business.
            .without_propagation_to(endpoint.host())
            .build()?;
        Ok(Self { rollbar: rollbar.clone(), client })
    }
}

/// Answers `Hello World!`, as the reference does: as HTML, and whatever Rollbar answers, if it does.
pub(crate) async fn handler(
    tracer: HandlerTracer,
    span: ServerSpan,
    request: HttpRequest,
    middleware: Data<Middleware>,
    reporting: Data<Option<Reporting>>,
) -> Html {
    tracer
        .in_span_async("rollbar-test-mock-data", async |child| {
            child.set_attribute(KeyValue::new("app.now", String::from(Timestamp::now())));
            let Some(Reporting { rollbar, client }) = &**reporting else {
                tracing::info!("ROLLBAR_ACCESS_TOKEN is not set: no message is sent to Rollbar");
                return;
            };
            let (route, received) = (request.match_pattern(), middleware.received(&request));
            let item = Item::message(Level::Warning, TEXT, route, Some(received));
            if rollbar.send(client, &item).await {
                span.set_attribute(KeyValue::new(ITEM_UUID, item.uuid.to_string()));
            }
        })
        .await;
    Html::new(TEXT)
}
