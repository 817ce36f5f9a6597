//! The id of a write.

use runtime::random::uuid;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names one attempt of one caller to write. It is stored with what was written, so that a
/// retry after a lost reply recognises its own write instead of taking it for a rival's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteId(Uuid);

impl WriteId {
    /// A new name.
    pub fn random() -> Self {
        Self(uuid())
    }
}
