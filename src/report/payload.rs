//! An item as Rollbar's API wants it: <https://rollbar.com/docs/api_items/>.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::frames::{Frame, frames};
use super::item::{Exception, Item, Level, Subject};
use super::scrub;
use crate::config::RollbarConfig;
use crate::cut::cut;
use crate::server_span::ReceivedRequest;
use crate::telemetry::host_name;

/// How many characters of a text are told.
const TEXT: usize = 4096;
/// How many characters of a header, and of a parameter.
const VALUE: usize = 1024;
/// How many characters of a name, and of what is short in any case.
const NAME: usize = 255;

/// What is the same in all items of this process.
pub(super) struct Process {
    config: RollbarConfig,
    host: Option<String>,
    /// The folder to which the files of a backtrace are relative.
    folder: PathBuf,
}

#[derive(Serialize)]
struct Payload<'a> {
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    environment: &'a str,
    body: Body<'a>,
    level: Level,
    timestamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_version: Option<&'a str>,
    platform: &'static str,
    language: &'static str,
    framework: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Request<'a>>,
    server: Server<'a>,
    custom: Custom,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    uuid: Uuid,
    notifier: Notifier,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Message { body: &'a str },
    TraceChain([Trace<'a>; 1]),
}

#[derive(Serialize)]
struct Trace<'a> {
    frames: Vec<Frame>,
    exception: Thrown<'a>,
}

#[derive(Serialize)]
struct Thrown<'a> {
    class: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

#[derive(Serialize)]
struct Request<'a> {
    url: String,
    method: &'a str,
    headers: Map<String, Value>,
    #[serde(rename = "GET")]
    get: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_ip: Option<String>,
}

#[derive(Serialize)]
struct Server<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'a str>,
}

#[derive(Serialize)]
struct Custom {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    /// How many of the same fault were left out since the item before.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
    /// Why the item is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    failsafe: Option<&'static str>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct Notifier {
    name: &'static str,
    version: &'static str,
}

impl Process {
    pub(super) fn new(config: RollbarConfig) -> Self {
        Self { config, host: host_name(), folder: std::env::current_dir().unwrap_or_default() }
    }

    /// The whole item.
    pub(super) fn payload(&self, item: &Item) -> Vec<u8> {
        let body = match &item.subject {
            Subject::Message(text) => Body::Message { body: cut(text, TEXT) },
            Subject::Exception(exception) => self.trace(exception),
        };
        self.serialize(item, body, item.request.as_ref().map(request), None)
    }

    /// An item that is small in any case, in place of one that was too large: without the request, and of
    /// the calls the last alone.
    pub(super) fn failsafe(&self, item: &Item) -> Vec<u8> {
        let body = match &item.subject {
            Subject::Message(text) => Body::Message { body: cut(text, NAME) },
            Subject::Exception(exception) => match self.trace(exception) {
                Body::TraceChain([Trace { frames, exception: Thrown { class, message } }]) => {
                    let frames = frames.into_iter().next_back().into_iter().collect();
                    let message = message.map(|message| cut(message, NAME));
                    Body::TraceChain([Trace { frames, exception: Thrown { class, message } }])
                }
                body @ Body::Message { .. } => body,
            },
        };
        self.serialize(item, body, None, Some("the item was too large for Rollbar"))
    }

