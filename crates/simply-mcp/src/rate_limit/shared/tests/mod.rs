//! Counts at a real store.

mod clock;
mod policies;

use std::{net::Ipv4Addr, num::NonZeroU32, time::Duration};

use super::*;
use crate::{
    facts::Caller,
    store::tests::{patient_store, redis_server::Redis, store},
};

const STRATEGIES: [Strategy; 2] = [Strategy::TokenBucket, Strategy::SlidingWindow];

fn settings(strategy: Strategy, on_store_failure: OnStoreFailure) -> RateLimit {
    RateLimit {
        enabled: true,
        strategy,
        on_store_failure,
        ..RateLimit::default()
    }
}

/// Counts at `redis`, as soon as it answers; refuses everything while it does not.
async fn shared(redis: &Redis, strategy: Strategy) -> Shared {
    let settings = settings(strategy, OnStoreFailure::Closed);
    let shared = Shared::new(&settings, patient_store(redis));
    shared.store.until_up().await;
    shared
}

fn allowance(limit: u32, window: Duration) -> Allowance {
    Allowance {
        limit: NonZeroU32::new(limit).unwrap(),
        window,
    }
}

fn address(last: u32) -> Identity {
    let address = Ipv4Addr::from_bits(last).into();
    Identity::of(&Caller::anonymous(), Some(address))
}

const HOUR: Duration = Duration::from_secs(3600);

/// A decision of the store, however often a loaded machine makes an answer late.
async fn decided(shared: &Shared, identity: Identity, allowance: Allowance, cost: u32) -> Decision {
    loop {
        shared.store.until_up().await;
        match shared.ask(identity, Question::new(allowance, cost)).await {
            Ok(decision) => return decision,
            Err(Unavailable) => tokio::task::yield_now().await,
        }
    }
}

// RL-01, RL-03: no more than the limit, however many ask at once and wherever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_together_admit_no_more_than_the_limit() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let replicas = [
            shared(&redis, strategy).await,
            shared(&redis, strategy).await,
        ];
        let asked = (0..400).map(|number: usize| {
            let replica = &replicas[number % 2];
            async move {
                let decision = decided(replica, address(1), allowance(40, HOUR), 1).await;
                u32::from(decision.admitted)
            }
        });
        let admitted: u32 = futures::future::join_all(asked).await.into_iter().sum();
        // An answer that came too late has counted and was not heard; none is heard twice.
        assert!(admitted <= 40, "{strategy:?}: {admitted} of 40");
        assert!(admitted > 0, "{strategy:?}");
        let next = decided(&replicas[0], address(1), allowance(40, HOUR), 1).await;
        assert!(!next.admitted && next.remaining == 0, "{next:?}");
    }
}

// RL-03: every key ends by itself.
#[tokio::test]
async fn every_key_ends_by_itself() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let shared = shared(&redis, strategy).await;
        for last in 0..20 {
            for cost in [0, 1, 5, 100] {
                decided(&shared, address(last), allowance(10, HOUR), cost).await;
                decided(&shared, address(last), allowance(20, HOUR / 2), cost).await;
            }
        }
    }
    let keys = redis.keys();
    let counts = keys.iter().filter(|(key, _)| key.contains("{4:"));
    assert_eq!(counts.count(), 40);
    for (key, lives) in keys {
        assert!((1..=3_602_000).contains(&lives), "{key} lives {lives} ms");
    }
}

// RL-03: a key that ends before its count does would give the allowance back.
#[tokio::test]
async fn no_key_ends_before_its_count_does() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let shared = shared(&redis, strategy).await;
        let (narrow, wide) = (allowance(10, HOUR / 60), allowance(10, HOUR));
        assert!(decided(&shared, address(1), narrow, 10).await.admitted);
        let lives = |redis: &Redis| {
            let keys = redis.keys().into_iter();
            let counts = keys.filter(|(key, _)| key.contains("{4:"));
            counts.map(|(_, lives)| lives).max().unwrap()
        };
        assert!((50_000..=61_000).contains(&lives(&redis)));
        assert!(!decided(&shared, address(1), wide, 1).await.admitted);
        assert!((3_500_000..=3_602_000).contains(&lives(&redis)));
        redis.run(&["FLUSHALL"]);
        if strategy == Strategy::SlidingWindow {
            assert!(decided(&shared, address(1), wide, 5).await.admitted);
            assert!(decided(&shared, address(1), narrow, 1).await.admitted);
            assert!((3_500_000..=3_602_000).contains(&lives(&redis)));
        }
    }
}

#[tokio::test]
async fn what_costs_more_than_everything_is_never_admitted_and_takes_nothing() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let shared = shared(&redis, strategy).await;
        let decision = decided(&shared, address(1), allowance(10, HOUR), 11).await;
        assert!(!decision.admitted, "{decision:?}");
        assert_eq!((decision.remaining, decision.retry_after), (10, None));
        let decision = decided(&shared, address(1), allowance(10, HOUR), 10).await;
        assert!(decision.admitted && decision.remaining == 0, "{decision:?}");
    }
}

#[tokio::test]
async fn the_largest_numbers_are_counted_exactly() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let shared = shared(&redis, strategy).await;
        let largest = allowance(u32::MAX, 24 * HOUR);
        let decision = decided(&shared, address(1), largest, u32::MAX - 1).await;
        assert!(decision.admitted, "{decision:?}");
        let next = decided(&shared, address(1), largest, u32::MAX).await;
        assert!(
            !next.admitted && next.retry_after > Some(23 * HOUR),
            "{next:?}"
        );
    }
}

#[tokio::test]
async fn a_denial_is_remembered_here_until_the_stores_time() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let shared = shared(&redis, strategy).await;
        let (who, one) = (address(1), allowance(1, HOUR));
        assert!(decided(&shared, who, one, 1).await.admitted);
        let denied = loop {
            // Refused by the policy where the store was late.
            match shared.take(who, one, 1, 1_000).await {
                Ok(denied) => break denied,
                Err(_) => shared.store.until_up().await,
            }
        };
        let lasts = u64::try_from(denied.retry_after.unwrap().as_nanos()).unwrap();
        redis.run(&["FLUSHALL"]);
        let remembered = shared.take(who, one, 1, lasts).await.unwrap();
        assert!(!remembered.admitted, "{remembered:?}");
        assert_eq!(remembered.retry_after, Some(Duration::from_micros(1)));
        // It is over here: the store is asked, which has forgotten everything.
        assert!(shared.denials.find(who, one, 1, 1_000 + lasts).is_none());
        assert!(decided(&shared, who, one, 1).await.admitted);
        redis.run(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_no_answer() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        let shared = shared(&redis, strategy).await;
        for (last, text) in [(1, "x"), (2, "1:2:3"), (3, "-1:0:10:60"), (4, "")] {
            redis.run(&["SET", &key(address(last), strategy), text]);
            let question = Question::new(allowance(10, HOUR), 1);
            let asked = shared.ask(address(last), question).await;
            assert!(asked.is_err(), "{strategy:?} {text:?}: {asked:?}");
            shared.store.until_up().await;
        }
    }
}
