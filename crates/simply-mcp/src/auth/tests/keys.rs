//! Which keys are good, and what becomes of those that change.

use std::time::{Duration, SystemTime};

use crate::{
    auth::{Expiry, Failure, KeyEntry, KeyHash, keys::KeySet},
    config::RateLimit,
    facts::{Allowance, Caller},
    metrics::Metrics,
};

fn entry(key: &str) -> KeyEntry {
    KeyEntry::new("ci", KeyHash::of(key))
}

fn default() -> Allowance {
    let settings = RateLimit::default();
    Allowance {
        limit: settings.default_limit,
        window: settings.window_seconds,
    }
}

/// The set that follows `before`; what has ended with it is cancelled.
fn after(before: &KeySet, entries: &[KeyEntry]) -> KeySet {
    let (set, ended) = KeySet::after(before, entries, default(), &Metrics::new());
    for revoked in ended {
        revoked.cancel();
    }
    set
}

fn find(set: &KeySet, key: &str) -> Result<Caller, Failure> {
    set.find(key, SystemTime::now())
}

fn is_revoked(caller: &Caller) -> bool {
    let known = caller.facts().unwrap();
    match known.successor.get() {
        _ if !known.revoked.is_cancelled() => false,
        Some(successor) => is_revoked(successor),
        None => true,
    }
}

// AUT-06
#[test]
fn a_key_is_good_until_the_moment_it_expires() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let mut expiring = entry("k");
    expiring.expires_at = Expiry::after(now, Duration::from_secs(10));
    let set = after(&KeySet::default(), &[expiring]);
    let moment = now + Duration::from_secs(10);
    assert!(set.find("k", moment - Duration::from_nanos(1)).is_ok());
    assert_eq!(set.find("k", moment), Err(Failure::Expired));
}

#[test]
fn every_failure_has_its_reason() {
    let mut off = entry("off");
    off.enabled = false;
    let set = after(&KeySet::default(), &[entry("good"), off]);
    assert_eq!(find(&set, "good").unwrap().name(), Some("ci"));
    assert_eq!(find(&set, "off"), Err(Failure::Disabled));
    assert_eq!(find(&set, "other"), Err(Failure::Unknown));
    assert_eq!(find(&set, "smcp_typo"), Err(Failure::Mistyped));
    assert_eq!(set.in_force(SystemTime::now()), 1);
}

// AUT-05
#[test]
fn what_is_open_ends_with_the_key_and_with_its_rights_only() {
    let mut slower = entry("k");
    slower.rate_limit = Some(std::num::NonZeroU32::MIN);
    let mut fewer = entry("k");
    fewer.tools = Some(vec!["echo".to_owned()]);
    let mut off = entry("k");
    off.enabled = false;
    let mut renamed = entry("k");
    renamed.name = "other".to_owned();
    let mut ending = entry("k");
    ending.expires_at = Some("2100-01-01".parse().unwrap());
    for (changed, ends) in [
        (vec![entry("k")], false),
        (vec![entry("k"), entry("l")], false),
        (vec![slower], false),
        (vec![fewer], true),
        (vec![off], true),
        (vec![renamed], true),
        (vec![ending], false),
        (vec![entry("l")], true),
        (vec![], true),
    ] {
        let before = after(&KeySet::default(), &[entry("k")]);
        let caller = find(&before, "k").unwrap();
        let now = after(&before, &changed);
        assert_eq!(is_revoked(&caller), ends, "{changed:?}");
        // Whoever comes now with a key that is good is not cancelled.
        if let Ok(caller) = find(&now, "k") {
            assert!(!is_revoked(&caller), "{changed:?}");
        }
        // However often it changed, its end is the end.
        after(&after(&now, &changed), &[]);
        assert!(is_revoked(&caller), "{changed:?}");
    }
}

#[test]
fn a_key_that_says_half_of_its_allowance_has_the_other_half_of_everybodys() {
    let mut fast = entry("k");
    fast.window_seconds = std::num::NonZeroU32::new(5);
    let set = after(
        &KeySet::default(),
        &[fast, KeyEntry::new("b", KeyHash::of("l"))],
    );
    let allowance = |key| find(&set, key).unwrap().facts().unwrap().allowance;
    let expected = Allowance {
        window: Duration::from_secs(5),
        ..default()
    };
    assert_eq!(allowance("k"), Some(expected));
    assert_eq!(allowance("l"), None);
}
