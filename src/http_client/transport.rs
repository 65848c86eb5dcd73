//! How each of our HTTP clients begins, the untraced ones of exporters too.

use reqwest::ClientBuilder;

/// A client for servers that speak HTTPS, or for those that do not. Plain HTTP needs no certificates; the
/// system's would take time and memory to read, and an image without them could not even start.
pub(crate) fn transport(is_https: bool) -> ClientBuilder {
    let builder = ClientBuilder::new();
    if is_https { builder } else { builder.tls_certs_only([]) }
}
