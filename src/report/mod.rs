//! Reports of errors to [Rollbar](https://rollbar.com): what went wrong, in which request, and where its
//! trace is. A request that ends in a 5xx or a panic becomes an item of its project; the item names the
//! trace, and the SERVER span names the item, as `app.rollbar.item_uuid`.
//!
//! | file | what |
//! |---|---|
//! | `rollbar.rs` | the handle: what happens to a failure, in order |
//! | `windows.rs` | one item per fault and minute, and how many were left out |
//! | `item.rs` | an item while it waits: what it is about, which others are the same fault |
//! | `delivery.rs` | the thread that sends items |
//! | `outbox.rs`, `answer.rs`, `pause.rs` | the way to Rollbar; what its answers mean; until when it takes no more |
//! | `payload.rs`, `frames.rs`, `scrub.rs` | an item as Rollbar's API wants it; its backtrace; its secrets |
//! | `test_route.rs` | `GET /rollbar/test`, which sends a message in its request and trace |
//!
//! In a service of your own, the middleware of [`server_span`](crate::server_span) tells of failures, and
//! the panic hook of where a panic came from:
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//!
//! use actix_web::{App, HttpServer};
//! use backend_actix::config::RollbarConfig;
//! use backend_actix::report::Rollbar;
//! use backend_actix::server_span::{Middleware, remember_panics};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     std::panic::set_hook(Box::new(|panic| {
//!         remember_panics(panic);
//!         eprintln!("{panic}");
//!     }));
//!     let token = std::env::var("ROLLBAR_ACCESS_TOKEN")?.parse()?;
//!     let rollbar = Rollbar::start(&RollbarConfig::new(token))?;
//!     let provider = SdkTracerProvider::builder().build();
//!     let reporter = rollbar.clone();
//!     let middleware =
//!         Middleware::new(&provider).on_failure(move |failure| reporter.report(failure));
//!     HttpServer::new(move || App::new().wrap(middleware.clone()))
//!         .bind(("127.0.0.1", 8080))?
//!         .run()
//!         .await?;
//!     println!("{}", rollbar.shutdown(Instant::now() + Duration::from_secs(5)));
//!     Ok(())
//! }
//! ```

mod answer;
mod delivery;
mod frames;
mod item;
mod outbox;
mod pause;
mod payload;
mod rollbar;
mod scrub;
mod test_route;
mod windows;

pub use rollbar::{Reports, Rollbar, StartError};
pub(crate) use test_route::{Reporting, handler as test};
