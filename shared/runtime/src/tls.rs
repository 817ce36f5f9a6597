//! Whose certificates are believed.

use std::fs;

use aws_smithy_http_client::tls::TrustStore;
use url::Url;

use crate::config::{self, ConfigError};

/// The roots of Amazon Trust Services: all five, as it asks clients with a trust store of their own to have them.
/// DynamoDB's endpoints have certificates of these roots, and those of the European Sovereign Cloud are cross-signed by
/// them.
///
/// Five and not the system's 144: each is parsed at every cold start.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// The variable that names a file of certificates to trust instead.
pub(super) const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// What an endpoint's certificate must chain to.
///
/// If `AWS_CA_BUNDLE` is set, it alone counts, as in every SDK of AWS. AWS's own endpoints in its public regions must chain
/// to Amazon's roots. Every other endpoint must chain to the system's roots: another company's endpoint, and a region in a
/// partition (China, the isolated ones) whose authority may be another.
pub(super) fn trust_store(region: &str, endpoint: Option<&str>) -> Result<TrustStore, ConfigError> {
    if let Some(path) = config::optional(CA_BUNDLE) {
        return Ok(TrustStore::empty().with_pem_certificate(read_bundle(&path)?));
    }
    if is_public(region) && endpoint.is_none_or(is_of_aws) {
        Ok(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS))
    } else {
        Ok(TrustStore::default())
    }
}

/// Reads a bundle. A file without a certificate would only show at the first call, as an unknown issuer.
fn read_bundle(path: &str) -> Result<Vec<u8>, ConfigError> {
    let unusable = |cause| ConfigError::Unusable { name: CA_BUNDLE, cause };
    let bundle = fs::read(path).map_err(|error| unusable(format!("the file cannot be read: {error}")))?;
    if String::from_utf8_lossy(&bundle).contains("-----BEGIN CERTIFICATE-----") {
        Ok(bundle)
    } else {
        Err(unusable("the file holds no certificate in PEM form".to_owned()))
    }
}

/// Whether an endpoint that is named is AWS's own all the same: the template names it, so that `sam local` can be given another.
fn is_of_aws(endpoint: &str) -> bool {
    let url = Url::parse(endpoint).ok().filter(|url| url.scheme() == "https");
    url.as_ref().and_then(Url::host_str).is_some_and(|host| {
        [".amazonaws.com", ".amazonaws.eu", ".api.aws"].iter().any(|domain| host.ends_with(domain))
    })
}

/// Whether a region is of a partition that anybody can look into: the standard one, the one
/// for the United States' government, or Europe's own.
fn is_public(region: &str) -> bool {
    !["cn-", "us-iso", "eu-iso"].iter().any(|partition| region.starts_with(partition))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    /// As Amazon Trust Services lists them in its repository.
    const FINGERPRINTS: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    #[test]
    fn the_roots_are_amazons_five() {
        let text = std::str::from_utf8(AMAZON_ROOTS).unwrap().replace('\n', "");
        let certificates = text.split("-----BEGIN CERTIFICATE-----").skip(1);
        let fingerprints: Vec<String> = certificates
            .map(|certificate| {
                let der = STANDARD.decode(certificate.trim_end_matches("-----END CERTIFICATE-----")).unwrap();
                alloy_primitives::hex::encode(Sha256::digest(der))
            })
            .collect();
        assert_eq!(fingerprints, FINGERPRINTS);
    }

    #[test]
    fn a_bundle_that_cannot_be_used_is_refused_with_the_setting_and_the_cause() {
        let folder = env!("CARGO_MANIFEST_DIR");
        let missing = read_bundle(&format!("{folder}/nothing.pem")).unwrap_err().to_string();
        assert!(missing.starts_with("AWS_CA_BUNDLE: the file cannot be read: "), "{missing}");
        let empty = read_bundle(&format!("{folder}/Cargo.toml")).unwrap_err().to_string();
        assert_eq!(empty, "AWS_CA_BUNDLE: the file holds no certificate in PEM form");
        assert!(read_bundle(&format!("{folder}/src/amazon-roots.pem")).is_ok());
    }

    #[test]
    fn an_endpoint_that_is_named_may_be_of_aws() {
        for endpoint in [
            "https://dynamodb.eu-central-1.amazonaws.com",
            "https://dynamodb.eusc-de-east-1.amazonaws.eu/",
            "https://dynamodb.us-east-1.api.aws",
        ] {
            assert!(is_of_aws(endpoint), "{endpoint}");
        }
        for endpoint in [
            "http://dynamodb.eu-central-1.amazonaws.com",
            "https://127.0.0.1:8000",
            "https://dynamodb.amazonaws.com.example.org",
            "https://dynamodb.cn-north-1.amazonaws.com.cn",
            "localhost",
        ] {
            assert!(!is_of_aws(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn only_public_regions_go_by_amazons_roots() {
        for region in ["us-east-1", "eu-central-1", "us-gov-west-1", "eusc-de-east-1", "ap-southeast-7"] {
            assert!(is_public(region), "{region}");
        }
        for region in ["cn-north-1", "us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"] {
            assert!(!is_public(region), "{region}");
        }
    }
}
