//! Where the X-Ray daemon is, what it is told, and where its traces are shown.

use serde_json::json;

use super::{Section, Variable};

pub(super) const SECTION: Section = Section {
    title: "AWS X-Ray",
    variables: &[
        Variable::shown(
            "AWS_XRAY_DAEMON_ADDRESS",
            "`127.0.0.1:2000`",
            "where the daemon is: `host:port`, or `tcp:host:port udp:host:port`. Set, it sends spans there, unless `OTEL_TRACES_EXPORTER` says otherwise",
            |config| json!(config.telemetry.xray.daemon.to_string()),
        ),
        Variable::shown(
            "AWS_XRAY_URL",
            "",
            "a pattern such as `*4567-*.gitpod.io`: a segment is named after the request's host where that fits",
            |config| json!(config.telemetry.xray.host_pattern),
        ),
        Variable::shown(
            "AWS_XRAY_ANNOTATIONS",
            "`app.*`",
            "a list of attributes, or patterns of them, that X-Ray is to index",
            |config| json!(config.telemetry.xray.annotations),
        ),
        Variable::indirect(
            "AWS_REGION",
            "",
            "the region to whose X-Ray console the page's traces link, where spans go to X-Ray",
        ),
        Variable::alias("AWS_REGION", "AWS_DEFAULT_REGION"),
    ],
};
