//! Where spans go when they have ended, and log records when they are written: a tracer provider and a
//! logger provider with one pipeline (`pipeline.rs`, `log_pipeline.rs`) for each exporter that is
//! configured. Where several take spans, `fan_out.rs` hands each span to all of them.
//!
//! Exporters are chosen in [`Telemetry::start`] and [`Telemetry::with_logs`]. Nothing here is global: the provider is handed to
//! `app.rs`, so that tests run side by side in one process.

pub mod account;
#[cfg(feature = "aws")]
mod cloudwatch;
mod end;
mod fan_out;
mod limits;
mod log_pipeline;
mod otlp;
mod patience;
mod pipeline;
mod resource;
mod sampler;
mod stdout;
#[cfg(feature = "aws")]
pub mod xray;

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LoggerProviderBuilder, SdkLoggerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;

#[cfg(feature = "aws")]
use crate::config::RootSampler;
use crate::config::{LogsConfig, TelemetryConfig};
use crate::recent_traces::RecentTraces;
use account::{Account, Delivery};
#[cfg(feature = "aws")]
pub(crate) use cloudwatch::endpoint as cloudwatch_endpoint;
use end::End;
pub(crate) use fan_out::Consumer;
use fan_out::FanOut;
pub(crate) use limits::cut_values;
use log_pipeline::LogPipeline;
pub(crate) use otlp::http_client as otlp_client;
use pipeline::Pipeline;
pub(crate) use resource::host_name;
pub(crate) use sampler::SAMPLE_RATE;
use sampler::Unsampled;
pub(crate) use stdout::THREAD as CONSOLE_THREAD;

