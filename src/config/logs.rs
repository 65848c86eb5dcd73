//! The variables that say where log records go.

#[cfg(feature = "aws")]
use super::cloudwatch::CloudWatchConfig;
use super::environment::{ConfigError, Environment};
use super::limits::RecordLimits;
use super::otlp::{OtlpConfig, Signal};
use super::telemetry::{BLRP, BatchConfig, read_exporters};

#[cfg(feature = "aws")]
const EXPORTERS: &[&str] = &["console", "otlp", "cloudwatch"];
#[cfg(not(feature = "aws"))]
const EXPORTERS: &[&str] = &["console", "otlp"];

/// What to do with log records.
#[derive(Clone, Debug)]
pub struct LogsConfig {
    /// `console` in `OTEL_LOGS_EXPORTER`: each as a line on stderr.
    pub console: bool,
    /// `otlp` in `OTEL_LOGS_EXPORTER`: in batches to an OTLP/HTTP receiver.
    pub otlp: Option<OtlpConfig>,
    /// `cloudwatch` in `OTEL_LOGS_EXPORTER`: in batches to a log group.
    #[cfg(feature = "aws")]
    pub cloudwatch: Option<CloudWatchConfig>,
    /// `OTEL_BLRP_*`: the batches.
    pub batch: BatchConfig,
    /// `OTEL_LOGRECORD_*`: what one may hold.
    pub limits: RecordLimits,
}

impl LogsConfig {
    /// Do log records go anywhere but to stderr?
    pub fn is_exported(&self) -> bool {
        #[cfg(feature = "aws")]
        if self.cloudwatch.is_some() {
            return true;
        }
        self.otlp.is_some()
    }

    /// Reads the variables.
    ///
    /// # Errors
    /// An endpoint, header list, key or protocol that cannot be used.
    pub(super) fn read(env: &mut Environment) -> Result<Self, ConfigError> {
        let exporters = read_exporters(env, "OTEL_LOGS_EXPORTER", EXPORTERS);
        let is_named = |name: &str| exporters.as_ref().map(|list| list.iter().any(|e| e == name));
        let batch = BatchConfig::read(env, &BLRP);
        // Unlike spans, log records go to a receiver only where that is asked for.
        let asked_for = Some(is_named("otlp").unwrap_or(false));
        let otlp = OtlpConfig::read(env, Signal::Logs, asked_for, batch.export_timeout)?;
        Ok(Self {
            console: is_named("console").unwrap_or(true),
            otlp,
            #[cfg(feature = "aws")]
            cloudwatch: CloudWatchConfig::read(env, is_named("cloudwatch"))?,
            batch,
            limits: RecordLimits::read(env),
        })
    }
}
