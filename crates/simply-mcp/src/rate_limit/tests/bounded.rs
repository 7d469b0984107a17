//! More identities than there is room for.

use super::*;

fn known(number: u64) -> Identity {
    Identity::of(&key(&number.to_string()), None)
}

// RL-11
#[test]
fn a_million_addresses_take_no_more_room_than_there_is() {
    let memory = Memory::new(Strategy::TokenBucket);
    for number in 0..1_000_000 {
        memory.take(address(number), per_minute(100), 1, 1);
    }
    assert!(memory.len() <= 256 * 3584);
    assert_eq!(
        size_of::<(Identity, super::super::token_bucket::Bucket)>(),
        56
    );
}

// RL-11
#[test]
fn nobody_gets_an_allowance_back_by_crowding_others_out() {
    for strategy in BOTH {
        let memory = Memory::small(strategy, 100);
        let attacker = address(0);
        assert!(memory.take(attacker, per_minute(10), 10, 0).admitted);
        for number in 1..10_000 {
            memory.take(address(number), per_minute(10), 1, number);
            assert!(!memory.take(attacker, per_minute(10), 1, number).admitted);
        }
        assert_eq!(memory.len(), 100);
    }
}

// RL-11
#[test]
fn addresses_without_room_share_one_allowance_and_take_it_with_them() {
    for strategy in BOTH {
        let memory = Memory::small(strategy, 4);
        for number in 0..4 {
            memory.take(address(number), per_minute(10), 10, 0);
        }
        let now = 30 * SECOND;
        for number in 4..14 {
            assert!(
                memory
                    .take(address(number), per_minute(10), 1, now)
                    .admitted
            );
        }
        assert!(!memory.take(address(14), per_minute(10), 1, now).admitted);
        // Another rule, as of a tool, is another allowance.
        let tool = address(14).with_tool("echo");
        assert!(memory.take(tool, per_minute(20), 20, now).admitted);
        assert!(!memory.take(tool, per_minute(20), 1, now).admitted);
        // There is room again, and who shared has used up what the others have.
        let now = 60 * SECOND + 1;
        let left = memory.take(address(4), per_minute(10), 0, now).remaining;
        let expected = if strategy == Strategy::TokenBucket {
            5
        } else {
            0
        };
        assert_eq!(left, expected);
        assert_eq!(memory.take(known(1), per_minute(10), 0, now).remaining, 10);
    }
}

// RL-08, RL-11
#[test]
fn a_key_has_a_count_of_its_own_however_many_addresses_call() {
    for strategy in BOTH {
        let memory = Memory::small(strategy, 10);
        for number in 0..100 {
            memory.take(address(number), per_minute(2), 1, 0);
        }
        for number in 0..100 {
            assert!(memory.take(known(number), per_minute(2), 2, 0).admitted);
            assert!(!memory.take(known(number), per_minute(2), 1, 0).admitted);
        }
        assert_eq!(memory.len(), 110);
    }
}

// RL-11
#[test]
fn who_has_not_called_for_a_window_is_dropped() {
    for strategy in BOTH {
        let memory = Memory::small(strategy, 1000);
        for round in 0..20 {
            for number in 0..500 {
                let new = address(round * 1000 + number);
                memory.take(new, per_minute(10), 10, round * 61 * SECOND);
            }
            assert!(memory.len() <= 1000);
        }
        assert_eq!(
            memory
                .take(address(0), per_minute(10), 0, 1300 * SECOND)
                .remaining,
            10
        );
    }
}

#[test]
fn a_window_takes_a_kilobyte_whatever_its_limit() {
    let mut window = super::super::sliding_window::Window::default();
    let rule = allowance(u32::MAX, Duration::from_secs(60)).into();
    for now in 0..100_000 {
        assert!(window.take(rule, 1, now * SECOND / 100).admitted);
        assert!(window.bytes() < 2200);
    }
    assert!(window.cells() <= 66);
}
