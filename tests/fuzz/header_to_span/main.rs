//! From the headers of a request to its SERVER span, with everything switched on: the bytes of the
//! fuzzer become a request (`input`), the request passes the middleware inside of an Actix app
//! (`service`), and what comes out must keep what the middleware promises (`promises`).
//!
//! A panic anywhere is a finding, also one that the middleware would catch: the fuzzer's panic hook
//! aborts first.

#![no_main]

mod input;
mod promises;
mod service;

use libfuzzer_sys::{Corpus, fuzz_target};

use input::Input;
use service::Service;

thread_local! {
    /// Made once, used for every request of the run, and never dropped: at the thread's end the
    /// runtime's own thread-locals may be gone before it.
    static SERVICE: &'static Service = Box::leak(Box::new(Service::new()));
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(input) = Input::parse(bytes) else { return Corpus::Reject };
    SERVICE.with(|service| promises::check(&input, &service.answer(&input)));
    Corpus::Keep
});
