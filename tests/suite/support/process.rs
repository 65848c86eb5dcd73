//! The binary as a user starts it: environment in, stdout, stderr and exit code out.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

/// The binary with these variables and no others.
pub fn command(vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backend-actix"));
    command.env_clear().envs(vars.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a process left behind.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
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
    stderr: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts the binary on a free port and waits for the line that says that it listens.
    pub fn start(vars: &[(&str, &str)]) -> Self {
        Self::start_and_close(vars, false, false)
    }

    /// The same, and then stops reading the process's stdout or stderr, as `| head` does.
    pub fn start_and_close(vars: &[(&str, &str)], close_stdout: bool, close_stderr: bool) -> Self {
        let vars: Vec<_> = [("PORT", "0"), ("WORKERS", "2")].iter().chain(vars).copied().collect();
        let mut child = command(&vars).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            if !close_stdout {
                stdout.read_to_string(&mut text).unwrap();
            }
            text
        });
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it listened: {said}");
            said.push_str(&line);
            if let Some((_, address)) = line.trim_end().split_once("listening on http://") {
                break address.parse().unwrap();
            }
        };
        let stderr = std::thread::spawn(move || {
            if !close_stderr {
                lines.read_to_string(&mut said).unwrap();
            }
            said
        });
        Self { child, address, stdout: Some(stdout), stderr: Some(stderr) }
    }

    /// Stops reading the process's stdout at once, as `| head` does.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Finished {
        Finished {
            status: self.child.wait().unwrap(),
            stdout: self.stdout.take().unwrap().join().unwrap(),
            stderr: self.stderr.take().unwrap().join().unwrap(),
        }
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
