//! Asking the client: elicitation, sampling and roots, in both eras of the protocol.
//!
//! One way to ask, two ways to carry the question. In MCP 2026-07-28 the call ends with the question,
//! and is made again with the answer: the handler runs again from its first line, and this time the
//! same `elicit` returns (SEP-2322). In older versions, where there is a session, the question is a
//! request to the client, and the handler waits.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, sampling and roots; clients still use them"
)]

use std::{collections::BTreeMap, time::Duration};

use rmcp::{
    model::{
        ClientCapabilities, ClientResult, CreateMessageRequest, CreateMessageRequestParams,
        CreateMessageResult, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationCapability, ElicitationSchema, FormElicitationCapability, InputRequest,
        JsonObject, ListRootsRequest, ListRootsResult, RootsCapabilities, SamplingCapability,
        ServerRequest,
    },
    service::PeerRequestOptions,
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Context, InputRequired, ToolError, error::Reason};

/// How long a handler waits for an answer in versions up to 2025-11-25, where the connection waits
/// with it: a person reads and types.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// What became of a question to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elicited<T> {
    /// The user answered.
    Accepted(T),
    /// The user said no.
    Declined,
    /// The user closed the question without choosing.
    Cancelled,
}

impl<T> Elicited<T> {
    /// The answer, if there is one.
    #[must_use]
    pub fn accepted(self) -> Option<T> {
        match self {
            Self::Accepted(answer) => Some(answer),
            Self::Declined | Self::Cancelled => None,
        }
    }
}

impl Context {
    /// Asks the user to fill in a form that is made from `T` (a flat struct of texts, numbers,
    /// booleans and enums).
    ///
    /// In MCP 2026-07-28 the `Err` of the first round *is* the question: propagate it with `?`. The
    /// handler then runs again, so whatever stands before the question must bear repetition. An answer
    /// that does not fit `T` asks again. `key` names the question within the call.
    ///
    /// # Errors
    ///
    /// The question, in MCP 2026-07-28; -32021 if the client did not declare that it can elicit; in
    /// older versions, when the client fails, takes more than five minutes, or answers something else.
    pub async fn elicit<T: DeserializeOwned + JsonSchema>(
        &self,
        key: &str,
        message: &str,
    ) -> Result<Elicited<T>, ToolError> {
        self.ask()
            .elicit::<T>(key, message)
            .answers()
            .await?
            .elicited(key)
    }

    /// As [`Context::elicit`], with a form of one's own.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`].
    pub async fn elicit_form(
        &self,
        key: &str,
        message: &str,
        form: ElicitationSchema,
    ) -> Result<Elicited<JsonObject>, ToolError> {
        self.ask()
            .elicit_form(key, message, form)
            .answers()
            .await?
            .elicited(key)
    }

    /// Asks the client's model for a completion.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`], for the capability `sampling`.
    pub async fn sample(
        &self,
        key: &str,
        request: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, ToolError> {
        self.ask()
            .sample(key, request)
            .answers()
            .await?
            .sampled(key)
    }

    /// Asks the client for the directories that it works in.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`], for the capability `roots`.
    pub async fn list_roots(&self, key: &str) -> Result<ListRootsResult, ToolError> {
        self.ask().list_roots(key).answers().await?.roots(key)
    }
}

/// Several questions at once, so that they cost one round.
///
/// ```
/// # use simply_mcp::server::{Context, Elicited, ToolError};
/// # #[derive(serde::Deserialize, simply_mcp::schemars::JsonSchema)]
/// # #[schemars(crate = "simply_mcp::schemars")]
/// # struct Name { name: String }
/// async fn greet(context: Context) -> Result<String, ToolError> {
///     let answers = context
///         .ask()
///         .elicit::<Name>("name", "What is your name?")
///         .list_roots("roots")
///         .answers()
///         .await?;
///     let roots = answers.roots("roots")?.roots.len();
///     Ok(match answers.elicited::<Name>("name")? {
///         Elicited::Accepted(Name { name }) => format!("Hello {name}, with {roots} roots"),
///         Elicited::Declined | Elicited::Cancelled => "Hello, whoever you are".to_owned(),
///     })
/// }
/// ```
#[must_use = "questions are asked by `answers`"]
pub struct Ask<'a> {
    context: &'a Context,
    questions: Vec<Question>,
    fault: Option<ToolError>,
}

