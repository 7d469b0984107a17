//! All places that keys come from, read and put together.

use std::{collections::HashMap, path::Path, time::SystemTime};

use super::{
    agreement,
    entry::KeyEntry,
    file::{Placed, Source},
    jwt,
};
use crate::config::{Auth, ConfigErrors, HttpConfig, Origin, Problem, Warning};

/// Reads every key that a start would, and says what is wrong with them. It starts nothing.
///
/// The warnings are about what works, and should be known.
///
/// # Errors
///
/// Every problem of the keys file and of the variables that hold keys, that there is no key at all that anybody could
/// show, and that the keys of an issuer of tokens cannot come from where the settings say. No issuer is asked for them. None where authentication is off.
pub fn check(config: &HttpConfig) -> Result<Vec<Warning>, ConfigErrors> {
    if !config.auth.is_on() {
        return Ok(Vec::new());
    }
    let keys = Sources::read(&config.auth);
    match (keys, jwt::check(&config.auth.jwt)) {
        (Ok(sources), Ok(())) => Ok(sources.warnings),
        (Ok(_), Err(errors)) | (Err(errors), Ok(())) => Err(errors),
        (Err(keys), Err(tokens)) => {
            let all = keys.problems().iter().chain(tokens.problems());
            Err(ConfigErrors::of(all.cloned().collect()))
        }
    }
}

/// The keys of a configuration.
#[derive(Debug)]
pub(super) struct Sources {
    /// Those of the environment, which stay what they are. Their texts are gone, their hashes are kept.
    pub(super) environment: Vec<Placed>,
    /// All of them.
    pub(super) entries: Vec<KeyEntry>,
    pub(super) warnings: Vec<Warning>,
}

impl Sources {
    /// Reads all of them.
    pub(super) fn read(auth: &Auth) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        let mut take = |source: Result<Source, ConfigErrors>| match source {
            Ok(source) => {
                warnings.extend(source.warnings);
                hashed(source.entries)
            }
            Err(errors) => {
                problems.extend(errors.problems().iter().cloned());
                Vec::new()
            }
        };
        let variables = auth.environment_keys.iter();
        let environment: Vec<Placed> = variables
            .flat_map(|keys| take(Source::of_variable(&keys.variable, keys.text.expose())))
            .collect();
        let file = auth.keys_file.as_deref().map(Source::read);
        let file = file.map(take).unwrap_or_default();
        ConfigErrors::from_problems(problems)?;
        let entries = together(&environment, file)?;
        if !auth.jwt.is_on() && !entries.iter().any(|entry| entry.enabled) {
            return Err(no_key(auth));
        }
        warnings.extend(expired(&entries));
        warnings.extend(narrower_than_nobody(auth, &entries));
        Ok(Self {
            environment,
            entries,
            warnings,
        })
    }

    /// Reads the file again, and puts the keys of the environment with those in it.
    pub(super) fn read_again(
        path: &Path,
        environment: &[Placed],
    ) -> Result<Vec<KeyEntry>, ConfigErrors> {
        let source = Source::read(path)?;
        if source.is_blank {
            let origin = Origin::File {
                path: path.into(),
                place: None,
            };
            let message = "there are no keys in the file; to have none in force, write `keys: []`";
            return Err(ConfigErrors::of(vec![Problem::of_source(origin, message)]));
        }
        together(environment, hashed(source.entries))
    }
}

/// The entries without the texts of their keys.
fn hashed(mut entries: Vec<Placed>) -> Vec<Placed> {
    for placed in &mut entries {
        placed.entry.key_hash = placed.entry.hash();
        placed.entry.key = None;
    }
    entries
}

/// All entries, if they agree. The same key with the same words in two sources is one key: a variable is often filled
/// from another one.
fn together(environment: &[Placed], file: Vec<Placed>) -> Result<Vec<KeyEntry>, ConfigErrors> {
    let mut all: Vec<Placed> = Vec::with_capacity(environment.len() + file.len());
    let mut known = HashMap::new();
    for placed in environment.iter().cloned().chain(file) {
        let same = known
            .get(&placed.entry.key_hash)
            .is_some_and(|index: &usize| all[*index].entry == placed.entry);
        if !same {
            known.insert(placed.entry.key_hash, all.len());
            all.push(placed);
        }
    }
    let mut problems = Vec::new();
    agreement::check(&all, &mut problems);
    ConfigErrors::from_problems(problems)?;
    Ok(all.into_iter().map(|placed| placed.entry).collect())
}

fn no_key(auth: &Auth) -> ConfigErrors {
    let message = "authentication is on, and no key is there that is enabled; run `simply-mcp keys new --file FILE`, \
                   or set `enabled: true` for one of them";
    let origin = auth
        .keys_file
        .as_deref()
        .map_or(Origin::Given, |path| Origin::File {
            path: path.into(),
            place: None,
        });
    ConfigErrors::of(vec![Problem::of_setting(origin, "auth", message)])
}

/// Whoever leaves such a key away may do more than with it.
fn narrower_than_nobody(auth: &Auth, entries: &[KeyEntry]) -> Option<Warning> {
    let narrow = entries.iter().find(|entry| entry.tools.is_some())?;
    (!auth.require_auth).then(|| {
        let message = format!(
            "callers without a key may call every tool, and the key {:?} only some; require a key, or name no tools",
            narrow.name
        );
        Warning::new("auth.require_auth", message)
    })
}

fn expired(entries: &[KeyEntry]) -> Vec<Warning> {
    let now = SystemTime::now();
    let expired = entries.iter().filter_map(|entry| {
        let at = entry.expires_at.filter(|at| at.time() <= now)?;
        let message = format!(
            "the key {:?} has expired at {at}, and is refused",
            entry.name
        );
        Some(Warning::new("auth", message))
    });
    expired.take(10).collect()
}
