//! Judging a redirect URL, and resolving it for a payer.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use domain::redirect::RedirectUrl;

use crate::fixture::{session_id, url};

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("redirect");
    let id = session_id();
    for (name, text) in urls() {
        let parsed = url(&text);
        assert!(parsed.resolve(id).contains(&id.to_string()), "{name}");
        group.bench_with_input(BenchmarkId::new("parse", name), &text, |bencher, text| {
            bencher.iter(|| RedirectUrl::parse(black_box(text).clone()).unwrap());
        });
        group.bench_with_input(BenchmarkId::new("resolve", name), &parsed, |bencher, url| {
            bencher.iter(|| black_box(url).resolve(id));
        });
    }
    group.finish();
}

fn urls() -> [(&'static str, String); 5] {
    let filled = |with: &str| {
        let mut text = "https://shop.example/".to_owned();
        while text.len() + with.len() <= RedirectUrl::MAX_CHARACTERS {
            text.push_str(with);
        }
        text
    };
    [
        ("short", "https://shop.example/cart#top".to_owned()),
        ("templated", "https://shop.example/thanks/{SESSION_ID}?from=pay&order=%7BORDER_ID%7D".to_owned()),
        ("2048 characters", filled("a")),
        // As many places as there can be where a variable may begin, and as many as there can be where one does.
        ("2048 characters, braces", filled("{")),
        ("2048 characters, variables", filled("{ORDER_ID}")),
    ]
}
