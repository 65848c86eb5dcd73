//! What one may ask the JSON API for, as parameters of a query.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::error::QueryPayloadError;
use actix_web::web::QueryConfig;
use opentelemetry::trace::TraceId;
use serde::Deserialize;

use super::error::PageApiError;
use crate::recent_traces::Filter;

/// How many words `text` may have: each is looked for in every attribute of every trace.
const MAX_WORDS: usize = 16;

/// Which traces.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TracesQuery {
    route: Option<String>,
    status: Option<String>,
    errors: bool,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
    from_us: Option<u64>,
    to_us: Option<u64>,
    text: Option<String>,
    pub(super) limit: Option<usize>,
}

impl TracesQuery {
    /// The filter that it stands for.
    ///
    /// # Errors
    /// A status that is none, or too many words.
    pub(super) fn filter(self) -> Result<Filter, PageApiError> {
        let status = match self.status.as_deref() {
            None | Some("") => None,
            Some(status) => Some(status.parse().map_err(|()| {
                let message = format!(
                    "`status` is {status:?}: expected one such as 404, or a class such as 4xx"
                );
                PageApiError::BadRequest(message)
            })?),
        };
        let words = self.text.as_deref().unwrap_or_default().split_whitespace().count();
        if words > MAX_WORDS {
            let message = format!("`text` has {words} words: expected at most {MAX_WORDS}");
            return Err(PageApiError::BadRequest(message));
        }
        Ok(Filter {
            route: self.route,
            status,
            errors_only: self.errors,
            min_duration: self.min_ns.map(Duration::from_nanos),
            max_duration: self.max_ns.map(Duration::from_nanos),
            from: self.from_us.and_then(time),
            to: self.to_us.and_then(time),
            text: self.text,
        })
    }
}

fn time(us: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_micros(us))
}

/// Which requests.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RoutesQuery {
    pub(super) minutes: Option<u32>,
    pub(super) route: Option<String>,
}

/// What is said of a query that cannot be read.
pub(super) fn config() -> QueryConfig {
    QueryConfig::default().error_handler(|error: QueryPayloadError, _: &HttpRequest| {
        PageApiError::BadRequest(error.to_string()).into()
    })
}

/// The trace of a path.
///
/// # Errors
/// It is no trace id.
pub(super) fn trace_id(segment: &str) -> Result<TraceId, PageApiError> {
    let is_id = segment.len() == 32 && segment.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = TraceId::from_hex(segment).ok().filter(|_| is_id);
    id.ok_or_else(|| PageApiError::BadRequest("a trace id has 32 hexadecimal digits".to_owned()))
}
