//! The Cruddur backend as a traced Actix-web service.
//!
//! # The map
//!
//! A request passes the modules in this order:
//!
//! ```text
//! socket → connection                a client that keeps us waiting loses it
//!        → server_span::Middleware   takes the parent from the headers, opens the SERVER span
//!        → error::as_json            gives every error the JSON form
//!        → cors                      who may call, and what a page may read
//!        → app (the route table)     finds the handler
//!        → activities · messages     one file a handler; child_span::in_span around the making of data
//!        ← response                  http.route, status, error.type; `traceresponse` header
//!        ← body sent or dropped      the SERVER span ends, access_log writes its line
//! ```
//!
//! A request that fails is also [reported](report) to Rollbar, where that is configured. `backtrace` reads
//! what a panic leaves behind, for the report and for X-Ray.
//!
//! A span that has ended goes to each processor of [`telemetry`]: the console within a millisecond, the OTLP
//! receiver (Honeycomb, or any other) and the X-Ray daemon in batches.
//!
//! The last traces stay in the process too ([`recent_traces`]), for the page that shows them ([`web`]):
//! it has a listener of its own, apart from the API. [`span_check`] says which spans break the conventions.
//!
//! Around that: [`config`] reads the environment once, [`logging`] sends everything that is no span
//! to stderr and to the log exporters, [`server`] listens, and drains when a [signal](signals) ends it,
//! [`health`] and `probes` tell how it is, and the binary puts them together. [`check`] tries what is
//! configured, for somebody to whom nothing arrives.
//!
//! To trace a service of your own, take [`server_span`] and [`child_span`], [`carry`] where work goes on
//! elsewhere, [`http_client`] for the calls that it makes, and [`report`] for its failures; [`propagation`]
//! is below both ends.
//! `examples/minimal.rs` shows how little it needs.

pub mod access_log;
mod activities;
mod app;
mod authority;
mod backtrace;
pub mod carry;
mod causes;
pub mod check;
pub mod child_span;
pub mod config;
mod connection;
mod cors;
mod cut;
mod error;
mod handle;
pub mod health;
pub mod http_client;
mod json_object;
pub mod logging;
mod message_text;
mod messages;
mod open_files;
mod probes;
pub mod propagation;
mod rate_limit;
pub mod recent_traces;
mod redaction;
pub mod report;
pub mod server;
pub mod server_span;
pub mod signals;
mod signed_in_user;
pub mod span_check;
pub mod telemetry;
mod timestamp;
pub mod web;
