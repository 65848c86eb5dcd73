//! A certificate that nobody trusts but those who are told to, and the file by which they are told.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;

/// TLS as `localhost`, by a certificate made on the spot, and that certificate as PEM.
pub fn of_localhost() -> (ServerConfig, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (tls, cert.pem())
}

/// The file, for a variable that names it; it is removed when it is dropped.
pub struct PemFile(PathBuf);

impl PemFile {
    pub fn new(certificates: &str) -> Self {
        let name = format!("backend-actix-{}.pem", uuid::Uuid::new_v4());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, certificates).unwrap();
        Self(file)
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
