//! The binary: configuration → telemetry → server → flush, nothing else.

mod cli;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use actix_web::rt::System;
use backend_actix::config::web::WebAddress;
use backend_actix::config::{Config, print};
use backend_actix::report::Rollbar;
use backend_actix::telemetry::Telemetry;
use backend_actix::web::{Page, Service};
use backend_actix::{check, health, logging, server, signals};
use cli::{Command, Form};

/// Exit code of a service that is not healthy, or of exporters that do not work.
const UNHEALTHY: u8 = 1;
/// Exit code of what could not even start: the command line, the environment, the port.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let result = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Serve) => serve().map_err(|error| (UNUSABLE, error)),
        Ok(Command::Check) => try_exporters(),
        Ok(Command::Health) => ask_health(),
        Ok(Command::PrintConfig(form)) => print_config(form),
        Ok(Command::Help) => say(cli::HELP),
        Ok(Command::Version) => say(cli::VERSION),
        Err(error) => Err((UNUSABLE, error.into())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, error)) => {
            // Not `eprintln!`, which panics where stderr is closed.
            let _ = writeln!(std::io::stderr(), "backend-actix: {error}");
            ExitCode::from(code)
        }
    }
}

/// Not `print!`, which panics where stdout is closed, as by `| head`.
fn say(text: &str) -> Result<(), (u8, Box<dyn Error>)> {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn print_config(form: Form) -> Result<(), (u8, Box<dyn Error>)> {
    let config = Config::from_env().map_err(|error| (UNUSABLE, error.into()))?;
    match form {
        Form::Text => say(&print::as_text(&config)),
        Form::Json => say(&format!("{:#}\n", print::as_json(&config))),
    }
}

fn try_exporters() -> Result<(), (u8, Box<dyn Error>)> {
    let config = Config::from_env().map_err(|error| (UNUSABLE, error.into()))?;
    check::run(&config, &mut std::io::stdout()).map_err(|error| (UNHEALTHY, error.into()))
}

fn ask_health() -> Result<(), (u8, Box<dyn Error>)> {
    let config = Config::from_env().map_err(|error| (UNUSABLE, error.into()))?;
    health::ask(&config.server).map_err(|error| (UNHEALTHY, error.into()))
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mut config = Config::from_env()?;
    // Dropped last: what was logged until then is written.
    let log = logging::start(&config.log_filter, &config.logs);
    logging::log_panics();
    let page = Page::bind(&config.web);
    let recent = page.as_ref().ok().and_then(Option::as_ref).map(Page::recent_traces);
    let telemetry = Telemetry::start_with(&config.telemetry, recent)
        .and_then(|telemetry| telemetry.with_logs(&config.logs))
        .inspect(|telemetry| log.export_to(telemetry, &config.logs));
    // After that, so that exporters get them too; also where that fails.
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for variable in &config.unused {
        tracing::debug!("{variable} is set, and means nothing to this service");
    }

    let (page, telemetry) = (page?, telemetry?);
    let rollbar = config.rollbar.as_ref().map(Rollbar::start).transpose()?;
    let stop = signals::listen(&config.server)?;
    // The page calls the API from the browser, as the frontend does.
    config.origins = config.origins.and(page.iter().flat_map(Page::origins));
    if page.is_none() {
        config.web.address = WebAddress::Off;
    }
    let system = System::new();
    let server = system.block_on(async {
        let accounts = telemetry.accounts();
        let recent = page.as_ref().map(Page::recent_traces);
        server::listen(&config, telemetry.tracer_provider(), &accounts, rollbar.as_ref(), recent)
    })?;
    match telemetry.destinations().join(", ").as_str() {
        "" => tracing::info!("spans go nowhere"),
        destinations => tracing::info!("spans go to {destinations}"),
    }
    let destinations = telemetry.log_destinations();
    if !destinations.is_empty() {
        tracing::info!("log records go to {}", destinations.join(", "));
    }
    match &rollbar {
        Some(rollbar) => {
            tracing::info!("failures are reported to {}", rollbar.reports().destination)
        }
        None => tracing::info!("failures are not reported: ROLLBAR_ACCESS_TOKEN is not set"),
    }
    for address in server.addresses() {
        tracing::info!("listening on http://{address}");
    }
    let page = match (page, server.addresses()) {
        (Some(page), [api, ..]) => {
            let accounts = telemetry.accounts();
            let service = Service { api: *api, accounts, telemetry: config.telemetry.clone() };
            tracing::info!("the page is at {}", page.origins()[0]);
            Some(page.serve(service)?)
        }
        _ => None,
    };

    let deadline = system.block_on(server.run(stop))?;
    if let Some(page) = page {
        page.stop();
    }
    // The runtime is gone: what follows may block.
    drop(system);
    // It sends what it has while the exporters do.
    rollbar.iter().for_each(Rollbar::close);
    for delivery in telemetry.shutdown(deadline) {
        if delivery.lost() == 0 {
            tracing::info!("{delivery}");
        } else {
            tracing::warn!(target: logging::OF_TELEMETRY, "{delivery}");
        }
    }
    if let Some(reports) = rollbar.map(|rollbar| rollbar.shutdown(deadline)) {
        if reports.lost() == 0 {
            tracing::info!("{reports}");
        } else {
            tracing::warn!(target: logging::OF_TELEMETRY, "{reports}");
        }
    }
    Ok(())
}
