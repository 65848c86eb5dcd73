//! SIGTERM and SIGINT, heard on a thread of their own from the start to the very end of the process:
//! also while spans are flushed, when the runtime of the service is gone. The same thread sees to it that
//! the end comes in time: whatever waits in a library without a bound, waits no longer.

use std::future::poll_fn;
use std::io::{self, Write};
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::config::ServerConfig;

/// Starts listening. The first signal is sent, by its name; a second one ends the process at once, with
/// the exit code that shells give to a process that dies of it. So does, with exit code 1, an end that takes
/// longer than `config` allows.
///
/// # Errors
/// The system gives no thread or no signal handler.
pub fn listen(config: &ServerConfig) -> io::Result<oneshot::Receiver<&'static str>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        }
    };
    let (sender, first) = oneshot::channel();
    let patience = config.shutdown_delay + config.shutdown_timeout + GRACE;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let (name, _) = signals.next().await;
            // Nobody may listen: then the process is ending anyway.
            let _ = sender.send(name);
            match tokio::time::timeout(patience, signals.next()).await {
                Ok((name, number)) => {
                    say_last_words(format!("{name} again"));
                    std::process::exit(128 + number);
                }
                Err(_) => {
                    say_last_words(format!("{name} was {} s ago", patience.as_secs()));
                    std::process::exit(1);
                }
            }
        });
    })?;
    Ok(first)
}

/// How much longer than its time the end may take: for its last lines, and where they cannot be written.
const GRACE: Duration = Duration::from_secs(3);

/// Says why the process ends: not through the log, whose lines are written later, and without waiting
/// for a stderr that nobody reads.
fn say_last_words(reason: String) {
    let (saying, said) = mpsc::channel::<()>();
    // Where there is no thread, nothing is said.
    let _ = std::thread::Builder::new().spawn(move || {
        let _ = writeln!(
            io::stderr(),
            "backend-actix: {reason}: ending at once, spans that are queued are lost"
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
