//! What is compared.

use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;

/// A way to trace the service, or none.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in tables.
    pub name: &'static str,
    /// The package whose binary it is.
    pub package: &'static str,
    /// What its environment has besides that of all ([`ENVIRONMENT`]).
    pub environment: &'static [(&'static str, &'static str)],
    /// Spans that a request to the home feed makes.
    pub spans: u64,
    /// Does it send them to the receiver?
    pub exports: bool,
    /// How many requests are counted at most. The queue before stdout holds 4096 spans: as many as these
    /// and the warm-up make, if none is printed before the end.
    pub most_requests: u64,
    /// Does somebody [look](crate::looker) at its page?
    pub is_looked_at: bool,
}

/// The environment of every variant: queue and batches of the same size for all exporters, no access
/// log, no page. The endpoint comes on top.
pub const ENVIRONMENT: [(&str, &str); 7] = [
    ("WORKERS", "1"),
    ("RUST_LOG", "warn"),
    ("WEB_ADDRESS", ""),
    ("OTEL_SERVICE_NAME", "bench"),
    ("OTEL_TRACES_EXPORTER", "otlp"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "32768"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048"),
];

/// No tracing: what all others are measured against.
pub const UNTRACED: Variant = Variant {
    name: "no tracing (P0)",
    package: "untraced",
    environment: &[],
    spans: 0,
    exports: false,
    most_requests: u64::MAX,
    is_looked_at: false,
};

/// Ours, all sampled.
pub const OURS: Variant = Variant {
    name: "backend-actix",
    package: "ours",
    environment: &[],
    spans: 2,
    exports: true,
    most_requests: u64::MAX,
    is_looked_at: false,
};

/// Ours where the sampler takes nothing.
pub const OURS_UNSAMPLED: Variant = Variant {
    name: "backend-actix, unsampled",
    environment: &[("OTEL_TRACES_SAMPLER", "always_off")],
    spans: 0,
    exports: false,
    ..OURS
};

/// Ours with the page, as a newcomer runs it, at which nobody looks.
pub const OURS_PAGE: Variant = Variant {
    name: "backend-actix, page on",
    environment: &[("WEB_ADDRESS", "127.0.0.1:0")],
    ..OURS
};

/// The same, and somebody looks at it.
const OURS_PAGE_SEEN: Variant =
    Variant { name: "backend-actix, page on, somebody looking", is_looked_at: true, ..OURS_PAGE };

/// The same where requests come faster than it takes them in, so that nearly all are left out: what they
/// cost at saturation. Under callgrind nothing is that fast, so there is less room here.
const OURS_PAGE_BEHIND: Variant = Variant {
    name: "backend-actix, page on, nearly all left out",
    environment: &[
        ("WEB_ADDRESS", "127.0.0.1:0"),
        ("TRACES_KEPT_BYTES", "65536"),
        (LOSES_NOTHING, ""),
    ],
    ..OURS
};

/// What is not sampled is not on the page.
pub const OURS_PAGE_UNSAMPLED: Variant = Variant {
    name: "backend-actix, page on, unsampled",
    environment: &[("WEB_ADDRESS", "127.0.0.1:0"), ("OTEL_TRACES_SAMPLER", "always_off")],
    ..OURS_UNSAMPLED
};

/// Set where no span may be lost on its way out, or to the page: else the variant ends with an error.
pub const LOSES_NOTHING: &str = "LOSES_NOTHING";

/// Ours in its other modes.
const OURS_GZIP: Variant = Variant {
    name: "backend-actix, gzip",
    // The receiver does not look inside.
    exports: false,
    environment: &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")],
    ..OURS
};

const OURS_STDOUT: Variant = Variant {
    name: "backend-actix, spans to stdout",
    environment: &[("OTEL_TRACES_EXPORTER", "console")],
    exports: false,
    most_requests: 1360,
    ..OURS
};

const STOCK_STDOUT: Variant = Variant {
    name: "backend-actix, spans to stdout by opentelemetry-stdout",
    environment: &[("OTEL_TRACES_EXPORTER", "console"), ("TRACE_CONSOLE", "opentelemetry-stdout")],
    exports: false,
    most_requests: 1360,
    ..OURS
};

/// What the SDK takes, whoever uses it.
const SDK_ALONE: Variant = Variant {
    name: "the SDK's two spans alone, to nowhere",
    package: "sdk-alone",
    exports: false,
    ..OURS
};

const SDK_ALONE_UNSAMPLED: Variant = Variant {
    name: "the same, unsampled",
    environment: OURS_UNSAMPLED.environment,
    spans: 0,
    ..SDK_ALONE
};

const OTEL_ACTIX_WEB: Variant = Variant {
    name: "opentelemetry-instrumentation-actix-web 0.25",
    package: "peer-otel-actix-web",
    ..OURS
};

const TRACING_ACTIX_WEB: Variant = Variant {
    name: "tracing-actix-web 0.7, tracing-opentelemetry 0.33",
    package: "peer-tracing-actix-web",
    ..OURS
};

/// All of them, the untraced one first.
pub const ALL: [Variant; 13] = [
    UNTRACED,
    OURS,
    OURS_UNSAMPLED,
    OURS_PAGE,
    OURS_PAGE_SEEN,
    OURS_PAGE_BEHIND,
    OURS_GZIP,
    OURS_STDOUT,
    STOCK_STDOUT,
    SDK_ALONE,
    SDK_ALONE_UNSAMPLED,
    OTEL_ACTIX_WEB,
    TRACING_ACTIX_WEB,
];

impl Variant {
    /// Does it cost something per request? Whoever looks is told ten times a second, which is very often
    /// where callgrind makes all else slow.
    pub fn is_counted(&self) -> bool {
        !self.is_looked_at
    }

    /// Its binary, once it is [built](build).
    pub fn binary(&self) -> Outcome<PathBuf> {
        Ok(own_directory()?.join(self.package))
    }
}

/// Where this program is, `target/<profile>`; the variants are built beside it, in its profile.
fn own_directory() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().ok_or("this program is nowhere")?.to_owned())
}

/// Builds the binaries of `variants`, each on its own: cargo would else unite their features.
pub fn build(variants: &[Variant]) -> Outcome<()> {
    let directory = own_directory()?;
    let profile = directory.file_name().ok_or("this program has no profile")?;
    let mut built = Vec::new();
    for variant in variants {
        if built.contains(&variant.package) {
            continue;
        }
        let status = Command::new("cargo")
            // Not `--locked`: what the service newly depends on is then added to the lock.
            .args(["build", "--package", variant.package, "--profile"])
            .arg(profile)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()?;
        if !status.success() {
            return Err(format!("{} cannot be built", variant.package).into());
        }
        built.push(variant.package);
    }
    Ok(())
}
