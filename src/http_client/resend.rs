//! Whether there is another attempt, and which: a redirect that is followed, or a retry.

use std::time::Duration;

use reqwest::{Request, Response};

use super::error::{Error, server};
use super::settings::Settings;
use super::{redirect, retry};

/// What is left of a request when it was sent: a copy, made before.
pub(super) struct Spare {
    pub(super) request: Request,
    /// Does it still have its body? One that streams is gone.
    pub(super) is_whole: bool,
}

impl Spare {
    pub(super) fn of(request: &Request) -> Self {
        if let Some(request) = request.try_clone() {
            return Self { request, is_whole: true };
        }
        let mut head = Request::new(request.method().clone(), request.url().clone());
        *head.headers_mut() = request.headers().clone();
        *head.timeout_mut() = request.timeout().copied();
        *head.version_mut() = request.version();
        Self { request: head, is_whole: false }
    }
}

/// Another attempt.
pub(super) struct Next {
    pub(super) request: Request,
    /// How long to wait before.
    pub(super) delay: Duration,
}

/// The attempts of one call, and how many more there may be.
pub(super) struct Resends<'a> {
    settings: &'a Settings,
    retries: u32,
    redirects: u32,
}

impl<'a> Resends<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { settings, retries: 0, redirects: 0 }
    }

    /// `http.request.resend_count`: for whatever reason the request was sent again.
    pub(super) fn count(&self) -> u32 {
        self.retries + self.redirects
    }

    /// What comes after `response`; `None` if it is the last.
    pub(super) fn after_response(
        &mut self,
        response: &Response,
        spare: Spare,
    ) -> Result<Option<Next>, Error> {
        let (status, limit) = (response.status(), self.settings.max_redirects);
        if redirect::is_redirect(status) && limit > 0 {
            let base = spare.request.url();
            let Some(target) = redirect::target(response.headers(), base)? else { return Ok(None) };
            if self.redirects == limit {
                return Err(Error::TooManyRedirects { server: server(base), limit });
            }
            let Some(request) = redirect::follow(status, target, spare) else { return Ok(None) };
            self.redirects += 1;
            return Ok(Some(Next { request, delay: Duration::ZERO }));
        }
        if !retry::is_transient(status) {
            return Ok(None);
        }
        Ok(self.retry(spare, retry::wanted_delay(response.headers())))
    }

    /// What comes after a failure, if anything does.
    pub(super) fn after_error(&mut self, error: &Error, spare: Spare) -> Option<Next> {
        if error.is_before_connection() { self.retry(spare, None) } else { None }
    }

    fn retry(&mut self, spare: Spare, wanted: Option<Duration>) -> Option<Next> {
        let Settings { max_attempts, first_delay, max_delay, .. } = *self.settings;
        let is_allowed = self.retries + 1 < max_attempts
            && spare.is_whole
            && retry::is_idempotent(spare.request.method());
        let delay = match wanted {
            // Earlier than the server wants it would be no use, and later than we are willing to wait
            // neither: the response says when.
            Some(wanted) => Some(wanted).filter(|wanted| *wanted <= max_delay),
            None => {
                let delay = retry::backoff(first_delay, max_delay, self.retries);
                Some(retry::with_jitter(delay))
            }
        };
        let delay = delay.filter(|_| is_allowed)?;
        self.retries += 1;
        Some(Next { request: spare.request, delay })
    }
}
