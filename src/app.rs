//! The whole service on one screen: the route table, and what a request passes on its way.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::from_fn;
use actix_web::{App, Error, Handler, HttpResponse, Resource, Responder, Scope, web};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::child_span::HandlerTracer;
use crate::config::Config;
use crate::connection::Turns;
use crate::cors;
use crate::json_object::{BodyTimeout, MAX_BODY_BYTES};
use crate::probes::Readiness;
use crate::recent_traces::RecentTraces;
use crate::report::Reporting;
use crate::server_span::{InFlight, Middleware};
use crate::telemetry::Accounts;
use crate::{access_log, activities, error, health, messages, probes, report};

/// The service, as `config` says; `provider` makes the spans, `in_flight` counts the requests,
/// `readiness` tells when the end has begun, `accounts` tell what became of the spans, and `reporting`
/// takes what fails; `recent` keeps the last traces, where there is a page.
pub(crate) fn app(
    config: &Config,
    provider: &SdkTracerProvider,
    in_flight: &InFlight,
    readiness: &Readiness,
    accounts: &Accounts,
    reporting: Option<&Reporting>,
    recent: Option<&RecentTraces>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let table = Table { provider };
    let origins = config.origins.clone();
    let reads_attributes = config.telemetry.sampler.reads_attributes();
    let server_span = config
        .server_span
        .apply_to(Middleware::new(provider))
        .exclude(health::PATH)
        .classify_errors(error::class)
        .sampler_reads_attributes(reads_attributes)
        .in_flight(in_flight.clone())
        .on_end(access_log::write);
    // The page shows attributes of requests that run. Where the sampler reads them it has seen them.
    let server_span = match recent.filter(|_| !reads_attributes).cloned() {
        Some(recent) => server_span.on_start(move |span| recent.refresh(span)),
        None => server_span,
    };
    let rollbar = reporting.map(|reporting| reporting.rollbar.clone());
    let server_span = match rollbar.clone() {
        Some(rollbar) => server_span.on_failure(move |failure| rollbar.report(failure)),
        None => server_span,
    };
    let rollbar_test = table
        .get("/rollbar/test", "report.test", report::test)
        .app_data(web::Data::new(server_span.clone()))
        .app_data(web::Data::new(reporting.cloned()));
    App::new()
        .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
        .app_data(BodyTimeout(config.server.client_timeout))
        .app_data(web::Data::new(readiness.clone()))
        .app_data(web::Data::new(accounts.clone()))
        .app_data(web::Data::new(rollbar))
        .service(
            api(&table)
                .wrap(cors::cors(&config.origins))
                .wrap(from_fn(move |request, next| cors::expose(origins.clone(), request, next))),
        )
        .service(rollbar_test)
        .service(table.get(health::PATH, "health", health::handler))
        .service(table.get(probes::LIVE, "health.live", probes::live))
        .service(table.get(probes::READY, "health.ready", probes::ready))
        // The last wrapped is the first passed: the SERVER span is around everything that is ours to do.
        .wrap(from_fn(error::as_json))
        .wrap(server_span)
        .wrap(Turns(readiness.clone()))
}

/// The API: each path, the instrumentation scope of its child span, and its handler.
///
/// A resource matches by its path alone, and the first that matches wins. With guards on resources a
/// wrong method would fall through to the next pattern, and be told the wrong `Allow`.
#[rustfmt::skip]
fn api(table: &Table<'_>) -> Scope {
    web::scope("/api")
        .service(table.get("/activities/home", "home.activities", activities::home::handler))
        .service(table.get("/activities/notifications", "activities.notifications", activities::notifications::handler))
        .service(table.get("/activities/search", "activities.search", activities::search::handler))
        .service(table.get("/activities/@{handle}", "activities.user", activities::user::handler))
        .service(table.get("/activities/{activity_uuid}", "activities.show", activities::show::handler))
        .service(table.post("/activities/{activity_uuid}/reply", "activities.reply", activities::reply::handler))
        .service(table.post("/activities", "activities.create", activities::create::handler))
        .service(table.get("/message_groups", "messages.groups", messages::groups::handler))
        .service(table.get("/messages/@{handle}", "messages.conversation", messages::conversation::handler))
        .service(table.post("/messages", "messages.create", messages::create::handler))
}

/// Makes the rows of the route table.
struct Table<'a> {
    provider: &'a SdkTracerProvider,
}

impl Table<'_> {
    /// A resource to read: GET and HEAD.
    fn get<H, Args>(&self, path: &str, scope: &'static str, handler: H) -> Resource
    where
        H: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.resource(path, scope, "GET, HEAD, OPTIONS")
            .route(web::get().to(handler.clone()))
            .route(web::head().to(handler))
    }

    /// A resource to write to: POST.
    fn post<H, Args>(&self, path: &str, scope: &'static str, handler: H) -> Resource
    where
        H: Handler<Args>,
        Args: actix_web::FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.resource(path, scope, "POST, OPTIONS").route(web::post().to(handler))
    }

    /// What both have: the tracer of the handler, and the methods it takes, told to OPTIONS and to
    /// whoever uses another.
    fn resource(&self, path: &str, scope: &'static str, allow: &'static str) -> Resource {
        let options =
            move || async move { HttpResponse::Ok().insert_header((ALLOW, allow)).finish() };
        let other = move || async move {
            HttpResponse::MethodNotAllowed().insert_header((ALLOW, allow)).finish()
        };
        web::resource(path)
            .app_data(HandlerTracer::new(self.provider.tracer(scope)))
            .route(web::method(Method::OPTIONS).to(options))
            .default_service(web::to(other))
    }
}
