//! Carries the active context to where work goes on elsewhere: another task, another thread, a stream
//! that is polled when the handler is done. There it is active again, so that spans which are opened
//! become children, and logs have the trace id.
//!
//! | work | how |
//! |---|---|
//! | a future, for `spawn` | `rt::spawn(carry_async(work()))` |
//! | a closure, for `web::block` or a thread | `web::block(carry(\|\| work()))` |
//! | a stream, for a streaming body | `HttpResponse::Ok().streaming(carry_async(stream))` |
//!
//! A span that such work opens may end after the request's own; that is as it should be.

use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, WithContext};

/// A closure that runs `work` in the context that is active now.
///
/// ```
/// # use backend_actix::carry::carry;
/// # use opentelemetry::Context;
/// #[derive(Debug, PartialEq)]
/// struct User(u32);
///
/// let _active = Context::current_with_value(User(7)).attach();
/// let elsewhere = std::thread::spawn(carry(|| Context::current().get::<User>().map(|user| user.0)));
/// assert_eq!(elsewhere.join().unwrap(), Some(7));
/// ```
pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let cx = Context::current();
    move || {
        let _active = cx.attach();
        work()
    }
}

/// A future, or a stream, that is polled in the context that is active now.
///
/// ```
/// # use backend_actix::carry::carry_async;
/// # use opentelemetry::Context;
/// # #[actix_web::main]
/// # async fn main() {
/// #[derive(Debug, PartialEq)]
/// struct User(u32);
///
/// let active = Context::current_with_value(User(7)).attach();
/// let task = actix_web::rt::spawn(carry_async(async {
///     Context::current().get::<User>().map(|user| user.0)
/// }));
/// drop(active);
/// assert_eq!(task.await.unwrap(), Some(7));
/// # }
/// ```
pub fn carry_async<W>(work: W) -> WithContext<W> {
    work.with_current_context()
}
