//! The scripts by a clock that tests hold, in place of the store's.

use std::sync::LazyLock;

use redis::cmd;

use super::*;

const WINDOW: Duration = Duration::from_secs(64);

/// A day in microseconds.
const DAY: u64 = 86_400_000_000;

/// Some time of some day, in microseconds.
const NOON: u64 = 1_790_000_000_000_000;

/// The scripts with the clock under a key of its own, and keys that outlive the test.
static HELD: LazyLock<[&'static str; 2]> = LazyLock::new(|| {
    STRATEGIES.map(|strategy| {
        let text = source(strategy);
        assert!(text.contains("redis.call('TIME')") && text.contains("SLACK = 1000\n"));
        let text = text
            .replace(
                "redis.call('TIME')",
                "{ redis.call('GET', 'second'), redis.call('GET', 'micro') }",
            )
            .replace("SLACK = 1000\n", "SLACK = 100000000\n");
        &*text.leak()
    })
});

/// Counts by a clock that is set.
struct Held(Shared);

impl Held {
    async fn new(redis: &Redis, strategy: Strategy) -> Self {
        let script = HELD[usize::from(strategy == Strategy::SlidingWindow)];
        let settings = settings(strategy, OnStoreFailure::Closed);
        let shared = Shared::with_script(&settings, patient_store(redis), script);
        shared.store.until_up().await;
        Self(shared)
    }

    async fn take(&self, now: u64, allowance: Allowance, cost: u32) -> Decision {
        loop {
            self.0.store.until_up().await;
            let mut set = cmd("MSET");
            set.arg("second").arg(now / 1_000_000);
            set.arg("micro").arg(now % 1_000_000);
            if self.0.store.command::<()>(set).await.is_ok() {
                return decided(&self.0, address(1), allowance, cost).await;
            }
        }
    }
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[tokio::test]
async fn the_store_counts_as_the_process_does() {
    let redis = Redis::start();
    let mut numbers = Numbers(0x5EED);
    for (strategy, limit) in [
        (Strategy::TokenBucket, 7),
        (Strategy::TokenBucket, 1_000_003),
        (Strategy::SlidingWindow, 7),
        (Strategy::SlidingWindow, 1_000_003),
    ] {
        redis.run(&["FLUSHALL"]);
        let held = Held::new(&redis, strategy).await;
        let here = Memory::new(strategy);
        let rule = allowance(limit, WINDOW);
        let mut now = NOON;
        for _ in 0..400 {
            now += numbers.below(20_000_000);
            let cost = u32::try_from(numbers.below(u64::from(limit) / 3)).unwrap();
            let there = held.take(now, rule, cost).await;
            let expected = here.take(address(1), rule, cost, now * 1000);
            assert_eq!(there.admitted, expected.admitted, "{there:?} {expected:?}");
            assert_eq!(
                there.remaining, expected.remaining,
                "{there:?} {expected:?}"
            );
            let (wait, least) = (there.retry_after.unwrap(), expected.retry_after.unwrap());
            let further = wait.checked_sub(least).expect("the wait is enough");
            assert!(
                further <= Duration::from_micros(1),
                "{there:?} {expected:?}"
            );
            if !there.admitted {
                let at = now + u64::try_from(wait.as_micros()).unwrap();
                assert!(
                    held.take(at, rule, cost).await.admitted,
                    "the wait was enough"
                );
                here.take(address(1), rule, cost, at * 1000);
                now = at;
            }
        }
    }
}

// RL-06 at the store
#[tokio::test]
async fn a_clock_that_goes_back_gives_nothing_and_locks_nobody_out() {
    let redis = Redis::start();
    for (strategy, limit) in STRATEGIES
        .into_iter()
        .flat_map(|strategy| [(strategy, 10), (strategy, 1000)])
    {
        redis.run(&["FLUSHALL"]);
        let held = Held::new(&redis, strategy).await;
        let rule = allowance(limit, WINDOW);
        assert!(held.take(NOON, rule, limit).await.admitted);
        let back = NOON - DAY;
        let denied = held.take(back, rule, 1).await;
        assert!(!denied.admitted, "{strategy:?} {denied:?}");
        let wait = denied.retry_after.unwrap();
        assert!(wait <= WINDOW + Duration::from_micros(1), "{wait:?}");
        // Refusals must not move the time on: a window later everything is there.
        let later = back + u64::try_from(WINDOW.as_micros()).unwrap() + 1;
        let passed = held.take(later, rule, limit).await;
        assert!(passed.admitted, "{strategy:?} {passed:?}");
        let denied = held.take(later - 1_000, rule, 1).await;
        assert!(!denied.admitted, "{strategy:?} {denied:?}");
    }
}

#[tokio::test]
async fn another_allowance_gives_nothing_for_free() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        redis.run(&["FLUSHALL"]);
        let held = Held::new(&redis, strategy).await;
        let (narrow, wide) = (allowance(10, WINDOW), allowance(10, 10 * WINDOW));
        assert!(held.take(NOON, narrow, 10).await.admitted);
        for turn in 1..20 {
            for rule in [wide, narrow] {
                let decision = held.take(NOON + turn, rule, 1).await;
                assert!(!decision.admitted, "{strategy:?} {decision:?}");
                let wait = decision.retry_after.unwrap();
                assert!(wait <= rule.window + Duration::from_micros(1), "{wait:?}");
            }
        }
    }
}

