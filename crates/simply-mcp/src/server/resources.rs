//! Registering resources and resource templates, and what their handlers may return.

use std::{borrow::Cow, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rmcp::model::{
    JsonObject, ReadResourceResponse, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde::Serialize;

use super::{
    Context, Handler, InputRequired, Json, McpServer, ToolError,
    error::Reason,
    handler::input_schema,
    registry::{Function, ResourceEntry, TemplateEntry},
    uri_template::UriTemplate,
    validation::ServerError,
};
use crate::refusal::said;

/// What the handler of a resource may return.
///
/// Text is `text/plain`, bytes are `application/octet-stream` and sent as base64, [`Json`] is
/// `application/json`, each unless the definition names another type. `None` means that there is no
/// such resource. In a `Result`, the error is anything that can be displayed, or a [`ToolError`].
pub trait IntoResourceResult: Send + 'static {
    /// The answer to the read; `uri` is what was asked for, `mime_type` what the definition says.
    ///
    /// # Errors
    ///
    /// When the resource cannot be read, or asks the client something first.
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError>;
}

impl McpServer {
    /// Registers a resource under its URI: an asynchronous closure, with or without a
    /// [`Context`] (see [`IntoResourceResult`] for results).
    #[must_use]
    pub fn resource<M: 'static, H>(
        self,
        uri: impl Into<String>,
        name: impl Into<String>,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: IntoResourceResult,
    {
        self.resource_with(Resource::new(uri, name), handler)
    }

    /// Registers a resource with a definition of one's own: title, description, type, icons.
    #[must_use]
    pub fn resource_with<M: 'static, H>(self, definition: Resource, handler: H) -> Self
    where
        H: Handler<M>,
        H::Output: IntoResourceResult,
    {
        let function = reader(
            handler,
            definition.mime_type.clone(),
            definition.uri.clone(),
        );
        self.edit(|registry| {
            let uri = definition.uri.clone();
            let entry = Arc::new(ResourceEntry {
                definition,
                function,
            });
            if registry.resources.insert(uri.clone(), entry).is_some() {
                registry
                    .faults
                    .push(ServerError::repeated(format!("resource {uri}")));
            }
        })
    }

    /// Registers every resource whose URI fits a template, such as `notes://{year}/{name}` (RFC 6570
    /// level 1). The closure's arguments are the variables, decoded; numbers and booleans are read as
    /// such where the type asks for them. A URI registered by [`McpServer::resource`] comes first,
    /// then templates in the order in which they were registered.
    #[must_use]
    pub fn resource_template<M: 'static, H>(
        self,
        uri_template: impl Into<String>,
        name: impl Into<String>,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: IntoResourceResult,
    {
        self.resource_template_with(ResourceTemplate::new(uri_template, name), handler)
    }

    /// Registers a template with a definition of one's own: title, description, type, icons.
    #[must_use]
    pub fn resource_template_with<M: 'static, H>(
        self,
        definition: ResourceTemplate,
        handler: H,
    ) -> Self
    where
        H: Handler<M>,
        H::Output: IntoResourceResult,
    {
        let uri_template = definition.uri_template.clone();
        let subject = format!("resource template {uri_template}");
        let function = reader(handler, definition.mime_type.clone(), uri_template.clone());
        self.edit(|registry| {
            let template = UriTemplate::parse(&uri_template);
            let schema = input_schema::<H::Arguments>();
            let (template, schema) = match (template, schema) {
                (Ok(template), Ok(schema)) => (template, schema),
                (Err(reason), _) | (_, Err(reason)) => {
                    registry.faults.push(ServerError::new(subject, reason));
                    return;
                }
            };
            let entry = Arc::new(TemplateEntry {
                definition,
                template,
                schema,
                function,
            });
            if registry.templates.insert(uri_template, entry).is_some() {
                registry.faults.push(ServerError::repeated(subject));
            }
        })
    }
}

/// Where a read's own URI travels from the service to the reader: the context's extensions know only
/// the request.
#[derive(Clone, Debug)]
pub(super) struct RequestedUri(pub(super) Arc<str>);

fn reader<M: 'static, H>(
    handler: H,
    mime_type: Option<String>,
    registered: String,
) -> Function<ReadResourceResponse>
where
    H: Handler<M>,
    H::Output: IntoResourceResult,
{
    let handler = Arc::new(handler);
    let known: Arc<(Option<String>, String)> = Arc::new((mime_type, registered));
    Arc::new(move |context: Context| {
        let (handler, known) = (Arc::clone(&handler), Arc::clone(&known));
        Box::pin(async move {
            let uri = context
                .extension::<RequestedUri>()
                .map(|uri| Arc::clone(&uri.0));
            let result = handler.call(context).await?;
            result.into_resource_result(uri.as_deref().unwrap_or(&known.1), known.0.as_deref())
        })
    })
}

impl IntoResourceResult for ReadResourceResult {
    fn into_resource_result(
        self,
        _uri: &str,
        _mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        Ok(self.into())
    }
}

impl IntoResourceResult for Vec<ResourceContents> {
    fn into_resource_result(
        self,
        _uri: &str,
        _mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        Ok(ReadResourceResult::new(self).into())
    }
}

impl IntoResourceResult for ResourceContents {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        vec![self].into_resource_result(uri, mime_type)
    }
}

impl IntoResourceResult for String {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        let contents = ResourceContents::text(self, uri);
        contents
            .with_mime_type(mime_type.unwrap_or("text/plain"))
            .into_resource_result(uri, None)
    }
}

impl IntoResourceResult for &'static str {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        self.to_owned().into_resource_result(uri, mime_type)
    }
}

impl IntoResourceResult for Cow<'static, str> {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        self.into_owned().into_resource_result(uri, mime_type)
    }
}

impl IntoResourceResult for Vec<u8> {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        let contents = ResourceContents::blob(STANDARD.encode(self), uri);
        let mime_type = mime_type.unwrap_or("application/octet-stream");
        contents
            .with_mime_type(mime_type)
            .into_resource_result(uri, None)
    }
}

impl<T: Serialize + Send + 'static> IntoResourceResult for Json<T> {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        let text = serde_json::to_string(&self.0).map_err(|error| {
            ToolError::failed(format!(
                "the resource cannot be written as JSON: {}",
                said(&error)
            ))
        })?;
        text.into_resource_result(uri, mime_type.or(Some("application/json")))
    }
}

impl<T: IntoResourceResult> IntoResourceResult for Option<T> {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        self.ok_or_else(|| ToolError::not_found(uri))?
            .into_resource_result(uri, mime_type)
    }
}

impl IntoResourceResult for InputRequired {
    fn into_resource_result(
        self,
        _uri: &str,
        _mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        Err(Reason::Ask(self).into())
    }
}

impl<T, E> IntoResourceResult for Result<T, E>
where
    T: IntoResourceResult,
    E: Into<ToolError> + Send + 'static,
{
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResponse, ToolError> {
        self.map_err(Into::into)?
            .into_resource_result(uri, mime_type)
    }
}

/// The resource or template that a URI belongs to, and the template's variables.
pub(super) fn find(
    registry: &super::Registry,
    uri: &str,
) -> Option<(Function<ReadResourceResponse>, JsonObject)> {
    if let Some(entry) = registry.resources.get(uri) {
        return Some((Arc::clone(&entry.function), JsonObject::new()));
    }
    registry.templates.values().find_map(|entry| {
        let mut variables = entry.template.matches(uri)?;
        super::arguments::coerce(&mut variables, &entry.schema);
        Some((Arc::clone(&entry.function), variables))
    })
}