    fn trace<'a>(&self, exception: &'a Exception) -> Body<'a> {
        let Exception { class, message, place, backtrace } = exception;
        // Names of the calls are looked up here, which takes a tenth of a second the first time.
        let backtrace = backtrace.as_ref().map(ToString::to_string).unwrap_or_default();
        let place = place.as_ref().map(|(file, line)| (file.as_str(), *line));
        Body::TraceChain([Trace {
            frames: frames(&backtrace, place, &self.folder),
            exception: Thrown {
                class: cut(class, NAME),
                message: message.as_deref().map(|text| cut(text, TEXT)),
            },
        }])
    }

    fn serialize(
        &self,
        item: &Item,
        body: Body<'_>,
        request: Option<Request<'_>>,
        failsafe: Option<&'static str>,
    ) -> Vec<u8> {
        let config = &self.config;
        let is_traced = item.span.is_valid();
        let payload = Payload {
            data: Data {
                environment: &config.environment,
                body,
                level: item.level,
                timestamp: item.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
                code_version: config.code_version.as_deref(),
                platform: std::env::consts::OS,
                language: "rust",
                framework: "actix-web",
                context: item.route.as_deref().map(|route| cut(route, NAME)),
                request,
                server: Server {
                    host: self.host.as_deref(),
                    pid: std::process::id(),
                    root: config.root.as_deref(),
                },
                custom: Custom {
                    trace_id: is_traced.then(|| item.span.trace_id().to_string()),
                    span_id: is_traced.then(|| item.span.span_id().to_string()),
                    left_out: item.left_out,
                    failsafe,
                },
                fingerprint: item.fingerprint.as_deref(),
                uuid: item.uuid,
                notifier: Notifier {
                    name: env!("CARGO_PKG_NAME"),
                    version: env!("CARGO_PKG_VERSION"),
                },
            },
        };
        // Strings and numbers cannot fail to become JSON.
        serde_json::to_vec(&payload).unwrap_or_default()
    }
}

fn request(request: &ReceivedRequest) -> Request<'_> {
    let ReceivedRequest { method, url, query, client_address, headers, .. } = request;
    Request {
        url: cut(&scrub::url(url), TEXT).to_owned(),
        method: method.as_str(),
        headers: scrub::headers(headers, VALUE),
        get: scrub::parameters(query.as_deref().unwrap_or_default(), VALUE),
        user_ip: client_address.map(|address| address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use opentelemetry::trace::SpanContext;
    use serde_json::json;

    use super::*;

    fn exception(message: &str) -> Subject {
        Subject::Exception(Exception {
            class: "c".repeat(300),
            message: Some(message.to_owned()),
            place: Some(("src/a.rs".to_owned(), 7)),
            backtrace: None,
        })
    }

    /// The `data` of an item that is traced nowhere, and of its failsafe.
    fn data(subject: Subject) -> [Value; 2] {
        let item = Item {
            uuid: Uuid::new_v4(),
            time: SystemTime::now(),
            level: Level::Error,
            route: Some("/r".repeat(300)),
            subject,
            request: None,
            span: SpanContext::NONE,
            left_out: 199,
            fingerprint: None,
        };
        let process = Process::new(RollbarConfig::new("0123".parse().unwrap()));
        [process.payload(&item), process.failsafe(&item)].map(|payload| {
            let mut payload: Value = serde_json::from_slice(&payload).unwrap();
            assert!(payload.to_string().len() < 100_000);
            payload["data"].take()
        })
    }

    #[test]
    fn the_next_item_tells_how_many_were_left_out_and_no_trace_where_there_is_none() {
        let [whole, failsafe] = data(exception("a"));
        assert_eq!(whole["custom"], json!({ "left_out": 199 }));
        assert_eq!(failsafe["custom"]["left_out"], 199);
    }

    #[test]
    fn texts_are_as_long_as_rollbar_takes_them() {
        let long = "\u{1f680}".repeat(10_000);
        let [whole, failsafe] = data(exception(&long));
        let length = |value: &Value| value.as_str().unwrap().chars().count();
        for (data, most) in [(&whole, TEXT), (&failsafe, NAME)] {
            assert_eq!(length(&data["context"]), NAME);
            let exception = &data["body"]["trace_chain"][0]["exception"];
            assert_eq!(length(&exception["class"]), NAME);
            assert_eq!(length(&exception["message"]), most);
        }
        let [whole, failsafe] = data(Subject::Message(long));
        assert_eq!(length(&whole["body"]["message"]["body"]), TEXT);
        assert_eq!(length(&failsafe["body"]["message"]["body"]), NAME);
    }
}
