//! The service that is asked: an Actix app in the middleware, with every setting of it in use, and a
//! span processor that keeps what it is given.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::dev::{Payload, Service as _};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::rt::Runtime;
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use backend_actix::propagation::{Kind, propagator};
use backend_actix::server_span::{Ended, HeaderNames, Middleware, ServerSpan};
use opentelemetry::Context;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};

use crate::input::Input;

const ALL: [Kind; 3] = [Kind::TraceContext, Kind::Baggage, Kind::Xray];

/// The routes; the last one is not traced.
pub(crate) const ROUTES: [&str; 3] =
    ["/api/activities/@{handle}", "/api/messages/{group}/{id}", EXCLUDED];
/// This path and all paths under it are not traced.
pub(crate) const EXCLUDED: &str = "/health";
/// A query key that is redacted besides those of the conventions.
pub(crate) const REDACTED: &str = "token";
/// Headers that are recorded.
pub(crate) const REQUEST_HEADERS: [&str; 3] = ["x-request-id", "accept-language", "referer"];
pub(crate) const RESPONSE_HEADERS: [&str; 2] = ["content-type", "x-path"];

/// What came of a request.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// How many spans were opened and recorded.
    pub(crate) started: usize,
    /// Those that have ended.
    pub(crate) spans: Vec<SpanData>,
    /// What the middleware's hook was told.
    pub(crate) ended: Vec<End>,
}

/// The hook's [`Ended`], kept.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) method: String,
    pub(crate) route: Option<String>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) error_type: Option<String>,
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
}

impl From<&Ended<'_>> for End {
    fn from(ended: &Ended<'_>) -> Self {
        Self {
            method: ended.method.clone().into_owned(),
            route: ended.route.map(str::to_owned),
            status: ended.status,
            error_type: ended.error_type.map(str::to_owned),
            trace_id: ended.trace_id,
            span_id: ended.span_id,
        }
    }
}

/// What spans and hooks have told of the request that is being served.
#[derive(Debug, Default)]
struct Told {
    started: usize,
    spans: Vec<SpanData>,
    ended: Vec<End>,
}

#[derive(Clone, Debug, Default)]
struct Keeper(Arc<Mutex<Told>>);

impl Keeper {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for Keeper {
    fn on_start(&self, _: &mut Span, _: &Context) {
        self.told().started += 1;
    }

