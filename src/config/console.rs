//! The variable that says how spans are shown on the console.

use super::environment::{ConfigError, Environment};

/// What is printed of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleFormat {
    /// `dump`: all that it says, in the form of opentelemetry-stdout.
    Dump,
    /// `tree`: each trace that has ended, a line for each of its spans.
    Tree,
    /// `opentelemetry-stdout`: the same, printed by that crate itself, line by line.
    OpentelemetryStdout,
}

impl ConsoleFormat {
    const VARIABLE: &str = "TRACE_CONSOLE";

    pub(super) fn read(env: &Environment) -> Result<Self, ConfigError> {
        match env.get(Self::VARIABLE) {
            None | Some("dump") => Ok(Self::Dump),
            Some("tree") => Ok(Self::Tree),
            Some("opentelemetry-stdout") => Ok(Self::OpentelemetryStdout),
            Some(_) => {
                Err(env.error(Self::VARIABLE, "expected dump, tree or opentelemetry-stdout"))
            }
        }
    }
}
