//! The name of each function and the routes that it serves.

use std::collections::BTreeSet;
use std::fs;

use dev::template::Template;
use harness::openapi;

use super::{
    Names, PAGE, WATCHER, document, folders, functions, logical_id, part, read, resources, root, text,
    untagged,
};

/// The functions that no request reaches.
const SCHEDULED: [&str; 2] = [WATCHER, "watch-card"];
/// The functions that answer with pages, and no error of whose is an envelope.
const PAGES: [&str; 2] = [PAGE, "pay-order"];

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
