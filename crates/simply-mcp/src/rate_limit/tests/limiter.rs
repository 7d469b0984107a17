//! What doors and rooms hear.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;

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
    let verdict = limiter.ask(&key("a"), HERE, 2).await;
    let refusal = verdict.refusal.unwrap();
    assert_eq!(
        refusal.detail,
        "this key may make 60 requests in 60 seconds; wait 2 seconds, then send this again"
    );
    assert_eq!(data(&refusal)["retryAfterMs"], 2000);
    let refusal = limiter.charge(&key("a"), HERE, 60).await.unwrap_err();
    assert_eq!(refusal.code, Code::BadRequest);
    assert!(
        refusal.detail.contains("counts as 61"),
        "{}",
        refusal.detail
    );
}

// RL-09: whoever sends it again goes through the door again as well.
#[tokio::test]
async fn what_costs_more_than_one_passes_after_the_wait() {
    for strategy in ["token_bucket", "sliding_window"] {
        let settings = json!({"default_limit": 5, "strategy": strategy});
        let Fixture { limiter, clock, .. } = fixture(settings);
        let caller = key("a");
        for (pass, further) in [(0, 2), (1, 3), (2, 4)] {
            limiter.ask(&caller, HERE, 1).await;
            let refusal = loop {
                limiter.ask(&caller, HERE, 1).await;
                match limiter.charge(&caller, HERE, further).await {
                    Ok(()) => {}
                    Err(refusal) => break refusal,
                }
            };
            let wait = data(&refusal)["retryAfterMs"].as_u64().unwrap();
            clock.fetch_add(wait * 1_000_000, Ordering::SeqCst);
            let door = limiter.ask(&caller, HERE, 1).await;
            assert!(door.refusal.is_none(), "{strategy} {pass}");
            limiter.charge(&caller, HERE, further).await.unwrap();
        }
        let refusal = limiter.charge(&caller, HERE, 5).await.unwrap_err();
        assert_eq!(refusal.code, Code::BadRequest, "it never passes");
    }
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
            .starts_with("this key may call the tool \"echo\" 1 time in 60 seconds"),
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

/// Counts the lines that are written.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU64>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn the_shadow_says_so_at_most_once_a_second() {
    let settings = json!({"default_limit": 1, "window_seconds": 3600, "shadow": true});
    let Fixture { limiter, clock, .. } = fixture(settings);
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    let _written = tracing::subscriber::set_default(subscriber);
    for (second, said) in [(0, 1), (0, 1), (1, 2), (2, 3)] {
        clock.store(second * SECOND, Ordering::SeqCst);
        for _ in 0..100 {
            limiter.charge(&key("a"), HERE, 1).await.unwrap();
        }
        assert_eq!(lines.0.load(Ordering::SeqCst), said);
    }
}

#[test]
fn health_names_the_strategy() {
    let Fixture { limiter, .. } = fixture(json!({"strategy": "sliding_window"}));
    assert_eq!(
        limiter.component(),
        json!({"status": "enabled", "strategy": "sliding_window"})
    );
}
