//! `template.yaml` held to the code: what is deployed is what was tested, and may do what the
//! tests saw it do, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dev::chains;
use dev::template::Template;
use domain::api_key::Role;
use domain::chain_config::ChainsSource;
use domain::deposit_address::ForwarderFactory;
use harness::permissions::{Permissions, granted, needed};
use harness::{
    DEFAULT_LIFETIME, SECRET, Service, deposit, execution, id_of, new_uuid, openapi, order, order_for,
    refund, relay, with,
};
use reqwest::RequestBuilder;
use serde_json::json;
use serde_yaml_ng::Value;
use store::Store;

/// What of the environment is not ours: the log's level and the SDK's own.
const NOT_READ_AS_SETTINGS: [&str; 2] = ["RUST_LOG", "AWS_ENDPOINT_URL_DYNAMODB"];

type Names = BTreeSet<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the functions' folders.
fn folders() -> Names {
    let entries = fs::read_dir(root().join("functions")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    folders.collect()
}

fn document() -> Value {
    Template::compiled_in().unwrap().document
}

/// A part of the template, by the names that lead to it.
fn part<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    names.iter().fold(value, |value, name| {
        let part = value.get(name);
        part.unwrap_or_else(|| panic!("{names:?}: {name} is missing in {value:?}"))
    })
}

fn text<'a>(value: &'a Value, names: &[&str]) -> &'a str {
    part(value, names).as_str().unwrap()
}

/// The resources of a type, by their logical ids.
fn resources(document: &Value, kind: &str) -> BTreeMap<String, Value> {
    let resources = part(document, &["Resources"]).as_mapping().unwrap();
    resources
        .iter()
        .filter(|(_, resource)| text(resource, &["Type"]) == kind)
        .map(|(id, resource)| (id.as_str().unwrap().to_owned(), resource.clone()))
        .collect()
}

fn functions(document: &Value) -> BTreeMap<String, Value> {
    resources(document, "AWS::Serverless::Function")
}

/// The functions that no request reaches.
const SCHEDULED: [&str; 2] = [WATCHER, "watch-card"];
const WATCHER: &str = "watch-chain";
/// The function that answers every request with a page.
const PAGE: &str = "checkout-page";
/// The functions that answer with pages, and no error of whose is an envelope.
const PAGES: [&str; 2] = [PAGE, "pay-order"];

/// `create-order` as a resource is called: `CreateOrder`.
fn logical_id(folder: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    folder.split('-').map(capitalised).collect()
}

#[test]
fn one_name_runs_through_folder_resource_binary_log_and_event_files() {
    let document = document();
    let functions = functions(&document);
    let log_groups = resources(&document, "AWS::Logs::LogGroup");

    let expected: Names = folders().iter().map(|folder| logical_id(folder)).collect();
    assert_eq!(functions.keys().cloned().collect::<Names>(), expected);
    for folder in folders() {
        let id = logical_id(&folder);
        let function = &functions[&id];
        assert_eq!(text(function, &["Properties", "CodeUri"]), format!("functions/{folder}"));
        assert_eq!(text(function, &["Metadata", "BuildMethod"]), "rust-cargolambda");
        let binary = text(function, &["Metadata", "BuildProperties", "Binary"]);
        assert_eq!(binary, folder);
        let manifest: toml::Table = read(format!("functions/{folder}/Cargo.toml")).parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(folder.as_str()));

        let logs = format!("{id}Logs");
        assert!(log_groups.contains_key(&logs), "{logs}");
        let name = part(&log_groups[&logs], &["Properties", "LogGroupName"]);
        assert!(untagged(name).ends_with(&format!("/{folder}")), "{name:?}");
        let used = part(function, &["Properties", "LoggingConfig", "LogGroup"]);
        assert_eq!(untagged(used), logs);
    }

    let files = fs::read_dir(root().join("events")).unwrap();
    let files: Names = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let mut served: Names = routes().into_iter().map(|(_, _, function)| function).collect();
    assert!(PAGES.iter().all(|page| served.remove(*page)));
    let mut expected: Names =
        served.iter().flat_map(|folder| [format!("{folder}.json"), format!("{folder}.bad.json")]).collect();
    // No event of these can be bad.
    expected.extend(SCHEDULED.iter().chain(&PAGES).map(|folder| format!("{folder}.json")));
    expected.insert("expected.json".to_owned());
    assert_eq!(files, expected);
    let outcomes: serde_json::Value = serde_json::from_str(&read("events/expected.json")).unwrap();
    assert_eq!(outcomes.as_object().unwrap().keys().cloned().collect::<Names>(), served);
}

