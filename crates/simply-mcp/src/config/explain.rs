//! What one setting is, what it is set to and who set it.

use std::fmt;

use serde_json::Value;

use super::{Loaded, Origin, catalog, load};

/// One setting, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The whole key, as `server.port`.
    pub key: String,
    /// The value in force, as it is written in YAML; a secret is `***`.
    pub value: String,
    /// The value without any configuration.
    pub default: String,
    /// What may be written.
    pub expects: String,
    /// Who set it.
    pub origin: Origin,
    /// The environment variable that sets it.
    pub variable: String,
    /// What it does, with its unit.
    pub documentation: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}: {}", self.key, self.value)?;
        writeln!(formatter, "  origin:      {}", self.origin)?;
        writeln!(formatter, "  expects:     {}", self.expects)?;
        writeln!(formatter, "  default:     {}", self.default)?;
        writeln!(formatter, "  environment: {}", self.variable)?;
        write!(formatter, "\n{}", self.documentation)
    }
}

/// The name is not that of a setting; says which may have been meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownSetting(String);

impl Loaded {
    /// Explains every setting of a section, or the one setting, of that key.
    ///
    /// # Errors
    ///
    /// When there is no such key, with the likely spelling.
    pub fn explain(&self, key: &str) -> Result<Vec<Explanation>, UnknownSetting> {
        if catalog::find(key).is_none() {
            let why = load::unknown::message(key, &str::to_owned);
            return Err(UnknownSetting(format!("{key}: {why}")));
        }
        let values = serde_json::to_value(&self.config).unwrap_or_default();
        let settings = catalog::all().iter().filter(|setting| {
            let within = catalog::parent(&setting.key) == key;
            (setting.key == key || within) && setting.kind != catalog::Kind::Section
        });
        Ok(settings
            .map(|setting| self.explain_one(setting, &values))
            .collect())
    }

    fn explain_one(&self, setting: &catalog::Setting, values: &Value) -> Explanation {
        let pointer = format!("/{}", setting.key.replace('.', "/"));
        Explanation {
            key: setting.key.clone(),
            value: values.pointer(&pointer).unwrap_or(&Value::Null).to_string(),
            default: setting.default.to_string(),
            expects: load::expected(&setting.kind),
            origin: self.origin(&setting.key),
            variable: load::variable_name(&setting.key),
            documentation: setting.documentation.clone(),
        }
    }
}
