//! `cargo dev key`: creates, lists, rotates and revokes API keys in the table of a deployment. No route does.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::api_key::{ApiKey, KeyRecord, Role};
use domain::merchant::Merchant;
use domain::text::Text;
use domain::time::Timestamp;
use store::Store;

/// What a new key is.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Whom the key speaks for.
    pub merchant: Merchant,
    /// What the key may do.
    pub role: Role,
    /// What the operator calls it.
    pub name: Option<Text<200>>,
    /// How long the key is accepted; without an end if it is `None`.
    pub lifetime: Option<Duration>,
}

/// Creates a key and stores its hash. The key itself is stored nowhere.
pub async fn create(store: &Store, new: NewKey, now: Timestamp) -> Result<(ApiKey, KeyRecord)> {
    let NewKey { merchant, role, name, lifetime } = new;
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("the system gives no random bytes")?;
    let key = ApiKey::new(role, random);
    let record = KeyRecord {
        id: format!("key_{}", runtime::random::uuid().simple()),
        merchant,
        role,
        name,
        hint: key.hint(),
        created_at: now,
        expires_at: lifetime.map(|lifetime| now + lifetime),
        revoked_at: None,
        rotated_at: None,
    };
    store.create_key(&key.hash(), &record).await?;
    Ok((key, record))
}

/// Returns a merchant's keys, the newest first.
pub async fn list(store: &Store, merchant: &Merchant) -> Result<Vec<KeyRecord>> {
    let mut keys = store.keys_of(merchant).await?;
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    Ok(keys)
}

/// Creates a key like an earlier one, which is still accepted for the time of the overlap.
pub async fn rotate(
    store: &Store,
    merchant: &Merchant,
    id: &str,
    overlap: Duration,
    now: Timestamp,
) -> Result<(ApiKey, KeyRecord, KeyRecord)> {
    let earlier = store.keys_of(merchant).await?.into_iter().find(|key| key.id == id);
    let earlier = earlier.with_context(|| format!("merchant {merchant} has no key {id}"))?;
    ensure!(earlier.caller(now).is_ok(), "{id} is not accepted any more; create a new key instead");
    // Its end is that of the overlap. A further key would take its lifetime from there, and stop without notice.
    ensure!(
        earlier.rotated_at.is_none(),
        "{id} was rotated before; rotate the key that replaced it, or create a new one"
    );
    let lifetime = earlier.expires_at.map(|end| end.since(earlier.created_at));
    let new = NewKey { merchant: merchant.clone(), role: earlier.role, name: earlier.name, lifetime };
    // First the new key: if what follows fails, no key is missing.
    let (key, record) = create(store, new, now).await?;
    let earlier = store.replace_key(merchant, id, now, now + overlap).await?;
    Ok((key, record, earlier.context("the earlier key is gone")?))
}

/// Revokes a key.
pub async fn revoke(store: &Store, merchant: &Merchant, id: &str, now: Timestamp) -> Result<KeyRecord> {
    let revoked = store.revoke_key(merchant, id, now).await?;
    revoked.with_context(|| format!("merchant {merchant} has no key {id}"))
}

/// Reads a time such as `90d`, `24h`, `30m` or `45s`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a whole number and d, h, m or s, such as 90d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        _ => return Err(expected()),
    };
    let number: u32 = number.parse().map_err(|_| expected())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// Describes a key in one line: everything but the key itself.
pub fn describe(key: &KeyRecord, now: Timestamp) -> String {
    let KeyRecord { id, merchant, role, name, hint, created_at, expires_at, revoked_at, rotated_at: _ } = key;
    let state = match (revoked_at, expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if now >= *at => format!("expired {at}"),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "active".to_owned(),
    };
    let role = match role {
        Role::Secret => "secret",
        Role::Read => "read",
    };
    let name = name.as_ref().map_or("", Text::as_str);
    format!("{id}  {hint}  {role:<6}  {merchant}  created {created_at}  {state}  {name}")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for text in ["", "d", "90", "1w", "-1d", "1.5h", "é", "99999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
