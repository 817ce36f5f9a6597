//! Keys of the Coinbase Developer Platform, and the tokens that they sign.
//!
//! A token is a JWT (RFC 7519) for one request: its claim `uris` names method, host and path.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::invalid::Invalid;
use domain::time::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use serde_json::json;

/// How long a token is valid, in seconds: the most that the platform allows.
const LIFETIME: i64 = 120;
const LABELS: [&str; 2] = ["EC PRIVATE KEY", "PRIVATE KEY"];
/// What stands before the 32 bytes of a P-256 key in DER, as SEC 1 and as PKCS #8 write it, and between it and its public
/// key.
const SEC1_HEAD: &[u8] = &[0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20];
const PKCS8_HEAD: &[u8] = &[
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01,
    0x04, 0x20,
];
const SEC1_MIDDLE: &[u8] =
    &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00];
const PKCS8_MIDDLE: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];

/// An API key. Its `Debug` output shows nothing of it.
#[derive(Clone)]
pub struct CdpKey {
    id: String,
    pair: Arc<Pair>,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair, SystemRandom),
}

impl CdpKey {
    /// Reads a key as the platform hands it out: the base64 of an Ed25519 seed and public key, or a PEM text of a P-256
    /// key.
    pub fn parse(id: &str, secret: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::expected("a CDP key: the base64 of 64 bytes (Ed25519), or the PEM text of a P-256 key")
        };
        let pair = if secret.contains("-----BEGIN") { p256(secret) } else { ed25519(secret) };
        Ok(Self { id: id.to_owned(), pair: Arc::new(pair.ok_or_else(invalid)?) })
    }

    /// Returns a token for one request: `POST api.cdp.coinbase.com/platform/…`.
    pub(crate) fn token(&self, request: &str, now: Timestamp) -> Option<String> {
        let algorithm = match *self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(..) => "ES256",
        };
        let now = now.as_seconds();
        let header = json!({ "alg": algorithm, "kid": self.id, "typ": "JWT" });
        let claims = json!({
            "sub": self.id, "iss": "cdp", "nbf": now, "iat": now, "exp": now + LIFETIME, "uris": [request],
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = match &*self.pair {
            Pair::Ed25519(pair) => encode(pair.sign(signed.as_bytes()).as_ref()),
            Pair::P256(pair, random) => encode(pair.sign(random, signed.as_bytes()).ok()?.as_ref()),
        };
        Some(format!("{signed}.{signature}"))
    }
}

impl fmt::Debug for CdpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CdpKey(hidden)")
    }
}

fn ed25519(secret: &str) -> Option<Pair> {
    let bytes = STANDARD.decode(secret.trim()).ok().filter(|bytes| bytes.len() == 64)?;
    let (seed, public) = bytes.split_at(32);
    Ed25519KeyPair::from_seed_and_public_key(seed, public).ok().map(Pair::Ed25519)
}

fn p256(pem: &str) -> Option<Pair> {
    // In JSON some write the line breaks of a PEM text as `\n`.
    let pem = pem.replace("\\n", "\n");
    let body = LABELS.iter().find_map(|label| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        Some(rest.split_once(&format!("-----END {label}-----"))?.0)
    })?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    let heads = [(SEC1_HEAD, SEC1_MIDDLE), (PKCS8_HEAD, PKCS8_MIDDLE)];
    let (private, public) = heads.iter().find_map(|(head, middle)| {
        let (private, rest) = der.strip_prefix(*head)?.split_at_checked(32)?;
        Some((private, rest.strip_prefix(*middle)?))
    })?;
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &random).ok()?;
    Some(Pair::P256(pair, random))
}

#[cfg(test)]
mod tests {
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, KeyPair as _, UnparsedPublicKey, VerificationAlgorithm,
    };
    use serde_json::Value;

    use super::*;

    const REQUEST: &str = "POST api.cdp.coinbase.com/platform/v2/onramp/sessions";
    /// Made for this test by `openssl ecparam -name prime256v1 -genkey`, and in its other form by `openssl pkcs8 -topk8`.
    const SEC1: &str = include_str!("../tests/p256-sec1.pem");
    const PKCS8: &str = include_str!("../tests/p256-pkcs8.pem");
    const PUBLIC: &str = include_str!("../tests/p256-public.pem");

    fn seed_and_public() -> (String, Vec<u8>) {
        let seed = [7; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        (STANDARD.encode([&seed[..], &public].concat()), public)
    }

    /// Verifies a token, and returns its header and claims.
    fn parts(token: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> [Value; 2] {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(algorithm, public).verify(signed.as_bytes(), &signature).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        [header, claims].map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
    }

    /// The tests of the system have the tokens verified by another implementation.
    #[test]
    fn keys_of_both_kinds_and_forms_sign_for_one_request() {
        let now = Timestamp::from_millis(1_769_860_800_999);
        let id = "organizations/1/apiKeys/2";
        let claims = json!({
            "sub": id, "iss": "cdp", "nbf": 1_769_860_800, "iat": 1_769_860_800, "exp": 1_769_860_920,
            "uris": [REQUEST],
        });
        let header = |algorithm: &str| json!({ "alg": algorithm, "kid": id, "typ": "JWT" });
        let (secret, public) = seed_and_public();
        let token = CdpKey::parse(id, &secret).unwrap().token(REQUEST, now).unwrap();
        assert_eq!(parts(&token, &ED25519, &public), [header("EdDSA"), claims.clone()]);
        // The point is at the end of the DER.
        let lines: String = PUBLIC.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(lines).unwrap();
        let public = der.last_chunk::<65>().unwrap();
        let escaped = SEC1.replace('\n', "\\n");
        for pem in [SEC1, PKCS8, &escaped] {
            let token = CdpKey::parse(id, pem).unwrap().token(REQUEST, now).unwrap();
            assert_eq!(parts(&token, &ECDSA_P256_SHA256_FIXED, public), [header("ES256"), claims.clone()]);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_key_is_shown() {
        let (secret, _) = seed_and_public();
        let swapped = STANDARD.encode([8; 64]);
        let short = STANDARD.encode([7; 32]);
        let cut = SEC1.replace("-----END", "-----END OF");
        for text in
            ["", "abc", &swapped, &short, &cut, "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----"]
        {
            assert!(CdpKey::parse("id", text).is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", CdpKey::parse("id", &secret).unwrap()), "CdpKey(hidden)");
    }
}
