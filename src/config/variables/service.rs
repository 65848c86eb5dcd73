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
            "threads that serve requests, 1024 at most",
            |config| json!(config.server.workers),
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
            "SHUTDOWN_TIMEOUT_SECONDS",
            "`10`",
            "how long the end may take: half of it for requests in flight, the other half for the exporters",
            |config| json!(config.server.shutdown_timeout.as_secs()),
        ),
    ],
};
