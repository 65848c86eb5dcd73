//! The calls, by AWS's SDK: `PutLogEvents`, and `CreateLogStream` and `CreateLogGroup` where one is missing.
//!
//! The SDK is asynchronous, and the batch processor's thread is not: a thread with a runtime of its own
//! drives connections and timers, also between two batches.

use std::fmt;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_cloudwatchlogs as sdk;
use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, RejectedLogEventsInfo};
use opentelemetry::Key;
use opentelemetry_sdk::Resource;
use opentelemetry_semantic_conventions::attribute as key;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::batch::Event;
use super::failure::Failure;
use crate::config::cloudwatch::{AwsEndpoint, CloudWatchConfig, MAX_NAME};

/// Where events go.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) group: String,
    name: String,
    endpoint: AwsEndpoint,
}

impl Stream {
    /// The stream of this process: without a name of its own it is called after the host and the
    /// instance, `<host.name>/<service.instance.id>`.
    pub(super) fn new(config: &CloudWatchConfig, resource: &Resource) -> Self {
        let of_instance = || {
            let values = [key::HOST_NAME, key::SERVICE_INSTANCE_ID]
                .iter()
                .filter_map(|key| resource.get(&Key::from_static_str(key)))
                .map(|value| value.to_string());
            // `:` and `*` stand in no name.
            let name = values.collect::<Vec<_>>().join("/").replace([':', '*'], "_");
            name.chars().take(MAX_NAME).collect()
        };
        let name = config.stream.clone().unwrap_or_else(of_instance);
        Self { group: config.group.clone(), name, endpoint: config.endpoint.clone() }
    }
}

/// Events that CloudWatch did not take out of a batch that it took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) count: u64,
    pub(super) reason: &'static str,
}

/// Speaks to CloudWatch about one stream.
pub(super) struct Client {
    stream: Stream,
    runtime: Handle,
    connection: Mutex<Connection>,
    /// Ends the runtime's thread when it is dropped.
    _running: oneshot::Sender<()>,
}

#[derive(Clone, Default)]
struct Connection {
    /// `None` until there are a region and certificates.
    api: Option<sdk::Client>,
    /// Is the stream known to be there?
    has_stream: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the SDK's client, which knows credentials.
        f.debug_struct("Client").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Client {
    /// Starts the thread. Nothing is looked for or sent yet.
    pub(super) fn start(stream: Stream) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel::<()>();
        std::thread::Builder::new().name("cloudwatch".to_owned()).spawn(move || {
            // Dropped here, on a plain thread, where a runtime may be.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { stream, runtime: handle, connection: Mutex::default(), _running: running })
    }

    /// Puts a batch that keeps all limits, within `timeout`; tells what of it was left out. Blocks.
    pub(super) fn put(
        &self,
        events: &[Event],
        timeout: Duration,
    ) -> Result<Vec<Rejected>, Failure> {
        let mut connection = self.connection.lock().map(|it| it.clone()).unwrap_or_default();
        let put = async {
            match tokio::time::timeout(timeout, self.try_to_put(&mut connection, events)).await {
                Ok(result) => result,
                Err(_) => Err(Failure::away(format!("no answer from CloudWatch in {timeout:?}"))),
            }
        };
        let result = self.runtime.block_on(put);
        if matches!(result, Err(Failure::Refused { .. })) {
            // Next time region and credentials are looked for afresh.
            connection = Connection::default();
        }
        if let Ok(mut kept) = self.connection.lock() {
            *kept = connection;
        }
        result
    }

    async fn try_to_put(
        &self,
        connection: &mut Connection,
        events: &[Event],
    ) -> Result<Vec<Rejected>, Failure> {
        let api = match &connection.api {
            Some(api) => api.clone(),
            None => connection.api.insert(connect(&self.stream.endpoint).await?).clone(),
        };
        let input = input(events)?;
        // The second time because the stream, or its group, was deleted meanwhile.
        for is_last in [false, true] {
            if !connection.has_stream {
                self.create_stream(&api).await?;
                connection.has_stream = true;
            }
            let put = api
                .put_log_events()
                .log_group_name(&self.stream.group)
                .log_stream_name(&self.stream.name)
                .set_log_events(Some(input.clone()))
                .send();
            match put.await {
                Ok(answer) => {
                    let info = answer.rejected_log_events_info();
                    return Ok(info.map_or_else(Vec::new, |info| rejected(info, events.len())));
                }
                Err(SdkError::ServiceError(error))
                    if error.err().is_resource_not_found_exception() && !is_last =>
                {
                    connection.has_stream = false;
                }
                Err(error) => return Err(Failure::of("logs:PutLogEvents", &error)),
            }
        }
        Err(Failure::away("the log stream disappears as soon as it is made"))
    }

    /// Creates the stream, and its group where that is missing too.
    async fn create_stream(&self, api: &sdk::Client) -> Result<(), Failure> {
        let Stream { group, name, .. } = &self.stream;
        // Often only the stream may be created: the group is somebody else's.
        let create = || api.create_log_stream().log_group_name(group).log_stream_name(name).send();
        let mut created = create().await;
        if let Err(SdkError::ServiceError(error)) = &created
            && error.err().is_resource_not_found_exception()
        {
            match api.create_log_group().log_group_name(group).send().await {
                Ok(_) => {}
                Err(SdkError::ServiceError(error))
                    if error.err().is_resource_already_exists_exception() => {}
                Err(error) => return Err(Failure::of("logs:CreateLogGroup", &error)),
            }
            created = create().await;
        }
        match created {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error))
                if error.err().is_resource_already_exists_exception() =>
            {
                Ok(())
            }
            Err(error) => Err(Failure::of("logs:CreateLogStream", &error)),
        }
    }
}

