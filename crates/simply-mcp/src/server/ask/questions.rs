//! Several questions at once, and their answers.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging, sampling and roots; clients still use them"
)]

use std::collections::BTreeMap;

use rmcp::model::{
    CreateMessageRequest, CreateMessageRequestParams, CreateMessageResult, ElicitationSchema,
    InputRequest, JsonObject, ListRootsRequest, ListRootsResult,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Elicited,
    client::{missing_capabilities, request},
    form::{elicitation, elicited, fits, fits_elicitation, form_of, unfit},
};
use crate::server::{Context, InputRequired, ToolError, error::Reason};

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

/// One question, and what its answer must be like.
pub(super) struct Question {
    pub(super) key: String,
    pub(super) request: InputRequest,
    pub(super) fits: fn(&Value) -> bool,
}

impl<'a> Ask<'a> {
    pub(in crate::server) fn new(context: &'a Context) -> Self {
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
            let questions = open
                .into_iter()
                .fold(InputRequired::new(), |questions, question| {
                    questions.request(question.key, question.request)
                });
            return Err(Reason::Ask(questions).into());
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
        match context.rounds().answer(&question.key, question.fits) {
            Some(answer) => {
                context.rounds().take(&question.key, answer);
                answers.insert(question.key, answer.clone());
            }
            None => open.push(question),
        }
    }
    (Answers(answers), open)
}
