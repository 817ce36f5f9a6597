//! Every call, as the table grows.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use crate::call::{Call, session};
use crate::cost::Measured;
use crate::fill;
use crate::service::Service;

/// How often each call is made before any is measured: what is done for the first time takes longer, at whatever size.
const WARM_UP: u32 = 20;

/// A call at every size of the table.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The call.
    pub call: &'static str,
    /// From the smallest size to the largest.
    pub sizes: Vec<Measured>,
}

impl Row {
    /// Whether it asks for the same at every size, and each time.
    pub fn is_flat(&self) -> bool {
        let first = self.sizes.first().map(|measured| &measured.asked);
        self.sizes.iter().all(|measured| measured.always && Some(&measured.asked) == first)
    }
}

/// Makes every call so many times at each size.
///
/// A call is about any of the sessions that fill the table; what it makes itself stays, some hundreds at each size.
#[expect(clippy::print_stderr, reason = "filling takes a while")]
pub async fn measure(service: &Service, sizes: &[u32], repeats: u32) -> Result<Vec<Row>> {
    let mut rows = Call::ALL.map(|call| (call, Vec::new()));
    let (mut filled, mut number) = (0, 0);
    for call in Call::ALL {
        for _ in 0..WARM_UP {
            number += 1;
            call.make(service, &session(service).await?, number).await?;
        }
    }
    for size in sizes {
        let began = Instant::now();
        let mut ids = fill::sessions(service, size - filled).await?;
        filled = *size;
        eprintln!("{size} sessions, after {:.0?} of filling", began.elapsed());
        for (call, measured) in &mut rows {
            let mut costs = Vec::new();
            for _ in 0..repeats {
                // Also where it is not needed: each call must come after the same work.
                let fresh = session(service).await?;
                let drawn = (!ids.is_empty()).then(|| ids.swap_remove(fastrand::usize(..ids.len())));
                let about = drawn.map_or(fresh, |id| id.to_string());
                number += 1;
                costs.push(call.make(service, &about, number).await?);
            }
            measured.push(Measured::of(*size, &costs));
        }
    }
    Ok(rows.map(|(call, sizes)| Row { call: call.description(), sizes }).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Asked;

    fn measured(read_units: f64, always: bool) -> Measured {
        let asked = Asked { read_units, ..Asked::default() };
        Measured { size: 0, asked, always, own_us: 0.0, engine_us: 0.0, answer_bytes: 0 }
    }

    fn is_flat(sizes: Vec<Measured>) -> bool {
        Row { call: "a call", sizes }.is_flat()
    }

    #[test]
    fn a_call_that_asks_for_more_as_the_table_grows_is_not_flat() {
        assert!(is_flat(vec![measured(1.0, true), measured(1.0, true)]));
        assert!(!is_flat(vec![measured(1.0, true), measured(1.5, true)]));
        assert!(!is_flat(vec![measured(1.0, true), measured(1.0, false)]));
    }
}
