//! Compiled input schemas, and the tools of handlers that only tell them in a list.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rmcp::model::{JsonObject, Tool};

use crate::schema::CompiledSchema;

/// Schemas kept compiled, and tools kept from lists. Names reach here only from what the handler
/// itself offers; a server with more tools than this compiles some of them again.
const MAX_TOOLS: usize = 2048;

/// How long a tool from a list is believed before the list is asked again.
const LIST_IS_FRESH: Duration = Duration::from_secs(30);

/// What is known about a handler's tools.
#[derive(Default)]
pub(super) struct Schemas {
    compiled: Mutex<HashMap<String, Compiled>>,
    listed: Mutex<HashMap<String, Listed>>,
}

/// One schema and what became of it: `None` where it does not compile and is not enforced.
struct Compiled {
    source: Arc<JsonObject>,
    schema: Option<Arc<CompiledSchema>>,
}

struct Listed {
    tool: Tool,
    seen: Instant,
}

impl Schemas {
    /// The compiled form of a tool's schema, which is compiled when it is new or has changed.
    pub(super) fn compiled(
        &self,
        name: &str,
        source: &Arc<JsonObject>,
    ) -> Option<Arc<CompiledSchema>> {
        let mut warn = true;
        if let Some(known) = lock(&self.compiled).get_mut(name) {
            if Arc::ptr_eq(&known.source, source) || known.source == *source {
                known.source = Arc::clone(source);
                return known.schema.clone();
            }
            warn = known.schema.is_some();
        }
        // Compiled outside of the lock: others may want their own schemas meanwhile.
        let schema = compile(name, source, warn);
        let fresh = Compiled {
            source: Arc::clone(source),
            schema: schema.clone(),
        };
        insert_bounded(&mut lock(&self.compiled), name, fresh);
        schema
    }

    /// A tool that stood in a list, and whether that list is recent.
    pub(super) fn listed(&self, name: &str) -> Option<(Tool, bool)> {
        let listed = lock(&self.listed);
        let known = listed.get(name)?;
        Some((known.tool.clone(), known.seen.elapsed() < LIST_IS_FRESH))
    }

    /// Remembers what a list says. Tools are never forgotten because a list lacks them: lists may
    /// differ by caller, and come in pages.
    pub(super) fn remember(&self, tools: &[Tool]) {
        let seen = Instant::now();
        let mut listed = lock(&self.listed);
        for tool in tools {
            let fresh = Listed {
                tool: tool.clone(),
                seen,
            };
            insert_bounded(&mut listed, &tool.name, fresh);
        }
    }
}

fn compile(name: &str, source: &JsonObject, warn: bool) -> Option<Arc<CompiledSchema>> {
    match CompiledSchema::compile(source) {
        Ok(schema) => Some(Arc::new(schema)),
        Err(problem) => {
            if warn {
                crate::logs::bounded!(
                    warn,
                    tool = name,
                    %problem,
                    "The tool's input schema does not compile; its arguments are not checked"
                );
            }
            None
        }
    }
}

fn insert_bounded<T>(map: &mut HashMap<String, T>, name: &str, value: T) {
    if map.len() >= MAX_TOOLS && !map.contains_key(name) {
        let victim = map.keys().next().cloned();
        victim.and_then(|victim| map.remove(&victim));
    }
    map.insert(name.to_owned(), value);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(value: &serde_json::Value) -> Arc<JsonObject> {
        Arc::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn a_schema_is_compiled_again_only_when_its_content_changes() {
        let schemas = Schemas::default();
        let first = schemas
            .compiled("a", &source(&json!({"type": "object"})))
            .unwrap();
        let same = schemas
            .compiled("a", &source(&json!({"type": "object"})))
            .unwrap();
        assert!(Arc::ptr_eq(&first, &same));
        let other = schemas
            .compiled("a", &source(&json!({"required": ["x"]})))
            .unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn the_number_of_schemas_kept_is_bounded() {
        let schemas = Schemas::default();
        let schema = source(&json!({}));
        for n in 0..MAX_TOOLS + 50 {
            schemas.compiled(&format!("tool{n}"), &schema);
            schemas.remember(&[Tool::new(format!("tool{n}"), "", Arc::clone(&schema))]);
        }
        assert_eq!(lock(&schemas.compiled).len(), MAX_TOOLS);
        assert_eq!(lock(&schemas.listed).len(), MAX_TOOLS);
    }
}
