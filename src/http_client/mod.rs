//! THE client span: an HTTP client that opens a CLIENT span for each request it sends, and passes the
//! trace on. It is [`reqwest`] underneath and gives its responses as they are, bodies unread.
//!
//! | file | what |
//! |---|---|
//! | `client.rs` | the client: what happens to a request, in order |
//! | `settings.rs` | what can be chosen: the builder |
//! | `request.rs` | a request while it is put together |
//! | `attempt.rs` | the span of one attempt, from its opening to its end |
//! | `full_url.rs` | the URL as a span may tell it |
//! | `resend.rs` | whether there is another attempt, and which: asks the next two |
//! | `redirect.rs`, `retry.rs` | where a redirect leads; what is worth a second try, and when |
//! | `error.rs` | the ways in which there is no response |
//! | `transport.rs` | what it is made of, and the untraced clients in this crate too |
//!
//! The rules are those of the [semantic conventions for HTTP spans][semconv]. Redirects and retries
//! are made here and not by reqwest, so that each attempt has a span of its own: the second says
//! `http.request.resend_count` = 1. A span's parent is the span that is active when the call is
//! made, and it ends when the headers of the response are in.
//!
//! ```
//! use backend_actix::http_client::{Client, Error};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//!
//! async fn length_of(client: &Client, url: &str) -> Result<Option<u64>, Error> {
//!     let response = client.get(url).header("accept", "text/plain").send().await?;
//!     Ok(response.content_length())
//! }
//!
//! let provider = SdkTracerProvider::builder().build();
//! let client = Client::builder(&provider).without_propagation_to("api.partner.example").build()?;
//! # let _ = length_of(&client, "http://localhost/");
//! # Ok::<_, backend_actix::http_client::BuildError>(())
//! ```
//!
//! [semconv]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/

mod attempt;
mod client;
mod error;
mod full_url;
mod redirect;
mod request;
mod resend;
pub(crate) mod retry;
mod settings;
mod transport;

pub use client::Client;
pub use error::{BuildError, Error};
pub use request::RequestBuilder;
pub use settings::Builder;
pub(crate) use transport::transport;
