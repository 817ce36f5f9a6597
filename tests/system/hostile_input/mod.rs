//! Whatever a client sends, it gets an answer that says what is wrong with it: no panic, no 5xx.

mod any_json;
mod bodies;
mod requests;