struct Question {
    key: String,
    request: InputRequest,
    fits: fn(&Value) -> bool,
}

impl<'a> Ask<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self {
            context,
            questions: Vec::new(),
            fault: None,
        }
    }

    /// Asks the user; see [`Context::elicit`].
    pub fn elicit<T: DeserializeOwned + JsonSchema>(mut self, key: &str, message: &str) -> Self {
        match form_of::<T>() {
            Ok(form) => self.question(key, elicitation(message, form), fits_elicitation::<T>),
            Err(fault) => {
                self.fault.get_or_insert(fault);
                self
            }
        }
    }

    /// Asks the user with a form of one's own; see [`Context::elicit_form`].
    pub fn elicit_form(self, key: &str, message: &str, form: ElicitationSchema) -> Self {
        self.question(
            key,
            elicitation(message, form),
            fits_elicitation::<JsonObject>,
        )
    }

    /// Asks the client's model; see [`Context::sample`].
    pub fn sample(self, key: &str, request: CreateMessageRequestParams) -> Self {
        let request = InputRequest::CreateMessage(CreateMessageRequest::new(request));
        self.question(key, request, fits::<CreateMessageResult>)
    }

    /// Asks for the client's roots; see [`Context::list_roots`].
    pub fn list_roots(self, key: &str) -> Self {
        let request = InputRequest::ListRoots(ListRootsRequest::default());
        self.question(key, request, fits::<ListRootsResult>)
    }

    /// Asks whatever has no answer yet.
    ///
    /// # Errors
    ///
    /// As [`Context::elicit`].
    pub async fn answers(self) -> Result<Answers, ToolError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let (mut answers, open) = known(self.context, self.questions);
        if open.is_empty() {
            return Ok(answers);
        }
        let available = self.context.client_capabilities();
        if let Some(missing) = missing_capabilities(&available, &open) {
            return Err(ToolError::missing_capability(missing));
        }
        if self.context.is_modern() {
            let requests = open
                .into_iter()
                .map(|question| (question.key, question.request));
            return Err(Reason::Ask(InputRequired {
                requests: requests.collect(),
                ..Default::default()
            })
            .into());
        }
        for question in open {
            let answer = request(self.context, &question).await?;
            answers.0.insert(question.key, answer);
        }
        Ok(answers)
    }

    fn question(mut self, key: &str, request: InputRequest, fits: fn(&Value) -> bool) -> Self {
        self.questions.push(Question {
            key: key.to_owned(),
            request,
            fits,
        });
        self
    }
}

impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let keys = self.questions.iter().map(|question| &question.key);
        formatter.debug_list().entries(keys).finish()
    }
}

/// The answers to an [`Ask`], by key.
#[derive(Clone, Debug)]
pub struct Answers(BTreeMap<String, Value>);

impl Answers {
    /// The user's answer to a question asked by `elicit` or `elicit_form`.
    ///
    /// # Errors
    ///
    /// When the key was not asked, or its answer is not a `T`.
    pub fn elicited<T: DeserializeOwned>(&self, key: &str) -> Result<Elicited<T>, ToolError> {
        elicited(self.raw(key)?).ok_or_else(|| unfit(key))
    }

    /// The model's answer to a question asked by `sample`.
    ///
    /// # Errors
    ///
    /// As [`Answers::elicited`].
    pub fn sampled(&self, key: &str) -> Result<CreateMessageResult, ToolError> {
        serde::Deserialize::deserialize(self.raw(key)?).map_err(|_| unfit(key))
    }

    /// The client's answer to a question asked by `list_roots`.
    ///
    /// # Errors
    ///
    /// As [`Answers::elicited`].
    pub fn roots(&self, key: &str) -> Result<ListRootsResult, ToolError> {
        serde::Deserialize::deserialize(self.raw(key)?).map_err(|_| unfit(key))
    }

