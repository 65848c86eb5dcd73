//! What the browser gets: one HTML page for all places, a style sheet, and scripts as modules; embedded,
//! so that the binary is all one needs.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LINK, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, ServiceConfig};
use url::Url;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The one page, at each of its places.
const INDEX: &str = include_str!("assets/index.html");
const PLACES: [&str; 5] = ["/", "/traces", "/traces/{trace_id}", "/routes", "/exporters"];

macro_rules! assets {
    ($($name:literal: $content_type:ident),* $(,)?) => {
        [$((concat!("/assets/", $name), $content_type, include_str!(concat!("assets/", $name)))),*]
    };
}

const ASSETS: [(&str, &str, &str); 12] = assets! {
    "style.css": CSS,
    "icon.svg": SVG,
    "frame.js": JAVASCRIPT,
    "dom.js": JAVASCRIPT,
    "format.js": JAVASCRIPT,
    "live.js": JAVASCRIPT,
    "feed.js": JAVASCRIPT,
    "traces.js": JAVASCRIPT,
    "trace.js": JAVASCRIPT,
    "waterfall.js": JAVASCRIPT,
    "routes.js": JAVASCRIPT,
    "exporters.js": JAVASCRIPT,
};

pub(super) fn routes(service: &mut ServiceConfig) {
    let preload = preload();
    for place in PLACES {
        service.service(resource(place, HTML, INDEX, Some(&preload)));
    }
    for (path, content_type, text) in ASSETS {
        service.service(resource(path, content_type, text, None));
    }
}

/// A `Link` header that names all modules, so that none waits for the one that imports it.
fn preload() -> String {
    let modules = ASSETS.iter().filter(|(_, content_type, _)| *content_type == JAVASCRIPT);
    let links: Vec<_> =
        modules.map(|(path, _, _)| format!("<{path}>; rel=modulepreload")).collect();
    links.join(", ")
}

fn resource(
    path: &str,
    content_type: &'static str,
    text: &'static str,
    link: Option<&str>,
) -> actix_web::Resource {
    let link = link.map(str::to_owned);
    let answer = move || {
        let link = link.clone();
        async move {
            let mut response = HttpResponse::Ok();
            response.content_type(content_type);
            // Asked for anew each time: the next start may bring another version.
            response.insert_header((CACHE_CONTROL, "no-cache"));
            if let Some(link) = link {
                response.insert_header((LINK, link));
            }
            response.body(text)
        }
    };
    web::resource(path).route(web::get().to(answer.clone())).route(web::head().to(answer))
}

/// What the browser may do: load what comes from here, call the API, and nothing else. No inline script
/// or style, no frame around it, and no markup from text (Trusted Types).
#[derive(Clone, Debug)]
pub(super) struct ContentSecurityPolicy(HeaderValue);

impl ContentSecurityPolicy {
    pub(super) fn for_backend(backend_url: &str) -> Self {
        let backend = Url::parse(backend_url).map(|url| url.origin().ascii_serialization());
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self' {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
            backend.unwrap_or_default()
        );
        let value = HeaderValue::try_from(policy);
        Self(value.unwrap_or(HeaderValue::from_static("default-src 'none'")))
    }

    /// Middleware that adds it, with its relatives, to every answer.
    pub(super) fn headers(&self) -> DefaultHeaders {
        let same_origin = HeaderValue::from_static("same-origin");
        DefaultHeaders::new()
            .add((CONTENT_SECURITY_POLICY, self.0.clone()))
            .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .add((X_FRAME_OPTIONS, "DENY"))
            .add((REFERRER_POLICY, "no-referrer"))
            .add((HeaderName::from_static("cross-origin-opener-policy"), same_origin.clone()))
            .add((HeaderName::from_static("cross-origin-resource-policy"), same_origin))
            // What shows traces is not to lie about in caches; assets say otherwise.
            .add((CACHE_CONTROL, "no-store"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let scripts_and_style = ASSETS.iter().filter(|(_, content_type, _)| *content_type != SVG);
        let size = INDEX.len() + scripts_and_style.map(|(_, _, text)| text.len()).sum::<usize>();
        assert!(size < 60_000, "{size} bytes");
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for part in
            ["<style", "style=", "<script>", "onclick", "javascript:", "http://", "https://"]
        {
            assert!(!INDEX.contains(part), "{part}");
        }
        for (path, _, text) in ASSETS {
            for part in ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"]
            {
                assert!(!text.contains(part), "{path}: {part}");
            }
        }
    }

    #[test]
    fn all_that_is_loaded_is_loaded_at_once() {
        let preload = preload();
        for (path, content_type, _) in ASSETS {
            let is_named = INDEX.contains(path) || preload.contains(&format!("<{path}>"));
            assert!(is_named, "{path} {content_type}");
        }
    }
}
