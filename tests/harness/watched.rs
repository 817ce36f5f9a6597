//! A service that looks for deposits on a chain itself.

use aws_config::SdkConfig;
use dev::functions::{Environment, Functions};
use dev::in_process::InProcessEngine;
use dev::template::Template;
use dev::{engine, gateway};
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::retention::Retention;
use reqwest::Client;
use runtime::SigningSecrets;

use super::{Recorder, SECRET, Service, TestClock, new_uuid, serve};

impl Service {
    /// A service with an empty table, for orders on these chains, and the configuration by which a watcher reaches the table. The
    /// engine is in this process: a watcher calls it often, and what a connection does is tested elsewhere.
    pub async fn watching(chains: Chains) -> (Self, SdkConfig) {
        let template = Template::compiled_in().unwrap();
        let config = InProcessEngine::new().unwrap().sdk_config().await;
        let table = format!("checkout-{}", new_uuid());
        engine::create_table(&config, &table, &template.table).await.unwrap();
        let (clock, calls) = (TestClock::at_the_present(), Recorder::default());
        let functions = Functions::new(Environment {
            aws: calls.listen_on(&config),
            table: table.clone(),
            clock: clock.reader(),
            secrets: SigningSecrets::parse(SECRET).unwrap(),
            factory: ForwarderFactory::default(),
            chains,
            retention: Retention::DEFAULT,
        });
        let router = gateway::router(&template, functions, clock.reader()).unwrap();
        let service = Self {
            base: serve(router).await,
            http: Client::new(),
            clock,
            calls,
            database: aws_sdk_dynamodb::Client::new(&config),
            table,
            endpoint: String::new(),
        };
        (service, config)
    }
}
