//! Certificates in a file, for a variable that names one.

use std::path::PathBuf;

/// The file; it is removed when it is dropped.
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