/// What a tag such as `!Ref` or `!Sub` is applied to.
fn untagged(value: &Value) -> &str {
    let value = if let Value::Tagged(tagged) = value { &tagged.value } else { value };
    value.as_str().unwrap()
}

/// Method, path and function of each route.
fn routes() -> BTreeSet<(String, String, String)> {
    let routes = Template::compiled_in().unwrap().routes;
    let all = routes.len();
    let routes: BTreeSet<_> =
        routes.into_iter().map(|route| (route.method, route.path, route.function)).collect();
    assert_eq!(routes.len(), all, "a route appears twice");
    routes
}

#[test]
fn every_function_has_exactly_one_route_but_the_one_that_runs_by_the_clock() {
    // Beside its GET, the page answers HEAD, and the payment link its own button.
    let is_second = |method: &str, function: &str| {
        PAGES.contains(&function) && method == if function == PAGE { "HEAD" } else { "POST" }
    };
    let routes = routes().into_iter().filter(|(method, _, function)| !is_second(method, function));
    let mut served: Vec<_> = routes.map(|(_, _, function)| function).collect();
    served.extend(SCHEDULED.map(str::to_owned));
    assert_eq!(served.len(), folders().len());
    assert_eq!(served.into_iter().collect::<Names>(), folders());
    for (id, function) in functions(&document()) {
        let events = part(&function, &["Properties", "Events"]).as_mapping().unwrap();
        assert_eq!(events.len(), if PAGES.map(logical_id).contains(&id) { 2 } else { 1 }, "{id}");
        for event in events.values() {
            if SCHEDULED.map(logical_id).contains(&id) {
                assert_eq!(text(event, &["Type"]), "ScheduleV2");
                continue;
            }
            assert_eq!(text(event, &["Type"]), "HttpApi");
            assert_eq!(text(event, &["Properties", "PayloadFormatVersion"]), "2.0");
        }
    }
}

#[test]
fn the_openapi_document_describes_the_same_routes() {
    const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let paths = openapi::document()["paths"].as_object().unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in paths {
        for member in item.as_object().unwrap().keys() {
            if METHODS.contains(&member.as_str()) {
                described.insert((member.to_uppercase(), path.clone()));
            }
        }
    }
    let deployed: BTreeSet<_> = routes().into_iter().map(|(method, path, _)| (method, path)).collect();
    assert_eq!(described, deployed);
}

#[test]
fn event_files_are_for_the_routes_of_their_functions() {
    let is_button = |method: &str, function: &str| method == "POST" && PAGES.contains(&function);
    let routes = routes().into_iter().filter(|(method, _, function)| !is_button(method, function));
    for (method, path, function) in routes.filter(|(method, ..)| method != "HEAD") {
        let bad = (!PAGES.contains(&function.as_str())).then(|| format!("{function}.bad.json"));
        for file in [format!("{function}.json")].into_iter().chain(bad) {
            let event: serde_json::Value = serde_json::from_str(&read(format!("events/{file}"))).unwrap();
            let route = format!("{method} {path}");
            assert_eq!(event["version"], "2.0", "{file}");
            assert_eq!(event["routeKey"], route, "{file}");
            let context = &event["requestContext"];
            assert_eq!(context["routeKey"], route, "{file}");
            assert_eq!(context["http"]["method"], method, "{file}");
            assert_eq!(context["http"]["path"], event["rawPath"], "{file}");

            // The parameters are those of the path, and the path is this route's.
            let mut expected = path.clone();
            let parameters = event["pathParameters"].as_object();
            for (name, value) in parameters.into_iter().flatten() {
                expected = expected.replace(&format!("{{{name}}}"), value.as_str().unwrap());
            }
            assert_eq!(event["rawPath"], expected, "{file}");
        }
    }
}

/// Payers would be sent to addresses that the contracts know nothing of.
#[test]
fn the_template_and_the_code_have_one_forwarder_factory() {
    let document = document();
    let deployed = text(&document, &["Parameters", "ForwarderFactory", "Default"]);
    assert_eq!(deployed, format!("{:#x}", ForwarderFactory::DEPLOYED));
}

