//! The alarms: each has a runbook entry and notifies the topic.

use std::collections::BTreeMap;
use std::fs;

use serde_yaml_ng::Value;

use super::{Names, WATCHER, document, functions, logical_id, part, read, resources, root, text, untagged};

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
    let folders = [
        "shared/cards/src",
        "functions/watch-chain/src",
        "evm/src",
        "functions/pay-order/src",
        "functions/watch-card/src",
        "functions/record-stripe-event/src",
    ]
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
