//! An OTLP receiver of one signal: how far one comes without sending anything, and what to change where it
//! does not take what is sent.

use reqwest::StatusCode;

use super::honeycomb;
use super::reach::Place;
use super::report::Report;
use crate::config::Config;
use crate::config::otlp::{OtlpConfig, Signal};
use crate::telemetry::otlp_client;

/// The receiver of a signal, with the variables that decide about it.
pub(super) struct Otlp<'a> {
    config: &'a Config,
    receiver: &'a OtlpConfig,
    signal: Signal,
    place: Place<'a>,
}

impl<'a> Otlp<'a> {
    pub(super) fn new(config: &'a Config, receiver: &'a OtlpConfig, signal: Signal) -> Self {
        let variable = match config.source(signal.endpoint_variable()) {
            // The host that follows from the key.
            Some("HONEYCOMB_API_KEY") => "HONEYCOMB_API_ENDPOINT",
            Some(variable) => variable,
            None => "OTEL_EXPORTER_OTLP_ENDPOINT",
        };
        let place = Place {
            origin: receiver.endpoint.origin(),
            who: "the receiver",
            variable,
            proxy: config.proxy.on_the_way(receiver.endpoint.scheme(), receiver.endpoint.host()),
        };
        Self { config, receiver, signal, place }
    }

    /// Is there a receiver to send to? A wrong key does not count: sending tells more of that.
    pub(super) fn is_there(&self, report: &mut Report<'_>) -> bool {
        let Self { config, receiver, place, .. } = self;
        if !place.is_reached(report) {
            return false;
        }
        let client = match otlp_client(receiver) {
            Ok(client) => client,
            Err(error) => {
                report.cannot_start("client", &error);
                return false;
            }
        };
        let of_ca = receiver.certificate.as_ref().map(|file| file.variable);
        let of_ca = of_ca.unwrap_or("OTEL_EXPORTER_OTLP_CERTIFICATE");
        if receiver.endpoint.is_https()
            && !place.is_trusted(&client, receiver.timeout, of_ca, report)
        {
            return false;
        }
        if receiver.is_honeycomb {
            honeycomb::check(config, receiver, place.variable, &client, report);
        } else if config.has_honeycomb_key {
            report.say("HONEYCOMB_API_KEY is not sent there: the host is not Honeycomb's");
        }
        true
    }

    /// What to change, by the status that the receiver answered with, if it did.
    pub(super) fn change(&self, status: Option<StatusCode>) -> String {
        let Self { receiver, signal, place, .. } = self;
        let (variable, path) = (place.variable, signal.path());
        match (status.map(|status| status.as_u16()), place.proxy) {
            (Some(401 | 403), _) => "it lets nobody in without a key that it knows".to_owned(),
            (Some(200..=299), _) => {
                "it took the request and left out what it carries: its words say why".to_owned()
            }
            (Some(404), _) if variable == signal.endpoint_variable() => {
                if receiver.endpoint.as_str().ends_with(path) {
                    format!("nothing takes them at that path: correct {variable}")
                } else {
                    format!("{variable} is taken as it is: let it end in {path}")
                }
            }
            (Some(404), _) => format!(
                "{path} is appended to {variable}: let it be the receiver's address without"
            ),
            (Some(429 | 502 | 503 | 504), _) => {
                "the receiver is not up to it now: try again, or see to it".to_owned()
            }
            (Some(407), Some(proxy)) => format!("put a user and a password into {proxy}"),
            (Some(413), _) => "raise its limit of a request's size".to_owned(),
            (Some(400 | 415 | 500..=599), _) => format!(
                "see its log, and that it is a receiver of OTLP/HTTP which {variable} names"
            ),
            (Some(_), _) => {
                format!("see what listens at {variable}: it is no receiver of OTLP/HTTP")
            }
            (None, Some(_)) => place.way(),
            (None, None) => format!(
                "see what listens at {variable}: OTLP/HTTP is usually on port 4318, gRPC on 4317; a slow receiver wants more than {} ms in {}",
                receiver.timeout.as_millis(),
                self.timeout_variable()
            ),
        }
    }

    /// The variable that decides how long the receiver is waited for: the shorter of two times counts.
    fn timeout_variable(&self) -> &str {
        let Self { config, receiver, signal, .. } = self;
        let (of_export, variable) = match signal {
            Signal::Traces => (config.telemetry.batch.export_timeout, "OTEL_BSP_EXPORT_TIMEOUT"),
            Signal::Logs => (config.logs.batch.export_timeout, "OTEL_BLRP_EXPORT_TIMEOUT"),
        };
        if receiver.timeout == of_export {
            return variable;
        }
        config.source(signal.timeout_variable()).unwrap_or("OTEL_EXPORTER_OTLP_TIMEOUT")
    }
}
