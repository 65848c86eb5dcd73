//! The resource: which service, in which process, on which host a span comes from.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{ResourceDetector, TelemetryResourceDetector};
use opentelemetry_semantic_conventions::{SCHEMA_URL, attribute as key};
use uuid::Uuid;

use crate::config::TelemetryConfig;

/// What we know by ourselves, then what the operator says, which wins.
pub(super) fn resource(config: &TelemetryConfig) -> Resource {
    let mut known = vec![
        KeyValue::new(key::SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
        // The conventions recommend a random UUID: unique among all instances of the service.
        KeyValue::new(key::SERVICE_INSTANCE_ID, Uuid::new_v4().to_string()),
        KeyValue::new(key::PROCESS_PID, i64::from(std::process::id())),
    ];
    known.extend(host_name().map(|name| KeyValue::new(key::HOST_NAME, name)));
    // Not `Resource::builder`: it reads OTEL_RESOURCE_ATTRIBUTES on its own, without decoding it.
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector) as Box<dyn ResourceDetector>)
        .with_schema_url(known, SCHEMA_URL)
        .with_attributes(
            config.resource_attributes.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())),
        )
        .with_service_name(config.service_name.clone())
        .build()
}

/// The kernel's host name; in a container that is the container's id.
pub(crate) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
