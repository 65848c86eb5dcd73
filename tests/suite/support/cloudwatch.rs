//! A CloudWatch Logs endpoint that is as strict as the real one: it speaks AWS JSON 1.1, checks each
//! signature, refuses what breaks a limit of `PutLogEvents`, and fails as a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::DATE;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::server::Server;

pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
/// Whoever finds it in an output has found a leak.
pub const SECRET_KEY: &str = "MARKER/secret+key";
pub const REGION: &str = "eu-test-1";

/// What the endpoint does with a call.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// What the real one does.
    Strict,
    /// Answers with this status, code and message.
    Error(u16, &'static str, &'static str),
    /// Takes a batch but for so many events at its beginning, which are too old, and its end, which are
    /// too new.
    LeaveOut(usize, usize),
    /// Never answers.
    Hang,
}

/// A log event that was put.
#[derive(Clone, Debug)]
pub struct Put {
    pub stream: String,
    pub timestamp: i64,
    pub message: Value,
}

type Behave = Arc<dyn Fn(usize, &str) -> Reply + Send + Sync>;

#[derive(Default)]
struct State {
    /// The streams of each group.
    groups: BTreeMap<String, BTreeSet<String>>,
    events: Vec<Put>,
    /// How many events each accepted batch had.
    batches: Vec<usize>,
    actions: Vec<String>,
    /// What was wrong with a request that a correct client does not send.
    faults: Vec<String>,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

/// The endpoint; it stops when it is dropped.
pub struct CloudWatch {
    seen: Arc<Seen>,
    server: Server,
}

impl CloudWatch {
    pub fn start() -> Self {
        Self::start_as(|_, _| Reply::Strict)
    }

    /// An endpoint that asks what to do with each call, by its number from 0 and its action.
    pub fn start_as(behave: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(TimeDelta::zero(), Arc::new(behave))
    }

    /// An endpoint whose clock is `ahead` of ours.
    pub fn start_ahead(ahead: TimeDelta) -> Self {
        Self::start_with(ahead, Arc::new(|_, _| Reply::Strict))
    }

    fn start_with(ahead: TimeDelta, behave: Behave) -> Self {
        let seen = Arc::new(Seen::default());
        let app_seen = Arc::clone(&seen);
        let server = Server::start(move || {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(web::Data::from(Arc::clone(&app_seen)))
                    .app_data(web::Data::new(Arc::clone(&behave)))
                    .app_data(web::Data::new(ahead))
                    .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                    .route("/", web::post().to(receive))
            });
            let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
            (server.addrs()[0], server.run())
        });
        Self { seen, server }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The events that have been put so far.
    pub fn events(&self) -> Vec<Put> {
        self.state(|state| state.events.clone())
    }

    /// Waits until `count` events have been put.
    pub fn wait_for(&self, count: usize) {
        let state = self.seen.state.lock().unwrap();
        let patience = Duration::from_secs(60);
        let is_waiting = |state: &mut State| state.events.len() < count;
        let (state, _) = self.seen.changed.wait_timeout_while(state, patience, is_waiting).unwrap();
        assert!(
            state.events.len() >= count,
            "{count} events in time, there are {}",
            state.events.len()
        );
    }

    pub fn batches(&self) -> Vec<usize> {
        self.state(|state| state.batches.clone())
    }

    /// The actions that were asked for so far.
    pub fn actions(&self) -> Vec<String> {
        self.state(|state| state.actions.clone())
    }

    /// The groups with their streams.
    pub fn groups(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.state(|state| state.groups.clone())
    }

    /// Makes a group, as its owner would.
    pub fn create_group(&self, group: &str) {
        self.state(|state| state.groups.insert(group.to_owned(), BTreeSet::new()));
    }

    /// Deletes all groups.
    pub fn delete_groups(&self) {
        self.state(|state| state.groups.clear());
    }

    fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.seen.state.lock().unwrap();
        assert!(state.faults.is_empty(), "{:#?}", state.faults);
        with(&mut state)
    }
}

async fn receive(
    request: HttpRequest,
    body: web::Bytes,
    seen: web::Data<Seen>,
    behave: web::Data<Behave>,
    ahead: web::Data<TimeDelta>,
) -> HttpResponse {
    let header = |name| request.headers().get(name).map_or("", |value| value.to_str().unwrap());
    let action = header("x-amz-target").strip_prefix("Logs_20140328.").unwrap_or_default();
    let number = {
        let mut state = seen.state.lock().unwrap();
        state.actions.push(action.to_owned());
        state.actions.len() - 1
    };
    let reply = behave(number, action);
    let now = Utc::now() + **ahead;
    let result = match reply {
        Reply::Hang => std::future::pending().await,
        Reply::Error(status, code, message) => Err((status, code, message.to_owned())),
        Reply::Strict | Reply::LeaveOut(..) => check_signature(&request, &body, now)
            .and_then(|()| {
                serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))
            })
            .and_then(|input: Value| act(action, &input, reply, &mut seen.state.lock().unwrap())),
    };
    seen.changed.notify_all();
    let (status, answer) = match result {
        Ok(answer) => (200, answer),
        Err((status, code, message)) => {
            // What a correct client never causes fails the test, whatever the client makes of it.
            if ["InvalidParameterException", "SignatureDoesNotMatch"].contains(&code)
                && matches!(reply, Reply::Strict)
            {
                seen.state.lock().unwrap().faults.push(format!("{action}: {code}: {message}"));
            }
            (status, json!({"__type": code, "message": message}))
        }
    };
    HttpResponse::build(StatusCode::from_u16(status).unwrap())
        .insert_header((DATE, now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()))
        .content_type("application/x-amz-json-1.1")
        .body(answer.to_string())
}

