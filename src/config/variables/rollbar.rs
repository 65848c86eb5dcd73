//! Where reports of errors go.

use serde_json::{Value, json};

use super::{Section, Variable};
use crate::config::{Config, RollbarConfig};

pub(super) const SECTION: Section = Section {
    title: "Reports of errors",
    variables: &[
        Variable::secret(
            "ROLLBAR_ACCESS_TOKEN",
            "",
            "a project access token with the scope `post_server_item`: requests that fail are reported to [Rollbar](errors.md)",
            |config| config.rollbar.is_some(),
        ),
        Variable::shown(
            "ROLLBAR_ENVIRONMENT",
            "`production`",
            "what Rollbar shows as the environment, 255 characters at most",
            |config| of_project(config, |rollbar| json!(rollbar.environment)),
        ),
        Variable::shown(
            "ROLLBAR_ENDPOINT",
            "`https://api.rollbar.com`",
            "the origin of Rollbar, or of a proxy before it; the token is sent there",
            |config| of_project(config, |rollbar| json!(rollbar.endpoint.to_string())),
        ),
        Variable::shown(
            "CODE_VERSION",
            "the version of the crate",
            "a version, a number or a git SHA, 40 characters at most",
            |config| of_project(config, |rollbar| json!(rollbar.code_version)),
        ),
    ],
};

/// A setting that applies only where something is reported.
fn of_project(config: &Config, value: fn(&RollbarConfig) -> Value) -> Value {
    config.rollbar.as_ref().map_or(Value::Null, value)
}
