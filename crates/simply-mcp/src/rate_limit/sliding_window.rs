//! `sliding_window`: at most the limit in any window.
//!
//! What passed is remembered as cells, a count and the time of its latest request, and forgotten one window after
//! that time. Up to a limit of [`CELLS`] each request has a cell of its own, and the count is exact. Beyond, requests
//! of the same 64th of a window share one, so that an identity takes at most about a kilobyte whatever its limit: a
//! request is then remembered for up to a 64th of the window too long, never too short. Too little may pass by that
//! much; too much never does.

use std::{collections::VecDeque, time::Duration};

use super::{Decision, memory::Rule};

/// Into how many parts a window is divided; limits up to this are counted request by request.
const CELLS: u64 = 64;
/// The most cells of one identity: those of a window, whose ends may be cut.
const MOST_CELLS: usize = CELLS as usize + 2;

/// The requests of one identity that passed.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// In the order of time.
    cells: VecDeque<Cell>,
    /// How long cells are kept: the longest window that they were counted in.
    kept: u64,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    latest: u64,
    count: u32,
}

impl Window {
    /// Counts `cost`, if so much is left of the limit.
    pub(super) fn take(&mut self, rule: Rule, cost: u32, now: u64) -> Decision {
        // Another thread may have read the clock later and come first: its time is as good.
        let now = self.cells.back().map_or(now, |cell| cell.latest.max(now));
        self.forget(rule, now);
        let used = self.used(rule, now);
        let room = u64::from(rule.limit).saturating_sub(used);
        let admitted = u64::from(cost) <= room;
        let wait = if admitted {
            Duration::ZERO
        } else {
            self.wait_for(rule, cost, used, now)
        };
        let left = if admitted {
            self.add(rule, cost, now);
            room - u64::from(cost)
        } else {
            room
        };
        Decision {
            admitted,
            limit: rule.limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_after: self
                .cells
                .back()
                .map_or(Duration::ZERO, |cell| cell.leaves_in(rule, now)),
            retry_after: (cost <= rule.limit).then_some(wait),
        }
    }

    /// Whether nothing is remembered that would still count.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        let newest = self.cells.back();
        newest.is_none_or(|cell| cell.latest.saturating_add(self.kept) < now)
    }

    #[cfg(test)]
    pub(super) fn cells(&self) -> usize {
        self.cells.len()
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>()
    }

    fn forget(&mut self, rule: Rule, now: u64) {
        if self.is_idle(now) {
            self.cells.clear();
            self.kept = rule.window;
        }
        // A shorter window must not make forget what a longer one still counts.
        self.kept = self.kept.max(rule.window);
        while let Some(oldest) = self.cells.front()
            && oldest.latest.saturating_add(self.kept) < now
        {
            self.cells.pop_front();
        }
    }

    fn used(&self, rule: Rule, now: u64) -> u64 {
        let cells = self.cells.iter().rev();
        cells
            .take_while(|cell| cell.counts(rule, now))
            .map(|cell| u64::from(cell.count))
            .sum()
    }

    fn wait_for(&self, rule: Rule, cost: u32, used: u64, now: u64) -> Duration {
        let mut excess = (used + u64::from(cost)).saturating_sub(u64::from(rule.limit));
        let counted = self.cells.iter().filter(|cell| cell.counts(rule, now));
        for cell in counted {
            excess = excess.saturating_sub(u64::from(cell.count));
            if excess == 0 {
                return cell.leaves_in(rule, now);
            }
        }
        Duration::ZERO
    }

    fn add(&mut self, rule: Rule, cost: u32, now: u64) {
        if cost == 0 {
            return;
        }
        if let Some(newest) = self.cells.back_mut()
            && rule.same_cell(newest.latest, now)
            && let Some(count) = newest.count.checked_add(cost)
        {
            *newest = Cell { latest: now, count };
            return;
        }
        if self.cells.len() >= MOST_CELLS {
            self.join_oldest();
        }
        self.cells.push_back(Cell {
            latest: now,
            count: cost,
        });
    }

    /// Happens where a window was made shorter: what is joined counts until its later part goes.
    fn join_oldest(&mut self) {
        let oldest = self.cells.pop_front().map_or(0, |cell| cell.count);
        if let Some(next) = self.cells.front_mut() {
            next.count = next.count.saturating_add(oldest);
        }
    }
}

impl Cell {
    // Both ends count: two requests that are one window apart are in one window.
    const fn counts(&self, rule: Rule, now: u64) -> bool {
        self.latest.saturating_add(rule.window) >= now
    }

    fn leaves_in(&self, rule: Rule, now: u64) -> Duration {
        let leaves = self.latest.saturating_add(rule.window).saturating_add(1);
        Duration::from_nanos(leaves.saturating_sub(now))
    }
}

impl Rule {
    fn same_cell(self, earlier: u64, now: u64) -> bool {
        if earlier == now {
            return true;
        }
        let part = self.window.div_ceil(CELLS).max(1);
        u64::from(self.limit) > CELLS && earlier / part == now / part
    }
}
