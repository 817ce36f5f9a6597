//! Many measurements in three figures.

use serde::{Deserialize, Serialize};

/// The median and its spread.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
pub struct Summary {
    /// Half of all are smaller.
    pub median: f64,
    /// A quarter is smaller.
    pub lower_quartile: f64,
    /// A quarter is larger.
    pub upper_quartile: f64,
}

impl Summary {
    /// Of no measurements, all are zero.
    pub fn of(measurements: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<_> = measurements.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let [lower_quartile, median, upper_quartile] = [1, 2, 3].map(|quarters| quantile(&sorted, quarters));
        Self { median, lower_quartile, upper_quartile }
    }
}

/// Between two measurements, the one as far between them.
fn quantile(sorted: &[f64], quarters: usize) -> f64 {
    let place = sorted.len().saturating_sub(1) * quarters;
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or_default();
    let (low, high) = (at(place / 4), at(place / 4 + 1));
    let part = [0.0, 0.25, 0.5, 0.75].get(place % 4).copied().unwrap_or_default();
    low + (high - low) * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_measurements() {
        let summary = Summary::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(summary, Summary { median: 2.5, lower_quartile: 1.75, upper_quartile: 3.25 });
        let summary = Summary::of([5.0, 1.0, 2.0, 4.0, 3.0]);
        assert_eq!(summary, Summary { median: 3.0, lower_quartile: 2.0, upper_quartile: 4.0 });
    }

    #[test]
    fn one_measurement_is_its_own_spread() {
        assert_eq!(Summary::of([7.0]), Summary { median: 7.0, lower_quartile: 7.0, upper_quartile: 7.0 });
    }
}
