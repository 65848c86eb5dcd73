//! An OTLP/HTTP receiver that resets connections, at the moment that a test chooses: by hand, as no server
//! does so on purpose.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Never: the export is taken.
    Never,
    /// When so many bytes of the request have been read, which are some of its head.
    InTheRequest(usize),
    /// When the request's head has been read, and so many bytes of its body.
    InItsBody(usize),
    /// In the middle of the head of the answer; nothing was taken.
    InTheAnswer,
    /// In the middle of the body of an answer with this status, which decides whether it was taken.
    InBodyOfAnswer(u16),
}

type Choose = Arc<dyn Fn(usize) -> Moment + Send + Sync>;

/// An export that was read to its end.
struct Export {
    spans: Vec<Vec<u8>>,
    /// Was the sender told that they have arrived?
    is_acknowledged: bool,
}

/// The receiver. It listens as long as the tests run: nobody else wants its port.
pub struct Resetting {
    pub address: SocketAddr,
    exports: Arc<Mutex<Vec<Export>>>,
    resets: Arc<Mutex<usize>>,
}

impl Resetting {
    /// A receiver that asks when to reset, for each export by its number from 0.
    pub fn start(choose: impl Fn(usize) -> Moment + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (exports, resets) = (Arc::default(), Arc::default());
        let receiver = Self { address, exports: Arc::clone(&exports), resets: Arc::clone(&resets) };
        let choose: Choose = Arc::new(choose);
        std::thread::spawn(move || {
            // The exporter sends one request after the other.
            let mut number = 0;
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                while let Some(is_reset) = serve(&mut connection, choose(number), &exports) {
                    number += 1;
                    if is_reset {
                        *resets.lock().unwrap() += 1;
                        reset(connection);
                        break;
                    }
                }
            }
        });
        receiver
    }

    /// How many connections have been reset.
    pub fn resets(&self) -> usize {
        *self.resets.lock().unwrap()
    }

    /// How many spans it has said to have taken; fails where one was sent again after that.
    pub fn acknowledged(&self) -> usize {
        let mut acknowledged = BTreeSet::new();
        for Export { spans, is_acknowledged } in &*self.exports.lock().unwrap() {
            let again = spans.iter().filter(|id| acknowledged.contains(*id)).count();
            assert_eq!(again, 0, "spans are sent again that were acknowledged");
            if *is_acknowledged {
                acknowledged.extend(spans.iter().cloned());
            }
        }
        acknowledged.len()
    }
}

/// Serves one request, up to the moment; is the connection to be reset? `None` where nothing comes.
fn serve(connection: &mut TcpStream, moment: Moment, exports: &Mutex<Vec<Export>>) -> Option<bool> {
    let mut request = Vec::new();
    let mut length = None;
    loop {
        if length.is_none()
            && let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let field = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length = Some((end + 4, field.unwrap().parse::<usize>().unwrap()));
        }
        let (is_complete, most) = match (moment, length) {
            (Moment::InTheRequest(most), _) => (false, most),
            // Byte for byte to the end of the head, so that nothing is read of what follows it.
            (Moment::InItsBody(_), None) => (false, request.len() + 1),
            (Moment::InItsBody(most), Some((head, _))) => (false, head + most),
            (_, None) => (false, request.len() + 4096),
            (_, Some((head, body))) => (true, head + body),
        };
        if request.len() >= most {
            if is_complete {
                break;
            }
            return Some(true);
        }
        let mut buffer = vec![0; most - request.len()];
        match connection.read(&mut buffer) {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
    let (head, _) = length?;
    let export = ExportTraceServiceRequest::decode(&request[head..]).expect("an OTLP message");
    let scopes = export.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).map(|span| span.span_id).collect();
    let status = match moment {
        Moment::InBodyOfAnswer(status) => status,
        _ => 200,
    };
    let is_acknowledged = status == 200 && moment != Moment::InTheAnswer;
    exports.lock().unwrap().push(Export { spans, is_acknowledged });
    let answer = match moment {
        Moment::InTheAnswer => "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
        Moment::InBodyOfAnswer(_) => {
            format!("HTTP/1.1 {status} Said\r\ncontent-length: 100\r\n\r\nthe beginning")
        }
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
    };
    connection.write_all(answer.as_bytes()).ok()?;
    Some(moment != Moment::Never)
}

/// Closes so that the other side gets a RST instead of an end.
fn reset(connection: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&connection, Some(Duration::ZERO)).unwrap();
}
