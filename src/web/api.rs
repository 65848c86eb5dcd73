//! The JSON of the page, by path; docs/page.md describes it.

use std::time::Duration;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ContentType};
use actix_web::web::{self, Data, Json, Path, Query, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder};
use serde::Serialize;

use super::error::PageApiError;
use super::page::State;
use super::query::{self, RoutesQuery, TracesQuery};
use super::{events, json, otlp_json};
use crate::telemetry::account::Delivery;

pub(super) fn routes(service: &mut ServiceConfig) {
    service
        .app_data(query::config())
        .service(get("/api/page", about))
        .service(get("/api/traces", list).route(web::delete().to(clear)))
        .service(get("/api/traces/{trace_id}", trace))
        .service(get("/api/otlp", download_all))
        .service(get("/api/otlp/{trace_id}", download))
        .service(get("/api/routes", figures))
        .service(get("/api/exporters", exporters))
        .service(get("/api/events", follow));
}

/// A resource to read. As one of its own: whoever uses another method is told which there are.
fn get<H, Args>(path: &str, handler: H) -> Resource
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path).route(web::get().to(handler))
}

/// What the page is of.
#[derive(Serialize)]
struct About<'a> {
    service: &'a str,
    version: &'static str,
    /// Where the API is.
    backend_url: &'a str,
    traces_kept: usize,
    bytes_kept: usize,
}

async fn about(state: Data<State>) -> HttpResponse {
    let limits = state.recent.limits();
    HttpResponse::Ok().json(About {
        service: &state.service_name,
        version: env!("CARGO_PKG_VERSION"),
        backend_url: &state.backend_url,
        traces_kept: limits.traces,
        bytes_kept: limits.bytes,
    })
}

async fn list(state: Data<State>, query: Query<TracesQuery>) -> Result<HttpResponse, PageApiError> {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(usize::MAX);
    let filter = query.filter()?;
    let reading = state.recent.read();
    let (kept, bytes) = reading.usage();
    Ok(HttpResponse::Ok().json(json::List {
        traces: reading.list(&filter, limit).iter().map(json::Summary::of).collect(),
        kept,
        bytes,
        left_out: state.recent.left_out(),
    }))
}

async fn clear(state: Data<State>) -> HttpResponse {
    state.recent.clear();
    state.hub.send(&events::cleared());
    HttpResponse::NoContent().finish()
}

async fn trace(state: Data<State>, id: Path<String>) -> Result<HttpResponse, PageApiError> {
    let id = query::trace_id(&id)?;
    let trace = state.recent.read().trace(id).ok_or(PageApiError::NotKept)?;
    let waterfall = trace.waterfall();
    let links = state.links.of(&trace, &waterfall);
    let resource = state.recent.resource();
    Ok(HttpResponse::Ok().json(json::Trace::of(&trace, &waterfall, resource, links)))
}

async fn download(state: Data<State>, id: Path<String>) -> Result<HttpResponse, PageApiError> {
    let id = query::trace_id(&id)?;
    let trace = state.recent.read().trace(id).ok_or(PageApiError::NotKept)?;
    let body = otlp_json::of(trace.ended(), state.recent.resource());
    Ok(as_file(&format!("trace-{id}.json"), body))
}

async fn download_all(state: Data<State>) -> HttpResponse {
    let reading = state.recent.read();
    let spans = reading.traces().flat_map(|trace| trace.ended());
    as_file("traces.json", otlp_json::of(spans, state.recent.resource()))
}

fn as_file(name: &str, json: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .content_type(ContentType::json())
        .body(json)
}

async fn figures(state: Data<State>, query: Query<RoutesQuery>) -> Json<json::Routes> {
    let window = query.minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes)));
    let routes = state.recent.read().routes(window, query.route.as_deref());
    Json(json::Routes::of(&routes))
}

#[derive(Serialize)]
struct Exporters {
    exporters: Vec<Delivery>,
}

async fn exporters(state: Data<State>) -> Json<Exporters> {
    Json(Exporters { exporters: state.accounts.deliveries() })
}

async fn follow(state: Data<State>) -> Result<HttpResponse, PageApiError> {
    let events = state.hub.listen().ok_or(PageApiError::TooManyListeners)?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/event-stream")).body(events))
}