#[tokio::test]
async fn each_function_is_given_the_settings_that_it_declares_and_no_others() {
    let document = document();
    let variables = |value: &Value| -> Names {
        let names = value
            .get("Environment")
            .and_then(|environment| environment.get("Variables"))
            .and_then(Value::as_mapping);
        let names = names.into_iter().flat_map(serde_yaml_ng::Mapping::keys);
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let service = Service::start().await;
    let mut settings = service.functions(&service.clock).await.settings();
    settings.insert(WATCHER, watch_chain::SETTINGS);
    settings.insert("watch-card", cards::settings::SETTINGS);
    let of_all = variables(part(&document, &["Globals", "Function"]));
    for folder in folders() {
        let function = &functions(&document)[&logical_id(&folder)];
        let mut given = variables(part(function, &["Properties"]));
        given.extend(of_all.clone());
        for name in NOT_READ_AS_SETTINGS {
            assert!(given.remove(name), "{folder}: {name}");
        }
        assert!(!given.is_empty());
        let declared: Names = settings[folder.as_str()].iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(given, declared, "{folder}");
    }
}

#[tokio::test]
async fn items_that_may_go_carry_the_ttl_attribute_of_the_table() {
    let attribute = Template::compiled_in().unwrap().table.ttl_attribute;
    let service = Service::start().await;
    let now = service.clock.now().as_seconds();
    let abandoned = service.post("/checkout-sessions").json(&json!({}));
    service.send(abandoned.header("idempotency-key", "a key")).await.ok();
    service.create_order(order()).await.ok();
    let paid_alone = id_of(&service.create_order(order()).await);
    let session = service.session().await;
    let paid = service.linked_order(&session).await;
    for paid in [paid_alone, paid] {
        service.record_event(&paid, "deposit.detected", deposit("0x01", "1")).await.ok();
    }

    let scan = service.database.scan().table_name(&service.table);
    let items = scan.consistent_read(true).send().await.unwrap().items.unwrap();
    let mut lifetimes = Vec::new();
    for item in items {
        if let Some(ttl) = item.get(&attribute) {
            let is_alone = !item.contains_key("session");
            let is_record = item.contains_key("ledger") || (item.contains_key("order") && !is_alone);
            assert!(!is_record, "a financial record would be removed");
            lifetimes.push(ttl.as_n().unwrap().parse::<i64>().unwrap() - now);
        }
    }
    lifetimes.sort_unstable();
    // The key, the order on its own that was not paid, and the session without an order; and neither an order that was
    // paid, nor the session with an order, nor a deposit.
    let thirty_days = 30 * 24 * 60 * 60;
    let session = i64::try_from(DEFAULT_LIFETIME.as_secs()).unwrap() + thirty_days;
    assert_eq!(lifetimes.len(), 3, "{lifetimes:?}");
    assert!(lifetimes[0] >= 24 * 60 * 60, "{lifetimes:?}");
    assert_eq!(lifetimes[1..], [15 * 60 + thirty_days, session]);
}

#[test]
fn the_table_keeps_what_it_holds() {
    let document = document();
    let tables = resources(&document, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 1);
    let table = &tables["Table"];
    // Retained, but for a table whose stack could not be created.
    assert_eq!(text(table, &["DeletionPolicy"]), "RetainExceptOnCreate");
    assert_eq!(text(table, &["UpdateReplacePolicy"]), "Retain");
    let properties = part(table, &["Properties"]);
    assert_eq!(text(properties, &["BillingMode"]), "PAY_PER_REQUEST");
    for names in [
        ["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"].as_slice(),
        &["SSESpecification", "SSEEnabled"],
        &["TimeToLiveSpecification", "Enabled"],
    ] {
        assert_eq!(part(properties, names).as_bool(), Some(true), "{names:?}");
    }
    assert_eq!(untagged(part(properties, &["DeletionProtectionEnabled"])), "TableDeletionProtection");
    assert_eq!(text(&document, &["Parameters", "TableDeletionProtection", "Default"]), "true");
}

/// The alarms of the template, by their logical ids.
fn alarms(document: &Value) -> BTreeMap<String, Value> {
    resources(document, "AWS::CloudWatch::Alarm")
}

#[test]
fn every_alarm_has_a_runbook_entry_and_every_entry_an_alarm() {
    let document = document();
    let runbook = read("docs/runbook.md");
    let headings: Names =
        runbook.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    let alarms: Names = alarms(&document).into_keys().collect();
    assert!(!alarms.is_empty());
    let missing: Vec<_> = alarms.difference(&headings).collect();
    assert!(missing.is_empty(), "docs/runbook.md has no entry for {missing:?}");
    // A heading that is one word in capitals is an alarm's name.
    let names = headings.iter().filter(|heading| !heading.contains(' ')).cloned().collect::<Names>();
    assert_eq!(names, alarms);
}

/// The alarms `SettlementTrouble`, `OnrampMisconfigured` and `CardTrouble` fire on each `ERROR` line, so the runbook explains each.
#[test]
fn the_runbook_explains_every_error_line_that_fires_an_alarm() {
    let runbook = read("docs/runbook.md");
    let rows = runbook.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let explained: Names = rows.map(|(message, _)| message.to_owned()).collect();
    let mut logged = Names::new();
    // The watcher logs what `evm` logs, too.
    let folders =
        ["functions/watch-chain/src", "evm/src", "functions/pay-order/src", "functions/watch-card/src"]
            .map(|path| root().join(path));
    for file in folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let text = read(file.unwrap().path());
        for line in text.split("tracing::error!(").skip(1) {
            // The message is the last text of the macro's arguments.
            let (arguments, _) = line.split_once(");").unwrap();
            let message = arguments.rsplit('"').nth(1).unwrap();
            logged.insert(message.to_owned());
        }
    }
    assert!(!logged.is_empty());
    assert_eq!(logged, explained);
}

