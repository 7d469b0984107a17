//! Forms for the user, and whether an answer fits what was asked.

use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema,
    InputRequest, JsonObject,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Elicited;
use crate::server::ToolError;

pub(super) fn elicitation(message: &str, form: ElicitationSchema) -> InputRequest {
    InputRequest::Elicitation(ElicitRequest::new(
        ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: message.to_owned(),
            requested_schema: form,
        },
    ))
}

/// The form of a type. Forms are flat, so that an enum stands where it is used and not in `$defs`.
pub(super) fn form_of<T: JsonSchema>() -> Result<ElicitationSchema, ToolError> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("$schema");
    serde_json::from_value(schema.to_value()).map_err(|error| {
        ToolError::failed(format!(
            "the type {} is not a form that a client can show: {error}",
            std::any::type_name::<T>()
        ))
    })
}

pub(super) fn elicited<T: DeserializeOwned>(answer: &Value) -> Option<Elicited<T>> {
    let result: ElicitResult = serde::Deserialize::deserialize(answer).ok()?;
    match result.action {
        ElicitationAction::Accept => {
            let content = result
                .content
                .unwrap_or_else(|| Value::Object(JsonObject::new()));
            T::deserialize(content).ok().map(Elicited::Accepted)
        }
        ElicitationAction::Decline => Some(Elicited::Declined),
        ElicitationAction::Cancel => Some(Elicited::Cancelled),
        _ => None,
    }
}

pub(super) fn fits_elicitation<T: DeserializeOwned>(answer: &Value) -> bool {
    elicited::<T>(answer).is_some()
}

pub(super) fn fits<T: DeserializeOwned>(answer: &Value) -> bool {
    T::deserialize(answer).is_ok()
}

pub(super) fn unfit(key: &str) -> ToolError {
    ToolError::failed(format!(
        "the client's answer to {key} is not what was asked for"
    ))
}
