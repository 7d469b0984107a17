//! A length of time, written as whole seconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// The longest time that can be set: a day. What waits longer does not work.
pub(in crate::config) const LONGEST: u64 = 86_400;

/// Writes whole seconds.
///
/// # Errors
///
/// Those of the serializer.
pub(in crate::config) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

/// Reads whole seconds; the range stands in the schema of the setting.
///
/// # Errors
///
/// When the value is no whole number.
pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}

/// The same for a time that may be absent.
pub(in crate::config) mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes whole seconds, or nothing.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub(in crate::config) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration
            .map(|duration| duration.as_secs())
            .serialize(serializer)
    }

    /// Reads whole seconds, or nothing.
    ///
    /// # Errors
    ///
    /// When the value is no whole number.
    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
    }
}
