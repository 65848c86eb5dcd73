//! A variant that runs, and what the system knows of it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::variant::{ENVIRONMENT, Variant};
use crate::{Outcome, looker};

/// A variant that serves.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How it is run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The receiver of its spans.
    pub receiver: SocketAddr,
    /// Where its stdout goes; nowhere unless set.
    pub stdout: Option<PathBuf>,
    /// A program that runs it, with arguments: callgrind.
    pub under: Vec<String>,
    /// More variables.
    pub environment: Vec<(&'static str, &'static str)>,
}

impl Process {
    /// Starts `variant` and waits until it listens.
    pub fn start(variant: &Variant, run: &Run) -> Outcome<Self> {
        let mut words = run.under.iter().map(String::from);
        let binary = variant.binary()?;
        let mut command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(binary);
                command
            }
            None => Command::new(binary),
        };
        let stdout = match &run.stdout {
            Some(path) => Stdio::from(File::create(path)?),
            None => Stdio::null(),
        };
        let mut child = command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", run.receiver))
            .envs(ENVIRONMENT)
            .envs(run.environment.iter().copied())
            .envs(variant.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        let mut stderr = BufReader::new(stderr);
        let mut said = String::new();
        let mut page = None;
        let address = loop {
            let before = said.len();
            if stderr.read_line(&mut said)? == 0 {
                child.wait()?;
                return Err(format!("{} does not start: {said}", variant.name).into());
            }
            if let Some((_, address)) = said[before..].split_once("the page is at http://") {
                page = Some(address.trim().parse()?);
            }
            if let Some((_, address)) = said[before..].split_once("listening on http://") {
                break address.trim().parse()?;
            }
        };
        // What it still says must not fill the pipe.
        std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
        if variant.is_looked_at {
            looker::look(page.ok_or("it has no page to look at")?)?;
        }
        Ok(Self { child, address })
    }

    /// Stops it, as an operator would, and waits for its end.
    pub fn stop(mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("it ended with {status}").into()) }
    }

    /// The CPU time that its threads have used.
    pub fn cpu_time(&self) -> Outcome<Duration> {
        let mut nanoseconds = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end meanwhile.
            let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The most memory that it had, in bytes.
    pub fn peak_memory(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only what went wrong comes here with a child that still runs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
