//! `GET /api/activities/search?term=…`: activities that have a term in them.

use actix_web::web::{Json, Query};
use opentelemetry::KeyValue;

use super::activity::{Activity, GAREKS_ACTIVITY};
use crate::child_span::HandlerTracer;
use crate::error::{ApiError, invalid};
use crate::timestamp::Timestamp;

/// What is searched for: never empty.
struct SearchTerm(String);

impl SearchTerm {
    fn parse(query: Vec<(String, String)>) -> Result<Self, ApiError> {
        query
            .into_iter()
            .find(|(key, _)| key == "term")
            .filter(|(_, term)| !term.is_empty())
            .map(|(_, term)| Self(term))
            .ok_or_else(|| invalid("search_term_blank"))
    }
}

/// Answers with one activity, whatever the term.
///
/// # Errors
/// 422 `search_term_blank`.
pub(crate) async fn handler(
    tracer: HandlerTracer,
    query: Query<Vec<(String, String)>>,
) -> Result<Json<Vec<Activity>>, ApiError> {
    let term = SearchTerm::parse(query.into_inner())?;
    Ok(Json(tracer.in_span("search-activities-mock-data", |span| {
        let now = Timestamp::now();
        let activities = vec![Activity::new(GAREKS_ACTIVITY, "Andrew Brown", "Cloud is fun!", now)];
        if span.is_recording() {
            span.set_attributes([
                KeyValue::new("app.now", String::from(now)),
                // The length, never the term: people search for names.
                KeyValue::new("app.search_term_length", term.0.chars().count() as i64),
                KeyValue::new("app.result_length", activities.len() as i64),
            ]);
        }
        activities
    })))
}