#[test]
fn every_alarm_describes_itself_and_notifies_the_topic() {
    for (id, alarm) in alarms(&document()) {
        let properties = part(&alarm, &["Properties"]);
        assert!(text(properties, &["AlarmDescription"]).ends_with('.'), "{id}");
        for actions in ["AlarmActions", "OKActions"] {
            let Value::Tagged(choice) = part(properties, &[actions]) else { panic!("{id}: {actions}") };
            assert_eq!(choice.value[0], "HasAlarmTopic", "{id}");
            assert_eq!(untagged(&choice.value[1][0]), "AlarmTopicArn", "{id}");
        }
    }
}

/// A watcher that does not run reports nothing, so silence must raise its alarms. Without chains there is nothing to
/// report, and the alarms do not exist.
#[test]
fn alarms_on_the_watchers_metrics_fire_on_missing_data_and_exist_only_with_chains() {
    let expected = BTreeMap::from([
        ("Runs", ("WatcherSilent", "breaching")),
        ("HeadAgeSeconds", ("ChainHeadStale", "breaching")),
        ("CursorLagSeconds", ("ChainCursorLagging", "breaching")),
        ("OldestUnsettledSeconds", ("SettlementOverdue", "breaching")),
        ("GasBalanceGwei", ("GasBalanceLow", "notBreaching")),
        ("SettlementsWithoutEffect", ("SettlementWithoutEffect", "notBreaching")),
        ("OrdersInTrouble", ("OrderInTrouble", "notBreaching")),
        ("TokensMisconfigured", ("TokenMisconfigured", "notBreaching")),
    ]);
    let document = document();
    let mut found = BTreeMap::new();
    let alarms = alarms(&document);
    for (id, alarm) in &alarms {
        let properties = part(alarm, &["Properties"]);
        let namespace = properties.get("Namespace").filter(|namespace| matches!(namespace, Value::Tagged(_)));
        let metric = properties.get("MetricName").and_then(Value::as_str);
        // An alarm on errors in a log has a metric filter, which reports nothing as long as there is no error.
        let of_a_log = ["CardErrors", "OnrampErrors", "SettlementTroubles"];
        let (Some(namespace), Some(metric)) = (namespace, metric.filter(|name| !of_a_log.contains(name)))
        else {
            continue;
        };
        assert_eq!(untagged(namespace), "AWS::StackName", "{id}");
        assert_eq!(text(alarm, &["Condition"]), "HasChains", "{id}");
        assert!(properties.get("Dimensions").is_none(), "{id}");
        found.insert(metric, (id.as_str(), text(properties, &["TreatMissingData"])));
    }
    assert_eq!(found, expected);
    let watcher = &functions(&document)[&logical_id(WATCHER)];
    let namespace = part(watcher, &["Properties", "Environment", "Variables", "METRICS_NAMESPACE"]);
    assert_eq!(untagged(namespace), "AWS::StackName");
}

