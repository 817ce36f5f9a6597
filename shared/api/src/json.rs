//! JSON text, read without building values of it.
//!
//! Nesting costs memory but no stack, and no number loses a digit.

use sha2::{Digest, Sha256};

/// Returns the length of the string literal that `json` begins with, quotes included.
pub(super) fn literal_length(json: &str) -> usize {
    let mut bytes = json.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    json.len()
}

/// A part of well-formed JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`, `[`, `}`, `]`, `,` or `:`.
    Mark(char),
    /// A string, quotes included.
    Literal(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
}

/// The parts of JSON text, one after the other. Of text that is not JSON it makes what it can.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a>(pub(super) &'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        const MARKS: [char; 6] = ['{', '[', '}', ']', ',', ':'];
        self.0 = self.0.trim_start();
        let first = self.0.chars().next()?;
        let length = match first {
            '"' => literal_length(self.0),
            first if MARKS.contains(&first) => 1,
            _ => {
                let is_end = |c: char| MARKS.contains(&c) || c == '"' || c.is_whitespace();
                self.0.find(is_end).unwrap_or(self.0.len())
            }
        };
        let (token, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(match first {
            '"' => Token::Literal(token),
            first if MARKS.contains(&first) => Token::Mark(first),
            _ => Token::Word(token),
        })
    }
}

