//! The binary: configuration → telemetry → server → flush, nothing else.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use actix_web::rt::System;
use backend_actix::config::Config;
use backend_actix::telemetry::Telemetry;
use backend_actix::web::{Page, Service};
use backend_actix::{health, logging, server, signals};

/// Exit code of a service that is not healthy.
const UNHEALTHY: u8 = 1;
/// Exit code of what could not even start: the command line, the environment, the port.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let result = match &arguments[..] {
        [] => serve().map_err(|error| (UNUSABLE, error)),
        [command] if command == "health" => ask_health(),
        _ => Err((UNUSABLE, "usage: backend-actix [health]; all else is set by variables".into())),
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

fn ask_health() -> Result<(), (u8, Box<dyn Error>)> {
    let config = Config::from_env().map_err(|error| (UNUSABLE, error.into()))?;
    health::ask(&config.server).map_err(|error| (UNHEALTHY, error.into()))
}

fn serve() -> Result<(), Box<dyn Error>> {
    let mut config = Config::from_env()?;
    // Dropped last: what was logged until then is written.
    let _log = logging::start(&config.log_filter);
    logging::log_panics();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }

    let page = Page::bind(&config.web)?;
    let recent = page.as_ref().map(Page::recent_traces);
    let telemetry = Telemetry::start_with(&config.telemetry, recent)?;
    let stop = signals::listen()?;
    // The page calls the API from the browser, as the frontend does.
    config.origins = config.origins.and(page.iter().flat_map(Page::origins));
    let system = System::new();
    let server = system.block_on(async {
        server::listen(&config, telemetry.tracer_provider(), &telemetry.accounts())
    })?;
    match telemetry.destinations().join(", ").as_str() {
        "" => tracing::info!("spans go nowhere"),
        destinations => tracing::info!("spans go to {destinations}"),
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
    for delivery in telemetry.shutdown(deadline) {
        if delivery.lost() == 0 {
            tracing::info!("{delivery}");
        } else {
            tracing::warn!("{delivery}");
        }
    }
    Ok(())
}
