//! Somebody who has the page open. Reads what is new as it comes, and where there is more than an event
//! tells asks for the whole list, once a second at most, as the page's script does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::Outcome;

/// How often the list is asked for at most.
const CALM: Duration = Duration::from_secs(1);

/// Looks at the page at `address`, until that is no more.
pub fn look(address: SocketAddr) -> Outcome<()> {
    let mut events = BufReader::new(ask(address, "/api/events")?).lines();
    // From here on it is told everything.
    loop {
        let line = events.next().ok_or("the page tells of no events")??;
        if line == "event: hello" {
            break;
        }
    }
    std::thread::spawn(move || {
        let mut asked = None::<Instant>;
        for line in events.map_while(Result::ok) {
            if line.contains("\"more\":true") && asked.is_none_or(|asked| asked.elapsed() > CALM) {
                asked = Some(Instant::now());
                let list = ask(address, "/api/traces");
                // The service may be at its end.
                let _ = list.and_then(|mut list| Ok(list.read_to_end(&mut Vec::new())?));
            }
        }
    });
    Ok(())
}

fn ask(address: SocketAddr, path: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}
