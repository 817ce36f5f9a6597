//! A stand-in for KMS, asked by the real SDK.

use alloy_primitives::{B256, U256, address, hex, uint};
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_kms::{Client, Config};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evm::Signer;
use evm::kms::KmsKey;
use evm::local::LocalKey;
use evm::signer::SignError;
use k256::ecdsa::{Signature, SigningKey};
use k256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};

use crate::double::serve;
use crate::signer::{SECRET, transaction};

const KEY_ID: &str = "alias/gas-payer";

/// What is said instead of a signature.
type Spoil = fn(Value) -> (StatusCode, Value);

/// Answers both operations as KMS does, with the high s for every hash whose last bit is set.
#[derive(Clone, Copy)]
struct StandIn {
    spoil: Option<Spoil>,
    /// What it says instead of a public key.
    public_key: Option<&'static [u8]>,
}

impl StandIn {
    const HONEST: Self = Self { spoil: None, public_key: None };

    async fn client(self) -> Client {
        let port = serve(Router::new().fallback(move |headers: HeaderMap, body: Bytes| async move {
            self.answer(&headers, &serde_json::from_slice(&body).unwrap())
        }));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .endpoint_url(format!("http://127.0.0.1:{}", port.await))
            .http_client(HttpClientBuilder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    fn answer(self, headers: &HeaderMap, request: &Value) -> Response {
        assert_eq!(request["KeyId"], KEY_ID);
        let key = SigningKey::from_slice(&hex::decode(SECRET).unwrap()).unwrap();
        let (status, body) = match headers["x-amz-target"].to_str().unwrap() {
            "TrentService.GetPublicKey" => {
                let der = key.verifying_key().to_public_key_der().unwrap().into_vec();
                let der = self.public_key.unwrap_or(&der);
                (StatusCode::OK, json!({ "KeySpec": "ECC_SECG_P256K1", "PublicKey": STANDARD.encode(der) }))
            }
            "TrentService.Sign" => {
                assert_eq!(request["MessageType"], "DIGEST");
                assert_eq!(request["SigningAlgorithm"], "ECDSA_SHA_256");
                let hash = STANDARD.decode(request["Message"].as_str().unwrap()).unwrap();
                let (low, _) = key.sign_prehash_recoverable(&hash);
                let (r, s) = low.split_scalars();
                let is_high = hash.last().unwrap() % 2 == 1;
                let signature = if is_high {
                    Signature::from_scalars(r.to_bytes(), (-s).to_bytes()).unwrap()
                } else {
                    low
                };
                let der = STANDARD.encode(signature.to_der().as_bytes());
                let answer = json!({ "Signature": der, "SigningAlgorithm": "ECDSA_SHA_256" });
                self.spoil.map_or((StatusCode::OK, answer.clone()), |spoil| spoil(answer))
            }
            other => panic!("{other}"),
        };
        (status, [("content-type", "application/x-amz-json-1.1")], body.to_string()).into_response()
    }
}

async fn open(stand_in: StandIn) -> Result<KmsKey, SignError> {
    KmsKey::open(stand_in.client().await, KEY_ID).await
}

#[tokio::test]
async fn kms_signs_what_the_same_key_in_memory_signs() {
    let key = open(StandIn::HONEST).await.unwrap();
    let local = LocalKey::parse(SECRET).unwrap();
    assert_eq!(key.address(), address!("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"));
    let half = uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);
    let mut parities = [0; 2];
    for number in 0..32 {
        let hash = B256::from(U256::from(number));
        let signature = key.sign(hash).await.unwrap();
        // The low s, and the parity that goes with it.
        assert_eq!(signature, local.sign(hash), "{number}");
        assert!(signature.s() <= half);
        parities[usize::from(signature.v())] += 1;
    }
    assert!(parities.iter().all(|times| *times > 0), "{parities:?}");
}

#[tokio::test]
async fn kms_signs_transactions() {
    let (kms, local) =
        (Signer::Kms(open(StandIn::HONEST).await.unwrap()), Signer::Local(LocalKey::parse(SECRET).unwrap()));
    assert_eq!(kms.address(), local.address());
    for nonce in 0..4 {
        let transaction = transaction(nonce);
        assert_eq!(kms.sign_transaction(&transaction).await, local.sign_transaction(&transaction).await);
    }
}

#[tokio::test]
async fn a_key_of_another_curve_is_refused() {
    // The point of a key of NIST's P-256.
    const P256: &[u8] = &hex!(
        "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    );
    for public_key in [P256, b"rubbish"] {
        let refused = open(StandIn { public_key: Some(public_key), ..StandIn::HONEST }).await.unwrap_err();
        assert_eq!(refused, SignError::Refused("the key is not of the spec ECC_SECG_P256K1".to_owned()));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_signature_of_the_key_is_refused() {
    let spoils: [(Spoil, &str); 3] = [
        (|_| (StatusCode::OK, json!({})), "it gave no signature"),
        (|_| (StatusCode::OK, json!({ "Signature": "MAYC" })), "its signature is not one of ECDSA"),
        // r = s = 1.
        (|_| (StatusCode::OK, json!({ "Signature": "MAYCAQECAQE=" })), "its signature is not by this key"),
    ];
    for (spoil, why) in spoils {
        let key = open(StandIn { spoil: Some(spoil), ..StandIn::HONEST }).await.unwrap();
        assert_eq!(key.sign(B256::ZERO).await, Err(SignError::Refused(why.to_owned())));
    }
}

#[tokio::test]
async fn what_may_pass_is_unavailable_and_what_does_not_is_refused() {
    fn exception(status: StatusCode, name: &str) -> (StatusCode, Value) {
        (status, json!({ "__type": name, "message": "as KMS says" }))
    }
    let spoils: [(Spoil, bool); 5] = [
        (|_| exception(StatusCode::INTERNAL_SERVER_ERROR, "KMSInternalException"), true),
        (|_| exception(StatusCode::INTERNAL_SERVER_ERROR, "KeyUnavailableException"), true),
        (|_| exception(StatusCode::BAD_REQUEST, "ThrottlingException"), true),
        (|_| exception(StatusCode::BAD_REQUEST, "DisabledException"), false),
        (|_| exception(StatusCode::BAD_REQUEST, "AccessDeniedException"), false),
    ];
    for (spoil, may_pass) in spoils {
        let key = open(StandIn { spoil: Some(spoil), ..StandIn::HONEST }).await.unwrap();
        let error = key.sign(B256::ZERO).await.unwrap_err();
        assert_eq!(matches!(error, SignError::Unavailable(_)), may_pass, "{error}");
        assert!(error.to_string().ends_with("Exception: as KMS says"), "{error}");
    }
}
