//! Settings of a function, read once at its cold start. A missing or malformed one fails the
//! start with its name: a function that starts and then fails every call is found later.

use std::fmt;

use domain::chain_config::{Chains, ChainsError, ChainsSource};
use domain::deposit_address::ForwarderFactory;
use domain::invalid::Invalid;
use domain::onramps::Onramps;
use domain::redirect::RedirectSchemes;
use domain::retention::Retention;

/// A setting that keeps a function from starting.
#[derive(thiserror::Error)]
pub enum ConfigError {
    /// It is not in the environment.
    #[error("the environment variable {0} is missing")]
    Missing(&'static str),
    /// The function reads it without declaring it.
    #[error("the setting {0} is read but not declared in the function's SETTINGS")]
    Undeclared(&'static str),
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

/// The DynamoDB table.
pub const TABLE_NAME: &str = "TABLE_NAME";
/// The contract that places deposit addresses; the one in `contracts/` if it is not set.
pub const FORWARDER_FACTORY: &str = "FORWARDER_FACTORY";
/// Where the configuration of the chains is; no chain if it is not set. `Store::load_chains` reads it.
pub const CHAINS: &str = "CHAINS";
/// The schemes that redirect URLs may have beside `http` and `https`, separated by commas.
pub const REDIRECT_SCHEMES: &str = "REDIRECT_SCHEMES";
/// `public` if callers without an API key may list the orders of a wallet; `private` if it is not set.
pub const ORDER_HISTORY: &str = "ORDER_HISTORY";
/// The URL under which payers reach the service, if it is another than API Gateway's: a custom domain behind a proxy.
pub const PUBLIC_URL: &str = "PUBLIC_URL";
/// The onramp vendors that payers may buy from, separated by commas; none if it is not set.
pub const ONRAMPS: &str = "ONRAMPS";
/// `true` if only callers with a secret API key may create sessions, and orders that belong to none; `false` if it is not
/// set.
pub const REQUIRE_API_KEY: &str = "REQUIRE_API_KEY";
/// How many days a session without an order, and an order on its own that was never paid, are kept after their deadline;
/// 30 if it is not set.
pub const SESSION_RETENTION_DAYS: &str = "SESSION_RETENTION_DAYS";

/// The settings of one function.
///
/// A function declares the names of its settings, and a test compares them with the variables that `template.yaml` gives
/// it. Reading a setting that is not declared fails the start, so the two cannot drift apart.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    declared: &'static [&'static str],
}

impl Settings {
    /// Returns the settings of a function that declares these names.
    pub const fn declared(names: &'static [&'static str]) -> Self {
        Self { declared: names }
    }

    /// Returns a setting if it is set and not empty.
    pub fn optional(self, name: &'static str) -> Result<Option<String>, ConfigError> {
        if self.declared.contains(&name) { Ok(optional(name)) } else { Err(ConfigError::Undeclared(name)) }
    }

    /// Returns a setting as `parse` reads it; `None` if it is not set.
    pub fn parsed<T>(
        self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, ConfigError> {
        let malformed = |reason| ConfigError::Malformed { name, reason };
        self.optional(name)?.map(|value| parse(&value).map_err(malformed)).transpose()
    }

    /// Returns a setting that must be set, as `parse` reads it.
    pub fn required<T>(
        self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<T, ConfigError> {
        self.parsed(name, parse)?.ok_or(ConfigError::Missing(name))
    }

    /// Returns [`TABLE_NAME`].
    pub fn table_name(self) -> Result<String, ConfigError> {
        self.required(TABLE_NAME, |name| Ok(name.to_owned()))
    }

    /// Returns [`FORWARDER_FACTORY`].
    pub fn forwarder_factory(self) -> Result<ForwarderFactory, ConfigError> {
        Ok(self.parsed(FORWARDER_FACTORY, ForwarderFactory::parse)?.unwrap_or_default())
    }

    /// Returns [`CHAINS`].
    pub fn chains(self) -> Result<ChainsSource, ConfigError> {
        let parse = |value: String| {
            ChainsSource::parse(&value).map_err(|reason| ConfigError::Chains { name: CHAINS, reason })
        };
        let source = self.optional(CHAINS)?.map(parse).transpose()?;
        Ok(source.unwrap_or_else(|| ChainsSource::Inline(Chains::default())))
    }

    /// Returns [`REQUIRE_API_KEY`].
    pub fn requires_api_key(self) -> Result<bool, ConfigError> {
        let parse = |value: &str| value.parse().map_err(|_| Invalid::expected("`true` or `false`"));
        Ok(self.parsed(REQUIRE_API_KEY, parse)?.unwrap_or_default())
    }

    /// Returns whether [`ORDER_HISTORY`] is `public`.
    pub fn has_public_order_history(self) -> Result<bool, ConfigError> {
        let parse = |value: &str| match value {
            "private" => Ok(false),
            "public" => Ok(true),
            _ => Err(Invalid::expected("`private` or `public`")),
        };
        Ok(self.parsed(ORDER_HISTORY, parse)?.unwrap_or_default())
    }

    /// Returns [`ONRAMPS`].
    pub fn onramps(self) -> Result<Onramps, ConfigError> {
        Ok(self.parsed(ONRAMPS, Onramps::parse)?.unwrap_or_default())
    }

    /// Returns [`REDIRECT_SCHEMES`].
    pub fn redirect_schemes(self) -> Result<RedirectSchemes, ConfigError> {
        Ok(self.parsed(REDIRECT_SCHEMES, RedirectSchemes::parse)?.unwrap_or_default())
    }

    /// Returns [`PUBLIC_URL`].
    pub fn public_url(self) -> Result<Option<String>, ConfigError> {
        self.parsed(PUBLIC_URL, |url| {
            let is_web = url.starts_with("https://") || url.starts_with("http://");
            let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"\\<>".contains(&byte));
            if is_web && is_plain && !url.ends_with('/') {
                Ok(url.to_owned())
            } else {
                Err(Invalid::expected("an http or https URL without query, fragment and `/` at its end"))
            }
        })
    }

    /// Returns [`SESSION_RETENTION_DAYS`].
    pub fn session_retention(self) -> Result<Retention, ConfigError> {
        Ok(self.parsed(SESSION_RETENTION_DAYS, str::parse)?.unwrap_or(Retention::DEFAULT))
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
    fn an_undeclared_setting_is_not_read() {
        let settings = Settings::declared(&[TABLE_NAME]);
        let error = settings.optional("PATH").unwrap_err();
        assert_eq!(error.to_string(), "the setting PATH is read but not declared in the function's SETTINGS");
        assert!(settings.optional(TABLE_NAME).is_ok());
    }

    #[test]
    fn a_malformed_setting_names_itself_and_hides_its_value() {
        let parse = |_| Err::<(), _>(Invalid::expected("a path"));
        let error = required("PATH", parse).unwrap_err();
        assert_eq!(error.to_string(), "the environment variable PATH is malformed: expected a path");
    }
}
