//! Captures what the watcher logs in one test.
//!
//! Each test has a thread of its own, and the watcher runs in it, so a subscriber of that thread sees no other test.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use runtime::log_lines;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The lines of the current thread, for as long as it is held.
pub struct LogCapture {
    lines: Lines,
    _guard: Box<dyn std::any::Any>,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl LogCapture {
    /// Captures warnings and errors from now on.
    pub fn start() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = log_lines(LevelFilter::WARN, false, move || writer.clone());
        let guard = tracing_subscriber::registry().with(layer).set_default();
        Self { lines, _guard: Box::new(guard) }
    }

    /// Returns the lines since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.0.lock().unwrap())
    }

    /// Returns the errors since the last call.
    pub fn take_errors(&self) -> Vec<String> {
        let mut lines = self.take();
        lines.retain(|line| line.contains("ERROR"));
        lines
    }
}

/// Asserts that one of the lines contains these words.
#[track_caller]
pub fn assert_logged(lines: &[String], words: &str) {
    assert!(lines.iter().any(|line| line.contains(words)), "no line with `{words}` in {lines:#?}");
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(line).into_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
