//! Honeycomb's `GET /1/auth`, as its documentation has it.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// A key that may do all that it needs.
pub const KEY: &str = "MARKER-key";
/// One of Honeycomb Classic.
pub const CLASSIC_KEY: &str = "0123456789abcdef0123456789abcdef";
/// One that may not send events.
pub const READ_KEY: &str = "MARKER-reading-key";
/// One that may send, but not create datasets.
pub const SEND_KEY: &str = "MARKER-sending-key";
/// One to which something answers that is not Honeycomb.
pub const STRANGE_KEY: &str = "MARKER-strange-key";

/// Answers whose the key is; to any other key, that nobody knows it.
pub async fn auth(request: HttpRequest) -> HttpResponse {
    let key = request.headers().get("x-honeycomb-team").map(|key| key.to_str().unwrap());
    let (may_send, may_create) = match key {
        Some(KEY | CLASSIC_KEY) => (true, true),
        Some(READ_KEY) => (false, false),
        Some(SEND_KEY) => (true, false),
        Some(STRANGE_KEY) => return HttpResponse::Ok().body("<h1>Welcome</h1>"),
        _ => {
            let error = json!({"error": "unknown API key - check your credentials"});
            return HttpResponse::Unauthorized().json(error);
        }
    };
    let environment = match key {
        Some(CLASSIC_KEY) => json!({"slug": "", "name": ""}),
        _ => json!({"slug": "test", "name": "Test"}),
    };
    HttpResponse::Ok().json(json!({
        "id": "hcaik_01", "type": "ingest", "time_to_live": "2030-01-01T00:00:00Z",
        "team": {"slug": "acme", "name": "Acme"},
        "environment": environment,
        "api_key_access": {"events": may_send, "createDatasets": may_create, "markers": false},
    }))
}
