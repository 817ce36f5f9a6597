//! The check of the JWT that authorises a call.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::Shared;

/// What a token must be for: method, host and path, as Coinbase deploys them.
const URI: &str = "POST api.cdp.coinbase.com/platform/v2/onramp/sessions";

/// The longest life of a token, in seconds.
const LIFETIME: i64 = 120;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    iss: String,
    nbf: i64,
    /// The Python SDK 1.51.0 leaves it out.
    iat: Option<i64>,
    exp: i64,
    uris: Vec<String>,
}

impl Shared {
    /// Checks the `Authorization` header. The error says what is wrong, for the test that reads it.
    pub(super) fn check_token(&self, authorization: Option<&str>) -> Result<(), String> {
        let token = authorization.and_then(|header| header.strip_prefix("Bearer "));
        let token = token.ok_or("no bearer token")?;
        let (algorithm, key) = match self.settings.public_key.as_slice() {
            key if key.len() == 32 => (Algorithm::EdDSA, DecodingKey::from_ed_der(key)),
            key => (Algorithm::ES256, DecodingKey::from_ec_der(key)),
        };
        let header = decode_header(token).map_err(|error| error.to_string())?;
        require(header.kid.as_ref() == Some(&self.settings.key_id), "`kid` must be the key's id")?;
        let mut validation = Validation::new(algorithm);
        // By the double's clock, below.
        validation.validate_exp = false;
        // Coinbase's own SDK sends `null`.
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = decode::<Claims>(token, &key, &validation).map_err(|error| error.to_string())?.claims;
        let now = self.now().div_euclid(1000);
        require(claims.sub == self.settings.key_id, "`sub` must be the key's id")?;
        require(claims.iss == "cdp", "`iss` must be `cdp`")?;
        require(
            claims.nbf <= now && claims.iat.is_none_or(|iat| iat <= now),
            "`nbf` and `iat` must have passed",
        )?;
        require(now < claims.exp, "`exp` must be ahead")?;
        require(claims.exp - claims.nbf <= LIFETIME, "`exp` must be at most 120 seconds after `nbf`")?;
        require(claims.uris == [URI], "`uris` must be the method, host and path of this call")
    }
}

fn require(condition: bool, otherwise: &str) -> Result<(), String> {
    if condition { Ok(()) } else { Err(otherwise.to_owned()) }
}
