//! THE server span: one Actix middleware that opens a SERVER span for each request with the
//! OpenTelemetry API itself, keeps it the active span while the request is handled, and ends it when
//! the last byte of the response was handed over.
//!
//! | file | what |
//! |---|---|
//! | `middleware.rs` | where the span is opened: what happens to a request, in order |
//! | `settings.rs` | what can be chosen: the builder |
//! | `attributes.rs`, `method.rs` | what the span says of its request |
//! | `routes.rs` | the route that a path fits, and the span's name |
//! | `last.rs` | a cache of one, for texts that many requests have in common |
//! | `parties.rs`, `forwarded.rs`, `forwarded_element.rs`, `trusted_proxies.rs`, `host.rs` | who asked whom, as trusted proxies tell it |
//! | `header_extractor.rs` | the caller's context, from the headers |
//! | `captured_headers.rs` | headers that are recorded on demand |
//! | `scope.rs` | the context in which a request is handled |
//! | `open_span.rs` | the span between its opening and its end: how a request can end |
//! | `request_body.rs`, `body.rs` | the bodies: counted, and watched for clients that go away |
//! | `panic.rs`, `exception.rs` | a handler's panic becomes an answer; what went wrong is recorded |
//! | `failure.rs` | what went wrong, and in which request, for reports of errors |
//! | `in_flight.rs` | how many spans are open, and whether their requests are cut off |
//! | `response_headers.rs` | tells the client its trace id |
//! | `extractor.rs` | lets a handler add to the span |
//!
//! The rules are those of the [semantic conventions for HTTP spans][semconv]; docs/conformance.md
//! names the test that shows each.
//!
//! ```
//! use actix_web::{App, web};
//! use backend_actix::server_span::{Middleware, ServerSpan};
//! use opentelemetry::KeyValue;
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//!
//! async fn hello(span: ServerSpan) -> &'static str {
//!     span.set_attribute(KeyValue::new("app.greeted", "world"));
//!     "world"
//! }
//!
//! let provider = SdkTracerProvider::builder().build();
//! let app = App::new().wrap(Middleware::new(&provider)).route("/hello", web::get().to(hello));
//! # let _ = app;
//! ```
//!
//! [semconv]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/

mod attributes;
mod body;
mod captured_headers;
mod exception;
mod extractor;
mod failure;
mod forwarded;
mod forwarded_element;
mod header_extractor;
mod host;
mod in_flight;
mod last;
mod method;
mod middleware;
mod open_span;
mod panic;
mod parties;
mod request_body;
mod response_headers;
mod routes;
mod scope;
mod settings;
mod trusted_proxies;

pub use body::SpanBody;
pub use captured_headers::{HeaderNames, SensitiveHeader};
pub use extractor::ServerSpan;
pub use failure::{Failure, ReceivedRequest};
pub(crate) use host::parse_host;
pub use in_flight::InFlight;
pub(crate) use method::{STANDARD_METHODS, standard_method};
pub use middleware::{ResponseFuture, TracedService};
pub use open_span::Ended;
pub(crate) use panic::message as panic_message;
pub use panic::{HandlerPanic, catch_panics, remember_panics};
pub use settings::Middleware;
pub use trusted_proxies::{BadTrustedProxy, TrustedProxies};
