//! Who calls: the API key of a request, and what its absence or its role forbids (docs/api.md, *API keys*).

use domain::api_key::{ApiKey, Credential, Forbidden, KeyRefusal};

use super::{ApiError, ErrorCode, Request};

const HEADERS: [&str; 2] = ["x-api-key", "authorization"];

impl Request {
    /// Returns the API key of the request. A header that carries none of our keys is ignored: clients of other services
    /// send theirs.
    pub fn credential(&self) -> Credential {
        let mut given = HEADERS.iter().filter_map(|name| self.header(name)).map(without_scheme);
        let mut ours = given.by_ref().filter(|text| ApiKey::is_ours(text));
        let Some(first) = ours.next() else {
            return Credential::Absent;
        };
        // Two different keys: it is not said which one counts.
        if ours.any(|other| other != first) {
            return Credential::Malformed;
        }
        ApiKey::parse(first).map_or(Credential::Malformed, Credential::Key)
    }
}

/// Returns what follows `Bearer`, in any case; the whole text if it begins otherwise.
fn without_scheme(value: &str) -> &str {
    let value = value.trim();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => value,
    }
}

impl From<KeyRefusal> for ApiError {
    fn from(refusal: KeyRefusal) -> Self {
        let (code, message) = match refusal {
            KeyRefusal::Invalid => (ErrorCode::KeyInvalid, "The API key is wrong"),
            KeyRefusal::Expired => (ErrorCode::KeyExpired, "The API key has expired"),
            KeyRefusal::Revoked => (ErrorCode::KeyRevoked, "The API key was revoked"),
        };
        Self::new(code, message)
    }
}

impl From<Forbidden> for ApiError {
    fn from(forbidden: Forbidden) -> Self {
        match forbidden {
            Forbidden::KeyMissing => Self::without_key("This call needs an API key"),
            Forbidden::ReadOnly => Self::new(
                ErrorCode::InsufficientPermissions,
                "This API key can only read; use a secret key, which begins with csk_",
            ),
        }
    }
}

impl ApiError {
    /// Refuses something that only a secret key can do.
    pub fn key_missing(what: &str) -> Self {
        Self::without_key(&format!("{what} needs a secret API key"))
    }

    fn without_key(need: &str) -> Self {
        let message = format!("{need}: send `Authorization: Bearer <key>`, or the key as `x-api-key`");
        Self::new(ErrorCode::KeyMissing, message)
    }
}
