//! What the tests stand on: a service in this process, the binary as a process, and a receiver that
//! decodes what they send.

pub mod caller;
pub mod honeycomb;
pub mod http;
pub mod process;
pub mod receiver;
pub mod scripted;
pub mod service;
#[cfg(feature = "aws")]
pub mod xray_daemon;
