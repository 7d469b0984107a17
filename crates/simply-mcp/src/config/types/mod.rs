//! The types that settings are turned into: once made, a value is right.

pub(super) mod address;
mod allowed_host;
mod host_name;
mod http_url;
mod listen_address;
mod network;
mod public_url;
mod route_path;
pub(super) mod seconds;
mod secret;
mod store_url;
mod variable_name;

pub use allowed_host::AllowedHost;
pub use http_url::HttpUrl;
pub use listen_address::ListenAddress;
pub use network::Network;
pub use public_url::PublicUrl;
pub use route_path::RoutePath;
pub use secret::Secret;
pub use store_url::StoreUrl;
pub use variable_name::VariableName;

/// Why a text is not a value of the wanted type: what is wrong, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(super) String);

/// What every type of this room that is written as text shares: parsing, printing, and its schema.
macro_rules! text_type {
    ($type:ident, $name:literal) => {
        impl std::str::FromStr for $type {
            type Err = $crate::config::types::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::config::types::InvalidValue;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}
pub(in crate::config) use text_type;