/// The SDK's client, as variables, profiles and the machine's role say.
async fn connect(endpoint: &AwsEndpoint) -> Result<sdk::Client, Failure> {
    Ok(sdk::Client::from_conf(settings(endpoint).await?.build()))
}

/// What variables, profiles and the machine's role say.
pub(super) async fn settings(endpoint: &AwsEndpoint) -> Result<sdk::config::Builder, Failure> {
    // Without any the SDK asserts that there are some, and trusts nobody where assertions are off.
    if rustls_native_certs::load_native_certs().certs.is_empty() {
        return Err(Failure::refused(
            "there are no CA certificates on this system: install ca-certificates",
        ));
    }
    let config = aws_config::defaults(BehaviorVersion::latest()).load().await;
    // The SDK takes an empty variable for a region.
    if config.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(Failure::refused("there is no AWS region: set AWS_REGION"));
    }
    let mut config = sdk::config::Builder::from(&config);
    match endpoint {
        AwsEndpoint::OfSdk => {}
        AwsEndpoint::Url(url) => {
            config.set_endpoint_url(Some(url.clone()));
        }
        AwsEndpoint::OfAws => {
            config.set_endpoint_url(None);
        }
    }
    Ok(config)
}

fn input(events: &[Event]) -> Result<Vec<InputLogEvent>, Failure> {
    let event = |Event { timestamp, message }: &Event| {
        InputLogEvent::builder().timestamp(*timestamp).message(message).build()
    };
    events
        .iter()
        .map(event)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Rejected { reason: error.to_string() })
}

/// What was left out of a batch of `count` events: a beginning that is too old, an end that is too new.
fn rejected(info: &RejectedLogEventsInfo, count: usize) -> Vec<Rejected> {
    let index = |index: Option<i32>| index.and_then(|index| u64::try_from(index).ok());
    let old = index(info.too_old_log_event_end_index()).unwrap_or_default();
    let expired = index(info.expired_log_event_end_index()).unwrap_or_default();
    let new = index(info.too_new_log_event_start_index())
        .map_or(0, |start| (count as u64).saturating_sub(start));
    [
        Rejected { count: old, reason: "older than 14 days" },
        // Of both the larger: they begin at the same event.
        Rejected {
            count: expired.saturating_sub(old),
            reason: "older than the log group keeps them",
        },
        Rejected { count: new, reason: "more than 2 hours in the future; is the clock right?" },
    ]
    .into_iter()
    .filter(|rejected| rejected.count > 0)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_batch_is_counted_once() {
        // too old (end), expired (end), too new (start), of a batch of 10
        let cases = [
            ((None, None, None), vec![]),
            ((Some(3), None, None), vec![3]),
            ((None, Some(2), None), vec![2]),
            ((Some(3), Some(5), None), vec![3, 2]),
            ((Some(5), Some(3), None), vec![5]),
            ((None, None, Some(7)), vec![3]),
            ((Some(1), None, Some(9)), vec![1, 1]),
            ((Some(-1), None, Some(10)), vec![]),
        ];
        for ((old, expired, new), counts) in cases {
            let info = RejectedLogEventsInfo::builder()
                .set_too_old_log_event_end_index(old)
                .set_expired_log_event_end_index(expired)
                .set_too_new_log_event_start_index(new)
                .build();
            let found: Vec<_> = rejected(&info, 10).iter().map(|it| it.count).collect();
            assert_eq!(found, counts, "{old:?} {expired:?} {new:?}");
        }
    }

    #[test]
    fn a_stream_is_called_after_host_and_instance_unless_it_has_a_name() {
        let attributes = |list: &[(&'static str, &'static str)]| {
            let list = list.iter().map(|(key, value)| opentelemetry::KeyValue::new(*key, *value));
            Resource::builder_empty().with_attributes(list).build()
        };
        let both = attributes(&[("host.name", "a:b*"), ("service.instance.id", "17")]);
        let cases = [
            (None, &both, "a_b_/17"),
            (Some("mine"), &both, "mine"),
            (None, &attributes(&[("service.instance.id", "17")]), "17"),
        ];
        for (stream, resource, name) in cases {
            let stream = stream.map(str::to_owned);
            let config = CloudWatchConfig {
                group: "g".to_owned(),
                stream,
                endpoint: AwsEndpoint::default(),
            };
            assert_eq!(Stream::new(&config, resource).name, name);
        }
    }
}
