//! Reading an order and recording one more deposit, as the order grows.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::call::{deposit, linked, read_order, session};
use crate::cost::Measured;
use crate::fill;
use crate::service::Service;

/// How many deposits more than there were one has the number of that is not among them.
const NEW: u64 = 1 << 32;

/// An order with so many deposits.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Reading it.
    pub read: Measured,
    /// Recording one more.
    pub record: Measured,
}

/// Makes an order for each size, reads it and records more deposits.
pub async fn measure(service: &Service, sizes: &[u32], repeats: u32) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for size in sizes {
        let order = linked(service, &session(service).await?).await?;
        fill::deposits(service, &order, *size).await?;
        let (mut reads, mut records) = (Vec::new(), Vec::new());
        for _ in 0..repeats {
            reads.push(read_order(service, &order).await?);
        }
        for number in (NEW..).take(usize::try_from(repeats)?) {
            records.push(deposit(service, &order, number).await?);
        }
        let shown = reads.first().map_or(0, |read| read.answer.matches("txHash").count());
        ensure!(shown == usize::try_from(*size)?, "of {size} deposits {shown} are shown");
        rows.push(Row { read: Measured::of(*size, &reads), record: Measured::of(*size, &records) });
    }
    Ok(rows)
}

/// Whether what a read consumes grows as the number of deposits does.
///
/// Each page is rounded up to a whole unit, and there is the order itself, so a read of few may seem to cost up to two
/// units more for so many deposits than a read of many.
pub fn is_linear(rows: &[Row]) -> bool {
    rows.windows(2).all(|pair| {
        let [few, many] = pair else { return true };
        let (few, many) = (&few.read, &many.read);
        if few.size == 0 {
            return true;
        }
        let ratio = f64::from(many.size) / f64::from(few.size);
        let pages: u32 = many.asked.calls.values().sum();
        (many.asked.read_units - few.asked.read_units * ratio).abs() <= 2.0 * ratio + f64::from(pages)
    })
}

/// Whether recording a deposit asks for the same however many there are.
pub fn is_flat(rows: &[Row]) -> bool {
    let first = rows.first().map(|row| &row.record.asked);
    rows.iter().all(|row| Some(&row.record.asked) == first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cost::Asked;

    fn row(size: u32, read: f64, record: f64) -> Row {
        let measured = |read_units| Measured {
            size,
            asked: Asked { calls: BTreeMap::from([("Query".to_owned(), 1)]), read_units, write_units: 0.0 },
            always: true,
            own_us: 0.0,
            engine_us: 0.0,
            answer_bytes: 0,
        };
        Row { read: measured(read), record: measured(record) }
    }

    #[test]
    fn a_read_may_cost_as_many_times_more_as_there_are_more_deposits() {
        assert!(is_linear(&[
            row(0, 1.0, 1.0),
            row(100, 8.0, 1.0),
            row(1_000, 77.0, 1.0),
            row(5_000, 383.0, 1.0)
        ]));
        assert!(!is_linear(&[row(1_000, 77.0, 1.0), row(5_000, 766.0, 1.0)]));
        assert!(!is_linear(&[row(1_000, 77.0, 1.0), row(5_000, 77.0, 1.0)]));
    }

    #[test]
    fn one_more_deposit_may_not_cost_more() {
        assert!(is_flat(&[row(0, 1.0, 1.0), row(100, 8.0, 1.0)]));
        assert!(!is_flat(&[row(0, 1.0, 1.0), row(100, 8.0, 8.0)]));
    }
}
