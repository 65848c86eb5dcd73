//! The page on port 3000: the feed, and beside it what each click caused.
//!
//! It has a listener and threads of its own, apart from the API: what it does is in no trace, and no
//! request waits for it. Its data are [`RecentTraces`]; it asks the API across origins, from the browser,
//! as any frontend does. docs/page.md is its manual and describes the JSON.
//!
//! | file | what |
//! |---|---|
//! | `page.rs` | from the address to the end: binding, serving, stopping |
//! | `access.rs` | who may see it: `Host`, `Origin`, the token |
//! | `assets.rs`, `assets/` | what the browser gets, and what it may do with it |
//! | `api.rs` | the JSON, by path; `query.rs`, what one may ask for; `json.rs`, `json/`, its shapes |
//! | `error.rs` | why a question gets no answer |
//! | `otlp_json.rs` | traces as OTLP/JSON, for a file |
//! | `events.rs` | what is new, ten times a second, as server-sent events |
//! | `links.rs` | the same trace elsewhere: Honeycomb, X-Ray, Jaeger |
//!
//! [`RecentTraces`]: crate::recent_traces::RecentTraces

mod access;
mod api;
mod assets;
mod error;
mod events;
mod json;
mod links;
mod otlp_json;
mod page;
mod query;

pub(crate) use page::MAX_CONNECTIONS;
pub use page::{Page, PageError, Service, Serving};
