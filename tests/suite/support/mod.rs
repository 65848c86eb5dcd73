//! What the tests stand on: a service in this process, the binary as a process, and a receiver that
//! decodes what they send.

pub mod caller;
pub mod certificate;
#[cfg(feature = "aws")]
pub mod cloudwatch;
pub mod honeycomb;
pub mod http;
pub mod process;
pub mod proxy;
pub mod receiver;
pub mod resetting;
pub mod rollbar;
pub mod scripted;
pub mod server;
pub mod service;
#[cfg(feature = "aws")]
pub mod xray_daemon;

use std::sync::Once;

/// Installs the panic hook of a program that remembers panics: once and for good, as it is the process's.
pub fn remember_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            backend_actix::server_span::remember_panics(panic);
            before(panic);
        }));
    });
}