/// Why an exporter could never send anything.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file of `OTEL_EXPORTER_OTLP_CERTIFICATE`, or its form for one signal, cannot be read.
    #[error("{variable} is {path:?}: {source}")]
    UnreadableCertificate {
        /// The variable that names it.
        variable: &'static str,
        /// Its path.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds no certificate.
    #[error("{variable} is {path:?}: expected certificates in PEM form")]
    NoCertificate {
        /// The variable that names it.
        variable: &'static str,
        /// Its path.
        path: String,
    },
    /// There is no way to make HTTP requests: no CA certificates on the system, as a rule.
    #[error("cannot prepare HTTP for {endpoint}: {reason}")]
    HttpClient {
        /// Where the spans should go.
        endpoint: String,
        /// What is missing.
        reason: String,
    },
    /// The thread that talks to CloudWatch cannot be started.
    #[cfg(feature = "aws")]
    #[error("cannot start the thread that sends log records to CloudWatch: {0}")]
    CloudWatch(#[source] std::io::Error),
    /// The thread that sends spans cannot be started.
    #[error("cannot start the thread that sends spans: {0}")]
    Otlp(#[source] std::io::Error),
    /// The thread that prints spans cannot be started.
    #[error("cannot start the thread that prints spans: {0}")]
    Console(#[source] std::io::Error),
    /// The thread that asks the X-Ray daemon for sampling rules cannot be started.
    #[cfg(feature = "aws")]
    #[error("cannot start the thread that asks for sampling rules: {0}")]
    Sampling(#[source] std::io::Error),
}

/// The running telemetry of the process; to be [shut down](Telemetry::shutdown) before it ends, or
/// nobody learns what became of the spans.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    pipelines: Vec<Pipeline>,
    /// `None` where nothing takes log records.
    logger_provider: Option<SdkLoggerProvider>,
    log_pipelines: Vec<LogPipeline>,
    is_disabled: bool,
    resource: Resource,
    end: End,
    unsampled: Unsampled,
    /// What asks for sampling rules; it stops when this is dropped.
    #[cfg(feature = "aws")]
    _polling: Option<xray::sampling::Polling>,
}

impl Drop for Telemetry {
    /// What was not shut down has nobody who waits for it: exporters that hold what a receiver does not
    /// take would try for as long as the process lives.
    fn drop(&mut self) {
        self.end.begin(Instant::now());
    }
}

/// The accounts of all exporters, to be looked at while they run; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    of_spans: Arc<[Account]>,
    of_log_records: Arc<[Account]>,
    unsampled: Unsampled,
}

impl Accounts {
    /// What became of the spans and log records so far, for each exporter.
    pub fn deliveries(&self) -> Vec<Delivery> {
        // Read once, so that all exporters tell of the same spans.
        let unsampled = self.unsampled.count();
        let spans = self.of_spans.iter().map(|account| account.delivery(unsampled));
        // A log record is written whether or not its trace is sampled.
        let log_records = self.of_log_records.iter().map(|account| account.delivery(0));
        spans.chain(log_records).collect()
    }
}

impl Telemetry {
    /// Starts the exporters of spans that `config` asks for.
    ///
    /// # Errors
    /// An exporter that could never send.
    pub fn start(config: &TelemetryConfig) -> Result<Self, StartError> {
        Self::start_with(config, None)
    }

    /// The same, and keeps the last traces in `recent`, if there is somebody who shows them.
    ///
    /// # Errors
    /// An exporter that could never send.
    pub fn start_with(
        config: &TelemetryConfig,
        recent: Option<&RecentTraces>,
    ) -> Result<Self, StartError> {
        let resource = resource::resource(config);
        let limit = config.value_length_limit;
        let end = End::default();
        let mut pipelines = Vec::new();
        if !config.disabled {
            // The console first: it is the one that people watch.
            if config.console {
                let console = stdout::pipeline(config.console_format, &resource, limit);
                pipelines.push(console.map_err(StartError::Console)?);
            }
            if let Some(otlp) = &config.otlp {
                pipelines.push(otlp::pipeline(otlp, &config.batch, &resource, limit, &end)?);
            }
            #[cfg(feature = "aws")]
            if config.xray.exports {
                pipelines.push(xray::pipeline(config, &resource));
            }
        }
        let sampler = sampler::sampler(config);
        #[cfg(feature = "aws")]
        let (sampler, polling) = match config.sampler.root {
            RootSampler::Xray if !config.disabled => {
                let (rules, polling) =
                    xray::rules(config, &resource).map_err(StartError::Sampling)?;
                (sampler.by_rules(rules), Some(polling))
            }
            _ => (sampler, None),
        };
        let unsampled = sampler.unsampled().clone();
        let builder = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_span_limits(config.limits)
            .with_sampler(sampler);
        #[cfg(feature = "aws")]
        let builder = if config.xray.ids {
            builder.with_id_generator(xray::XrayIds::default())
        } else {
            builder
        };
        let recent = recent.filter(|_| !config.disabled);
        let builder = match (&pipelines[..], recent) {
            ([], None) => builder,
            // It alone is given each span as it is.
            ([pipeline], None) => builder.with_span_processor(pipeline.clone()),
            _ => {
                let mut consumers: Vec<Box<dyn Consumer>> = Vec::new();
                for pipeline in &pipelines {
                    consumers.push(Box::new(pipeline.clone()));
                }
                if let Some(recent) = recent {
                    recent.set_resource(&resource);
                    // What is in the process comes before what leaves it.
                    consumers.insert(usize::from(config.console), Box::new(recent.clone()));
                }
                builder.with_span_processor(FanOut::new(consumers))
            }
        };
        let provider = builder.build();
        Ok(Self {
            provider,
            pipelines,
            logger_provider: None,
            log_pipelines: Vec::new(),
            is_disabled: config.disabled,
            resource,
            end,
            unsampled,
            #[cfg(feature = "aws")]
            _polling: polling,
        })
    }

    /// Starts the exporters of log records that `config` asks for, beside stderr; the resource is that
    /// of the spans. None where `OTEL_SDK_DISABLED` is true.
    ///
    /// # Errors
    /// An exporter that could never send.
    pub fn with_logs(mut self, config: &LogsConfig) -> Result<Self, StartError> {
        if self.is_disabled {
            if config.is_exported() {
                tracing::warn!("OTEL_SDK_DISABLED is true: log records are on stderr alone");
            }
            return Ok(self);
        }
        let Self { resource, end, log_pipelines, .. } = &mut self;
        if let Some(otlp) = &config.otlp {
            log_pipelines.push(otlp::log_pipeline(otlp, &config.batch, resource, end)?);
        }
        #[cfg(feature = "aws")]
        if let Some(cloudwatch) = &config.cloudwatch {
            let pipeline = cloudwatch::pipeline(cloudwatch, &config.batch, resource, end);
            log_pipelines.push(pipeline.map_err(StartError::CloudWatch)?);
        }
        if !self.log_pipelines.is_empty() {
            let builder = SdkLoggerProvider::builder().with_resource(self.resource.clone());
            let add = |builder: LoggerProviderBuilder, pipeline: &LogPipeline| {
                builder.with_log_processor(pipeline.clone())
            };
            self.logger_provider = Some(self.log_pipelines.iter().fold(builder, add).build());
        }
        Ok(self)
    }

    /// What makes spans.
    pub fn tracer_provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    /// What takes log records, if anything does.
    pub fn logger_provider(&self) -> Option<&SdkLoggerProvider> {
        self.logger_provider.as_ref()
    }

    /// The accounts of the exporters.
    pub fn accounts(&self) -> Accounts {
        let log_records = self.log_pipelines.iter().map(LogPipeline::account);
        Accounts {
            of_spans: self.pipelines.iter().map(Pipeline::account).cloned().collect(),
            of_log_records: log_records.cloned().collect(),
            unsampled: self.unsampled.clone(),
        }
    }

    /// The names and destinations of the exporters of spans, for the start line.
    pub fn destinations(&self) -> Vec<&str> {
        self.pipelines.iter().map(|pipeline| pipeline.account().destination()).collect()
    }

    /// The same of log records, beside stderr.
    pub fn log_destinations(&self) -> Vec<&str> {
        self.log_pipelines.iter().map(|pipeline| pipeline.account().destination()).collect()
    }

    /// Sends what is queued until `deadline`, and says what became of all spans and log records.
    ///
    /// Blocks: call it on a plain thread, after the server has stopped. The pipelines are shut down
    /// side by side, so that a receiver that hangs costs the others nothing; the provider's own
    /// shutdown would give each the whole timeout in turn.
    pub fn shutdown(self, deadline: Instant) -> Vec<Delivery> {
        self.end.begin(deadline);
        let (done, drained) = std::sync::mpsc::channel::<()>();
        for drain in self.drains() {
            let (draining, done) = (Arc::clone(&drain), done.clone());
            // Not joined: the deadline holds whatever an exporter does.
            let thread = std::thread::Builder::new().spawn(move || {
                draining(deadline.saturating_duration_since(Instant::now()));
                drop(done);
            });
            if thread.is_err() {
                drain(deadline.saturating_duration_since(Instant::now()));
            }
        }
        drop(done);
        // Ends when all have dropped their sender, or when the time is up (and a moment for them to
        // say so themselves).
        let left = deadline.saturating_duration_since(Instant::now()) + MOMENT;
        let _ = drained.recv_timeout(left);
        self.accounts().deliveries().into_iter().map(Delivery::at_the_end).collect()
    }

    /// What drains each pipeline, within a time.
    fn drains(&self) -> impl Iterator<Item = Drain> {
        let spans = self.pipelines.iter().cloned().map(|pipeline| {
            let drain: Drain = Arc::new(move |timeout| pipeline.drain(timeout));
            drain
        });
        let log_records = self.log_pipelines.iter().cloned().map(|pipeline| {
            let drain: Drain = Arc::new(move |timeout| pipeline.drain(timeout));
            drain
        });
        spans.chain(log_records)
    }
}

type Drain = Arc<dyn Fn(Duration) + Send + Sync>;

/// How much later than its deadline a drain may report that it was cut off.
const MOMENT: Duration = Duration::from_millis(100);
