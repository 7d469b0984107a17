//! Whether a recorded history of requests keeps to a limit: in no interval of time may more have passed than the
//! strategy allows.
//!
//! When a request was decided is not known, only that it was between its start and its end as the client saw them. So
//! it counts for an interval that contains both, and a history is faulted only for what cannot have been allowed.

/// One request, in nanoseconds of one clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed {
    /// Before it was sent.
    pub(crate) start: u64,
    /// After it was answered.
    pub(crate) end: u64,
    pub(crate) admitted: bool,
}

/// What may pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// In any `w`: `burst + limit * w / window`.
    TokenBucket { burst: u64, limit: u64, window: u64 },
    /// In any `window`: `limit`.
    SlidingWindow { limit: u64, window: u64 },
}

/// An interval in which too much passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Looks at every interval between a start and an end, in `n log n`.
pub(crate) fn check(history: &[Observed], rule: Rule) -> Result<(), Violation> {
    let mut admitted: Vec<_> = history.iter().filter(|one| one.admitted).collect();
    admitted.sort_by_key(|one| std::cmp::Reverse(one.start));
    let mut ends: Vec<_> = admitted.iter().map(|one| one.end).collect();
    ends.sort_unstable();
    let mut highest = Highest::new(ends.len());
    for one in admitted {
        let place = ends.partition_point(|end| *end < one.end);
        highest.add(place, one.end, rule);
        // All that started later is in; what of it ended by some end lies between this start and that end.
        let within = match rule {
            Rule::TokenBucket { .. } => ends.len(),
            Rule::SlidingWindow { window, .. } => {
                ends.partition_point(|end| *end <= one.start.saturating_add(window))
            }
        };
        if let Some((level, index)) = highest.before(within)
            && level > rule.allowed(one.start)
        {
            let (from, to) = (one.start, ends[index]);
            return Err(Violation { from, to });
        }
    }
    Ok(())
}

impl Rule {
    /// How much one request is.
    fn price(self) -> i128 {
        match self {
            Self::TokenBucket { window, .. } => window.into(),
            Self::SlidingWindow { .. } => 1,
        }
    }

    /// What an interval that ends here may hold more than one that ends at 0.
    fn earned(self, end: u64) -> i128 {
        match self {
            Self::TokenBucket { limit, .. } => i128::from(limit) * i128::from(end),
            Self::SlidingWindow { .. } => 0,
        }
    }

    fn allowed(self, start: u64) -> i128 {
        match self {
            Self::TokenBucket { burst, window, .. } => {
                i128::from(burst) * i128::from(window) - self.earned(start)
            }
            Self::SlidingWindow { limit, .. } => limit.into(),
        }
    }
}

/// For each end the price of what ended by then, less what was earned by then; and where that is highest. A segment
/// tree with additions to a suffix.
struct Highest {
    leaves: usize,
    /// The highest of a node's leaves with its index, without what is added at the nodes above.
    best: Vec<Option<(i128, usize)>>,
    added: Vec<i128>,
}

impl Highest {
    fn new(ends: usize) -> Self {
        let leaves = ends.next_power_of_two();
        Self {
            leaves,
            best: vec![None; 2 * leaves],
            added: vec![0; 2 * leaves],
        }
    }

    fn add(&mut self, place: usize, end: u64, rule: Rule) {
        if self.best[self.leaves + place].is_none() {
            // An end counts from the moment that something ends there; before, its interval may not exist.
            let mut node = self.leaves + place;
            let mut value = -rule.earned(end);
            // What was added to this leaf's suffix so far belongs to it too.
            value += self.added[node];
            self.best[node] = Some((value, place));
            while node > 1 {
                node /= 2;
                self.join(node);
            }
        }
        self.add_from(1, 0, self.leaves, place, rule.price());
    }

    fn add_from(&mut self, node: usize, low: usize, high: usize, from: usize, price: i128) {
        if high <= from {
            return;
        }
        if from <= low {
            self.added[node] += price;
            self.best[node] = self.best[node].map(|(value, index)| (value + price, index));
            return;
        }
        let middle = low.midpoint(high);
        self.add_from(2 * node, low, middle, from, price);
        self.add_from(2 * node + 1, middle, high, from, price);
        self.join(node);
    }

    fn join(&mut self, node: usize) {
        let better = self.best[2 * node].max(self.best[2 * node + 1]);
        self.best[node] = better.map(|(value, index)| (value + self.added[node], index));
    }

    /// The highest among the first `count` ends.
    fn before(&self, count: usize) -> Option<(i128, usize)> {
        self.highest(1, 0, self.leaves, count)
    }

    fn highest(&self, node: usize, low: usize, high: usize, count: usize) -> Option<(i128, usize)> {
        if count <= low {
            return None;
        }
        if high <= count {
            return self.best[node];
        }
        let middle = low.midpoint(high);
        let left = self.highest(2 * node, low, middle, count);
        let right = self.highest(2 * node + 1, middle, high, count);
        let better = left.max(right);
        better.map(|(value, index)| (value + self.added[node], index))
    }
}
