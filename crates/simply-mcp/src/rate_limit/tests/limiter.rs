//! What doors and rooms hear.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::{
    config::RateLimit,
    metrics::Metrics,
    refusal::{Code, Refusal},
};

struct Fixture {
    limiter: Limiter,
    metrics: Metrics,
    clock: Arc<AtomicU64>,
}

fn fixture(settings: Value) -> Fixture {
    let settings: RateLimit = serde_json::from_value(settings).unwrap();
    let (metrics, clock) = (Metrics::new(), Arc::new(AtomicU64::new(0)));
    let backend = Backend::Memory(Memory::new(settings.strategy));
    let manual = Clock::Manual(Arc::clone(&clock));
    Fixture {
        limiter: Limiter::with_clock(&settings, backend, &metrics, manual),
        metrics,
        clock,
    }
}

fn data(refusal: &Refusal) -> Value {
    let body: Value = serde_json::from_slice(&refusal.to_json_rpc("c")).unwrap();
    body["error"]["data"].clone()
}

const HERE: Option<std::net::IpAddr> = Some(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

fn with_allowance(name: &str, limit: u32) -> Caller {
    let mut known = Known::new(Principal::Key(name.into()));
    known.allowance = Some(per_minute(limit));
    Caller::known(Arc::new(known))
}

fn token() -> Caller {
    Caller::known(Arc::new(Known::new(Principal::Token {
        issuer: "https://issuer".into(),
        subject: "a".into(),
        client: None,
    })))
}

// RL-08
#[tokio::test]
async fn everybody_has_an_allowance_and_none_shares_anothers() {
    let Fixture { limiter, .. } = fixture(json!({"default_limit": 3}));
    let elsewhere = Some("192.0.2.9".parse().unwrap());
    for (caller, address, limit, scope) in [
        (with_allowance("own", 5), HERE, 5, "key"),
        (key("without"), HERE, 3, "key"),
        (token(), HERE, 3, "token"),
        (Caller::anonymous(), HERE, 3, "address"),
        (Caller::anonymous(), elsewhere, 3, "address"),
        (Caller::anonymous(), None, 3, "address"),
    ] {
        for _ in 0..limit {
            limiter.charge(&caller, address, 1).await.unwrap();
        }
        let refusal = limiter.charge(&caller, address, 1).await.unwrap_err();
        assert_eq!(refusal.code, Code::RateLimited);
        assert_eq!(data(&refusal)["scope"], scope);
        assert_eq!(data(&refusal)["limit"], limit);
    }
}

#[tokio::test]
async fn a_refusal_says_whose_allowance_it_is_how_much_and_how_long() {
    let Fixture { limiter, .. } = fixture(json!({"default_limit": 60}));
    limiter.charge(&key("a"), HERE, 60).await.unwrap();
    let refusal = limiter.charge(&key("a"), HERE, 2).await.unwrap_err();
    assert_eq!(
        refusal.detail,
        "this key may make 60 requests in 60 seconds; wait 2 seconds, then send this again"
    );
    assert_eq!(data(&refusal)["retryAfterMs"], 2000);
    let refusal = limiter.charge(&key("a"), HERE, 61).await.unwrap_err();
    assert_eq!(refusal.code, Code::BadRequest);
    assert!(
        refusal.detail.contains("counts as 61"),
        "{}",
        refusal.detail
    );
}

#[tokio::test]
async fn a_tool_has_an_allowance_of_its_own_for_each_caller() {
    let Fixture { limiter, clock, .. } = fixture(json!({}));
    let rule = per_minute(1);
    let charge = async |caller, tool| limiter.charge_tool(&caller, HERE, tool, rule).await;
    charge(key("a"), "echo").await.unwrap();
    charge(key("a"), "add").await.unwrap();
    charge(key("b"), "echo").await.unwrap();
    let refusal = charge(key("a"), "echo").await.unwrap_err();
    assert_eq!(data(&refusal)["scope"], "tool");
    assert!(
        refusal
            .detail
            .starts_with("this key may call the tool \"echo\" 1 times in 60 seconds"),
        "{}",
        refusal.detail
    );
    clock.store(60 * SECOND, Ordering::SeqCst);
    charge(key("a"), "echo").await.unwrap();
    let left = limiter.standing(&key("a"), HERE).await.unwrap();
    assert_eq!(
        left.remaining, 100,
        "the caller's other allowance is another"
    );
}

#[tokio::test]
async fn what_passes_and_what_does_not_is_measured_by_key() {
    let Fixture {
        limiter, metrics, ..
    } = fixture(json!({"default_limit": 3}));
    limiter.charge(&key("a"), HERE, 1).await.unwrap();
    limiter.charge(&key("a"), HERE, 2).await.unwrap();
    limiter.charge(&key("a"), HERE, 1).await.unwrap_err();
    limiter.charge(&Caller::anonymous(), HERE, 1).await.unwrap();
    limiter.charge(&token(), HERE, 1).await.unwrap();
    for (label, hit, exceeded, remaining) in
        [("a", 3, 1, 0), ("anonymous", 1, 0, 2), ("token", 1, 0, 2)]
    {
        assert_eq!(
            metrics.rate_limit_hit.with_label_values(&[label]).get(),
            hit
        );
        assert_eq!(
            metrics
                .rate_limit_exceeded
                .with_label_values(&[label])
                .get(),
            exceeded
        );
        assert_eq!(
            metrics
                .rate_limit_remaining
                .with_label_values(&[label])
                .get(),
            remaining
        );
    }
}

#[tokio::test]
async fn the_shadow_measures_and_refuses_nothing() {
    let Fixture {
        limiter, metrics, ..
    } = fixture(json!({"default_limit": 3, "shadow": true}));
    for _ in 0..10 {
        let verdict = limiter.ask(&key("a"), HERE, 1).await;
        assert!(verdict.refusal.is_none());
        assert_eq!(verdict.decision.unwrap().limit, 3);
    }
    limiter.charge(&key("a"), HERE, 50).await.unwrap();
    limiter
        .charge_tool(&key("a"), HERE, "echo", per_minute(1))
        .await
        .unwrap();
    limiter
        .charge_tool(&key("a"), HERE, "echo", per_minute(1))
        .await
        .unwrap();
    assert_eq!(
        metrics.rate_limit_exceeded.with_label_values(&["a"]).get(),
        9
    );
}

#[test]
fn health_names_the_strategy() {
    let Fixture { limiter, .. } = fixture(json!({"strategy": "sliding_window"}));
    assert_eq!(
        limiter.component(),
        json!({"status": "enabled", "strategy": "sliding_window"})
    );
}