    fn raw(&self, key: &str) -> Result<&Value, ToolError> {
        self.0
            .get(key)
            .ok_or_else(|| ToolError::failed(format!("nothing was asked under the key {key}")))
    }
}

/// The answers that the rounds so far have brought, and the questions still open.
fn known(context: &Context, questions: Vec<Question>) -> (Answers, Vec<Question>) {
    let mut answers = BTreeMap::new();
    let mut open = Vec::new();
    for question in questions {
        match context.rounds().answer(&question.key) {
            Some(answer) if (question.fits)(answer) => {
                context.rounds().take(&question.key, answer);
                answers.insert(question.key, answer.clone());
            }
            _ => open.push(question),
        }
    }
    (Answers(answers), open)
}

/// Asks by a request to the client, in versions that have those.
async fn request(context: &Context, question: &Question) -> Result<Value, ToolError> {
    let request = match question.request.clone() {
        InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
        InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
        InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
        _ => {
            return Err(ToolError::failed(
                "this kind of question cannot be asked here",
            ));
        }
    };
    let options = PeerRequestOptions::with_timeout(ANSWER_TIMEOUT);
    let asked = context
        .peer()
        .send_request_with_option(request, options)
        .await;
    let answer = match asked {
        Ok(handle) => handle.await_response().await,
        Err(error) => Err(error),
    };
    let answer = answer
        .map_err(|error| ToolError::failed(format!("the client could not be asked: {error}")))?;
    let answer = match answer {
        ClientResult::CreateMessageResult(result) => serde_json::to_value(result),
        ClientResult::ElicitResult(result) => serde_json::to_value(result),
        ClientResult::ListRootsResult(result) => serde_json::to_value(result),
        ClientResult::EmptyResult(result) => serde_json::to_value(result),
        _ => return Err(unfit(&question.key)),
    };
    match answer {
        Ok(answer) if (question.fits)(&answer) => Ok(answer),
        _ => Err(unfit(&question.key)),
    }
}

/// What the client would have to be able to do beyond what it declared.
fn missing_capabilities(
    available: &ClientCapabilities,
    questions: &[Question],
) -> Option<ClientCapabilities> {
    let mut missing = ClientCapabilities::default();
    for question in questions {
        match &question.request {
            InputRequest::CreateMessage(_) if available.sampling.is_none() => {
                missing.sampling = Some(SamplingCapability::default());
            }
            InputRequest::Elicitation(_) if !has_forms(available) => {
                let form = FormElicitationCapability::new();
                missing.elicitation = Some(ElicitationCapability::new().with_form(form));
            }
            InputRequest::ListRoots(_) if available.roots.is_none() => {
                missing.roots = Some(RootsCapabilities::default());
            }
            _ => {}
        }
    }
    (missing != ClientCapabilities::default()).then_some(missing)
}

/// An elicitation capability without modes means forms (2025-11-25, "Capabilities").
fn has_forms(available: &ClientCapabilities) -> bool {
    let elicitation = available.elicitation.as_ref();
    elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
}

fn elicitation(message: &str, form: ElicitationSchema) -> InputRequest {
    InputRequest::Elicitation(ElicitRequest::new(
        ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: message.to_owned(),
            requested_schema: form,
        },
    ))
}

/// The form of a type. Forms are flat, so that an enum stands where it is used and not in `$defs`.
fn form_of<T: JsonSchema>() -> Result<ElicitationSchema, ToolError> {
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

fn elicited<T: DeserializeOwned>(answer: &Value) -> Option<Elicited<T>> {
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

fn fits_elicitation<T: DeserializeOwned>(answer: &Value) -> bool {
    elicited::<T>(answer).is_some()
}

fn fits<T: DeserializeOwned>(answer: &Value) -> bool {
    T::deserialize(answer).is_ok()
}

fn unfit(key: &str) -> ToolError {
    ToolError::failed(format!(
        "the client's answer to {key} is not what was asked for"
    ))
}
