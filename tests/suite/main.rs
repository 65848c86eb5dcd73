//! The tests: real HTTP to a server on a free port, spans as a receiver decoded them from the wire.
//!
//! One crate, so that it is linked once; run a part with `cargo test --test suite api::`.

// A test crate has no outside that `pub` could mean, and its support code fails as tests do.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod binary;
mod check;
#[cfg(feature = "aws")]
mod cloudwatch;
mod command_line;
mod compose;
mod config;
mod cors;
mod custom_app;
mod delivery;
mod ends;
mod export;
mod house;
mod http_client;
mod limits;
mod logs;
mod malformed;
mod page;
mod proxy;
mod registry;
mod rollbar;
mod sample_rate;
mod sampling;
mod secrets;
mod server_limits;
mod server_span;
mod shutdown;
mod support;
mod variables;
mod wire;
#[cfg(feature = "aws")]
mod xray;
#[cfg(feature = "aws")]
mod xray_sampling;
