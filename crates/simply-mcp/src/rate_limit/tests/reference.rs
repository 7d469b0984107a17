//! Random requests, counted by us and in the plainest way.

use super::*;

/// Tokens as exact parts: one request takes `window` of them, a nanosecond brings `limit`.
struct PlainBucket {
    parts: u128,
    at: u64,
}

impl PlainBucket {
    fn take(&mut self, limit: u64, window: u64, cost: u32, now: u64) -> (bool, u64) {
        let (limit, window) = (u128::from(limit), u128::from(window));
        let refilled = self.parts + u128::from(now - self.at) * limit;
        self.parts = refilled.min(limit * window);
        self.at = now;
        let price = u128::from(cost) * window;
        let admitted = price <= self.parts;
        if admitted {
            self.parts -= price;
        }
        (admitted, u64::try_from(self.parts / window).unwrap())
    }
}

/// Every request that passed, with its time.
#[derive(Default)]
struct PlainLog(Vec<u64>);

impl PlainLog {
    fn within(&self, span: u64, now: u64) -> u64 {
        let counted = self.0.iter().rev().take_while(|time| *time + span >= now);
        counted.count() as u64
    }
}

/// Steps that bunch up, spread out and now and then leave the window behind.
fn step(random: &mut Random, limit: u64, window: u64) -> u64 {
    if random.below(20 + 4 * limit) == 0 {
        return 2 * window;
    }
    match random.below(20) {
        0..6 => 0,
        6..10 => random.below(window / limit / 4 + 2),
        _ => random.below(2 * window / limit + 2),
    }
}

// RL-02
#[test]
fn a_token_bucket_agrees_with_exact_arithmetic() {
    let mut random = Random(7);
    for (limit, window) in [
        (1, 1),
        (3, 10),
        (7, SECOND),
        (100, 60 * SECOND),
        (u32::MAX, 3),
    ] {
        let memory = Memory::new(Strategy::TokenBucket);
        let rule = allowance(limit, Duration::from_nanos(window));
        let limit = u64::from(limit);
        let mut plain = PlainBucket {
            parts: u128::from(limit) * u128::from(window),
            at: 0,
        };
        let mut now = 0;
        for _ in 0..20_000 {
            now += step(&mut random, limit, window);
            let cost = u32::try_from(random.below(limit.min(4) + 1)).unwrap();
            let ours = memory.take(address(1), rule, cost, now);
            let (admitted, remaining) = plain.take(limit, window, cost, now);
            assert_eq!(
                (ours.admitted, u64::from(ours.remaining)),
                (admitted, remaining)
            );
        }
    }
}

// RL-02
#[test]
fn a_sliding_window_of_few_requests_is_exact() {
    let mut random = Random(11);
    for (limit, window) in [(1, 1), (3, 10), (7, SECOND), (64, 60 * SECOND)] {
        let memory = Memory::new(Strategy::SlidingWindow);
        let rule = allowance(limit, Duration::from_nanos(window));
        let mut log = PlainLog::default();
        let mut now = 0;
        for _ in 0..20_000 {
            now += step(&mut random, limit.into(), window);
            let cost = 1 + u32::try_from(random.below(u64::from(limit.min(3)))).unwrap();
            let ours = memory.take(address(1), rule, cost, now);
            let used = log.within(window, now);
            let expected = used + u64::from(cost) <= u64::from(limit);
            assert_eq!(ours.admitted, expected, "{limit} in {window} at {now}");
            let used = used + u64::from(expected) * u64::from(cost);
            assert_eq!(u64::from(ours.remaining), u64::from(limit) - used);
            log.0.extend((0..cost).filter(|_| expected).map(|_| now));
        }
    }
}

// RL-02
#[test]
fn a_sliding_window_of_many_requests_never_admits_more_and_hardly_less() {
    let mut random = Random(13);
    for (limit, window) in [(65, 100), (100, 60 * SECOND), (1000, SECOND), (5000, 7777)] {
        let memory = Memory::new(Strategy::SlidingWindow);
        let rule = allowance(limit, Duration::from_nanos(window));
        let mut log = PlainLog::default();
        let (mut now, mut refused) = (0, 0);
        for _ in 0..20_000 {
            now += step(&mut random, limit.into(), window) * 9 / 10;
            let admitted = memory.take(address(1), rule, 1, now).admitted;
            let used = log.within(window, now);
            assert!(!admitted || used < u64::from(limit), "{limit} at {now}");
            if admitted {
                log.0.push(now);
            } else {
                refused += 1;
                // A 64th of the window is all that a request is remembered too long.
                let longer = window + window.div_ceil(64);
                assert!(
                    log.within(longer, now) >= u64::from(limit),
                    "{limit} at {now}"
                );
            }
        }
        assert!(refused > 100, "the limit of {limit} was never reached");
    }
}