/// Takes costs at times after noon, and says what passed.
async fn taken(held: &Held, rules: &[(u64, Allowance, u32)]) -> Vec<bool> {
    let mut admitted = vec![];
    for (later, rule, cost) in rules {
        admitted.push(held.take(NOON + later, *rule, *cost).await.admitted);
    }
    admitted
}

const SECOND: u64 = 1_000_000;

#[tokio::test]
async fn no_part_of_a_microsecond_is_given_away() {
    let redis = Redis::start();
    let held = Held::new(&redis, Strategy::TokenBucket).await;
    let second = Duration::from_secs(1);
    // A request takes a third of a microsecond: the one too many is within the last whole one.
    let rule = allowance(3_000_000, second);
    let asked = [
        (0, rule, 3_000_000),
        (0, rule, 1),
        (1, rule, 4),
        (1, rule, 3),
    ];
    assert_eq!(taken(&held, &asked).await, [true, false, false, true]);
    redis.run(&["FLUSHALL"]);
    // Thirds that add up to whole ones.
    let rule = allowance(600_000, second);
    let mut asked = vec![(0, rule, 59_999); 10];
    asked.extend([(0, rule, 10), (0, rule, 1)]);
    let admitted = taken(&held, &asked).await;
    assert_eq!(admitted.iter().filter(|passed| **passed).count(), 11);
    assert_eq!(admitted.last(), Some(&false));
    redis.run(&["FLUSHALL"]);
    // Windows that do not divide each other, to and fro.
    let (long, short) = (
        allowance(1_000_000, 64 * second),
        allowance(1_000_000, 7 * second),
    );
    let mut asked = vec![(0, long, 1_000_000)];
    for _ in 0..100 {
        asked.extend([(5, short, 1), (5, long, 1)]);
    }
    let admitted = taken(&held, &asked).await;
    assert_eq!(admitted.iter().filter(|passed| **passed).count(), 1);
}

#[tokio::test]
async fn a_window_ends_when_it_does() {
    let redis = Redis::start();
    let held = Held::new(&redis, Strategy::SlidingWindow).await;
    let (two, end) = (allowance(2, WINDOW), 64 * SECOND);
    let asked = [
        (0, two, 1),
        (SECOND - 1, two, 1),
        (end, two, 1),
        (end + 1, two, 1),
        (end + SECOND - 1, two, 1),
        (end + SECOND, two, 1),
    ];
    let admitted = taken(&held, &asked).await;
    assert_eq!(admitted, [true, true, false, true, false, true]);
}

#[tokio::test]
async fn a_longer_window_counts_what_passed_in_a_shorter_one() {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        redis.run(&["FLUSHALL"]);
        let held = Held::new(&redis, strategy).await;
        let (narrow, wide) = (allowance(10, WINDOW), allowance(10, 10 * WINDOW));
        let asked = [(0, narrow, 10), (1, wide, 1), (65 * SECOND, wide, 10)];
        let admitted = taken(&held, &asked).await;
        assert_eq!(admitted, [true, false, false], "{strategy:?}");
    }
}

#[tokio::test]
async fn cells_that_are_joined_lose_nothing() {
    let redis = Redis::start();
    let held = Held::new(&redis, Strategy::SlidingWindow).await;
    let (long, short) = (allowance(1000, WINDOW), allowance(1000, WINDOW / 64));
    held.take(NOON, long, 1).await;
    for step in 1..=100 {
        assert!(held.take(NOON + step * 20_000, short, 1).await.admitted);
    }
    let left = held.take(NOON + 3 * SECOND, long, 0).await;
    assert_eq!(left.remaining, 1000 - 101);
}

#[tokio::test]
async fn a_key_is_small_whatever_the_limit() {
    let redis = Redis::start();
    let held = Held::new(&redis, Strategy::SlidingWindow).await;
    let rule = allowance(1_000_000, WINDOW);
    for step in 0..300 {
        assert!(held.take(NOON + step * 500_000, rule, 1000).await.admitted);
    }
    // Many small windows, then a large one: the cells of all of them.
    for step in 0..300 {
        let rule = allowance(1000, WINDOW / if step % 2 == 0 { 64 } else { 1 });
        held.take(NOON + 300_000_000 + step * 15_000, rule, 1).await;
    }
    let mut longest = 0;
    for (key, _) in redis.keys() {
        if key.ends_with(":window") {
            longest = redis.run(&["STRLEN", &key]).parse().unwrap();
        }
    }
    assert!((100..=1024).contains(&longest), "{longest} bytes");
}
