//! Who may see the page. It shows internals, so by default only this machine.
//!
//! - `Host` must be one that the page has. A page of a stranger whose name resolves to 127.0.0.1 ("DNS
//!   rebinding") would else be of our origin, and could read everything.
//! - What changes something must come from the page itself (`Origin`), and what browsers say another page
//!   has asked of the JSON API (`Sec-Fetch-Site`) is not answered: that page could not read it, but each
//!   question takes time.
//! - Where there is a token, it must be known: as a bearer, or once as `?token=…`, which becomes a cookie.
//!   The cookie holds a secret of its own, since browsers send it to all ports of the host.

use std::net::SocketAddr;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderValue, LOCATION, ORIGIN, SET_COOKIE,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse, ResponseError};
use uuid::Uuid;

use super::error::PageApiError;
use crate::config::WebConfig;
use crate::config::web::Token;
use crate::server_span::parse_host;

/// The cookie of those who have shown the token.
const COOKIE_NAME: &str = "page-session";

/// Where the JSON API is.
const API: &str = "/api/";

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// What is asked of a request.
#[derive(Debug)]
pub(super) struct Access {
    /// Lower case, without port.
    hosts: Vec<String>,
    token: Option<Token>,
    session: Token,
}

impl Access {
    pub(super) fn new(config: &WebConfig, address: SocketAddr) -> Self {
        let mut hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        hosts.push(address.ip().to_string());
        let urls = config.urls.iter().filter_map(|url| url.host_str());
        hosts.extend(urls.map(|host| host.trim_matches(['[', ']']).to_ascii_lowercase()));
        // Two random UUIDs: 244 bits that nobody guesses.
        let session = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        Self { hosts, token: config.token.clone(), session: Token::from(session) }
    }

    fn knows_host(&self, request: &ServiceRequest) -> bool {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        host.and_then(parse_host)
            .is_some_and(|(host, _)| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }

    fn is_let_in(&self, request: &ServiceRequest) -> bool {
        let Some(token) = &self.token else { return true };
        let headers = request.headers();
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let bearer = text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let mut cookies = text(COOKIE).unwrap_or_default().split(';').map(str::trim);
        let session =
            cookies.find_map(|cookie| cookie.strip_prefix(COOKIE_NAME)?.strip_prefix('='));
        bearer.is_some_and(|bearer| token.is(bearer))
            || session.is_some_and(|session| self.session.is(session))
    }

    /// The answer to one who shows the token in the address: a cookie, and the address without it.
    fn welcome(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let shown = url::form_urlencoded::parse(request.query_string().as_bytes())
            .find(|(name, _)| name == "token")?;
        self.token.as_ref().filter(|token| token.is(&shown.1))?;
        let session = self.session.reveal();
        let cookie = format!("{COOKIE_NAME}={session}; Path=/; HttpOnly; SameSite=Strict");
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, request.path()));
        response.insert_header((SET_COOKIE, cookie));
        Some(response.finish())
    }
}

/// Does what changes something come from the page itself? What is no browser sends no `Origin`.
fn is_own(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    ["http", "https"].iter().any(|scheme| *origin == format!("{scheme}://{host}"))
}

/// Does a page of another origin ask for JSON? Only browsers say so; what one opens by hand is `none`.
fn is_of_another_page(request: &ServiceRequest) -> bool {
    let site = request.headers().get(SEC_FETCH_SITE);
    request.path().starts_with(API) && site.is_some_and(|s| s != "same-origin" && s != "none")
}

/// Middleware: lets in who may see the page.
pub(super) async fn check<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let refusal = request.app_data::<Data<Access>>().and_then(|access| {
        let refuse = |why| Some(refusal(&request, &why));
        if !access.knows_host(&request) {
            return refuse(PageApiError::UnknownHost);
        }
        if is_of_another_page(&request) || !request.method().is_safe() && !is_own(&request) {
            return refuse(PageApiError::ForeignOrigin);
        }
        if access.is_let_in(&request) {
            return None;
        }
        access.welcome(&request).or_else(|| refuse(PageApiError::NoToken))
    });
    match refusal {
        Some(response) => Ok(request.into_response(response).map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// In the JSON API's form where that was asked, such as by a page that is still open when the service
/// has started anew; else as a line for who reads it in the browser.
fn refusal(request: &ServiceRequest, why: &PageApiError) -> HttpResponse {
    if request.path().starts_with(API) {
        return why.error_response();
    }
    let mut response = HttpResponse::build(why.status_code());
    response.content_type("text/plain; charset=utf-8").body(format!("{why}\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Config;

    fn access(vars: &[(&str, &str)], address: &str) -> Access {
        let vars: HashMap<_, _> =
            vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config::from_vars(vars).unwrap();
        Access::new(&config.web, address.parse().unwrap())
    }

    #[test]
    fn only_hosts_that_the_page_has_are_known() {
        let loopback = access(&[], "127.0.0.1:3000");
        let wider =
            access(&[("WEB_URL", "http://pages.example:80,https://[2001:db8::1]")], "0.0.0.0:3000");
        let at = access(&[], "192.0.2.7:3000");
        let cases = [
            (&loopback, "localhost:3000", true),
            (&loopback, "LocalHost", true),
            (&loopback, "127.0.0.1:3001", true),
            (&loopback, "[::1]:3000", true),
            (&loopback, "evil.example:3000", false),
            (&loopback, "localhost.evil.example", false),
            (&loopback, "localhost@evil.example", false),
            (&loopback, "192.0.2.7:3000", false),
            (&loopback, "", false),
            (&wider, "pages.example", true),
            (&wider, "[2001:db8::1]:3000", true),
            (&wider, "other.example", false),
            (&at, "192.0.2.7:3000", true),
        ];
        for (access, host, known) in cases {
            let request = TestRequest::default().insert_header((HOST, host)).to_srv_request();
            assert_eq!(access.knows_host(&request), known, "{host}");
        }
        let nameless = TestRequest::default().to_srv_request();
        assert!(!loopback.knows_host(&nameless));
    }

    #[test]
    fn the_token_is_nowhere_to_be_read() {
        let access = access(&[("WEB_TOKEN", "0123456789abcdef-secret")], "127.0.0.1:3000");
        assert!(!format!("{:?}", access.token).contains("secret"));
        let request =
            TestRequest::get().uri("/traces?token=0123456789abcdef-secret").to_srv_request();
        let response = access.welcome(&request).unwrap();
        assert_eq!(response.headers().get(LOCATION).unwrap(), "/traces");
        let cookie = response.headers().get(SET_COOKIE).unwrap().to_str().unwrap();
        assert!(!cookie.contains("secret"), "{cookie}");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
}
