//! THE server span: one Actix middleware that opens a SERVER span for each request with the
//! OpenTelemetry API itself, keeps it the active span while the request is handled, and ends it when
//! the last byte of the response was handed over.
//!
//! The span is opened in `middleware.rs`, in `Middleware::call`; what it says is gathered in
//! `attributes.rs`; its life after that, to the end, is `open_span.rs`; `body.rs` carries it while the
//! response is sent; `response_headers.rs` tells the client its trace id. The rules are those of the
//! [semantic conventions for HTTP spans][semconv].
//!
//! ```
//! use actix_web::{App, web};
//! use backend_actix::server_span::Middleware;
//! use opentelemetry::trace::TracerProvider;
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//!
//! let provider = SdkTracerProvider::builder().build();
//! let app = App::new()
//!     .wrap(Middleware::new(&provider))
//!     .route("/hello", web::get().to(async || "world"));
//! # let _ = app;
//! ```
//!
//! [semconv]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/

mod attributes;
mod body;
mod middleware;
mod open_span;
mod response_headers;

pub use body::SpanBody;
pub use middleware::{Middleware, ResponseFuture, Service};
pub use open_span::Ended;