/// `.ci/deployment.py` checks the same of what SAM makes of the template.
#[test]
fn failed_runs_are_not_repeated_and_the_schedule_has_no_fixed_name() {
    let document = document();
    let watcher = &functions(&document)[&logical_id(WATCHER)];
    let asynchronous = part(watcher, &["Properties", "EventInvokeConfig"]);
    assert_eq!(part(asynchronous, &["MaximumRetryAttempts"]).as_u64(), Some(0));
    assert_eq!(part(asynchronous, &["MaximumEventAgeInSeconds"]).as_u64(), Some(60));
    let schedule = part(watcher, &["Properties", "Events", "EveryMinute", "Properties"]);
    assert_eq!(part(schedule, &["OmitName"]).as_bool(), Some(true));
    let Value::Tagged(reserved) = part(watcher, &["Properties", "ReservedConcurrentExecutions"]) else {
        panic!("the reservation is no choice");
    };
    assert_eq!(reserved.value[0], "ReservesWatcherConcurrency");
    // A new account could not grant it.
    assert_eq!(text(&document, &["Parameters", "ReserveWatcherConcurrency", "Default"]), "no");
}

#[test]
fn chains_without_their_secret_are_refused_at_deployment() {
    let document = document();
    let rule = part(&document, &["Rules", "ChainsNeedTheirSecret"]);
    let names = format!("{rule:?}");
    assert!(names.contains("Chains") && names.contains("ChainSecretArn"), "{names}");
    let assertion = &part(rule, &["Assertions"])[0];
    assert!(text(assertion, &["AssertDescription"]).contains("ChainSecretArn"));
}

#[test]
fn browsers_may_send_the_headers_of_the_clients_and_of_tracing() {
    let allowed: Names = Template::compiled_in().unwrap().cors.allow_headers.into_iter().collect();
    for header in [
        "content-type",
        "authorization",
        "x-api-key",
        "idempotency-key",
        "x-fingerprint-request-id",
        "x-fingerprint-visitor-id",
        "traceparent",
        "tracestate",
        "baggage",
        "sentry-trace",
    ] {
        assert!(allowed.contains(header), "{header}");
    }
}

/// `cargo dev chains put` prints what the documentation says, and functions read what it prints.
#[tokio::test]
async fn a_stored_revision_is_what_the_functions_read() {
    let service = Service::start().await;
    let store = Store::new(&dev::engine::sdk_config(&service.endpoint).await, &service.table);
    let load = async |text: &str| store.load_chains(ChainsSource::parse(text).unwrap()).await;

    let missing = load("table:1").await.unwrap_err().to_string();
    assert!(missing.starts_with("CHAINS: ") && missing.contains("cargo dev chains put"), "{missing}");
    let chain = |token: &str| json!([{ "chainId": 8453, "tokens": [token], "finality": "safe" }]).to_string();
    let (first, second) = (format!("0x{:040x}", 1), format!("0x{:040x}", 2));
    for (token, command) in [(&first, "Chains=table:1"), (&second, "Chains=table:2")] {
        let revision = chains::put(&store, &chain(token)).await.unwrap();
        assert_eq!(chains::deploy_command(revision), format!("sam deploy --parameter-overrides {command}"));
    }
    // A revision never changes: a deployment with the first one reads what it always read.
    for (source, token) in [("table:1", &first), ("table:2", &second)] {
        let chains = load(source).await.unwrap();
        assert_eq!(chains.iter().next().unwrap().tokens[0].address.as_str(), token);
    }
    let (newest, text) = chains::show(&store, None).await.unwrap();
    assert!(newest.as_u32() == 2 && text.contains(&second), "{text}");

    for refused in ["[]", "[{", &chain("0x0000000000000000000000000000000000000000")] {
        assert!(chains::put(&store, refused).await.is_err(), "{refused}");
    }
    assert!(chains::show(&store, "3".parse().ok()).await.is_err());
}

