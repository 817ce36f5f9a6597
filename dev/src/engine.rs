//! The database of the local run and of the tests: an embedded engine that evaluates DynamoDB's expressions, or any other
//! DynamoDB endpoint. Both are called through the SDK client of production.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection, ProjectionType,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use dynoxide::Database;
use runtime::config::optional;
use tokio::net::TcpListener;

use crate::template::Table;

/// This machine only.
pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Starts the embedded engine, in memory or in a file, and returns its endpoint. Port 0 stands for any free port.
pub async fn start_embedded(data: Option<&Path>, port: u16) -> Result<String> {
    start_embedded_on(LOOPBACK, data, port).await
}

/// Starts the embedded engine on a network address, and returns the endpoint by which this machine reaches it. The engine
/// checks no credentials: an address that is not loopback opens the database to the network.
pub async fn start_embedded_on(host: IpAddr, data: Option<&Path>, port: u16) -> Result<String> {
    let database = match data {
        None => Database::memory(),
        Some(path) => Database::new(path.to_str().context("the path of --data is not text")?),
    };
    let database = database.map_err(|error| anyhow!("the database cannot be opened: {error}"))?;
    let listener = TcpListener::bind((host, port))
        .await
        .with_context(|| format!("the engine cannot listen on {host}, port {port}"))?;
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        // Every address of the machine, of which one is loopback.
        address.set_ip(LOOPBACK);
    }
    let endpoint = format!("http://{address}");
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    Ok(endpoint)
}

/// Returns the SDK configuration for the engine at `endpoint`. Region and credentials come from the environment if they are
/// set there. A local engine checks neither, but the SDK needs some to sign with, and would look for them on the network.
pub async fn sdk_config(endpoint: &str) -> SdkConfig {
    let mut loader = runtime::aws::sdk_loader().endpoint_url(endpoint);
    if optional("AWS_REGION").or_else(|| optional("AWS_DEFAULT_REGION")).is_none() {
        loader = loader.region(Region::from_static("us-east-1"));
    }
    if optional("AWS_ACCESS_KEY_ID").or_else(|| optional("AWS_PROFILE")).is_none() {
        loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "local run"));
    }
    loader.load().await
}

fn key_schema(keys: &[(String, String)]) -> Result<Vec<KeySchemaElement>> {
    let element = |(attribute, role): &(String, String)| {
        let element = KeySchemaElement::builder().attribute_name(attribute).key_type(role.as_str().into());
        Ok(element.build()?)
    };
    keys.iter().map(element).collect()
}

/// Creates the table as the template declares it, unless it exists.
pub async fn create_table(config: &SdkConfig, name: &str, table: &Table) -> Result<()> {
    let client = Client::new(config);
    let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in &table.attributes {
        let definition =
            AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind.as_str().into());
        create = create.attribute_definitions(definition.build()?);
    }
    create = create.set_key_schema(Some(key_schema(&table.keys)?));
    for index in &table.indexes {
        let projection = if index.included.is_empty() {
            Projection::builder().projection_type(ProjectionType::KeysOnly)
        } else {
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .set_non_key_attributes(Some(index.included.clone()))
        };
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(key_schema(&index.keys)?))
            .projection(projection.build());
        create = create.global_secondary_indexes(index.build()?);
    }
    if let Err(error) = create.send().await {
        let error = error.into_service_error();
        if !error.is_resource_in_use_exception() {
            return Err(error).context("the table cannot be created");
        }
        // The process that created it may have been stopped before the next step.
        let described = client.describe_time_to_live().table_name(name).send().await;
        let described = described.context("the table's TTL cannot be read")?.time_to_live_description;
        let status = described.and_then(|ttl| ttl.time_to_live_status);
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
    }
    let ttl = TimeToLiveSpecification::builder().attribute_name(&table.ttl_attribute).enabled(true);
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(ttl.build()?)
        .send()
        .await
        .context("the table's TTL cannot be enabled")?;
    Ok(())
}
