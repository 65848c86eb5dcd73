//! SIGTERM and SIGINT, heard on a thread of their own from the start to the very end of the process:
//! also while spans are flushed, when the runtime of the service is gone.

use std::future::poll_fn;
use std::io::{self, Write};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Starts listening. The first signal is sent, by its name; a second one ends the process at once, with
/// the exit code that shells give to a process that dies of it.
///
/// # Errors
/// The system gives no thread or no signal handler.
pub fn listen() -> io::Result<oneshot::Receiver<&'static str>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        }
    };
    let (sender, first) = oneshot::channel();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let (name, _) = signals.next().await;
            // Nobody may listen: then the process is ending anyway.
            let _ = sender.send(name);
            let (name, number) = signals.next().await;
            say_last_words(name);
            std::process::exit(128 + number);
        });
    })?;
    Ok(first)
}

/// Says why the process ends: not through the log, whose lines are written later, and without waiting
/// for a stderr that nobody reads.
fn say_last_words(signal: &'static str) {
    let (saying, said) = mpsc::channel::<()>();
    // Where there is no thread, nothing is said.
    let _ = std::thread::Builder::new().spawn(move || {
        let _ = writeln!(
            io::stderr(),
            "backend-actix: {signal} again: ending at once, spans that are queued are lost"
        );
        drop(saying);
    });
    let _ = said.recv_timeout(MOMENT);
}

/// How long a line may take to be written.
const MOMENT: Duration = Duration::from_millis(100);

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// The name and the number of the next signal.
    async fn next(&mut self) -> (&'static str, i32) {
        poll_fn(|cx| {
            if self.terminate.poll_recv(cx).is_ready() {
                Poll::Ready(("SIGTERM", SignalKind::terminate().as_raw_value()))
            } else if self.interrupt.poll_recv(cx).is_ready() {
                Poll::Ready(("SIGINT", SignalKind::interrupt().as_raw_value()))
            } else {
                Poll::Pending
            }
        })
        .await
    }
}
