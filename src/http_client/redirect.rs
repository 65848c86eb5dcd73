//! Where a redirect leads, and what goes there (RFC 9110, section 15.4).

use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, LOCATION, PROXY_AUTHORIZATION,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use reqwest::{Method, Request, StatusCode, Url};

use super::client::can_be_requested;
use super::error::{Error, server};
use super::resend::Spare;

/// Headers that are for one server only: those with credentials, and the server's own name.
const FOR_ONE_SERVER: [HeaderName; 6] = [
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("cookie2"),
    PROXY_AUTHORIZATION,
    WWW_AUTHENTICATE,
    HOST,
];

/// Headers that speak of a body.
const OF_A_BODY: [HeaderName; 6] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    TRANSFER_ENCODING,
];

/// Is it one of those that a program can follow? 300 leaves a choice to the user, 304 leads nowhere.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect in answer to a request of `base` leads; `None` if it does not say.
pub(super) fn target(headers: &HeaderMap, base: &Url) -> Result<Option<Url>, Error> {
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let target = std::str::from_utf8(location.as_bytes())
        .ok()
        .and_then(|location| base.join(location).ok())
        .filter(can_be_requested);
    let Some(mut target) = target else {
        return Err(Error::BadRedirect { server: server(base) });
    };
    // Section 10.2.2: without a fragment of its own it inherits that of the reference.
    if target.fragment().is_none() {
        target.set_fragment(base.fragment());
    }
    Ok(Some(target))
}

/// The request to send to `target`; `None` if it needs a body that is gone.
pub(super) fn follow(status: StatusCode, target: Url, spare: Spare) -> Option<Request> {
    let Spare { mut request, is_whole } = spare;
    if becomes_get(status, request.method()) {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        remove(request.headers_mut(), &OF_A_BODY);
    } else if !is_whole {
        return None;
    }
    if target.origin() != request.url().origin() {
        remove(request.headers_mut(), &FOR_ONE_SERVER);
    }
    *request.url_mut() = target;
    Some(request)
}

/// 303 points to what is to be read (section 15.4.4); and though 301 and 302 do not say so, a POST
/// has always become a GET (sections 15.4.2 and 15.4.3). 307 and 308 leave the method alone.
fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        301 | 302 => method == Method::POST,
        303 => method != Method::GET && method != Method::HEAD,
        _ => false,
    }
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}
