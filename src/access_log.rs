//! The access log: one line on stderr for each traced request, written when its span has ended, so
//! that a line and a trace always speak of the same thing.

use actix_web::http::StatusCode;

use crate::server_span::Ended;

/// The target under which the lines are logged: `RUST_LOG=info,access=warn` keeps only failures.
const TARGET: &str = "access";

/// Writes the line of one request, for
/// [`Middleware::on_end`](crate::server_span::Middleware::on_end): an error for what failed on our side,
/// else info. The message has method, route and status for people; the fields have them for log records,
/// and are not in the line.
pub fn write(request: &Ended<'_>) {
    let Ended { method, route, trace_id, .. } = request;
    let route = route.unwrap_or("-");
    let status = request.status.as_ref().map_or("-", StatusCode::as_str);
    let status_code = request.status.map(|status| status.as_u16());
    let duration_ms = (request.duration.as_secs_f64() * 1e6).round() / 1e3;
    // A guess is in the message, as in the span's name, never in an attribute.
    let known_route = request.route.filter(|_| request.is_routed);
    match &request.error_type {
        Some(error_type) => tracing::error!(
            target: TARGET,
            {
                duration_ms,
                %error_type,
                %trace_id,
                "http.request.method" = &**method,
                "http.route" = known_route,
                "http.response.status_code" = status_code,
            },
            "{method} {route} {status}"
        ),
        None => tracing::info!(
            target: TARGET,
            {
                duration_ms,
                %trace_id,
                "http.request.method" = &**method,
                "http.route" = known_route,
                "http.response.status_code" = status_code,
            },
            "{method} {route} {status}"
        ),
    }
}
