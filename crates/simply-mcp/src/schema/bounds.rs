//! How much a schema may ask of the stack and the processor.
//!
//! The validator walks schema and value together and recursively. One *step* is one subschema
//! entered. The steps that stand on the stack at once are bounded here, before anything is
//! compiled: along the longest way through a schema that does not refer back to itself, and by the
//! depth of the arguments for one that does.

use std::collections::HashMap;

use rmcp::model::JsonObject;
use serde_json::Value;

use super::{
    SchemaProblem,
    edges::{Edge, Graph},
    size::{measure_text, too_much},
};

/// Steps on the stack at once. A step takes up to two kilobytes in an unoptimised build, and a
/// worker thread has two megabytes.
pub(super) const MAX_STEPS: usize = 384;

/// Steps a schema may take without looking deeper into the value.
pub(super) const MAX_STEPS_IN_PLACE: usize = 48;

/// Ways to go through the subschemas down to one value. Alternatives of alternatives multiply, and
/// the validator remembers results only for subschemas that refer back to themselves.
const MAX_WAYS: usize = 20_000;

/// Levels of nesting in arguments: what `serde_json` reads at most.
const MAX_ARGUMENTS_DEPTH: usize = 128;

/// Steps counted for a reference to a published meta-schema, the one thing outside of the schema
/// that the validator knows.
const META_SCHEMA: Reach = Reach { steps: 8, ways: 8 };

/// Keywords that make the validator go through everything in place a second time.
const TWICE: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];

/// What matters about a schema's shape once it is known to be within bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    recursive: bool,
    /// The longest way that stays at one value, in steps.
    in_place: usize,
    /// The most ways through the subschemas for one value.
    ways: usize,
}

impl Shape {
    /// Measures `schema`.
    ///
    /// # Errors
    ///
    /// Returns a [`SchemaProblem`] that names the bound which it exceeds.
    pub(super) fn of(schema: &JsonObject) -> Result<Self, SchemaProblem> {
        measure_text(schema)?;
        let mut walk = Walk::new(schema);
        walk.whole(schema, 0)?;
        let reached: Vec<_> = walk.order.clone();
        let mut level = Reach { steps: 1, ways: 1 };
        for schema in reached {
            let below = walk.in_place(schema, 0)?;
            level.steps = level.steps.max(below.steps);
            level.ways = level.ways.max(below.ways);
        }
        Ok(Self {
            recursive: walk.recursive,
            in_place: level.steps,
            ways: level.ways,
        })
    }

    /// The deepest arguments that are checked at all, `None` where the schema itself is the bound.
    pub(super) fn deepest_arguments(&self) -> Option<usize> {
        self.recursive
            .then(|| (MAX_STEPS / self.in_place).clamp(1, MAX_ARGUMENTS_DEPTH))
    }

    /// How many ways down an explanation walks at most for arguments of this depth. For a schema
    /// that refers back to itself only the yes-or-no answer is remembered by the validator; an
    /// explanation walks every alternative.
    pub(super) fn explaining_work(&self, depth: usize) -> usize {
        if !self.recursive {
            return MAX_WAYS;
        }
        let levels = u32::try_from(depth).unwrap_or(u32::MAX);
        self.ways.saturating_pow(levels)
    }
}

/// What lies below one subschema: the longest way down, and the number of ways.
#[derive(Clone, Copy)]
struct Reach {
    steps: usize,
    ways: usize,
}

impl Reach {
    fn add(&mut self, below: Self) {
        self.steps = self.steps.max(below.steps + 1);
        self.ways = self.ways.saturating_add(below.ways);
    }

    /// Counts what the keywords of `schema` itself make of the ways below it.
    fn finish(&mut self, schema: &JsonObject) -> Result<(), SchemaProblem> {
        if TWICE.iter().any(|keyword| schema.contains_key(*keyword)) {
            self.ways = self.ways.saturating_mul(2);
        }
        if self.ways > MAX_WAYS {
            return Err(too_much(
                "combinations of subschemas for one value",
                MAX_WAYS,
            ));
        }
        Ok(())
    }
}

