//! What a segment says of the service and of where it runs: `origin`, `service`, `aws`, and the resource
//! as metadata. The resource is the same for all spans, so all of it is made once.

use opentelemetry::Key;
use opentelemetry_sdk::Resource;
use opentelemetry_semantic_conventions::attribute as key;
use serde_json::{Value as Json, json};

use super::document::{Document, Service, Values};
use super::values::json as to_json;

/// The service, in the words of X-Ray.
#[derive(Debug)]
pub(super) struct Origin {
    origin: Option<&'static str>,
    version: Option<String>,
    aws: Json,
    resource: Values,
}

impl Origin {
    /// The origin of spans with this resource, whose log is in `log_group`.
    pub(super) fn new(resource: &Resource, log_group: Option<&str>) -> Self {
        let text = |key: &'static str| {
            resource.get_ref(&Key::from_static_str(key)).map(|value| value.as_str().into_owned())
        };
        let platform = text(key::CLOUD_PLATFORM);
        let mut aws = json!({ "xray": { "sdk": "opentelemetry for rust" } });
        if let Some(version) = text(key::TELEMETRY_SDK_VERSION) {
            aws["xray"]["sdk_version"] = json!(version);
        }
        // Makes the console link to the log, and show the lines of a trace beside it.
        if let Some(group) = log_group {
            aws["cloudwatch_logs"] = json!([{ "log_group": group }]);
        }
        if let Some(account) = text(key::CLOUD_ACCOUNT_ID) {
            aws["account_id"] = json!(account);
        }
        match platform.as_deref() {
            Some("aws_ec2") => {
                if let Some(id) = text(key::HOST_ID) {
                    aws["ec2"] = json!({ "instance_id": id });
                    if let Some(zone) = text(key::CLOUD_AVAILABILITY_ZONE) {
                        aws["ec2"]["availability_zone"] = json!(zone);
                    }
                }
            }
            Some("aws_ecs") => {
                if let Some(id) = text(key::CONTAINER_ID) {
                    aws["ecs"] = json!({ "container": id });
                }
            }
            _ => {}
        }
        Self {
            origin: platform.as_deref().and_then(service_type),
            version: text(key::SERVICE_VERSION),
            aws,
            resource: resource
                .iter()
                .map(|(key, value)| (key.to_string(), to_json(value)))
                .collect(),
        }
    }

    /// Writes it into a segment.
    pub(super) fn describe(&self, segment: &mut Document) {
        segment.origin = self.origin;
        segment.service = self.version.clone().map(|version| Service { version });
        segment.aws = Some(self.aws.clone());
        segment.metadata.insert("resource", self.resource.clone());
    }
}

/// X-Ray's name of a `cloud.platform`: a segment's origin, and a sampling rule's service type.
pub(super) fn service_type(platform: &str) -> Option<&'static str> {
    Some(match platform {
        "aws_ec2" => "AWS::EC2::Instance",
        "aws_ecs" => "AWS::ECS::Container",
        "aws_eks" => "AWS::EKS::Container",
        "aws_elastic_beanstalk" => "AWS::ElasticBeanstalk::Environment",
        "aws_lambda" => "AWS::Lambda::Function",
        "aws_app_runner" => "AWS::AppRunner::Service",
        _ => return None,
    })
}