type Refusal = (u16, &'static str, String);

fn invalid(message: impl Into<String>) -> Refusal {
    (400, "InvalidParameterException", message.into())
}

fn act(action: &str, input: &Value, reply: Reply, state: &mut State) -> Result<Value, Refusal> {
    let name = |key: &str| input[key].as_str().ok_or_else(|| invalid(format!("no {key}")));
    let exists = || (400, "ResourceAlreadyExistsException", "it is there already".to_owned());
    let missing = |what| (400, "ResourceNotFoundException", format!("the {what} does not exist."));
    let group = name("logGroupName")?;
    if action == "CreateLogGroup" {
        if state.groups.contains_key(group) {
            return Err(exists());
        }
        state.groups.insert(group.to_owned(), BTreeSet::new());
        return Ok(json!({}));
    }
    let streams = state.groups.get_mut(group).ok_or_else(|| missing("specified log group"))?;
    let stream = name("logStreamName")?;
    match action {
        "CreateLogStream" if stream.contains([':', '*']) || stream.len() > 512 => {
            Err(invalid("the name of the stream"))
        }
        "CreateLogStream" if !streams.insert(stream.to_owned()) => Err(exists()),
        "CreateLogStream" => Ok(json!({})),
        "PutLogEvents" if !streams.contains(stream) => Err(missing("specified log stream")),
        "PutLogEvents" => {
            let mut events = checked(stream, &input["logEvents"])?;
            let count = events.len();
            let mut info = serde_json::Map::new();
            if let Reply::LeaveOut(old, new) = reply {
                events = events[old..count - new].to_vec();
                if old > 0 {
                    info.insert("tooOldLogEventEndIndex".to_owned(), old.into());
                }
                if new > 0 {
                    info.insert("tooNewLogEventStartIndex".to_owned(), (count - new).into());
                }
            }
            state.batches.push(events.len());
            state.events.extend(events);
            Ok(if info.is_empty() { json!({}) } else { json!({"rejectedLogEventsInfo": info}) })
        }
        _ => Err((400, "UnknownOperationException", action.to_owned())),
    }
}

/// The events of a batch, if it keeps the limits of the API reference.
fn checked(stream: &str, events: &Value) -> Result<Vec<Put>, Refusal> {
    let events = events.as_array().ok_or_else(|| invalid("no logEvents"))?;
    let mut bytes = 0;
    let mut puts: Vec<Put> = Vec::new();
    for event in events {
        let timestamp = event["timestamp"].as_i64().ok_or_else(|| invalid("no timestamp"))?;
        let message = event["message"].as_str().ok_or_else(|| invalid("no message"))?;
        if message.is_empty() || message.len() + 26 > 256 * 1024 {
            return Err(invalid(format!("a message of {} bytes", message.len())));
        }
        if puts.last().is_some_and(|last| last.timestamp > timestamp) {
            return Err(invalid("events out of order"));
        }
        bytes += message.len() + 26;
        let message = serde_json::from_str(message).expect("a message is JSON");
        puts.push(Put { stream: stream.to_owned(), timestamp, message });
    }
    let (Some(first), Some(last)) = (puts.first(), puts.last()) else {
        return Err(invalid("no events"));
    };
    if puts.len() > 10_000 || bytes > 1_048_576 {
        return Err(invalid(format!("a batch of {} events, {bytes} bytes", puts.len())));
    }
    if last.timestamp - first.timestamp >= 24 * 60 * 60 * 1000 {
        return Err(invalid("a batch of more than a day"));
    }
    Ok(puts)
}

/// Signature Version 4, computed anew (IAM user guide, "Create a signed AWS API request").
fn check_signature(request: &HttpRequest, body: &[u8], now: DateTime<Utc>) -> Result<(), Refusal> {
    let wrong = |what: &str| (400, "SignatureDoesNotMatch", what.to_owned());
    let header =
        |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap());
    let authorization = header("authorization");
    let parts =
        authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| wrong("the scheme"))?;
    let part = |name: &str| {
        let mut parts = parts.split(", ");
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).ok_or_else(|| wrong(name))
    };
    let date = header("x-amz-date");
    let time =
        NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map_err(|_| wrong("the date"))?;
    if (now - time.and_utc()).abs() > TimeDelta::minutes(5) {
        let message = format!("Signature expired: {date} is now earlier than {now}");
        return Err((400, "InvalidSignatureException", message));
    }
    let scope = format!("{}/{REGION}/logs/aws4_request", &date[..8]);
    if part("Credential")? != format!("{ACCESS_KEY}/{scope}") {
        return Err(wrong("the credential"));
    }
    let signed = part("SignedHeaders")?;
    let headers: String =
        signed.split(';').map(|name| format!("{name}:{}\n", header(name).trim())).collect();
    let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{}", sha256(body));
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| sign(&key, part));
    if part("Signature")? != hex(&sign(&key, &to_sign)) {
        return Err(wrong("the signature"));
    }
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
