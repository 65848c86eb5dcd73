//! The attributes that HTTP spans may have, from the registry of the semantic conventions (1.42.0:
//! `http`, `url`, `server`, `client`, `network`, `user_agent`, `error`, `exception`).

/// What an attribute's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Int,
    Texts,
}

/// The namespaces of which the table has every attribute.
pub(super) const NAMESPACES: [&str; 9] =
    ["http", "url", "server", "client", "network", "net", "user_agent", "error", "exception"];

/// In force. A name that ends in a dot stands for all that begin with it.
const ATTRIBUTES: [(&str, Type); 56] = [
    ("client.address", Type::Text),
    ("client.port", Type::Int),
    ("error.type", Type::Text),
    ("exception.message", Type::Text),
    ("exception.stacktrace", Type::Text),
    ("exception.type", Type::Text),
    ("http.connection.state", Type::Text),
    ("http.request.body.size", Type::Int),
    ("http.request.header.", Type::Texts),
    ("http.request.method", Type::Text),
    ("http.request.method_original", Type::Text),
    ("http.request.resend_count", Type::Int),
    ("http.request.size", Type::Int),
    ("http.response.body.size", Type::Int),
    ("http.response.header.", Type::Texts),
    ("http.response.size", Type::Int),
    ("http.response.status_code", Type::Int),
    ("http.route", Type::Text),
    ("network.carrier.icc", Type::Text),
    ("network.carrier.mcc", Type::Text),
    ("network.carrier.mnc", Type::Text),
    ("network.carrier.name", Type::Text),
    ("network.connection.state", Type::Text),
    ("network.connection.subtype", Type::Text),
    ("network.connection.type", Type::Text),
    ("network.interface.name", Type::Text),
    ("network.io.direction", Type::Text),
    ("network.local.address", Type::Text),
    ("network.local.port", Type::Int),
    ("network.peer.address", Type::Text),
    ("network.peer.port", Type::Int),
    ("network.protocol.name", Type::Text),
    ("network.protocol.version", Type::Text),
    ("network.transport", Type::Text),
    ("network.type", Type::Text),
    ("server.address", Type::Text),
    ("server.port", Type::Int),
    ("url.domain", Type::Text),
    ("url.extension", Type::Text),
    ("url.fragment", Type::Text),
    ("url.full", Type::Text),
    ("url.original", Type::Text),
    ("url.path", Type::Text),
    ("url.port", Type::Int),
    ("url.query", Type::Text),
    ("url.registered_domain", Type::Text),
    ("url.scheme", Type::Text),
    ("url.subdomain", Type::Text),
    ("url.template", Type::Text),
    ("url.top_level_domain", Type::Text),
    ("user_agent.original", Type::Text),
    ("user_agent.name", Type::Text),
    ("user_agent.os.name", Type::Text),
    ("user_agent.os.version", Type::Text),
    ("user_agent.synthetic.type", Type::Text),
    ("user_agent.version", Type::Text),
];

/// No longer in force, and what to use instead.
pub(super) const DEPRECATED: [(&str, &str); 31] = [
    ("error.message", "use an error message of the domain, such as `exception.message`"),
    ("exception.escaped", "leave it out: exceptions that are handled are not recorded"),
    ("http.client_ip", "use `client.address`"),
    ("http.flavor", "use `network.protocol.name` and `network.protocol.version`"),
    ("http.host", "use `server.address`, or `http.request.header.host`"),
    ("http.method", "use `http.request.method`"),
    ("http.request_content_length", "use `http.request.header.content-length`"),
    ("http.request_content_length_uncompressed", "use `http.request.body.size`"),
    ("http.response_content_length", "use `http.response.header.content-length`"),
    ("http.response_content_length_uncompressed", "use `http.response.body.size`"),
    ("http.scheme", "use `url.scheme`"),
    ("http.server_name", "use `server.address`"),
    ("http.status_code", "use `http.response.status_code`"),
    ("http.target", "use `url.path` and `url.query`"),
    ("http.url", "use `url.full`"),
    ("http.user_agent", "use `user_agent.original`"),
    ("net.host.ip", "use `network.local.address`"),
    ("net.host.name", "use `server.address`"),
    ("net.host.port", "use `server.port`"),
    ("net.peer.ip", "use `network.peer.address`"),
    ("net.peer.name", "use `server.address` on a client's span, `client.address` on a server's"),
    ("net.peer.port", "use `server.port` on a client's span, `client.port` on a server's"),
    ("net.protocol.name", "use `network.protocol.name`"),
    ("net.protocol.version", "use `network.protocol.version`"),
    ("net.sock.family", "use `network.transport` and `network.type`"),
    ("net.sock.host.addr", "use `network.local.address`"),
    ("net.sock.host.port", "use `network.local.port`"),
    ("net.sock.peer.addr", "use `network.peer.address`"),
    ("net.sock.peer.name", "leave it out: nothing replaces it"),
    ("net.sock.peer.port", "use `network.peer.port`"),
    ("net.transport", "use `network.transport`"),
];

/// The type of an attribute that is in force.
pub(super) fn expected_type(name: &str) -> Option<Type> {
    let is_it = |known: &str| {
        known == name
            || (known.ends_with('.') && name.len() > known.len() && name.starts_with(known))
    };
    ATTRIBUTES.iter().find(|(known, _)| is_it(known)).map(|(_, expected)| *expected)
}

#[cfg(test)]
mod tests {
    use opentelemetry_semantic_conventions::attribute;

    use super::*;

    #[test]
    fn the_table_knows_the_names_of_the_conventions() {
        let names = [
            attribute::HTTP_REQUEST_METHOD,
            attribute::HTTP_REQUEST_METHOD_ORIGINAL,
            attribute::HTTP_RESPONSE_STATUS_CODE,
            attribute::HTTP_ROUTE,
            attribute::HTTP_REQUEST_BODY_SIZE,
            attribute::HTTP_RESPONSE_BODY_SIZE,
            attribute::HTTP_REQUEST_RESEND_COUNT,
            attribute::URL_FULL,
            attribute::URL_PATH,
            attribute::URL_QUERY,
            attribute::URL_SCHEME,
            attribute::URL_TEMPLATE,
            attribute::SERVER_ADDRESS,
            attribute::SERVER_PORT,
            attribute::CLIENT_ADDRESS,
            attribute::CLIENT_PORT,
            attribute::NETWORK_PEER_ADDRESS,
            attribute::NETWORK_PEER_PORT,
            attribute::NETWORK_PROTOCOL_NAME,
            attribute::NETWORK_PROTOCOL_VERSION,
            attribute::USER_AGENT_ORIGINAL,
            attribute::ERROR_TYPE,
            attribute::EXCEPTION_TYPE,
            attribute::EXCEPTION_MESSAGE,
            attribute::EXCEPTION_STACKTRACE,
        ];
        for name in names {
            assert!(expected_type(name).is_some(), "{name}");
        }
        for (name, _) in ATTRIBUTES {
            let namespace = name.split('.').next().unwrap();
            assert!(NAMESPACES.contains(&namespace), "{name}");
            assert!(DEPRECATED.iter().all(|(deprecated, _)| *deprecated != name), "{name}");
        }
        // What a deprecated name is replaced by is in force.
        for (deprecated, instead) in DEPRECATED {
            for name in instead.split('`').skip(1).step_by(2) {
                assert!(expected_type(name).is_some(), "{deprecated}: {name}");
            }
        }
    }
}
