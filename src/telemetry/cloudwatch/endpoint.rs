//! Where the calls go. Region, variables, profiles and AWS's rules for its endpoints decide that inside
//! of the SDK: it is asked by a call that ends when the endpoint is found, before anything is sent.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_sdk_cloudwatchlogs as sdk;
use sdk::config::Credentials;
use sdk::config::endpoint::{DefaultResolver, EndpointFuture, Params, ResolveEndpoint};

use super::client::settings;
use super::failure::Failure;
use crate::causes::root_cause;
use crate::config::cloudwatch::CloudWatchConfig;

/// How long a region is looked for: a machine that is none of AWS's may have no answer to that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where calls go.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// Does a variable or a profile name it? Else it follows from the region.
    pub(crate) is_set: bool,
}

/// Nobody knows where calls are to go; says what to change.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoEndpoint(String);

/// The endpoint to which log records of `config` go. Blocks: call it on a plain thread.
///
/// # Errors
/// There is no region, or no endpoint in it.
pub(crate) fn endpoint(config: &CloudWatchConfig) -> Result<Endpoint, NoEndpoint> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| NoEndpoint(error.to_string()))?;
    runtime.block_on(async {
        let found = tokio::time::timeout(PATIENCE, find(config)).await;
        found.unwrap_or_else(|_| {
            let seconds = PATIENCE.as_secs();
            Err(NoEndpoint(format!("no AWS region was found within {seconds} s: set AWS_REGION")))
        })
    })
}

async fn find(config: &CloudWatchConfig) -> Result<Endpoint, NoEndpoint> {
    let settings = settings(&config.endpoint).await.map_err(|failure| match failure {
        Failure::Refused { reason }
        | Failure::Rejected { reason }
        | Failure::Later { reason, .. } => NoEndpoint(reason),
    })?;
    let noting = Noting::default();
    // The endpoint is looked for only when there are credentials; nobody gets to see these.
    let nobody = Credentials::new("none", "none", None, None, "none");
    let settings = settings.credentials_provider(nobody).endpoint_resolver(noting.clone());
    let call = sdk::Client::from_conf(settings.build()).describe_log_groups().send().await;
    match (noting.0.get(), call) {
        (Some(endpoint), _) => Ok(endpoint.clone()),
        (None, Err(error)) => {
            let reason = root_cause(&error);
            Err(NoEndpoint(format!("AWS's SDK finds no endpoint: {reason}; correct AWS_REGION")))
        }
        (None, Ok(_)) => Err(NoEndpoint("AWS's SDK looks for no endpoint".to_owned())),
    }
}

/// Notes the endpoint that is found, and lets no call get there.
#[derive(Clone, Debug, Default)]
struct Noting(Arc<OnceLock<Endpoint>>);

impl ResolveEndpoint for Noting {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::new(async move {
            let resolver = DefaultResolver::new();
            let found = ResolveEndpoint::resolve_endpoint(&resolver, params).await?;
            let is_set = params.endpoint().is_some();
            let _ = self.0.set(Endpoint { url: found.url().to_owned(), is_set });
            Err("no call was to be made".into())
        })
    }
}
