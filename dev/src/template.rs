//! Reads routes, table and CORS rules from `template.yaml`, so that the local run serves what is deployed.

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

/// The template, compiled into the binary.
const TEMPLATE: &str = include_str!("../../template.yaml");

/// The parts of the template that the local run needs.
#[derive(Debug, Clone)]
pub struct Template {
    /// The routes of the HTTP API.
    pub routes: Vec<Route>,
    /// The table.
    pub table: Table,
    /// The CORS rules.
    pub cors: Cors,
    /// The whole document.
    pub document: Value,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The HTTP method.
    pub method: String,
    /// The path, with `{names}` of its parameters.
    pub path: String,
    /// The function that serves it. Its folder, crate and binary have this name.
    pub function: String,
}

/// The DynamoDB table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Attribute names with their type.
    pub attributes: Vec<(String, String)>,
    /// Attribute names with their role in the key.
    pub keys: Vec<(String, String)>,
    /// The indexes.
    pub indexes: Vec<Index>,
    /// The TTL attribute.
    pub ttl_attribute: String,
}

/// An index of the table.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Attribute names with their role in its key.
    pub keys: Vec<(String, String)>,
    /// The attributes that it projects beside the keys.
    pub included: Vec<String>,
}

/// The CORS rules.
#[derive(Debug, Clone)]
pub struct Cors {
    /// The methods that browsers may use.
    pub methods: Vec<String>,
    /// The headers that they may send.
    pub allow_headers: Vec<String>,
    /// The headers that they may read.
    pub expose_headers: Vec<String>,
    /// For how many seconds they may cache a preflight.
    pub max_age: u64,
}

impl Template {
    /// Returns the template that this binary was built with.
    pub fn compiled_in() -> Result<Self> {
        Self::parse(TEMPLATE).context("template.yaml")
    }

    fn parse(text: &str) -> Result<Self> {
        let document: Value = serde_yaml_ng::from_str(text)?;
        let resources = mapping(&document, "Resources")?;
        let mut routes = Vec::new();
        for resource in resources.values() {
            if resource.get("Type").and_then(Value::as_str) == Some("AWS::Serverless::Function") {
                let properties = member(resource, "Properties")?;
                let function = text_of(properties, "CodeUri")?.trim_start_matches("functions/").to_owned();
                let events = mapping(properties, "Events")?.values();
                for event in events.filter(|event| is_route(event)) {
                    let route = member(event, "Properties")?;
                    routes.push(Route {
                        method: text_of(route, "Method")?,
                        path: text_of(route, "Path")?,
                        function: function.clone(),
                    });
                }
            }
        }
        let resources = member(&document, "Resources")?;
        let table = member(member(resources, "Table")?, "Properties")?;
        let cors = member(member(member(resources, "Api")?, "Properties")?, "CorsConfiguration")?;
        Ok(Self {
            routes,
            table: Table {
                attributes: pairs(table, "AttributeDefinitions", "AttributeName", "AttributeType")?,
                keys: pairs(table, "KeySchema", "AttributeName", "KeyType")?,
                indexes: sequence(table, "GlobalSecondaryIndexes")?
                    .iter()
                    .map(|item| index(as_by_default(item)))
                    .collect::<Result<_>>()?,
                ttl_attribute: text_of(member(table, "TimeToLiveSpecification")?, "AttributeName")?,
            },
            cors: Cors {
                methods: texts(cors, "AllowMethods")?,
                allow_headers: joined_texts(cors, "AllowHeaders")?,
                expose_headers: texts(cors, "ExposeHeaders")?,
                max_age: member(cors, "MaxAge")?.as_u64().context("MaxAge is no number")?,
            },
            document,
        })
    }
}

fn is_route(event: &Value) -> bool {
    event.get("Type").and_then(Value::as_str) == Some("HttpApi")
}

/// Returns an item of a list, or the first branch of an `!If`: with the template's defaults, the table has every index.
fn as_by_default(item: &Value) -> &Value {
    let choice = if let Value::Tagged(tagged) = item { Some(tagged) } else { None };
    choice.filter(|tagged| tagged.tag == "If").and_then(|tagged| tagged.value.get(1)).unwrap_or(item)
}

fn index(index: &Value) -> Result<Index> {
    let projection = member(index, "Projection")?;
    Ok(Index {
        name: text_of(index, "IndexName")?,
        keys: pairs(index, "KeySchema", "AttributeName", "KeyType")?,
        included: match text_of(projection, "ProjectionType")?.as_str() {
            "KEYS_ONLY" => Vec::new(),
            _ => texts(projection, "NonKeyAttributes")?,
        },
    })
}

fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Value> {
    value.get(name).with_context(|| format!("{name} is missing"))
}

fn mapping<'a>(value: &'a Value, name: &str) -> Result<&'a serde_yaml_ng::Mapping> {
    member(value, name)?.as_mapping().with_context(|| format!("{name} is no mapping"))
}

fn text_of(value: &Value, name: &str) -> Result<String> {
    let text = member(value, name)?.as_str();
    Ok(text.with_context(|| format!("{name} is no text"))?.to_owned())
}

fn sequence<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    member(value, name)?.as_sequence().with_context(|| format!("{name} is no list"))
}

fn texts(value: &Value, name: &str) -> Result<Vec<String>> {
    let text = |item: &Value| item.as_str().map(str::to_owned).context("an item is no text");
    sequence(value, name)?.iter().map(text).collect()
}

/// Returns the items of `!Split [",", !Join [",", items]]`. An `!If` among them counts as its last branch: the template's
/// defaults, which the local run has, fulfil no such condition.
fn joined_texts(value: &Value, name: &str) -> Result<Vec<String>> {
    let argument = |value: &Value, tag: &str, at: usize| {
        let Value::Tagged(tagged) = value else { return None };
        if tagged.tag == tag { tagged.value.get(at).cloned() } else { None }
    };
    let joined = argument(member(value, name)?, "Split", 1);
    let items = joined.and_then(|joined| argument(&joined, "Join", 1));
    let items = items.with_context(|| format!("{name} is no split text"))?;
    let text = |item: &Value| {
        let item = argument(item, "If", 2).unwrap_or_else(|| item.clone());
        item.as_str().map(str::to_owned).context("an item is no text")
    };
    items.as_sequence().with_context(|| format!("{name} joins no list"))?.iter().map(text).collect()
}

fn pairs(value: &Value, name: &str, first: &str, second: &str) -> Result<Vec<(String, String)>> {
    let pair = |item: &Value| Ok((text_of(item, first)?, text_of(item, second)?));
    sequence(value, name)?.iter().map(as_by_default).map(pair).collect()
}