    fn on_end(&self, span: SpanData) {
        self.told().spans.push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Status and headers; the body is read and dropped.
type Call = Box<dyn Fn(&Input) -> Pin<Box<dyn Future<Output = (StatusCode, HeaderMap)>>>>;

/// The app in four settings, on one runtime.
pub(crate) struct Service {
    runtime: Runtime,
    keeper: Keeper,
    /// By `public` and `parent_based`.
    calls: [[Call; 2]; 2],
}

impl Service {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let keeper = Keeper::default();
        let calls = [false, true].map(|public| {
            [Sampler::AlwaysOn, Sampler::ParentBased(Box::new(Sampler::AlwaysOn))]
                .map(|sampler| runtime.block_on(call(middleware(&keeper, sampler, public))))
        });
        Self { runtime, keeper, calls }
    }

    /// Serves the request of `input`.
    pub(crate) fn answer(&self, input: &Input) -> Answer {
        *self.keeper.told() = Told::default();
        let call = &self.calls[usize::from(input.public)][usize::from(input.parent_based)];
        let (status, headers) = self.runtime.block_on(call(input));
        let Told { started, spans, ended } = std::mem::take(&mut *self.keeper.told());
        Answer { status, headers, started, spans, ended }
    }
}

fn middleware(keeper: &Keeper, sampler: Sampler, public: bool) -> Middleware {
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(keeper.clone())
        .build();
    let hook = keeper.clone();
    Middleware::new(&provider)
        .propagators(ALL)
        .exclude(EXCLUDED)
        .trust_proxies("0.0.0.0/0, ::/0".parse().expect("networks"))
        .redact_query_keys([REDACTED])
        .capture_request_headers(HeaderNames::new(REQUEST_HEADERS).expect("names"))
        .capture_response_headers(HeaderNames::new(RESPONSE_HEADERS).expect("names"))
        .public_endpoint(public)
        .classify_errors(|_| Some("some_error"))
        .on_end(move |ended| hook.told().ended.push(End::from(ended)))
}

async fn call(middleware: Middleware) -> Call {
    let mut app = App::new().app_data(web::Data::new(propagator(&ALL)));
    for route in ROUTES {
        app = app.route(route, web::route().to(handler));
    }
    let service = Rc::new(init_service(app.wrap(middleware)).await);
    Box::new(move |input| {
        let mut request = TestRequest::default().set_payload(input.body.clone()).to_request();
        if input.body.is_empty() {
            request = request.replace_payload(Payload::None).0;
        }
        input.fill(request.head_mut());
        let (service, leaves) = (Rc::clone(&service), input.leaves);
        Box::pin(async move {
            let response = service.call(request).await.expect("a response");
            let (status, headers) = (response.status(), response.headers().clone());
            if !leaves {
                to_bytes(response.into_body()).await.map_err(drop).expect("a body");
            }
            (status, headers)
        })
    })
}

/// Reads the body, and calls a service behind this one, in so far as that is about headers.
async fn handler(
    request: HttpRequest,
    span: ServerSpan,
    propagator: web::Data<TextMapCompositePropagator>,
    body: web::Bytes,
) -> HttpResponse {
    let context = Context::current();
    let sent = outgoing(&propagator, &context);
    if span.span_context().is_valid() {
        let id = span.span_context().span_id().to_string();
        assert_eq!(sent["traceparent"].first().map(|header| &header[36..52]), Some(id.as_str()));
        assert!(sent["x-amzn-trace-id"].iter().any(|header| header.contains(&id)), "{sent:?}");
    }
    let lines = request.headers().get_all("tracestate");
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let count = members.filter(|member| !member.trim_ascii().is_empty()).count();
    assert!(count <= 32 || !sent.contains_key("tracestate"), "too long a list: {sent:?}");
    // Who receives that, and passes it on as it is, sends the same again.
    let joined = |(name, members): (&String, &Vec<String>)| (name.clone(), members.join(","));
    let received: HashMap<String, String> = sent.iter().map(joined).collect();
    let again = outgoing(&propagator, &propagator.extract_with_context(&Context::new(), &received));
    assert_eq!(again, sent);

    let mut response = HttpResponse::Ok();
    response.append_header(("server-timing", "app;dur=1"));
    if let Ok(path) = HeaderValue::try_from(request.path()) {
        response.append_header(("x-path", path));
    }
    response.content_type("application/octet-stream").body(body)
}

/// What goes out in `context`, each header as a list, and those whose order says nothing sorted.
fn outgoing(
    propagator: &TextMapCompositePropagator,
    context: &Context,
) -> HashMap<String, Vec<String>> {
    let mut headers = HashMap::new();
    propagator.inject_context(context, &mut headers);
    let mut lists = HashMap::new();
    for (name, value) in headers {
        assert!(HeaderValue::try_from(&value).is_ok(), "{name}: {value:?}");
        assert!(value.is_ascii() && value.len() <= 32 * 513, "{name}: {value:?}");
        let mut members: Vec<_> = value.split(',').map(str::to_owned).collect();
        if name == "baggage" {
            assert!(value.len() <= 8192 && members.len() <= 64, "{value:?}");
            members.sort_unstable();
            let keys: BTreeSet<_> = members.iter().map(|member| member.split('=').next()).collect();
            assert_eq!(keys.len(), members.len(), "a key twice: {value:?}");
        }
        lists.insert(name, members);
    }
    lists
}
