//! `cargo bench -p bench`: what the rules cost by themselves, without a network or a database.
//!
//! Each benchmark looks once at what it measures, outside the loop: a refusal is quick, and must not pass for speed.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark whose input is not what it should be must stop"
)]

mod address;
mod body;
mod fixture;
mod record;
mod redirect;
mod response;
mod status;
mod stored;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    // Less than the usual times: all of it takes two minutes then, and the figures lie no further apart.
    let criterion = Criterion::default().warm_up_time(Duration::from_millis(500));
    let mut criterion = criterion.measurement_time(Duration::from_secs(2)).configure_from_args();
    body::measure(&mut criterion);
    redirect::measure(&mut criterion);
    address::measure(&mut criterion);
    status::measure(&mut criterion);
    record::measure(&mut criterion);
    stored::measure(&mut criterion);
    response::measure(&mut criterion);
    criterion.final_summary();
}
