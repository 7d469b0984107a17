//! What is decided while the store does not answer.

use crate::{
    metrics::Metrics,
    rate_limit::{Backend, Limiter},
    refusal::Code,
};

use super::*;

/// Counts at a store that is not there.
async fn alone(strategy: Strategy, policy: OnStoreFailure) -> (Redis, Shared) {
    let redis = Redis::not_yet_started();
    let shared = Shared::new(&settings(strategy, policy), store(&redis));
    shared.store.until_down().await;
    (redis, shared)
}

// RL-04
#[tokio::test]
async fn local_gives_one_allowance_of_this_process() {
    for strategy in STRATEGIES {
        let (mut redis, shared) = alone(strategy, OnStoreFailure::Local).await;
        let mut admitted = 0;
        for now in 0..30 {
            let decision = shared.take(address(1), allowance(10, HOUR), 1, now).await;
            admitted += u32::from(decision.unwrap().admitted);
        }
        assert_eq!(admitted, 10, "{strategy:?}");
        redis.start_again();
        shared.store.until_up().await;
        // The store counts from here on; what was counted alone still stands if it fails again.
        assert!(
            decided(&shared, address(1), allowance(10, HOUR), 10)
                .await
                .admitted
        );
        redis.kill();
        shared.store.until_down().await;
        let again = shared.take(address(1), allowance(10, HOUR), 1, 40).await;
        assert!(!again.unwrap().admitted, "{strategy:?}");
    }
}

// RL-04
#[tokio::test]
async fn open_lets_everything_pass() {
    let (_redis, shared) = alone(Strategy::TokenBucket, OnStoreFailure::Open).await;
    for now in 0..30 {
        let decision = shared.take(address(1), allowance(10, HOUR), 1, now).await;
        assert!(decision.unwrap().admitted);
    }
}

// RL-04
#[tokio::test]
async fn closed_refuses_and_says_when_to_come_back() {
    let (_redis, shared) = alone(Strategy::TokenBucket, OnStoreFailure::Closed).await;
    let refusal = shared.take(address(1), allowance(10, HOUR), 1, 0).await;
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.code, Code::Overloaded);
    let response = refusal.into_response();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key(http::header::RETRY_AFTER));
}

#[tokio::test]
async fn in_shadow_nothing_is_refused_whatever_the_store_does() {
    let redis = Redis::not_yet_started();
    let settings = RateLimit {
        shadow: true,
        ..settings(Strategy::TokenBucket, OnStoreFailure::Closed)
    };
    let store = store(&redis);
    store.until_down().await;
    let limiter = Limiter::new(
        &settings,
        Backend::new(&settings, Some(store)),
        &Metrics::new(),
    );
    let verdict = limiter.ask(&Caller::anonymous(), None, 1).await;
    assert!(verdict.refusal.is_none() && verdict.decision.is_none());
}
