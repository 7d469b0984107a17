//! Many threads at once.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
};

use super::*;

const THREADS: u32 = 64;

// RL-01
#[test]
fn exactly_the_limit_passes_however_many_threads_ask() {
    for strategy in BOTH {
        for limit in [1_u32, 63, 1000] {
            let memory = Memory::new(strategy);
            let (admitted, barrier) = (AtomicU32::new(0), Barrier::new(THREADS as usize));
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        barrier.wait();
                        for _ in 0..(10 * limit).div_ceil(THREADS) {
                            let passed = memory.take(address(1), per_minute(limit), 1, 5).admitted;
                            admitted.fetch_add(passed.into(), Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(admitted.into_inner(), limit, "{strategy:?}");
        }
    }
}

/// Each thread reads a clock that all of them move, and asks a little later, so that the times arrive in disorder.
fn in_disorder(memory: &Memory, rule: Allowance, rounds: u64, step: u64) -> Vec<u64> {
    let (clock, barrier) = (AtomicU64::new(0), Barrier::new(8));
    let mut passed: Vec<u64> = thread::scope(|scope| {
        let run = || {
            barrier.wait();
            let mut passed = vec![];
            for round in 0..rounds {
                let now = clock.fetch_add(step, Ordering::SeqCst);
                if round % 3 == 0 {
                    thread::yield_now();
                }
                if memory.take(address(1), rule, 1, now).admitted {
                    passed.push(now);
                }
            }
            passed
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        results.flatten().collect()
    });
    passed.sort_unstable();
    passed
}

// RL-02, RL-06
#[test]
fn times_that_arrive_in_disorder_let_no_more_pass() {
    let window = 1_000_000;
    let rule = allowance(100, Duration::from_nanos(window));
    let passed = in_disorder(&Memory::new(Strategy::TokenBucket), rule, 3_000, 700);
    assert!(passed.len() > 100);
    // limit + rate * span, for all spans: the excess over the rate is kept at its highest.
    let mut most_before = i128::MIN;
    for (index, time) in passed.iter().enumerate() {
        let level = index as i128 * i128::from(window) - i128::from(*time) * 100;
        most_before = most_before.max(-level);
        let excess = level + i128::from(window) + most_before;
        assert!(excess <= 100 * i128::from(window), "at {time}");
    }
}

// RL-06
#[test]
fn a_time_before_the_last_one_is_no_way_to_a_fresh_allowance() {
    for strategy in BOTH {
        let memory = Memory::new(strategy);
        assert!(
            memory
                .take(address(1), per_minute(3), 3, 100 * SECOND)
                .admitted
        );
        for now in [0, 40 * SECOND, 99 * SECOND, 100 * SECOND] {
            assert!(!memory.take(address(1), per_minute(3), 1, now).admitted);
        }
        // And no lock-out either: a window later all is as it was.
        assert!(
            memory
                .take(address(1), per_minute(3), 3, 160 * SECOND + 1)
                .admitted
        );
    }
}
