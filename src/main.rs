//! The binary: configuration → telemetry → server → flush, nothing else.

use std::io::Write;
use std::process::ExitCode;

use actix_web::rt::System;
use backend_actix::config::Config;
use backend_actix::telemetry::Telemetry;
use backend_actix::{logging, server};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`, which panics where stderr is closed.
            let _ = writeln!(std::io::stderr(), "backend-actix: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::from_env()?;
    logging::start(&config.log_filter);
    logging::log_panics();
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }

    let telemetry = Telemetry::start(&config.telemetry)?;
    let destinations = telemetry.destinations().join(", ");
    match destinations.as_str() {
        "" => tracing::info!("spans go nowhere"),
        destinations => tracing::info!("spans go to {destinations}"),
    }

    // The runtime ends with this line: what follows may block.
    let served = System::new().block_on(server::run(&config, telemetry.tracer_provider()));

    for delivery in telemetry.shutdown(server::export_time(&config.server)) {
        if delivery.failed + delivery.dropped == 0 {
            tracing::info!("{delivery}");
        } else {
            tracing::warn!("{delivery}");
        }
    }
    Ok(served?)
}
