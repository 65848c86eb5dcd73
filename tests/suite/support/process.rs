//! The binary as a user starts it: environment in, stdout, stderr and exit code out. No wait is without an
//! end: what was waited for is said, with what the process was at.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything of the binary is waited for; much longer than any of it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The binary with these variables and no others.
pub fn command(vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backend-actix"));
    // No page, unless a test asks for it: there is only one port 3000.
    command.env_clear().env("WEB_ADDRESS", "").envs(vars.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a process left behind.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// What the last lines say of the spans that went to `exporter`: exported, failed, dropped.
    pub fn report(&self, exporter: &str) -> [u64; 3] {
        let is_report = |line: &&str| line.contains(exporter) && line.contains("exported, ");
        let report = self.stderr.lines().rev().find(is_report);
        let report = report.unwrap_or_else(|| panic!("no report of {exporter}: {}", self.stderr));
        let numbers = report.split([' ', ',']).filter_map(|word| word.parse().ok());
        let numbers: Vec<u64> = numbers.collect();
        numbers[..3].try_into().unwrap()
    }
}

/// Runs the binary to its end, which comes by itself: it cannot start.
pub fn run(vars: &[(&str, &str)]) -> Finished {
    let output = command(vars).output().unwrap();
    Finished {
        status: output.status,
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The binary, listening.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    stdout: Option<JoinHandle<String>>,
    stderr: Stderr,
}

impl Process {
    /// Starts the binary on a free port and waits for the line that says that it listens.
    pub fn start(vars: &[(&str, &str)]) -> Self {
        let mut process = Self::start_unread(vars);
        let mut stdout = process.child.stdout.take().unwrap();
        process.stdout = Some(std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        }));
        process
    }

    /// The same, but nobody reads its stdout: the pipe fills, as with `| less`.
    pub fn start_unread(vars: &[(&str, &str)]) -> Self {
        Self::start_into(Stdio::piped(), vars)
    }

    /// The same, with this as its stdout.
    pub fn start_into(stdout: impl Into<Stdio>, vars: &[(&str, &str)]) -> Self {
        let vars: Vec<_> = [("PORT", "0"), ("WORKERS", "2")].iter().chain(vars).copied().collect();
        Self::start_command(command(&vars).stdout(stdout))
    }

    /// The binary with its page where it is by default, if it can be there; no spans on stdout.
    #[allow(dead_code)] // not for tests/soak
    pub fn start_with_default_page() -> Self {
        let vars = [("PORT", "0"), ("OTEL_TRACES_EXPORTER", "none")];
        Self::start_command(command(&vars).env_remove("WEB_ADDRESS"))
    }

    fn start_command(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = Stderr::read(child.stderr.take().unwrap());
        let line = stderr.wait_for("listening on http://", &child);
        let (_, address) = line.split_once("listening on http://").unwrap();
        Self { child, address: address.parse().unwrap(), stdout: None, stderr }
    }

    /// The binary without a line that says that it listens: waits until it does.
    pub fn start_silent(vars: &[(&str, &str)]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = address.port().to_string();
        let vars: Vec<_> =
            [("PORT", port.as_str()), ("WORKERS", "2")].iter().chain(vars).copied().collect();
        let mut child = command(&vars).stdout(Stdio::null()).spawn().unwrap();
        let stderr = Stderr::read(child.stderr.take().unwrap());
        let patience = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < patience, "it does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, address, stdout: None, stderr }
    }

    /// Closes what reads the process's stdout, as `| head` does when it has enough.
    pub fn close_stdout(&mut self) {
        drop(self.child.stdout.take());
    }

    /// Closes what reads its stderr.
    pub fn close_stderr(&mut self) {
        self.stderr.close();
    }

    /// Waits for a line on stderr that has `part` in it.
    pub fn wait_for_line(&mut self, part: &str) -> String {
        self.stderr.wait_for(part, &self.child)
    }

    /// Where it says that its page is.
    pub fn page(&mut self) -> SocketAddr {
        let line = self.wait_for_line("the page is at http://localhost:");
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Finished {
        let watch = Watch::start(&self.child);
        // Read to its end first: a process that waits for a reader would not end.
        let stderr = self.stderr.rest();
        let stdout = self.stdout.take().map(|stdout| stdout.join().unwrap()).unwrap_or_default();
        let status = self.child.wait().unwrap();
        watch.end("its end", &stderr);
        Finished { status, stdout, stderr }
    }

    /// Waits for the end, and reads nothing of what it says until then.
    pub fn wait_unread(mut self) -> ExitStatus {
        let watch = Watch::start(&self.child);
        let status = self.child.wait().unwrap();
        watch.end("its end", "what it said is unread");
        status
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(self) -> Finished {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only a failed test comes here with a child that still runs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a process's stderr, read when they are asked for: what it writes meanwhile fits into the
/// pipe, or waits.
struct Stderr {
    lines: Option<BufReader<ChildStderr>>,
    said: String,
}

impl Stderr {
    fn read(stderr: ChildStderr) -> Self {
        Self { lines: Some(BufReader::new(stderr)), said: String::new() }
    }

    fn wait_for(&mut self, part: &str, child: &Child) -> String {
        let lines = self.lines.as_mut().unwrap();
        let watch = Watch::start(child);
        let line = loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                break None;
            }
            self.said.push_str(&line);
            if line.contains(part) {
                break Some(line.trim_end().to_owned());
            }
        };
        watch.end(&format!("{part:?}"), &self.said);
        line.unwrap_or_else(|| panic!("no {part:?} in {}", self.said))
    }

    fn close(&mut self) {
        self.lines = None;
    }

    fn rest(&mut self) -> String {
        if let Some(mut lines) = self.lines.take() {
            lines.read_to_string(&mut self.said).unwrap();
        }
        std::mem::take(&mut self.said)
    }
}

/// Kills a process that takes too long, so that who reads what it says, or waits for its end, waits no
/// longer.
struct Watch {
    done: Sender<()>,
    thread: JoinHandle<Option<String>>,
}

impl Watch {
    fn start(child: &Child) -> Self {
        let (done, is_done) = channel();
        let process = Pid::from_child(child);
        let thread = std::thread::spawn(move || {
            let is_late = is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            is_late.then(|| {
                let threads = threads(process);
                let _ = kill_process(process, Signal::KILL);
                threads
            })
        });
        Self { done, thread }
    }

    /// Fails where it had to be killed.
    fn end(self, waited_for: &str, said: &str) {
        let _ = self.done.send(());
        if let Some(threads) = self.thread.join().unwrap() {
            panic!(
                "waited {PATIENCE:?} for {waited_for}; it said:\n{said}\nits threads:\n{threads}"
            );
        }
    }
}

/// The threads of a process, a line each: its name, its state, and in which system call it is.
fn threads(process: Pid) -> String {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lines = tasks.map(|task| {
        let text = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let state = text("stat").rsplit(')').next().unwrap_or_default().chars().nth(1);
        let [name, call, at] = ["comm", "syscall", "wchan"].map(text);
        format!("{}: {}, {}, {at}", name.trim(), state.unwrap_or('?'), call.trim())
    });
    lines.collect::<Vec<_>>().join("\n")
}
