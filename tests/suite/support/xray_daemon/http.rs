//! The daemon's TCP side: `POST /GetSamplingRules` and `POST /SamplingTargets`, one connection a question.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What was asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

struct Script {
    rules: Value,
    targets: Value,
    status: u16,
    questions: Vec<Question>,
}

#[derive(Clone)]
pub struct Server(Arc<Mutex<Script>>);

impl Server {
    pub fn start(listener: TcpListener) -> Self {
        let script = Script {
            rules: json!({ "SamplingRuleRecords": [] }),
            targets: json!({ "SamplingTargetDocuments": [], "UnprocessedStatistics": [] }),
            status: 200,
            questions: Vec::new(),
        };
        let server = Self(Arc::new(Mutex::new(script)));
        let serving = server.clone();
        std::thread::spawn(move || {
            // It ends with the process: nobody else wants the port.
            for connection in listener.incoming() {
                serving.serve(connection.unwrap());
            }
        });
        server
    }

    pub fn answer(&self, rules: &Value, targets: &Value) {
        let mut script = self.0.lock().unwrap();
        script.rules = rules.clone();
        script.targets = targets.clone();
        script.status = 200;
    }

    pub fn refuse(&self, status: u16) {
        self.0.lock().unwrap().status = status;
    }

    pub fn questions(&self) -> Vec<Question> {
        self.0.lock().unwrap().questions.clone()
    }

    fn serve(&self, mut connection: TcpStream) {
        let Some(question) = read(&connection) else { return };
        let mut script = self.0.lock().unwrap();
        let answer = match question.path.as_str() {
            "/GetSamplingRules" => script.rules.to_string(),
            "/SamplingTargets" => script.targets.to_string(),
            other => panic!("the daemon has no {other}"),
        };
        let (status, length) = (script.status, answer.len());
        let answer = if status == 200 { answer } else { " ".repeat(length) };
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json");
        let _ = write!(
            connection,
            "{head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
        );
        script.questions.push(question);
    }
}

fn read(connection: &TcpStream) -> Option<Question> {
    let mut reader = BufReader::new(connection);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let request = lines.next()?;
    let path = request.strip_prefix("POST ")?.strip_suffix(" HTTP/1.1")?.to_owned();
    let headers: Vec<_> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_ascii_lowercase(), value.to_owned()))
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Question { path, headers, body: serde_json::from_slice(&body).expect("JSON") })
}
