//! Settings of a function, read once at its cold start. A missing or malformed one fails the
//! start with its name: a function that starts and then fails every call is found later.

use std::fmt;

use domain::chain_config::{Chains, ChainsError, ChainsSource};
use domain::deposit_address::ForwarderFactory;
use domain::invalid::Invalid;
use domain::retention::Retention;

/// A setting that keeps a function from starting.
#[derive(thiserror::Error)]
pub enum ConfigError {
    /// It is not in the environment.
    #[error("the environment variable {0} is missing")]
    Missing(&'static str),
    /// It is there but cannot be right. Its value is not shown: it may be a secret.
    #[error("the environment variable {name} is malformed: {reason}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What was expected of it.
        reason: Invalid,
    },
    /// No HTTPS client can be made, and no setting names the certificates.
    #[error("the trusted certificates cannot be used: {0}")]
    Certificates(String),
    /// The configuration of the chains breaks a rule.
    #[error("{name}: {reason}")]
    Chains {
        /// The variable.
        name: &'static str,
        /// The field and its rule.
        reason: ChainsError,
    },
    /// The variable is well formed, but what it names cannot be used: a secret that cannot be read, a key that cannot
    /// sign, a revision that does not exist. The cause is shown, because the operator has to act on it.
    #[error("{name}: {cause}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// What failed, and what to do.
        cause: String,
    },
}

impl fmt::Debug for ConfigError {
    /// The sentence itself: it is what a `main` that fails prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the value of `name` if it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of `name`, as `parse` reads it.
pub fn required<T>(
    name: &'static str,
    parse: impl FnOnce(String) -> Result<T, Invalid>,
) -> Result<T, ConfigError> {
    let value = optional(name).ok_or(ConfigError::Missing(name))?;
    parse(value).map_err(|reason| ConfigError::Malformed { name, reason })
}

/// `TABLE_NAME`: the DynamoDB table.
pub fn table_name() -> Result<String, ConfigError> {
    required("TABLE_NAME", Ok)
}

/// `FORWARDER_FACTORY`: the contract that places deposit addresses; the one in `contracts/`
/// where it is not set.
pub fn forwarder_factory() -> Result<ForwarderFactory, ConfigError> {
    match optional("FORWARDER_FACTORY") {
        None => Ok(ForwarderFactory::default()),
        Some(_) => required("FORWARDER_FACTORY", |value| ForwarderFactory::parse(&value)),
    }
}

/// `CHAINS`: where the configuration of the chains is; no chain if it is not set. `Store::load_chains` reads it.
pub fn chains() -> Result<ChainsSource, ConfigError> {
    let name = "CHAINS";
    match optional(name) {
        None => Ok(ChainsSource::Inline(Chains::default())),
        Some(value) => ChainsSource::parse(&value).map_err(|reason| ConfigError::Chains { name, reason }),
    }
}

/// `SESSION_RETENTION_DAYS`: how long a session without an order, and an order on its own that was never paid, is
/// kept after its deadline; 30 if it is not set.
pub fn session_retention() -> Result<Retention, ConfigError> {
    match optional("SESSION_RETENTION_DAYS") {
        None => Ok(Retention::DEFAULT),
        Some(_) => required("SESSION_RETENTION_DAYS", |value| value.parse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_setting_names_itself() {
        let error = required("NO_SUCH_SETTING", Ok).unwrap_err();
        assert_eq!(error.to_string(), "the environment variable NO_SUCH_SETTING is missing");
    }

    #[test]
    fn a_malformed_setting_names_itself_and_hides_its_value() {
        let parse = |_| Err::<(), _>(Invalid::expected("a path"));
        let error = required("PATH", parse).unwrap_err();
        assert_eq!(error.to_string(), "the environment variable PATH is malformed: expected a path");
    }
}
