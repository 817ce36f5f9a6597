//! The signatures of Stripe's webhooks: `Stripe-Signature: t=<seconds>,v1=<hex>`, several of the latter during a rotation.

use domain::time::Timestamp;
use ring::hmac;

use crate::webhook::{WebhookRefusal, bytes_of, is_recent};

/// No rotation has more secrets at once. Each costs a hash of the body.
const MOST_SIGNATURES: usize = 10;

/// Verifies the signature of a webhook with one of these secrets.
pub fn verify(header: &str, body: &[u8], secrets: &[String], now: Timestamp) -> Result<(), WebhookRefusal> {
    let parts = header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts.clone().find_map(|(name, value)| (name == "t").then_some(value));
    let time = time.ok_or(WebhookRefusal::Invalid)?;
    let signed = [time.as_bytes(), b".", body].concat();
    let given = parts.filter(|(name, _)| *name == "v1").filter_map(|(_, value)| bytes_of(value));
    let given: Vec<Vec<u8>> = given.take(MOST_SIGNATURES).collect();
    let is_signed = secrets.iter().any(|secret| {
        // The whole text of the secret is the key, its prefix included.
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        // `ring` compares in constant time.
        given.iter().any(|signature| hmac::verify(&key, &signed, signature).is_ok())
    });
    if is_signed { is_recent(time, now) } else { Err(WebhookRefusal::Invalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const NOW: i64 = 1_769_860_800;

    fn sign(secret: &str, time: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = [time.to_string().as_bytes(), b".", BODY].concat();
        let digits =
            |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap());
        hmac::sign(&key, &signed).as_ref().iter().flat_map(digits).collect()
    }

    fn check(header: &str) -> Result<(), WebhookRefusal> {
        let secrets = ["whsec_old".to_owned(), "whsec_new".to_owned()];
        verify(header, BODY, &secrets, Timestamp::from_millis(NOW * 1_000))
    }

    /// By the account's own library: `WebhookSignature.generate_signature_header` of stripe-python 16.1.0.
    #[test]
    fn what_stripes_own_library_signs_is_accepted() {
        let header = "t=1769860800,v1=6763aa7c9111cdbc4273af8416993bd376754c2c76b2373b694da236032b7ca2";
        assert_eq!(check(header), Ok(()));
    }

    #[test]
    fn one_good_signature_of_a_rotation_is_enough() {
        for secret in ["whsec_old", "whsec_new"] {
            let good = sign(secret, NOW);
            assert_eq!(check(&format!("t={NOW},v1={good}")), Ok(()));
            assert_eq!(check(&format!("t={NOW}, v1={}, v1={good}, v0=00", sign("other", NOW))), Ok(()));
        }
    }

    #[test]
    fn what_is_not_signed_now_and_with_our_secret_is_refused() {
        let good = sign("whsec_new", NOW);
        for header in [
            String::new(),
            format!("v1={good}"),
            format!("t={NOW}"),
            format!("t={NOW},v0={good}"),
            format!("t={NOW},v1={}", &good[1..]),
            format!("t={NOW},v1={}", sign("other", NOW)),
            format!("t={},v1={good}", NOW + 1),
            format!("t=0{NOW},v1={good}"),
            format!("t=x,v1={good}"),
        ] {
            assert_eq!(check(&header), Err(WebhookRefusal::Invalid), "{header}");
        }
        for (time, expected) in [
            (NOW - 300, Ok(())),
            (NOW + 300, Ok(())),
            (NOW - 301, Err(WebhookRefusal::Expired)),
            (NOW + 301, Err(WebhookRefusal::Expired)),
        ] {
            assert_eq!(check(&format!("t={time},v1={}", sign("whsec_old", time))), expected);
        }
    }
}
