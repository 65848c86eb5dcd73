//! The command line: what to do, and nothing of how; that is the environment's.

use std::ffi::OsString;

/// What `--help` says.
pub(crate) const HELP: &str = concat!(
    "backend-actix ",
    env!("CARGO_PKG_VERSION"),
    ": the Cruddur backend, one trace for each request

Usage: backend-actix [COMMAND]

Without a command it serves. Commands:
  check                Try each exporter, and say why nothing arrives
  health               Ask the service that runs here whether it is up
  --print-config       Show what is in force, and which variable said so
  --print-config=json  The same as JSON
  -h, --help           Show this
  -V, --version        Show the version

Everything is set by variables. Those that are needed first:
  PORT                         Where to listen (4567)
  BIND_ADDRESS                 The address to listen on (127.0.0.1)
  FRONTEND_URL                 Whose pages may call (http://localhost:3000)
  HONEYCOMB_API_KEY            Send spans to Honeycomb
  OTEL_EXPORTER_OTLP_ENDPOINT  Send them to another OTLP/HTTP receiver
  OTEL_TRACES_EXPORTER         console, otlp, xray, or none
  OTEL_SERVICE_NAME            What the service is called (backend-actix)
  OTEL_TRACES_SAMPLER          Which traces to record (parentbased_always_on)
  RUST_LOG                     What to log on stderr (info)

The rest: docs/environment.md
"
);

/// What `--version` says.
pub(crate) const VERSION: &str = concat!("backend-actix ", env!("CARGO_PKG_VERSION"), "\n");

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve,
    Check,
    Health,
    PrintConfig(Form),
    Help,
    Version,
}

/// For whom something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// An argument that means nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no command, or one too many; backend-actix --help lists them")]
pub(crate) struct UnknownArgument(OsString);

/// Reads the arguments after the program's name.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, UnknownArgument> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else { return Ok(Command::Serve) };
    let command = match first.to_str() {
        Some("check") => Command::Check,
        Some("health") => Command::Health,
        Some("--print-config") => Command::PrintConfig(Form::Text),
        Some("--print-config=json") => Command::PrintConfig(Form::Json),
        Some("-h" | "--help") => Command::Help,
        Some("-V" | "--version") => Command::Version,
        _ => return Err(UnknownArgument(first)),
    };
    arguments.next().map_or(Ok(command), |second| Err(UnknownArgument(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_one_argument() {
        let cases = [
            (&[][..], Ok(Command::Serve)),
            (&["check"], Ok(Command::Check)),
            (&["health"], Ok(Command::Health)),
            (&["--print-config"], Ok(Command::PrintConfig(Form::Text))),
            (&["--print-config=json"], Ok(Command::PrintConfig(Form::Json))),
            (&["--help"], Ok(Command::Help)),
            (&["-h"], Ok(Command::Help)),
            (&["--version"], Ok(Command::Version)),
            (&["-V"], Ok(Command::Version)),
            (&["serve"], Err("serve")),
            (&["--print-config=yaml"], Err("--print-config=yaml")),
            (&["health", "now"], Err("now")),
            (&[""], Err("")),
        ];
        for (arguments, command) in cases {
            let expected = command.map_err(|unknown| UnknownArgument(unknown.into()));
            assert_eq!(parse(arguments.iter().map(OsString::from)), expected, "{arguments:?}");
        }
    }
}
