//! The settings of the functions, the chains that they read, and how long a function may run.

use std::collections::BTreeMap;

use dev::chains;
use domain::chain_config::ChainsSource;
use domain::deposit_address::ForwarderFactory;
use harness::Service;
use serde_json::json;
use serde_yaml_ng::Value;
use store::Store;

use super::{Names, WATCHER, document, folders, functions, logical_id, part, resources, text, untagged};

/// What of the environment is not ours: the log's level and the SDK's own.
const NOT_READ_AS_SETTINGS: [&str; 2] = ["RUST_LOG", "AWS_ENDPOINT_URL_DYNAMODB"];

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
