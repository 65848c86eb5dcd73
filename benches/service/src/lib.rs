//! What all variants have in common: the handler's work and its JSON, which are the service's own
//! files, and the server around it. What a variant adds is its tracing.

// Not all of what is in these files is used here.
#[allow(dead_code)]
#[path = "../../../src/activities/activity.rs"]
mod activity;
#[allow(dead_code)]
#[path = "../../../src/timestamp.rs"]
mod timestamp;

use std::io;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error, HttpServer, Responder, web};
use serde::Deserialize;

/// The home feed, made anew.
pub struct Home {
    now: timestamp::Timestamp,
    activities: Vec<activity::Activity>,
}

impl Home {
    /// The feed as it is now.
    pub fn make() -> Self {
        let now = timestamp::Timestamp::now();
        Self { now, activities: activity::home_feed(now) }
    }

    /// `app.now` of its span.
    pub fn now(&self) -> String {
        self.now.into()
    }

    /// `app.result_length` of its span.
    pub fn length(&self) -> i64 {
        self.activities.len() as i64
    }

    /// The answer, about 1 kB of JSON.
    pub fn into_response(self) -> impl Responder {
        web::Json(self.activities)
    }
}

/// What `GET /spans?count=3&attributes=5` asks for: so many child spans, one after the other, with so
/// many attributes each.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Spans {
    /// Child spans.
    pub count: u32,
    /// Attributes of each.
    pub attributes: u32,
}

impl Spans {
    /// The keys of the attributes; the value is the number.
    pub fn keys(self) -> impl Iterator<Item = (&'static str, i64)> {
        const KEYS: [&str; 10] = [
            "app.a", "app.b", "app.c", "app.d", "app.e", "app.f", "app.g", "app.h", "app.i",
            "app.j",
        ];
        KEYS.into_iter().cycle().zip(1..=i64::from(self.attributes))
    }
}

/// Serves `app` on a free port, which is told on stdout, until SIGTERM. `WORKERS` is 1 unless set.
///
/// # Errors
/// The server's.
pub async fn serve<T, B>(app: impl Fn() -> App<T> + Send + Clone + 'static) -> io::Result<()>
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let workers = std::env::var("WORKERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let server = HttpServer::new(app).workers(workers).shutdown_timeout(1).bind("127.0.0.1:0")?;
    for address in server.addrs() {
        eprintln!("listening on http://{address}");
    }
    server.run().await
}
