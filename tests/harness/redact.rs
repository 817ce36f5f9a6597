//! Redactions for snapshots. Each one checks what it hides.

use domain::address::EvmAddress;
use domain::deposit_address::ForwarderFactory;
use domain::id::OrderId;
use domain::time::Timestamp;
use insta::dynamic_redaction;
use insta::internals::Redaction;
use uuid::Uuid;

use super::RECIPIENT;

/// Any UUID, hyphenated and in lower case.
pub fn uuid() -> Redaction {
    dynamic_redaction(|value, path| {
        let text = value.as_str().unwrap_or_default();
        let canonical = Uuid::try_parse(text).map(|uuid| uuid.hyphenated().to_string());
        assert_eq!(canonical.as_deref(), Ok(text), "{path}");
        "[uuid]"
    })
}

/// This very text, shown under a name that is the same in every run.
pub fn text(expected: impl Into<String>, name: &'static str) -> Redaction {
    let expected = expected.into();
    dynamic_redaction(move |value, path| {
        assert_eq!(value.as_str(), Some(expected.as_str()), "{path}");
        name
    })
}

/// This instant, as sessions show it.
pub fn iso8601(expected: Timestamp, name: &'static str) -> Redaction {
    let expected = expected.to_string();
    assert_eq!(expected.len(), "2026-01-31T12:00:00.000Z".len(), "{expected}");
    text(expected, name)
}

/// This instant, as orders show it.
pub fn millis(expected: Timestamp, name: &'static str) -> Redaction {
    dynamic_redaction(move |value, path| {
        assert_eq!(value.as_i64(), Some(expected.as_millis()), "{path}");
        name
    })
}

/// The deposit address of this order to [`RECIPIENT`].
pub fn deposit_address(order: &str) -> Redaction {
    text(expected_deposit_address(order, RECIPIENT), "[deposit address]")
}

/// Where the money for an order to a recipient is to be sent.
pub fn expected_deposit_address(order: &str, recipient: &str) -> String {
    let recipient = EvmAddress::parse(recipient).unwrap();
    ForwarderFactory::default().deposit_address(OrderId::parse(order).unwrap(), &recipient)
}