/// A JSON number, exactly: its digits without zeros at either end, times a power of ten.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number; `None` if its exponent is beyond all reason.
    fn parse(number: &str) -> Option<Self> {
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = [whole, fraction].concat();
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            // -0 and 0e999 are 0.
            return (!digits.is_empty()).then(|| Self {
                is_negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let exponent = exponent.checked_add(i64::try_from(zeros).ok()?)?;
        Some(Self { is_negative, digits: significant.to_owned(), exponent })
    }
}

/// Reads a JSON number that is whole, whatever its spelling: `1800`, `1800.0` and `1.8e3` are one number.
/// `None` if it is not whole, negative, or larger than 64 bits.
pub(super) fn whole_number(number: &str) -> Option<u64> {
    let Decimal { is_negative, digits, exponent } = Decimal::parse(number)?;
    if digits.is_empty() {
        return Some(0);
    }
    let zeros = usize::try_from(exponent).ok().filter(|zeros| *zeros <= 20)?;
    if is_negative {
        return None;
    }
    format!("{digits}{}", "0".repeat(zeros)).parse().ok()
}

/// Returns bytes that are the same for two JSON texts exactly if these are the same value: however they are
/// spaced, in whatever order their keys are, and however their strings and numbers are spelled.
///
/// `json` must be well-formed.
pub(super) fn canonical(json: &str) -> Vec<u8> {
    let mut open = vec![Open::Array(Vec::new())];
    for token in Tokens(json) {
        let value = match token {
            Token::Mark('{') => {
                open.push(Open::Object(Vec::new(), None));
                continue;
            }
            Token::Mark('[') => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            Token::Mark('}' | ']') => open.pop().map(Open::close).unwrap_or_default(),
            Token::Mark(_) => continue,
            Token::Literal(literal) => {
                let text = string(literal);
                if let Some(Open::Object(_, key @ None)) = open.last_mut() {
                    *key = Some(text);
                    continue;
                }
                text
            }
            Token::Word(word) => scalar(word),
        };
        if let Some(parent) = open.last_mut() {
            parent.add(value);
        }
    }
    open.pop().map(Open::close).unwrap_or_default()
}

/// An array or an object whose end was not reached yet.
enum Open {
    Array(Vec<Vec<u8>>),
    /// Its members, and the key of the next one.
    Object(Vec<(Vec<u8>, Vec<u8>)>, Option<Vec<u8>>),
}

impl Open {
    fn add(&mut self, value: Vec<u8>) {
        match self {
            Self::Array(values) => values.push(value),
            Self::Object(members, key) => members.push((key.take().unwrap_or_default(), value)),
        }
    }

    /// The bytes of the whole. A hash, so that nesting does not repeat what is within.
    fn close(self) -> Vec<u8> {
        let mut hasher = Sha256::new();
        let mut feed = |part: &[u8]| {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        };
        let kind = match self {
            Self::Array(values) => {
                for value in &values {
                    feed(value);
                }
                b'a'
            }
            Self::Object(mut members, _) => {
                // Stable: of a key that appears twice, some readers believe the first value and some the last.
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                for (key, value) in &members {
                    feed(key);
                    feed(value);
                }
                b'o'
            }
        };
        let mut bytes = hasher.finalize().to_vec();
        bytes.push(kind);
        bytes
    }
}

/// The bytes of a string. One with half of a surrogate pair is no text, so its spelling stands for it.
fn string(literal: &str) -> Vec<u8> {
    match serde_json::from_str::<String>(literal) {
        Ok(text) => [text.as_bytes(), b"s"].concat(),
        Err(_) => [literal.as_bytes(), b"l"].concat(),
    }
}

/// The bytes of a number, `true`, `false` or `null`.
fn scalar(word: &str) -> Vec<u8> {
    match Decimal::parse(word) {
        Some(Decimal { is_negative, digits, exponent }) => {
            let sign = if is_negative { "-" } else { "" };
            format!("{sign}{digits}e{exponent}n").into_bytes()
        }
        None => [word.as_bytes(), b"w"].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_read_in_every_spelling() {
        for (number, expected) in [
            ("0", 0),
            ("-0", 0),
            ("0.0", 0),
            ("-0.00e7", 0),
            ("0e99999999999999999999", 0),
            ("1800", 1800),
            ("1800.0", 1800),
            ("1.8e3", 1800),
            ("1.8E+3", 1800),
            ("18000e-1", 1800),
            ("180000.00e-2", 1800),
            ("18446744073709551615", u64::MAX),
            ("1844674407370955161.5e1", u64::MAX),
        ] {
            assert_eq!(whole_number(number), Some(expected), "{number}");
        }
        for number in [
            "1800.5",
            "-1",
            "-1800.0",
            "1e-1",
            "1e20",
            "18446744073709551616",
            "1e999",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "true",
            "null",
            "\"1\"",
            "[1]",
        ] {
            assert_eq!(whole_number(number), None, "{number}");
        }
    }

    #[test]
    fn one_value_has_one_canonical_form() {
        for (one, other) in [
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [ true , null ],\n\t\"a\" : 1 }"),
            (r#"{"a":1800}"#, r#"{"a":1800.0}"#),
            (r#"{"a":1800}"#, r#"{"a":18e2}"#),
            (r#"{"a":0}"#, r#"{"a":-0.0}"#),
            (r#"{"a":"A/\""}"#, r#"{"\u0061":"\u0041\/\u0022"}"#),
            ("[]", " [ ] "),
            (r#"{"a":{"x":1,"y":{}}}"#, r#"{"a":{"y":{},"x":1}}"#),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
    }

    #[test]
    fn two_values_have_two_canonical_forms() {
        let values = [
            "{}",
            "[]",
            "null",
            "true",
            "\"true\"",
            "1",
            "\"1\"",
            "-1",
            "1.5",
            "[1]",
            "[1,2]",
            "[12]",
            "[2,1]",
            "[[1],2]",
            "[[1,2]]",
            "[[]]",
            "[{}]",
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":null}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":1}"#,
            r#"{"a":[1]}"#,
            r#"{"a":1,"a":2}"#,
            r#"{"a":2,"a":1}"#,
            r#"["a",1]"#,
            "12345678901234567890.10",
            "12345678901234567890.11",
            "1e400000000000000000000",
            "1e400000000000000000001",
            r#""\ud800""#,
            r#""\ud801""#,
        ];
        for (at, one) in values.iter().enumerate() {
            for other in values.iter().skip(at + 1) {
                assert_ne!(canonical(one), canonical(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn nesting_of_any_depth_is_compared() {
        let nested =
            |depth: usize, within: &str| format!("{}{within}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(canonical(&nested(100_000, "1")), canonical(&nested(100_000, " 1.0 ")));
        assert_ne!(canonical(&nested(100_000, "1")), canonical(&nested(100_000, "2")));
    }
}
