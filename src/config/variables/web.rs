//! The page.

use serde_json::json;

use super::{Section, Variable};
use crate::config::web::WebAddress;

pub(super) const SECTION: Section = Section {
    title: "The page",
    variables: &[
        Variable::shown(
            "WEB_ADDRESS",
            "`127.0.0.1:3000`; in the container image none",
            "where the page listens. Not set: there, and where the port is taken, as by the bootcamp's frontend, there is a warning and no page. Set: at that address, or the service does not start. Set, but empty: no page; this is the one variable where empty says something",
            |config| match config.web.address {
                WebAddress::Off => json!("off"),
                address => json!(address.socket()),
            },
        ),
        Variable::shown(
            "WEB_URL",
            "",
            "a list of URLs under which browsers reach the page besides `localhost` and its address: their hosts are let in, and their origins may call the API",
            |config| json!(config.web.urls.iter().map(|url| url.as_str()).collect::<Vec<_>>()),
        ),
        Variable::secret(
            "WEB_TOKEN",
            "",
            "who wants to see the page must know it: at least 16 characters, as `openssl rand -hex 16` makes them. A browser opens `/?token=…` once, a program sends it as a bearer",
            |config| config.web.token.is_some(),
        ),
        Variable::shown(
            "TRACES_KEPT",
            "`2000`",
            "how many traces the page keeps in memory, up to 100000. Of a load that lasts 250 requests a second are taken in",
            |config| json!(config.web.limits.traces),
        ),
        Variable::shown(
            "TRACES_KEPT_BYTES",
            "`16777216`",
            "how much memory their spans may take; those that run or wait to be sorted take at most half as much besides",
            |config| json!(config.web.limits.bytes),
        ),
        Variable::shown(
            "TRACE_LINKS",
            "",
            "where else a trace can be looked at, a list of `name=URL` with `{trace_id}` or `{xray_trace_id}` in it, and maybe `{start}` and `{end}` in Unix seconds: `Jaeger=http://localhost:16686/trace/{trace_id}`. The links to Honeycomb and X-Ray follow by themselves",
            |config| {
                let link = |link: &crate::config::web::TraceLink| {
                    format!("{}={}", link.name, link.template)
                };
                json!(config.web.links.iter().map(link).collect::<Vec<_>>())
            },
        ),
    ],
};