// RL-09
#[test]
fn the_time_to_wait_is_enough_and_not_a_nanosecond_too_long() {
    for strategy in BOTH {
        let mut random = Random(17);
        for (limit, window) in [(1, 1), (7, 1000), (10, SECOND), (300, 60 * SECOND)] {
            let memory = Memory::new(strategy);
            let rule = allowance(limit, Duration::from_nanos(window));
            let (mut now, mut refused) = (0, 0);
            while refused < 200 {
                now += step(&mut random, limit.into(), window) / 2;
                let cost = 1 + u32::try_from(random.below(u64::from(limit.min(3)))).unwrap();
                let decision = memory.take(address(1), rule, cost, now);
                let wait = nanos(decision.retry_after.unwrap());
                if decision.admitted {
                    assert_eq!(wait, 0);
                    continue;
                }
                refused += 1;
                assert!(wait > 0);
                let early = memory.take(address(1), rule, cost, now + wait - 1);
                assert!(!early.admitted, "{strategy:?} {limit} in {window}: {wait}");
                now += wait;
                let again = memory.take(address(1), rule, cost, now);
                assert!(again.admitted, "{strategy:?} {limit} in {window}: {wait}");
            }
        }
    }
}

// RL-09
#[test]
fn the_allowance_is_whole_when_it_says_so() {
    for strategy in BOTH {
        let memory = Memory::new(strategy);
        let rule = per_minute(7);
        for now in [0, 3, SECOND, SECOND + 1] {
            memory.take(address(1), rule, 1, now);
        }
        let now = 2 * SECOND;
        let asked = memory.take(address(1), rule, 0, now);
        assert_eq!((asked.admitted, asked.remaining, asked.limit), (true, 3, 7));
        let whole_at = now + nanos(asked.reset_after);
        let before = memory.take(address(1), rule, 0, whole_at - 1);
        assert_eq!((before.remaining, nanos(before.reset_after)), (6, 1));
        let whole = memory.take(address(1), rule, 0, whole_at);
        assert_eq!((whole.remaining, whole.reset_after), (7, Duration::ZERO));
    }
}

#[test]
fn what_costs_more_than_everything_never_passes_and_takes_nothing() {
    for strategy in BOTH {
        let memory = Memory::new(strategy);
        let decision = memory.take(address(1), per_minute(5), 6, 0);
        assert_eq!((decision.admitted, decision.retry_after), (false, None));
        assert_eq!((decision.remaining, memory.len()), (5, 0));
        assert!(memory.take(address(1), per_minute(5), 5, 0).admitted);
    }
}

#[test]
fn a_changed_allowance_counts_at_once_and_gives_nothing_for_free() {
    for strategy in BOTH {
        let memory = Memory::new(strategy);
        let take = |limit, cost| memory.take(address(1), per_minute(limit), cost, SECOND);
        assert!(take(10, 10).admitted);
        assert!(!take(5, 1).admitted);
        assert!(!take(10, 1).admitted, "going to and fro gives nothing back");
        let more = take(20, 1);
        assert_eq!(more.limit, 20);
        // A window counts requests, a bucket the share that is used up.
        assert_eq!(more.admitted, strategy == Strategy::SlidingWindow);
        let shorter = allowance(10, Duration::from_secs(1));
        assert!(!memory.take(address(1), shorter, 1, SECOND).admitted);
        assert!(memory.take(address(1), shorter, 1, 2 * SECOND + 1).admitted);
    }
}

#[test]
fn a_window_that_became_shorter_forgets_nothing_of_the_longer_one() {
    let memory = Memory::new(Strategy::SlidingWindow);
    let long = allowance(1000, Duration::from_secs(3600));
    assert!(memory.take(address(1), long, 1000, 0).admitted);
    let short = allowance(1000, Duration::from_millis(64));
    for step in 1..500 {
        assert!(
            memory
                .take(address(1), short, 1, SECOND + step * SECOND / 50)
                .admitted
        );
    }
    assert!(!memory.take(address(1), long, 1, 20 * SECOND).admitted);
}
