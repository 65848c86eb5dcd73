//! What the tests stand on: a service in this process, the binary as a process, and a receiver that
//! decodes what they send.

pub mod caller;
#[cfg(feature = "aws")]
pub mod cloudwatch;
pub mod http;
pub mod process;
pub mod receiver;
pub mod scripted;
pub mod service;
