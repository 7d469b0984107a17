//! The checker of recorded histories finds what it is there to find.

mod common;

use common::intervals::{Observed, Rule, Violation, check};

fn at(times: &[u64]) -> Vec<Observed> {
    let exact = |time: &u64| Observed {
        start: *time,
        end: *time,
        admitted: true,
    };
    times.iter().map(exact).collect()
}

const WINDOW: Rule = Rule::SlidingWindow {
    limit: 3,
    window: 10,
};
const BUCKET: Rule = Rule::TokenBucket {
    burst: 3,
    limit: 3,
    window: 30,
};

#[test]
fn a_window_with_one_too_many_is_found() {
    assert_eq!(check(&at(&[]), WINDOW), Ok(()));
    assert_eq!(check(&at(&[0, 5, 9, 11, 16, 20]), WINDOW), Ok(()));
    let planted = check(&at(&[0, 5, 9, 11, 15, 20]), WINDOW);
    assert_eq!(planted, Err(Violation { from: 5, to: 15 }));
}

#[test]
fn a_bucket_that_gave_more_than_it_had_is_found() {
    assert_eq!(check(&at(&[0, 0, 0, 10, 20, 30]), BUCKET), Ok(()));
    assert_eq!(
        check(&at(&[0, 0, 0, 10, 19, 30]), BUCKET),
        Err(Violation { from: 0, to: 19 })
    );
    assert_eq!(
        check(&at(&[100, 100, 100, 100]), BUCKET),
        Err(Violation { from: 100, to: 100 })
    );
}

#[test]
fn what_may_have_been_allowed_is_not_faulted() {
    let mut history = at(&[0, 5, 9, 10]);
    assert!(check(&history, WINDOW).is_err());
    history[3].end = 11;
    assert_eq!(check(&history, WINDOW), Ok(()));
    history[3] = Observed {
        end: 10,
        admitted: false,
        ..history[3]
    };
    assert_eq!(check(&history, WINDOW), Ok(()));
}

/// Every interval, one after the other.
fn plainly(history: &[Observed], rule: Rule) -> bool {
    history.iter().all(|first| {
        history.iter().all(|last| {
            let within = |one: &&Observed| one.start >= first.start && one.end <= last.end;
            let count = history.iter().filter(within).count() as u64;
            let span = last.end.saturating_sub(first.start);
            match rule {
                Rule::SlidingWindow { limit, window } => span > window || count <= limit,
                Rule::TokenBucket {
                    burst,
                    limit,
                    window,
                } => count * window <= burst * window + limit * span,
            }
        })
    })
}

#[test]
fn it_agrees_with_looking_at_every_interval() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut faulted = 0;
    for _ in 0..3000 {
        let count = 1 + below(12);
        let span = 10 + below(90);
        let history: Vec<_> = (0..count)
            .map(|_| {
                let start = below(span);
                Observed {
                    start,
                    end: start + below(6),
                    admitted: true,
                }
            })
            .collect();
        for rule in [WINDOW, BUCKET] {
            let fine = plainly(&history, rule);
            faulted += u32::from(!fine);
            assert_eq!(check(&history, rule).is_ok(), fine, "{history:?} {rule:?}");
        }
    }
    assert!((500..5500).contains(&faulted), "{faulted}");
}