#[tokio::test]
async fn concurrent_writers_get_revisions_of_their_own() {
    let service = Service::start().await;
    let store = &Store::new(&dev::engine::sdk_config(&service.endpoint).await, &service.table);
    let puts = (1..=8_u64).map(async |chain| {
        let text = json!([{ "chainId": chain, "tokens": [format!("0x{chain:040x}")], "finality": "safe" }]);
        (chains::put(store, &text.to_string()).await.unwrap().as_u32(), chain)
    });
    let stored: BTreeMap<u32, u64> = futures::future::join_all(puts).await.into_iter().collect();
    assert_eq!(stored.keys().copied().collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    for (revision, chain) in stored {
        let source = ChainsSource::parse(&format!("table:{revision}")).unwrap();
        let chains = store.load_chains(source).await.unwrap();
        assert_eq!(chains.iter().next().unwrap().id.as_u64(), chain);
    }
}

#[test]
fn a_function_outlasts_its_own_retries_and_the_gateway_outlasts_the_function() {
    let document = document();
    let timeout = part(&document, &["Globals", "Function", "Timeout"]).as_u64().unwrap();
    // The store gives up after ten seconds, API Gateway after thirty.
    assert!((11..30).contains(&timeout), "{timeout}");
    for (id, function) in functions(&document) {
        let own = part(&function, &["Properties"]).get("Timeout").and_then(Value::as_u64);
        // A run polls for 50 s, and the step that it is in may take as long as a request to a node.
        let expected = match id.as_str() {
            "WatchChain" => Some(65),
            "WatchCard" => Some(70),
            _ => None,
        };
        assert_eq!(own, expected, "{id}");
    }
}

#[test]
fn functions_are_traced_and_log_json_for_a_limited_time() {
    let document = document();
    let globals = part(&document, &["Globals", "Function"]);
    assert_eq!(text(globals, &["Runtime"]), "provided.al2023");
    assert_eq!(text(globals, &["Tracing"]), "Active");
    assert_eq!(text(globals, &["LoggingConfig", "LogFormat"]), "JSON");
    for (id, logs) in resources(&document, "AWS::Logs::LogGroup") {
        let retention = part(&logs, &["Properties", "RetentionInDays"]);
        assert_eq!(untagged(retention), "LogRetentionDays", "{id}");
    }
}

/// What functions may do something to; the table only with the partition keys of their own items.
const KNOWN_RESOURCES: [&str; 17] = [
    "Table.Arn card#*",
    "Table.Arn checkout#*",
    "Table.Arn checkout#*, chain#*",
    "Table.Arn checkout#*, idempotency#*",
    "Table.Arn config",
    "Table.Arn key#*",
    "Table.Arn visits#*",
    "${Table.Arn}/index/listed-sessions",
    "${Table.Arn}/index/orders-by-creator",
    "${Table.Arn}/index/sessions-by-reference",
    "${Table.Arn}/index/watched-orders",
    "PaymentEventsSecretArn",
    "ChainSecretArn",
    "CoinbaseSecretArn",
    "GasKmsKeyArn",
    "MoonPaySecretArn",
    "StripeSecretArn",
];

#[test]
fn no_function_may_do_anything_to_everything() {
    for folder in folders() {
        for (resource, actions) in granted(&folder) {
            assert!(KNOWN_RESOURCES.contains(&resource.as_str()), "{folder}: {resource}");
            for action in actions {
                assert!(!action.contains('*'), "{folder}: {action}");
            }
        }
    }
}

#[test]
fn no_secret_stands_in_what_is_deployed() {
    for file in ["template.yaml", "samconfig.toml"] {
        let text = read(file);
        assert!(!text.contains(SECRET.trim_start_matches("whsec_")), "{file}");
        // Where secrets are spoken of, no value follows.
        for after in text.split("whsec_").skip(1) {
            assert!(!after.starts_with(|c: char| c.is_ascii_alphanumeric()), "{file}");
        }
    }
    let document = document();
    let record = &functions(&document)["RecordOrderEvent"];
    let variables = part(record, &["Properties", "Environment", "Variables"]);
    assert_eq!(untagged(part(variables, &["PAYMENT_EVENTS_SECRET"])), "AWS::NoValue");
    assert_eq!(untagged(part(variables, &["PAYMENT_EVENTS_SECRET_ARN"])), "PaymentEventsSecretArn");
}

/// What the calls since the last time needed, by what the function is granted.
fn permissions(service: &Service, folder: &str) -> Permissions {
    needed(&service.calls.take(), &granted(folder))
}

/// What each function did to the table on all its ways: success, with a key, replay, conflict
/// and refusal.
async fn observed() -> BTreeMap<&'static str, Permissions> {
    let service = Service::start().await;
    let mut observed = BTreeMap::new();
    let keyed = async |path: &str, key: &str, body: serde_json::Value| {
        let request = service.post(path).header("idempotency-key", key).json(&body);
        service.send(request).await
    };

    // Each call with a key that its function has not read yet.
    let signed_in = async |request: RequestBuilder| {
        let key = service.api_key("shop", Role::Secret).await;
        service.send(request.header("x-api-key", key)).await.ok();
    };

    service.session().await;
    signed_in(service.post("/checkout-sessions").json(&json!({}))).await;
    for reference in ["a", "a", "b"] {
        let body = json!({ "client_reference_id": reference });
        keyed("/checkout-sessions", "session", body).await;
    }
    observed.insert("create-checkout-session", permissions(&service, "create-checkout-session"));

    service.create_order(order()).await.ok();
    for reference in ["a", "a", "b"] {
        let body = with(order(), json!({ "clientReferenceId": reference }));
        keyed("/orders", "order", body).await;
    }
    let (linked, keyed_link, unknown) = {
        let sessions = (service.session().await, service.session().await);
        service.calls.take();
        (sessions.0, sessions.1, new_uuid().to_string())
    };
    signed_in(service.post("/orders").json(&order())).await;
    let made = service.create_order(order_for(&linked)).await;
    let order = made.ok()["id"].as_str().unwrap();
    service.create_order(order_for(&linked)).await.failure();
    service.create_order(order_for(&unknown)).await.failure();
    for session in [&keyed_link, &keyed_link, &linked] {
        keyed("/orders", "link", order_for(session)).await;
    }
    for session in [&linked, &unknown] {
        keyed("/orders", &format!("link {session}"), order_for(session)).await;
    }
    observed.insert("create-order", permissions(&service, "create-order"));

    for session in [&linked, &keyed_link, &unknown] {
        service.get_session(session).await;
        service.get_session_with_order(session).await;
    }
    signed_in(service.get(&format!("/checkout-sessions/{linked}"))).await;
    observed.insert("get-checkout-session", permissions(&service, "get-checkout-session"));

    for id in [order, &unknown] {
        service.get_order(id).await;
    }
    signed_in(service.get(&format!("/orders/{order}"))).await;
    observed.insert("get-order", permissions(&service, "get-order"));

    for id in [order, &unknown] {
        for (kind, facts) in [
            ("deposit.detected", deposit("0x01", "1")),
            ("deposit.detected", deposit("0x01", "1")),
            ("relay.updated", relay("0x02", "pending")),
            ("order.failed", json!({ "errorDetails": "no liquidity" })),
            ("order.executed", execution("0x03")),
            ("refund.updated", refund("0x04", "1", "failure")),
            ("refund.updated", refund("0x04", "1", "success")),
        ] {
            service.record_event(id, kind, facts).await;
        }
        for amount in ["5", "5", "6"] {
            let body = json!({ "type": "deposit.detected", "data": deposit("0x05", amount) });
            let request = service.event(id, body.to_string().as_bytes());
            service.send(request.header("idempotency-key", "event")).await;
        }
    }
    observed.insert("record-order-event", permissions(&service, "record-order-event"));

    let key = service.api_key("shop", Role::Secret).await;
    let listed = json!({ "client_reference_id": "cart-1" });
    let listed = service.post("/checkout-sessions").json(&listed).header("x-api-key", &key);
    let listed = service.send(listed).await.ok()["id"].as_str().unwrap().to_owned();
    let created = with(order_for(&listed), json!({ "creatorAddress": "0x1" }));
    service.create_order(created).await.ok();
    service.calls.take();
    for query in ["", "?client_reference_id=cart-1", &format!("?starting_after={listed}")] {
        let request = service.get(&format!("/checkout-sessions{query}")).header("x-api-key", &key);
        service.send(request).await.ok();
    }
    observed.insert("list-checkout-sessions", permissions(&service, "list-checkout-sessions"));
    let request = service.get("/orders?creatorAddress=0x1").header("x-api-key", &key);
    service.send(request).await.ok();
    observed.insert("list-orders", permissions(&service, "list-orders"));

    let others = (service.session().await, service.session().await);
    let called_off = service.session().await;
    service.calls.take();
    signed_in(service.post(&format!("/checkout-sessions/{called_off}/expire"))).await;
    for session in [&others.0, &others.0, &linked, &unknown] {
        service.expire_session(session).await;
    }
    let path = format!("/checkout-sessions/{}/expire", others.1);
    for body in [json!({}), json!({}), json!({ "other": true })] {
        keyed(&path, "expire", body).await;
    }
    observed.insert("expire-checkout-session", permissions(&service, "expire-checkout-session"));
    observed
}

