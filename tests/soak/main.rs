//! What `tests/soak.sh` runs: the binary under load while its receiver fails, with figures. No part of
//! `cargo test`: it takes minutes, and figures depend on the machine.
//!
//! - `faults`: one fault after the other, as the table of docs/reliability.md;
//! - `saturation`: as much as the service serves, with a healthy receiver: is a span lost?
//! - `flapping SECONDS`: half of that, while the receiver comes and goes: memory and accounts at the end.

// Not part of the service: it fails as tests do, and prints.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stdout)]

#[path = "../suite/support/certificate.rs"]
#[allow(dead_code)]
mod certificate;
mod faults;
mod flapping;
#[path = "../suite/support/http.rs"]
#[allow(dead_code)]
mod http;
mod load;
#[path = "../suite/support/process.rs"]
#[allow(dead_code)]
mod process;
mod receiver;
mod run;
mod saturation;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["faults"] => faults::run(),
        ["saturation"] => saturation::run(),
        ["flapping", seconds] => flapping::run(seconds.parse().expect("a number of seconds")),
        _ => panic!("usage: faults | saturation | flapping SECONDS"),
    }
}
