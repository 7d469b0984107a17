//! What the child offers, read page by page: the tools for those who check arguments, the rest to notice a change.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use rmcp::model::{RequestMetaObject, Tool};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::CallError;
use super::handshake::{Identity, request_meta};
use super::link::{Link, Origin};

/// Most pages of one list that are read: a child whose cursor never ends is cut off.
const MOST_PAGES: usize = 1000;
/// Most entries of one list that are kept.
const MOST_ENTRIES: usize = 100_000;

/// The child's tools by name.
pub(super) type Tools = HashMap<String, Arc<Tool>>;

/// A snapshot of what the child offers.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    pub(super) tools: Arc<Tools>,
    /// Names that stood in the list more than once; the first one counts.
    pub(super) duplicates: Vec<String>,
    pub(super) fingerprints: Fingerprints,
}

/// One number for each list; a different number is a different list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fingerprints {
    pub(super) tools: u64,
    pub(super) prompts: u64,
    pub(super) resources: u64,
}

/// Reads all lists that the child has.
///
/// # Errors
///
/// The tools cannot be read. The other lists are only compared, so a child that refuses them is let be.
pub(super) async fn read(link: &Arc<Link>, identity: &Identity) -> Result<Catalog, CallError> {
    let mut catalog = read_tools(link, identity).await?;
    let capabilities = &identity.config.capabilities;
    if capabilities.prompts.is_some() {
        let prompts = entries(link, identity, "prompts/list", "prompts").await;
        catalog.fingerprints.prompts = prompts.map_or(0, |entries| fingerprint(&entries));
    }
    if capabilities.resources.is_some() {
        let resources = entries(link, identity, "resources/list", "resources").await;
        let templates = entries(
            link,
            identity,
            "resources/templates/list",
            "resourceTemplates",
        )
        .await;
        catalog.fingerprints.resources = fingerprint(&resources.unwrap_or_default())
            ^ fingerprint(&templates.unwrap_or_default()).rotate_left(1);
    }
    Ok(catalog)
}

/// Reads the tools alone.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn read_tools(
    link: &Arc<Link>,
    identity: &Identity,
) -> Result<Catalog, CallError> {
    let mut catalog = Catalog::default();
    if identity.config.capabilities.tools.is_none() {
        return Ok(catalog);
    }
    let listed = entries(link, identity, "tools/list", "tools").await?;
    catalog.fingerprints.tools = fingerprint(&listed);
    let mut tools = Tools::with_capacity(listed.len());
    for entry in listed {
        let tool = Tool::deserialize(entry)
            .map_err(|error| CallError::Malformed(format!("a tool: {error}")))?;
        let name = tool.name.to_string();
        match tools.entry(name) {
            Entry::Occupied(first) => catalog.duplicates.push(first.key().clone()),
            Entry::Vacant(free) => {
                free.insert(Arc::new(tool));
            }
        }
    }
    catalog.tools = Arc::new(tools);
    Ok(catalog)
}

async fn entries(
    link: &Arc<Link>,
    identity: &Identity,
    method: &str,
    key: &str,
) -> Result<Vec<Value>, CallError> {
    let mut found = Vec::new();
    let mut cursor: Option<Value> = None;
    for _ in 0..MOST_PAGES {
        let mut params = json!({});
        if let Some(meta) = request_meta(identity, &RequestMetaObject::default()) {
            params["_meta"] = meta;
        }
        if let Some(cursor) = &cursor {
            params["cursor"] = cursor.clone();
        }
        let page = link
            .request(method, params, Origin::Gateway)?
            .answer()
            .await?;
        let mut page: Value = serde_json::from_str(page.get())
            .map_err(|error| CallError::Malformed(format!("its answer to {method}: {error}")))?;
        let Some(Value::Array(mut listed)) = page.get_mut(key).map(Value::take) else {
            return Err(CallError::Malformed(format!(
                "its answer to {method} has no {key}"
            )));
        };
        found.append(&mut listed);
        let next = page
            .get_mut("nextCursor")
            .map(Value::take)
            .filter(|next| !next.is_null());
        if next.is_none() || next == cursor || found.len() > MOST_ENTRIES {
            return Ok(found);
        }
        cursor = next;
    }
    Ok(found)
}

fn fingerprint(entries: &[Value]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for entry in entries {
        entry.to_string().hash(&mut hasher);
    }
    hasher.finish()
}
