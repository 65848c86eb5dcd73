//! Where the service listens, and for whom.

use serde_json::json;

use super::{Section, Variable};

pub(super) const SECTION: Section = Section {
    title: "The service",
    variables: &[
        Variable::shown(
            "PORT",
            "`4567`",
            "where to listen; `0` takes any free port, and the log says which",
            |config| json!(config.server.port),
        ),
        Variable::shown(
            "BIND_ADDRESS",
            "`127.0.0.1`; in the container image `0.0.0.0`",
            "the address to listen on; `0.0.0.0` for all of the machine's",
            |config| json!(config.server.bind_address),
        ),
        Variable::shown(
            "WORKERS",
            "one a core",
            "threads that serve requests, 512 at most",
            |config| json!(config.server.workers),
        ),
        Variable::shown(
            "MAX_CONNECTIONS",
            "`1024`",
            "how many are open at a time, from 1 to 65535; others wait. [reliability.md](reliability.md) has the reasons for this and the next two",
            |config| json!(config.server.max_connections),
        ),
        Variable::shown(
            "KEEP_ALIVE_SECONDS",
            "`75`",
            "how long a connection may be silent between two requests",
            |config| json!(config.server.keep_alive.as_secs()),
        ),
        Variable::shown(
            "CLIENT_TIMEOUT_SECONDS",
            "`10`",
            "how long a client may take to send the head of a request, and again its body",
            |config| json!(config.server.client_timeout.as_secs()),
        ),
        Variable::shown(
            "FRONTEND_URL",
            "`http://localhost:3000`",
            "the origins whose pages may call the API (CORS); a list; `*` lets any page call",
            |config| json!(config.frontend_origins),
        ),
        Variable::shown(
            "BACKEND_URL",
            "`http://localhost:4567`",
            "the same, for the address under which browsers see this service",
            |config| json!(config.backend_origins),
        ),
        Variable::indirect(
            "GITPOD_WORKSPACE_ID",
            "",
            "set by Gitpod: the two defaults above follow from it and the next",
        ),
        Variable::indirect("GITPOD_WORKSPACE_CLUSTER_HOST", "", "set by Gitpod"),
        Variable::indirect(
            "CODESPACE_NAME",
            "",
            "set by GitHub Codespaces: the two defaults follow from it and the next",
        ),
        Variable::indirect(
            "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN",
            "",
            "set by GitHub Codespaces",
        ),
        Variable::shown(
            "SHUTDOWN_DELAY_SECONDS",
            "`0`",
            "how long `/health/ready` says 503 before the service stops listening",
            |config| json!(config.server.shutdown_delay.as_secs()),
        ),
        Variable::shown(
            "SHUTDOWN_TIMEOUT_SECONDS",
            "`10`",
            "how long the end may take: half of it at most for requests in flight, then two fifths at most for the exporters",
            |config| json!(config.server.shutdown_timeout.as_secs()),
        ),
    ],
};
