//! The service under the fuzzer.

use std::cell::RefCell;
use std::collections::HashMap;

use api::Event;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use dev::engine;
use dev::functions::{Environment, Functions};
use dev::in_process::InProcessEngine;
use dev::template::Template;
use domain::deposit_address::ForwarderFactory;
use runtime::{Clock, SigningSecrets};
use store::Store;
use tokio::runtime::{Builder, Runtime};

use crate::answer::Answer;
use crate::fixture::{self, FACTORY, NOW, SECRET};
use crate::request::Request;

const TABLE: &str = "checkout";

type Item = HashMap<String, AttributeValue>;

/// The functions over an engine in memory.
#[derive(Debug)]
pub struct Service {
    runtime: Runtime,
    template: Template,
    aws: SdkConfig,
    /// What the table holds before each input.
    fixture: Vec<Item>,
    functions: Functions,
    database: Client,
    /// How much the answers can be about, in bytes.
    sent: usize,
    /// Whether a request of this input succeeded in changing something.
    is_changed: bool,
}

thread_local! {
    static SERVICE: RefCell<Service> = RefCell::new(Service::start());
}

impl Service {
    /// Runs one input against the service. If no request was accepted, the table must be unchanged. Otherwise the next
    /// input gets a new table, so that no input depends on an earlier one and no run grows without bound.
    pub fn run(input: impl FnOnce(&mut Self)) {
        SERVICE.with_borrow_mut(|service| {
            service.sent = 0;
            input(service);
            if service.is_changed {
                service.restore();
            } else {
                assert_eq!(service.stored(), service.fixture, "a refused request changed something");
            }
        });
    }

    /// Hands a request to its function; `None` if the input is no request.
    pub fn send(&mut self, request: &Request) -> Option<Answer> {
        Some(self.invoke(&request.function, request.event()?))
    }

    /// Hands an event to a function.
    pub fn invoke(&mut self, function: &str, event: Event) -> Answer {
        self.sent += event.body.as_ref().map_or(0, String::len);
        let response = self.runtime.block_on(self.functions.invoke(function, event));
        let answer = Answer::read(&response.expect("a function"), self.sent);
        self.is_changed |= answer.status == 200 && !function.starts_with("get-");
        answer
    }

    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let template = Template::compiled_in().expect("the template");
        let aws = runtime.block_on(engine::sdk_config("http://in-process"));
        let table = runtime.block_on(empty_table(&aws, &template));
        runtime.block_on(fixture::put(&Store::new(&table, TABLE)));
        let mut service = Self {
            runtime,
            template,
            aws,
            fixture: Vec::new(),
            functions: functions(&table),
            database: Client::new(&table),
            sent: 0,
            is_changed: false,
        };
        for call in fixture::calls() {
            let answer = service.send(&call).expect("an event");
            assert_eq!(answer.status, 200, "{call:?}: {answer:?}");
        }
        service.fixture = service.stored();
        service.is_changed = false;
        service
    }

    /// Starts again with the table's first contents.
    fn restore(&mut self) {
        let table = self.runtime.block_on(empty_table(&self.aws, &self.template));
        (self.functions, self.database) = (functions(&table), Client::new(&table));
        self.is_changed = false;
        for item in &self.fixture {
            let put = self.database.put_item().table_name(TABLE).set_item(Some(item.clone()));
            self.runtime.block_on(put.send()).expect("an item");
        }
    }

    /// All that the table holds.
    fn stored(&self) -> Vec<Item> {
        let scan = self.database.scan().table_name(TABLE).send();
        self.runtime.block_on(scan).expect("a scan").items.unwrap_or_default()
    }
}

/// How to reach a new engine with an empty table.
async fn empty_table(aws: &SdkConfig, template: &Template) -> SdkConfig {
    let config = InProcessEngine::new().expect("an engine").reached_from(aws);
    engine::create_table(&config, TABLE, &template.table).await.expect("a table");
    config
}

fn functions(aws: &SdkConfig) -> Functions {
    let secrets = SigningSecrets::parse(SECRET).expect("a secret");
    let factory = ForwarderFactory::parse(FACTORY).expect("a factory");
    Functions::new(Environment::with_defaults(aws.clone(), TABLE, Clock::new(|| NOW), secrets, factory))
}
