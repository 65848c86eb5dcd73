//! Rollbar's API on a free port of loopback: strict about the form of what it takes, by Rollbar's own
//! reference ("Create item"), and able to answer as one wishes.

use std::collections::{BTreeSet, VecDeque};
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::rt::System;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use backend_actix::config::RollbarConfig;
use backend_actix::report::Rollbar;
use serde_json::{Value, json};

/// The one token that has access.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What is larger is not taken, whatever the script says.
const MAX_BYTES: usize = 128 * 1024;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Another answer than that to be expected.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    Status(u16),
    /// 429, with the seconds until the limit is reset.
    Limited(u64),
    /// Nothing, for ever.
    Hang,
}

#[derive(Default)]
struct Project {
    script: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Asked>>,
    arrived: Condvar,
}

/// A request that came.
#[derive(Clone)]
struct Asked {
    item: Value,
    has_trace: bool,
    status: Option<u16>,
}

/// The API; it stops when it is dropped.
pub struct FakeRollbar {
    pub address: SocketAddr,
    project: Arc<Project>,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl FakeRollbar {
    /// Takes what is well-formed.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Answers the first requests by a script, one after the other.
    pub fn start_with(script: &[Reply]) -> Self {
        let project = Arc::new(Project::default());
        project.script.lock().unwrap().extend(script);
        let (sender, started) = mpsc::channel();
        let data = web::Data::from(Arc::clone(&project));
        let thread = std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(data.clone())
                        .app_data(web::PayloadConfig::new(16 * 1024 * 1024))
                        .route("/api/1/item/", web::post().to(take))
                })
                .workers(1)
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, server) = started.recv().unwrap();
        Self { address, project, server, thread: Some(thread) }
    }

    /// What `ROLLBAR_ENDPOINT` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A service's own handle, with the token.
    pub fn client(&self) -> Rollbar {
        self.client_with(|_| ())
    }

    pub fn client_with(&self, settings: impl FnOnce(&mut RollbarConfig)) -> Rollbar {
        let mut config = RollbarConfig::new(TOKEN.parse().unwrap());
        config.endpoint = self.endpoint().parse().unwrap();
        settings(&mut config);
        Rollbar::start(&config).unwrap()
    }

    /// The `data` of the items that were taken, each uuid once, as they came.
    pub fn items(&self) -> Vec<Value> {
        let mut uuids = BTreeSet::new();
        let requests = self.project.requests.lock().unwrap();
        let taken = requests.iter().filter(|asked| asked.status == Some(200));
        let items = taken.map(|asked| asked.item["data"].clone());
        items.filter(|item| uuids.insert(item["uuid"].to_string())).collect()
    }

    /// What was posted, taken or not.
    pub fn posted(&self) -> Vec<Value> {
        let requests = self.project.requests.lock().unwrap();
        requests.iter().map(|asked| asked.item["data"].clone()).collect()
    }

    /// Did a request say that it is part of a trace?
    pub fn has_seen_a_trace(&self) -> bool {
        self.project.requests.lock().unwrap().iter().any(|asked| asked.has_trace)
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, count: usize) {
        let requests = self.project.requests.lock().unwrap();
        let (requests, _) = self
            .project
            .arrived
            .wait_timeout_while(requests, PATIENCE, |requests| requests.len() < count)
            .unwrap();
        assert!(requests.len() >= count, "{} of {count} requests came", requests.len());
    }
}