#[tokio::test]
async fn each_function_is_granted_exactly_the_actions_that_it_uses_on_the_one_table() {
    let mut observed = observed().await;
    // A request of the page costs no call: `checkout_page.rs` holds it to that.
    observed.insert(PAGE, Permissions::new());
    observed.extend(crate::card_payments::permissions().await);
    observed.insert("record-coinbase-event", crate::coinbase::permissions().await);
    // The other one needs a chain: `tests/chain` holds it.
    assert_eq!(observed.len() + 1, folders().len());
    for (folder, needed) in observed {
        let mut granted = granted(folder);
        // The one other thing that any of them may do.
        if folder == "record-order-event" {
            let secret = granted.remove("PaymentEventsSecretArn").unwrap();
            assert_eq!(secret, Names::from(["secretsmanager:GetSecretValue".to_owned()]));
        }
        let vendors: &[&str] = match folder {
            "pay-order" => &["CoinbaseSecretArn", "MoonPaySecretArn", "StripeSecretArn"],
            "record-coinbase-event" => &["CoinbaseSecretArn"],
            "record-stripe-event" | "watch-card" => &["StripeSecretArn"],
            _ => &[],
        };
        for secret in vendors {
            let actions = granted.remove(*secret).unwrap();
            assert_eq!(actions, Names::from(["secretsmanager:GetSecretValue".to_owned()]));
        }
        // Read once at the start, if the configuration is in the table.
        if ["create-order", "create-checkout-session", "pay-order", PAGE].contains(&folder) {
            let config = granted.remove("Table.Arn config").unwrap();
            assert_eq!(config, Names::from(["dynamodb:GetItem".to_owned()]));
        }
        assert_eq!(granted, needed, "{folder}");
    }
}

