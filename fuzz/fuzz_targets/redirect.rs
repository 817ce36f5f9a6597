//! A redirect template: what is refused is refused without a panic, and what is accepted sends
//! the payer to the merchant's own host, with nothing changed but what the contract names
//! (*Redirect templates*).

#![no_main]

use domain::id::SessionId;
use domain::redirect::RedirectUrl;
use libfuzzer_sys::{Corpus, fuzz_target};
use url::Url;

const ID: &str = "7b1c2a34-5d6e-4f80-91a2-b3c4d5e6f708";

fuzz_target!(|input: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(input) else {
        return Corpus::Reject;
    };
    let Ok(template) = RedirectUrl::parse(text.to_owned()) else {
        return Corpus::Keep;
    };
    assert!(text.chars().count() <= RedirectUrl::MAX_CHARACTERS);
    assert!(!text.chars().any(char::is_control));
    assert_eq!(template.as_str(), text);

    let resolved = template.resolve(SessionId::parse(ID).expect("an id"));
    assert_eq!(resolved, expected(text));
    // A variable of ten characters becomes an id of 36.
    assert!(resolved.len() <= 4 * text.len() + "?sessionId=".len() + ID.len());
    assert!(!resolved.chars().any(char::is_control));

    let (before, after) = (parsed(text), parsed(&resolved));
    assert!(matches!(after.scheme(), "http" | "https"), "{resolved}");
    assert!(after.username().is_empty() && after.password().is_none(), "{resolved}");
    assert!(after.host_str().is_some_and(|host| !host.is_empty()), "{resolved}");
    assert_eq!(before.origin(), after.origin(), "{resolved}");
    Corpus::Keep
});

fn parsed(text: &str) -> Url {
    Url::parse(text).expect(text)
}

/// The rule of docs/api.md, *Redirect templates*, written with other means: every spelling of a variable is replaced by
/// itself. A parameter is added only if there was no variable.
fn expected(text: &str) -> String {
    let mut resolved = text.to_owned();
    for name in ["SESSION_ID", "ORDER_ID"] {
        for (open, close) in [("{", "}"), ("%7B", "%7D"), ("%7B", "%7d"), ("%7b", "%7D"), ("%7b", "%7d")] {
            resolved = resolved.replace(&format!("{open}{name}{close}"), ID);
        }
    }
    if resolved != text {
        return resolved;
    }
    let (before, fragment) =
        text.split_once('#').map_or((text, None), |(before, after)| (before, Some(after)));
    let separator = match before.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{before}{separator}sessionId={ID}{fragment}")
}
