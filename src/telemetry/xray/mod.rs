//! AWS X-Ray: spans as segment documents, to the daemon over UDP.
//!
//! | file | what |
//! |---|---|
//! | `batch` | the queue, and a thread that empties it |
//! | `exporter` | a batch: each span on its own, and what became of it |
//! | `segment` | a span as a document, from `http`, `cause` (with `stack`), `annotations`, `origin`, `name` |
//! | `document`, `fit` | the fields of a document; making it fit into 64 kB |
//! | `daemon`, `resolve` | the datagrams; where they go |
//! | `id` | ids as X-Ray has them |
//! | [`sampling`] | which traces are recorded, by the account's rules |
//!
//! The specification is AWS's developer guide, "X-Ray segment documents" and "Sending trace data to
//! X-Ray", with its JSON schema 1.0.0.

mod annotations;
mod batch;
mod cause;
mod daemon;
mod document;
mod exporter;
mod fit;
mod http;
mod id;
mod name;
mod origin;
mod resolve;
pub mod sampling;
mod segment;
mod stack;
mod values;
mod wildcard;

use std::sync::Arc;

use opentelemetry_sdk::Resource;

use super::account::Account;
use super::pipeline::Pipeline;
use crate::config::TelemetryConfig;
use daemon::Daemon;
use exporter::Exporter;
pub(super) use id::XrayIds;
use sampling::{Poller, Polling, Sampler, SystemClock};
use segment::Translator;

/// A sampler by the account's rules, and what asks the daemon for them until it is dropped.
pub(super) fn rules(
    config: &TelemetryConfig,
    resource: &Resource,
) -> std::io::Result<(Sampler, Polling)> {
    let sampler = Sampler::new(resource, Arc::new(SystemClock));
    let polling = Poller::new(&sampler, &config.xray.daemon).start()?;
    Ok((sampler, polling))
}

/// The pipeline to the daemon that `config` names.
pub(super) fn pipeline(config: &TelemetryConfig, resource: &Resource) -> Pipeline {
    let xray = &config.xray;
    let account = Account::new(format!("xray {}", xray.daemon.udp), "spans");
    let translator = Translator::new(xray, &config.service_name, resource);
    let exporter = Exporter::new(translator, Daemon::new(xray.daemon.udp.clone()), account.clone());
    batch::pipeline(account, exporter, &config.batch, config.value_length_limit)
}