/// The names of the table's indexes, and of the attributes that it declares, with so many indexes.
fn indexes_with(count: usize) -> (Vec<String>, Names) {
    let document = document();
    let table = part(&document, &["Resources", "Table", "Properties"]);
    let holds = |condition: &str| {
        let needed = match condition {
            "HasListedSessions" => 2,
            "HasSessionsByReference" => 3,
            "HasOrdersByCreator" => 4,
            other => panic!("the table has a condition {other}"),
        };
        count >= needed
    };
    let present = |item: &Value| match choice(item) {
        Some((condition, chosen)) => holds(condition).then(|| chosen.clone()),
        None => Some(item.clone()),
    };
    let items = |name: &str| {
        let items = part(table, &[name]).as_sequence().unwrap();
        items.iter().filter_map(present).collect::<Vec<Value>>()
    };
    let names =
        items("GlobalSecondaryIndexes").iter().map(|index| text(index, &["IndexName"]).to_owned()).collect();
    let declared = items("AttributeDefinitions");
    let declared = declared.iter().map(|item| text(item, &["AttributeName"]).to_owned()).collect();
    (names, declared)
}

#[test]
fn a_single_update_adds_at_most_one_index_and_declares_what_its_keys_use() {
    let document = document();
    let most = part(&document, &["Parameters", "Indexes", "Default"]).as_u64().unwrap();
    let most = usize::try_from(most).unwrap();
    let mut earlier: Vec<String> = Vec::new();
    for count in 1..=most {
        let (indexes, declared) = indexes_with(count);
        assert_eq!(indexes.len(), count);
        assert_eq!(indexes[..count - 1], earlier, "an update adds an index and changes none");
        let table = part(&document, &["Resources", "Table", "Properties"]);
        let all = part(table, &["GlobalSecondaryIndexes"]).as_sequence().unwrap();
        let all = all.iter().map(|item| choice(item).map_or(item, |(_, chosen)| chosen));
        let built = all.filter(|index| indexes.iter().any(|name| name == text(index, &["IndexName"])));
        let keys = built.chain([table]).flat_map(|keyed| part(keyed, &["KeySchema"]).as_sequence().unwrap());
        let used: Names = keys.map(|key| text(key, &["AttributeName"]).to_owned()).collect();
        assert_eq!(declared, used, "CloudFormation refuses an attribute that no key uses");
        earlier = indexes;
    }
}

/// The condition and the first branch of an `!If`.
fn choice(item: &Value) -> Option<(&str, &Value)> {
    let Value::Tagged(tagged) = item else { return None };
    (tagged.tag == "If").then(|| (tagged.value[0].as_str().unwrap(), &tagged.value[1]))
}
