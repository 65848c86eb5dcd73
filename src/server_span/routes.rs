//! Routes, and the names of the spans of their requests, each text made once where that can be.
//!
//! Most services are asked for the same few paths without parameters, `/health` say, which are their own
//! pattern. For those a worker makes the texts once, and they stay as long as the process does. There are
//! never more than one for each of the program's routes, and one for each standard method on it: no
//! stranger can make one up.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use actix_web::dev::ServiceRequest;

use super::method::Method;

/// What a path tells before routing.
pub(super) struct Guess {
    /// The pattern that the path fits. Borrowed, it is the path itself.
    pub(super) route: Option<Cow<'static, str>>,
    /// The name of the span.
    pub(super) name: Cow<'static, str>,
}

/// The routes that a worker has met, each with the span names of the methods that it was asked with. (A few
/// comparisons are cheaper than the hash of a path.)
#[derive(Default)]
pub(super) struct Routes(RefCell<BTreeMap<&'static str, Vec<(&'static str, &'static str)>>>);

impl Routes {
    /// The route that the path of `request` fits, and the name of a span with `method`.
    pub(super) fn guess(&self, request: &ServiceRequest, method: &Method) -> Guess {
        let path = request.path();
        if let Some(guess) = self.known(path, method) {
            return guess;
        }
        let route = request.resource_map().match_pattern(path);
        let name = method.span_name(route.as_deref());
        match route {
            Some(route) if route == path => self.remember(route, method, name),
            route => Guess { route: route.map(Cow::Owned), name },
        }
    }

    fn known(&self, path: &str, method: &Method) -> Option<Guess> {
        let routes = self.0.borrow();
        let (route, names) = routes.get_key_value(path)?;
        let (_, name) = names.iter().find(|(of, _)| Some(*of) == method.standard())?;
        Some(Guess { route: Some(Cow::Borrowed(route)), name: Cow::Borrowed(name) })
    }

    fn remember(&self, route: String, method: &Method, name: Cow<'static, str>) -> Guess {
        let Some(method) = method.standard() else {
            return Guess { route: Some(Cow::Owned(route)), name };
        };
        let mut routes = self.0.borrow_mut();
        let route = match routes.get_key_value(route.as_str()) {
            Some((route, _)) => *route,
            None => route.leak(),
        };
        let name = name.into_owned().leak();
        routes.entry(route).or_default().push((method, name));
        Guess { route: Some(Cow::Borrowed(route)), name: Cow::Borrowed(name) }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use actix_web::dev::Service as _;
    use actix_web::http::Method as HttpMethod;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, HttpResponse, web};

    use super::*;

    /// What is guessed of each request, method and path, by one worker.
    async fn guesses(
        requests: &[(&str, &str)],
    ) -> Vec<(Option<Cow<'static, str>>, Cow<'static, str>)> {
        let (routes, guessed) = (Rc::new(Routes::default()), Rc::new(RefCell::new(Vec::new())));
        let (of_app, guesses) = (Rc::clone(&routes), Rc::clone(&guessed));
        let app = App::new()
            .service(web::resource("/static").to(HttpResponse::Ok))
            .service(web::scope("/in").service(web::resource("/{id}").to(HttpResponse::Ok)))
            .wrap_fn(move |request, next| {
                let known = ["GET".to_owned(), "BREW".to_owned()];
                let known = (request.method().as_str() == "BREW").then_some(&known[..]);
                let method = Method::of(request.method(), known);
                let Guess { route, name } = of_app.guess(&request, &method);
                guesses.borrow_mut().push((route, name));
                next.call(request)
            });
        let app = init_service(app).await;
        for (method, path) in requests {
            let method = HttpMethod::from_bytes(method.as_bytes()).unwrap();
            call_service(&app, TestRequest::with_uri(path).method(method).to_request()).await;
        }
        assert!(routes.0.borrow().len() <= 2, "{:?}", routes.0);
        guessed.take()
    }

    #[actix_web::test]
    async fn a_path_without_parameters_is_kept_and_every_other_is_looked_up() {
        // method, path, route, is it kept?, name
        let cases = [
            ("GET", "/static", Some("/static"), true, "GET /static"),
            ("GET", "/static", Some("/static"), true, "GET /static"),
            ("POST", "/static", Some("/static"), true, "POST /static"),
            ("GET", "/static?q=1", Some("/static"), true, "GET /static"),
            ("GET", "/in/1", Some("/in/{id}"), false, "GET /in/{id}"),
            ("GET", "/in/1", Some("/in/{id}"), false, "GET /in/{id}"),
            // Its own pattern, by chance.
            ("GET", "/in/{id}", Some("/in/{id}"), true, "GET /in/{id}"),
            ("GET", "/in/2", Some("/in/{id}"), false, "GET /in/{id}"),
            ("GET", "/nowhere", None, false, "GET"),
            ("GET", "/static/", None, false, "GET"),
            // Unknown methods are not remembered, whatever strangers make up; nor are a program's own.
            ("XYZ", "/static", Some("/static"), false, "HTTP /static"),
            ("BREW", "/static", Some("/static"), false, "BREW /static"),
        ];
        let guessed = guesses(&cases.map(|(method, path, ..)| (method, path))).await;
        for ((method, path, route, is_kept, name), guess) in cases.into_iter().zip(guessed) {
            assert_eq!(guess.0.as_deref(), route, "{method} {path}");
            assert_eq!(guess.1, name, "{method} {path}");
            assert_eq!(matches!(guess.0, Some(Cow::Borrowed(_))), is_kept, "{method} {path}");
        }
    }
}
