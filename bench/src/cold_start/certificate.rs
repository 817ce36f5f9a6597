//! The certificates that DynamoDB's stand-in shows, and how the functions come to trust them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The name that the stand-in is reached by. A name and not an address, so that a function must look it up as it
/// must in production.
pub const HOST: &str = "localhost";

/// What both sides of a TLS connection need.
pub struct Certificates {
    /// For the stand-in: its key, and a chain of the same length as that of DynamoDB's endpoints.
    pub server: Arc<ServerConfig>,
    /// For `SSL_CERT_FILE`: the system's roots and ours. A function that reads the system's pays for all of them, as
    /// it does in production.
    pub system_roots: PathBuf,
    /// For `AWS_CA_BUNDLE`: ours alone.
    pub own_root: PathBuf,
}

impl Certificates {
    /// Makes new ones, and puts what a function reads into `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let (root, root_key) = (authority("benchmark root")?, KeyPair::generate()?);
        let root_certificate = root.self_signed(&root_key)?;
        let root = Issuer::new(root, root_key);

        let (intermediate, intermediate_key) = (authority("benchmark intermediate")?, KeyPair::generate()?);
        let intermediate_certificate = intermediate.signed_by(&intermediate_key, &root)?;
        let intermediate = Issuer::new(intermediate, intermediate_key);

        let (leaf, leaf_key) = (CertificateParams::new([HOST.to_owned()])?, KeyPair::generate()?);
        let leaf_certificate = leaf.signed_by(&leaf_key, &intermediate)?;

        let chain = vec![leaf_certificate.der().clone(), intermediate_certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];

        let own_root = folder.join("own-root.pem");
        fs::write(&own_root, root_certificate.pem())?;
        let system_roots = folder.join("system-roots.pem");
        fs::write(&system_roots, system()? + &root_certificate.pem())?;
        Ok(Self { server: Arc::new(server), system_roots, own_root })
    }
}

fn authority(name: &str) -> Result<CertificateParams> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, name);
    Ok(authority)
}

/// The roots that this system trusts.
fn system() -> Result<String> {
    let file = openssl_probe::probe().cert_file.context("this system has no file of trusted certificates")?;
    fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))
}
