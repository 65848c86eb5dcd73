//! The request's method: a known one, or one that a stranger made up.

use std::borrow::Cow;

use actix_web::http;

/// The request's method, as a span tells it.
pub(super) struct Method {
    /// `None` for an unknown one: what strangers make up must not become a span's name.
    known: Option<Cow<'static, str>>,
}

impl Method {
    /// Looks `method` up in `known_methods`, by default the standard ones.
    pub(super) fn of(method: &http::Method, known_methods: Option<&[String]>) -> Self {
        let method = method.as_str();
        let known = match known_methods {
            None => standard_method(method).map(Cow::Borrowed),
            Some(known) => {
                known.iter().any(|known| known == method).then(|| Cow::Owned(method.to_owned()))
            }
        };
        Self { known }
    }

    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// One of the standard methods, where no other list of known ones is set.
    pub(super) fn standard(&self) -> Option<&'static str> {
        match self.known {
            Some(Cow::Borrowed(method)) => Some(method),
            _ => None,
        }
    }

    /// `http.request.method`.
    pub(super) fn attribute(&self) -> Cow<'static, str> {
        self.known.clone().unwrap_or(Cow::Borrowed("_OTHER"))
    }

    /// `{method} {route}`, without a route `{method}`, and `HTTP` for an unknown method.
    pub(super) fn span_name(&self, route: Option<&str>) -> Cow<'static, str> {
        let method = self.known.clone().unwrap_or(Cow::Borrowed("HTTP"));
        match route {
            Some(route) => Cow::Owned([&method, " ", route].concat()),
            None => method,
        }
    }
}

/// The methods of RFC 9110, PATCH (RFC 5789) and QUERY; the commonest first.
pub(crate) const STANDARD_METHODS: [&str; 10] =
    ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "QUERY", "TRACE", "CONNECT"];

/// A standard method; they are case-sensitive.
pub(crate) fn standard_method(method: &str) -> Option<&'static str> {
    STANDARD_METHODS.into_iter().find(|standard| *standard == method)
}
