//! The six functions over an engine that keeps its table in a file.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use api::Event;
use dev::engine;
use dev::functions::{Environment, Functions};
use dev::in_process::InProcessEngine;
use dev::template::Template;
use domain::deposit_address::ForwarderFactory;
use domain::retention::Retention;
use dynoxide::Database;
use runtime::{Clock, SigningSecrets};
use serde_json::Value;

use crate::cost::Cost;
use crate::event;
use crate::fill;
use crate::meter::{Meter, Reading, cpu_time};

/// The table's name.
pub const TABLE: &str = "checkout";

/// The factory of the deposit addresses' test vector.
const FACTORY: &str = "0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d";

/// The functions, and what they stand on.
pub struct Service {
    functions: Functions,
    meter: Meter,
    /// The database behind the functions' back.
    pub database: Database,
}

impl Service {
    /// A service with an empty table in this file.
    pub async fn open(file: &Path) -> Result<Self> {
        let path = file.to_str().context("the path of the temporary folder is not text")?;
        let database = Database::new(path).map_err(|error| anyhow!("the engine cannot start: {error}"))?;
        fill::usual(&database)?;
        let meter = Meter::new(InProcessEngine::from(database.clone()));
        let aws = meter.sdk_config().await;
        engine::create_table(&aws, TABLE, &Template::compiled_in()?.table).await?;
        let functions = Functions::new(Environment {
            aws,
            table: TABLE.to_owned(),
            clock: Clock::system(),
            secrets: SigningSecrets::parse(event::SECRET)?,
            factory: ForwarderFactory::parse(FACTORY)?,
            chains: domain::chain_config::Chains::default(),
            retention: Retention::DEFAULT,
        });
        Ok(Self { functions, meter, database })
    }

    /// Hands an event to a function, which must succeed.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Cost> {
        let event: Event = serde_json::from_value(event)?;
        self.meter.take();
        let began = cpu_time();
        let response = self.functions.invoke(function, event).await;
        let took = cpu_time().saturating_sub(began);
        let Reading { asked, engine, outside } = self.meter.take();
        let response = response.with_context(|| format!("there is no function {function}"))?;
        let body = response.body.as_ref().map(|body| String::from_utf8_lossy(body).into_owned());
        let answer = body.unwrap_or_default();
        ensure!(response.status_code == 200, "{function} answered {answer}");
        ensure!(
            asked.read_units + asked.write_units > 0.0,
            "the engine does not say what {function} consumed"
        );
        Ok(Cost { asked, own: took.saturating_sub(outside), engine, answer })
    }
}

/// The id of what a call made.
pub fn id_of(made: &Cost) -> Result<String> {
    let answer: Value = serde_json::from_str(&made.answer)?;
    let id = answer.pointer("/data/id").and_then(Value::as_str);
    Ok(id.context("an answer without an id")?.to_owned())
}