impl Drop for FakeRollbar {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn take(request: HttpRequest, body: web::Bytes, project: web::Data<Project>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let item = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let next = project.script.lock().unwrap().pop_front();
    let mut seconds = None;
    let (status, message) = match next {
        Some(Reply::Hang) => (None, String::new()),
        Some(Reply::Status(status)) => (Some(status), "as the script says".to_owned()),
        Some(Reply::Limited(remaining)) => {
            seconds = Some(remaining);
            (Some(429), "too many".to_owned())
        }
        None if header("x-rollbar-access-token") != Some(TOKEN) => {
            (Some(401), "invalid access token".to_owned())
        }
        None if body.len() > MAX_BYTES => (Some(413), "too large".to_owned()),
        None => match check(&item, header("content-type")) {
            Ok(()) => (Some(200), String::new()),
            Err(problem) => (Some(422), problem),
        },
    };
    if status == Some(422) {
        eprintln!("Rollbar would not take {item:#}: {message}");
    }
    let has_trace = ["traceparent", "tracestate", "baggage"].iter().any(|it| header(it).is_some());
    project.requests.lock().unwrap().push(Asked { item: item.clone(), has_trace, status });
    project.arrived.notify_all();
    let Some(status) = status else { return pending().await };
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    if let Some(seconds) = seconds {
        answer.insert_header(("x-rate-limit-remaining", "0"));
        answer.insert_header(("x-rate-limit-remaining-seconds", seconds.to_string()));
    }
    if status == 200 {
        answer.json(json!({ "err": 0, "result": { "uuid": item["data"]["uuid"] } }))
    } else {
        answer.json(json!({ "err": 1, "message": message }))
    }
}

/// What a value has to be.
type Form = fn(&Value) -> bool;

/// Checks the form of an item.
pub fn check(item: &Value, content_type: Option<&str>) -> Result<(), String> {
    if content_type != Some("application/json") {
        return Err(format!("content-type {content_type:?}"));
    }
    object("", item, &[("data", true, Value::is_object)])?;
    let data = &item["data"];
    let fields: &[(&str, bool, Form)] = &[
        ("environment", true, |it| text(it, 255)),
        ("body", true, Value::is_object),
        ("level", true, |it| {
            ["critical", "error", "warning", "info", "debug"].iter().any(|level| it == level)
        }),
        ("timestamp", true, is_recent),
        ("code_version", false, |it| text(it, 40)),
        ("platform", true, |it| text(it, 255)),
        ("language", true, |it| it == "rust"),
        ("framework", true, |it| it == "actix-web"),
        ("context", false, |it| text(it, 255)),
        ("request", false, Value::is_object),
        ("server", true, Value::is_object),
        ("custom", true, Value::is_object),
        ("fingerprint", false, |it| text(it, 1024)),
        ("uuid", true, |it| uuid::Uuid::parse_str(it.as_str().unwrap_or_default()).is_ok()),
        ("notifier", true, Value::is_object),
    ];
    object("data", data, fields)?;
    check_body(&data["body"])?;
    let server: &[(&str, bool, Form)] = &[
        ("host", true, |it| text(it, 255)),
        ("pid", true, Value::is_u64),
        ("root", false, |it| text(it, 1024) && !it.as_str().unwrap().ends_with('/')),
    ];
    object("server", &data["server"], server)?;
    let notifier: &[(&str, bool, Form)] =
        &[("name", true, |it| text(it, 255)), ("version", true, |it| text(it, 255))];
    object("notifier", &data["notifier"], notifier)?;
    if data["request"].is_null() {
        return Ok(());
    }
    let request: &[(&str, bool, Form)] = &[
        ("url", true, |it| text(it, 8192)),
        ("method", true, |it| text(it, 255)),
        ("headers", true, is_map_of_texts),
        ("GET", true, is_map_of_texts),
        ("user_ip", false, |it| it.as_str().is_some_and(|it| it.parse::<IpAddr>().is_ok())),
    ];
    object("request", &data["request"], request)
}

fn check_body(body: &Value) -> Result<(), String> {
    let Some((kind, subject)) =
        body.as_object().filter(|it| it.len() == 1).and_then(|it| it.iter().next())
    else {
        return Err(format!("exactly one kind of body: {body}"));
    };
    if kind == "message" {
        return object("message", subject, &[("body", true, |it| text(it, 65_536))]);
    }
    let traces = subject.as_array().filter(|it| kind == "trace_chain" && !it.is_empty());
    for trace in traces.ok_or_else(|| format!("a trace_chain: {body}"))? {
        object(
            "trace",
            trace,
            &[("frames", true, Value::is_array), ("exception", true, Value::is_object)],
        )?;
        let exception: &[(&str, bool, Form)] =
            &[("class", true, |it| text(it, 255)), ("message", false, |it| text(it, 65_536))];
        object("exception", &trace["exception"], exception)?;
        for frame in trace["frames"].as_array().unwrap() {
            let frames: &[(&str, bool, Form)] = &[
                ("filename", true, |it| text(it, 4096)),
                ("lineno", false, Value::is_u64),
                ("method", false, |it| text(it, 4096)),
            ];
            object("frame", frame, frames)?;
        }
    }
    Ok(())
}

/// An object of these fields and no others: each with its name, whether it must be there, and its form.
fn object(what: &str, value: &Value, fields: &[(&str, bool, Form)]) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{what} is no object: {value}"))?;
    if let Some(name) = object.keys().find(|name| fields.iter().all(|(field, ..)| field != name)) {
        return Err(format!("{what}: unknown field {name}"));
    }
    for (name, is_required, form) in fields {
        match object.get(*name) {
            None if *is_required => return Err(format!("{what}: no {name}")),
            Some(value) if !form(value) => return Err(format!("{what}: {name} is {value}")),
            _ => {}
        }
    }
    Ok(())
}

fn text(value: &Value, most: usize) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.chars().count() <= most)
}

fn is_map_of_texts(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.values().all(Value::is_string))
}

/// In seconds, not in milliseconds.
fn is_recent(value: &Value) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    value.as_u64().is_some_and(|time| now.abs_diff(time) < 600)
}
