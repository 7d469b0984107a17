//! What the store refused, until it would not: whoever is over its limit does not cost the store a question each time.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::super::{Decision, Identity};
use crate::facts::Allowance;

/// The most that are remembered: about 2 MB. Beyond, the store is asked.
const MOST: usize = 16_384;

/// The least time between two clearings, in nanoseconds.
const PAUSE: u64 = 1_000_000_000;

/// The denials in force.
#[derive(Debug, Default)]
pub(super) struct Denials(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    by_identity: HashMap<Identity, Denial>,
    clear_not_before: u64,
}

#[derive(Clone, Copy, Debug)]
struct Denial {
    allowance: Allowance,
    cost: u32,
    decision: Decision,
    /// When the store was asked, or before.
    asked_at: u64,
    /// Nanoseconds until the store would let it pass.
    lasts: u64,
}

impl Denials {
    /// The denial that holds for this request, with the times that are left of it.
    pub(super) fn find(
        &self,
        identity: Identity,
        allowance: Allowance,
        cost: u32,
        now: u64,
    ) -> Option<Decision> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let denial = *remembered.by_identity.get(&identity)?;
        if denial.is_over(now) {
            remembered.by_identity.remove(&identity);
            return None;
        }
        // What costs less may pass earlier, what costs more has to wait longer.
        (denial.allowance == allowance && cost == denial.cost).then(|| denial.seen_at(now))
    }

    /// Remembers a decision that is a denial. `now` is when the store was asked, so that it ends no later here than
    /// there.
    pub(super) fn remember(
        &self,
        identity: Identity,
        allowance: Allowance,
        cost: u32,
        decision: Decision,
        now: u64,
    ) {
        let (false, Some(retry_after)) = (decision.admitted, decision.retry_after) else {
            return;
        };
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.make_room(now);
        if remembered.by_identity.len() < MOST {
            let denial = Denial {
                allowance,
                cost,
                decision,
                asked_at: now,
                lasts: u64::try_from(retry_after.as_nanos()).unwrap_or(u64::MAX),
            };
            remembered.by_identity.insert(identity, denial);
        }
    }
}

impl Remembered {
    fn make_room(&mut self, now: u64) {
        if self.by_identity.len() >= MOST && now >= self.clear_not_before {
            self.by_identity.retain(|_, denial| !denial.is_over(now));
            self.clear_not_before = now.saturating_add(PAUSE);
        }
    }
}

impl Denial {
    const fn is_over(&self, now: u64) -> bool {
        now >= self.asked_at.saturating_add(self.lasts)
    }

    fn seen_at(&self, now: u64) -> Decision {
        let passed = Duration::from_nanos(now.saturating_sub(self.asked_at));
        let left = |time: Duration| time.saturating_sub(passed);
        Decision {
            reset_after: left(self.decision.reset_after),
            retry_after: self.decision.retry_after.map(left),
            ..self.decision
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::facts::Caller;

    const SECOND: u64 = 1_000_000_000;

    fn allowance(limit: u32) -> Allowance {
        Allowance {
            limit: NonZeroU32::new(limit).unwrap(),
            window: Duration::from_secs(60),
        }
    }

    fn denied(retry_after: u64) -> Decision {
        Decision {
            admitted: false,
            limit: 10,
            remaining: 1,
            reset_after: Duration::from_secs(50),
            retry_after: Some(Duration::from_secs(retry_after)),
        }
    }

    fn address(last: u32) -> Identity {
        Identity::of(
            &Caller::anonymous(),
            Some(std::net::Ipv4Addr::from_bits(last).into()),
        )
    }

    #[test]
    fn a_denial_holds_until_the_stores_time_and_never_longer() {
        let (denials, who) = (Denials::default(), address(1));
        denials.remember(who, allowance(10), 2, denied(5), SECOND);
        let found = |cost, now| denials.find(who, allowance(10), cost, now);
        let later = found(2, 3 * SECOND).unwrap();
        assert_eq!(later.retry_after, Some(Duration::from_secs(3)));
        assert_eq!(later.reset_after, Duration::from_secs(48));
        assert_eq!(found(1, 3 * SECOND), None, "what costs less may pass");
        assert_eq!(found(3, 3 * SECOND), None, "what costs more waits longer");
        assert_eq!(denials.find(who, allowance(11), 2, 3 * SECOND), None);
        assert_eq!(denials.find(address(2), allowance(10), 2, 3 * SECOND), None);
        assert!(found(2, 6 * SECOND - 1).is_some());
        assert_eq!(found(2, 6 * SECOND), None);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let denials = Denials::default();
        let held = || denials.0.lock().unwrap().by_identity.len();
        let most = u32::try_from(MOST).unwrap();
        for last in 0..most + 10 {
            denials.remember(address(last), allowance(10), 1, denied(5), 0);
        }
        assert_eq!(held(), MOST);
        denials.remember(address(most + 20), allowance(10), 1, denied(5), 5 * SECOND);
        assert_eq!(held(), 1, "those that are over make room");
    }
}