/// What is known of each subschema, by address; `None` while it is being walked.
type Known = HashMap<*const JsonObject, Option<Reach>>;

struct Walk<'a> {
    graph: Graph<'a>,
    known: Known,
    known_in_place: Known,
    order: Vec<&'a JsonObject>,
    recursive: bool,
}

impl<'a> Walk<'a> {
    fn new(root: &'a JsonObject) -> Self {
        Self {
            graph: Graph::new(root),
            known: Known::new(),
            known_in_place: Known::new(),
            order: Vec::new(),
            recursive: false,
        }
    }

    /// Follows every edge; `depth` counts the steps that led here.
    fn whole(&mut self, schema: &'a JsonObject, depth: usize) -> Result<Reach, SchemaProblem> {
        match self.known.get(&std::ptr::from_ref(schema)) {
            Some(Some(reach)) => return Ok(*reach),
            Some(None) => {
                self.recursive = true;
                return Ok(Reach { steps: 0, ways: 1 });
            }
            None => {}
        }
        self.known.insert(schema, None);
        self.order.push(schema);
        let mut reach = Reach { steps: 1, ways: 1 };
        let mut most_own = 0;
        for edge in self.graph.edges(schema) {
            match edge {
                Edge::SameValue(next) | Edge::Part(next) => reach.add(self.below(next, depth)?),
                Edge::OwnPart(next) => {
                    let below = self.below(next, depth)?;
                    most_own = most_own.max(below.ways);
                    reach.add(Reach { ways: 0, ..below });
                }
                Edge::MetaSchema => {
                    self.recursive = true;
                    reach.add(META_SCHEMA);
                }
            }
        }
        reach.ways = reach.ways.saturating_add(most_own);
        reach.finish(schema)?;
        if reach.steps > MAX_STEPS {
            return Err(too_long());
        }
        self.known.insert(schema, Some(reach));
        Ok(reach)
    }

    fn below(&mut self, next: &'a JsonObject, depth: usize) -> Result<Reach, SchemaProblem> {
        if depth < MAX_STEPS {
            self.whole(next, depth + 1)
        } else {
            Err(too_long())
        }
    }

    /// Follows the edges that stay at the same value.
    fn in_place(&mut self, schema: &'a JsonObject, depth: usize) -> Result<Reach, SchemaProblem> {
        match self.known_in_place.get(&std::ptr::from_ref(schema)) {
            Some(Some(reach)) => return Ok(*reach),
            Some(None) => {
                return Err(SchemaProblem(
                    "a subschema refers back to itself without looking into the value".to_owned(),
                ));
            }
            None => {}
        }
        self.known_in_place.insert(schema, None);
        let mut reach = Reach {
            steps: 1,
            ways: 1 + overlapping(schema),
        };
        for edge in self.graph.edges(schema) {
            let below = match edge {
                Edge::Part(_) | Edge::OwnPart(_) => continue,
                Edge::SameValue(next) if depth < MAX_STEPS_IN_PLACE => {
                    self.in_place(next, depth + 1)?
                }
                Edge::SameValue(_) => return Err(too_long_in_place()),
                Edge::MetaSchema => META_SCHEMA,
            };
            reach.add(below);
        }
        reach.finish(schema)?;
        if reach.steps > MAX_STEPS_IN_PLACE {
            return Err(too_long_in_place());
        }
        self.known_in_place.insert(schema, Some(reach));
        Ok(reach)
    }
}

/// How many subschemas may look at the same part of a value beyond the first.
fn overlapping(schema: &JsonObject) -> usize {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    patterns.map_or(0, JsonObject::len)
}

fn too_long() -> SchemaProblem {
    too_much("subschemas that lead to one another", MAX_STEPS)
}

fn too_long_in_place() -> SchemaProblem {
    too_much(
        "subschemas for the same value within one another",
        MAX_STEPS_IN_PLACE,
    )
}
