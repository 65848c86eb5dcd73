//! The side-by-side benchmark: what tracing costs, ours and that of others, against none.
//!
//! ```sh
//! cargo run --release --package driver            # everything; writes docs/performance.md's tables
//! cargo run --release --package driver count      # instructions: on any machine
//! cargo run --release --package driver time       # the rest: on a quiet one
//! cargo run --release --package driver guard      # fails when tracing costs more than it may
//! ```
//!
//! | file | what |
//! |---|---|
//! | `variant.rs` | what is compared, and the environment of each |
//! | `process.rs`, `client.rs`, `receiver.rs` | a server that runs, its load, and where its spans go |
//! | `looker.rs` | somebody who has the page open |
//! | `callgrind.rs`, `count.rs` | instructions, per request, span and attribute |
//! | `time.rs` | CPU time, throughput, latency, losses, memory, start-up |
//! | `report.rs` | tables and the chart |

mod callgrind;
mod client;
mod count;
mod looker;
mod process;
mod receiver;
mod report;
mod time;
mod variant;

use std::error::Error;

use receiver::Receiver;
use report::Report;
use variant::Variant;

/// Whatever goes wrong ends the benchmark with a sentence.
type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let receiver = Receiver::start()?;
    let mut report = Report::new();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["guard"] => count::guard(&receiver),
        ["count"] => {
            variant::build(&variant::ALL)?;
            count::run(&receiver, &mut report)
        }
        ["count", name] => {
            let is_meant = |variant: &Variant| variant.is_counted() && variant.name.contains(name);
            let variants: Vec<_> = variant::ALL.into_iter().filter(is_meant).collect();
            variant::build(&variants)?;
            for variant in &variants {
                let count = count::home(variant, 2048, &receiver)?;
                println!("{}: {:.0}", variant.name, count.instructions);
            }
            Ok(())
        }
        ["time"] => {
            variant::build(&variant::ALL)?;
            time::run(&receiver, &mut report)
        }
        [] => {
            variant::build(&variant::ALL)?;
            count::run(&receiver, &mut report)?;
            time::run(&receiver, &mut report)
        }
        _ => Err("usage: driver [count [VARIANT] | time | guard]".into()),
    }
}
