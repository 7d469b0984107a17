//! Which closures are handlers: with or without arguments, with or without a [`Context`].
//!
//! The marker parameter tells the four forms apart, so that one closure type is never two handlers;
//! the compiler finds it by itself.

use std::{future::Future, sync::Arc};

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Context, ToolError, arguments};

/// An asynchronous closure that answers calls: `async || …`, `async |arguments: A| …`,
/// `async |context: Context| …` or `async |arguments: A, context: Context| …`.
///
/// A is any type with [`serde::Deserialize`] and [`schemars::JsonSchema`]; `serde_json::Map` takes
/// whatever comes. A closure that uses something of its surroundings gives each call its own copy:
/// `move |arguments: A| { let pool = pool.clone(); async move { … } }`.
pub trait Handler<Marker>: Send + Sync + 'static {
    /// What the closure takes.
    type Arguments: DeserializeOwned + JsonSchema + 'static;
    /// What the closure's future becomes.
    type Output: Send + 'static;

    /// Reads the arguments and runs the closure.
    ///
    /// # Errors
    ///
    /// When the arguments do not fit their type.
    fn call(
        self: Arc<Self>,
        context: Context,
    ) -> impl Future<Output = Result<Self::Output, ToolError>> + Send;
}

/// A closure that blocks: the same four forms as [`Handler`], without `async`.
pub trait BlockingHandler<Marker>: Send + Sync + 'static {
    /// What the closure takes.
    type Arguments: DeserializeOwned + JsonSchema + 'static;
    /// What the closure returns.
    type Output: Send + 'static;

    /// Reads the arguments and runs the closure.
    ///
    /// # Errors
    ///
    /// When the arguments do not fit their type.
    fn call(&self, context: Context) -> Result<Self::Output, ToolError>;
}

/// The arguments of a handler that takes none: whatever is sent is ignored.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
pub struct NoArguments {}

/// Marks a handler without arguments.
#[derive(Debug)]
pub enum Nothing {}
/// Marks a handler of arguments of type `A`.
#[derive(Debug)]
pub struct Arguments<A>(std::marker::PhantomData<fn(A)>);
/// Marks a handler of a context.
#[derive(Debug)]
pub enum OnlyContext {}
/// Marks a handler of arguments of type `A` and a context.
#[derive(Debug)]
pub struct ArgumentsAndContext<A>(std::marker::PhantomData<fn(A)>);

impl<F, Answer> Handler<Nothing> for F
where
    F: Fn() -> Answer + Send + Sync + 'static,
    Answer: Future<Output: Send + 'static> + Send + 'static,
{
    type Arguments = NoArguments;
    type Output = Answer::Output;

    async fn call(self: Arc<Self>, _context: Context) -> Result<Self::Output, ToolError> {
        Ok(self().await)
    }
}

impl<F, A, Answer> Handler<Arguments<A>> for F
where
    F: Fn(A) -> Answer + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + Send + 'static,
    Answer: Future<Output: Send + 'static> + Send + 'static,
{
    type Arguments = A;
    type Output = Answer::Output;

    async fn call(self: Arc<Self>, context: Context) -> Result<Self::Output, ToolError> {
        let arguments = arguments::read(context.arguments())?;
        Ok(self(arguments).await)
    }
}

impl<F, Answer> Handler<OnlyContext> for F
where
    F: Fn(Context) -> Answer + Send + Sync + 'static,
    Answer: Future<Output: Send + 'static> + Send + 'static,
{
    type Arguments = NoArguments;
    type Output = Answer::Output;

    async fn call(self: Arc<Self>, context: Context) -> Result<Self::Output, ToolError> {
        Ok(self(context).await)
    }
}

impl<F, A, Answer> Handler<ArgumentsAndContext<A>> for F
where
    F: Fn(A, Context) -> Answer + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + Send + 'static,
    Answer: Future<Output: Send + 'static> + Send + 'static,
{
    type Arguments = A;
    type Output = Answer::Output;

    async fn call(self: Arc<Self>, context: Context) -> Result<Self::Output, ToolError> {
        let arguments = arguments::read(context.arguments())?;
        Ok(self(arguments, context).await)
    }
}

impl<F, Output> BlockingHandler<Nothing> for F
where
    F: Fn() -> Output + Send + Sync + 'static,
    Output: Send + 'static,
{
    type Arguments = NoArguments;
    type Output = Output;

    fn call(&self, _context: Context) -> Result<Output, ToolError> {
        Ok(self())
    }
}

impl<F, A, Output> BlockingHandler<Arguments<A>> for F
where
    F: Fn(A) -> Output + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + 'static,
    Output: Send + 'static,
{
    type Arguments = A;
    type Output = Output;

    fn call(&self, context: Context) -> Result<Output, ToolError> {
        Ok(self(arguments::read(context.arguments())?))
    }
}

impl<F, Output> BlockingHandler<OnlyContext> for F
where
    F: Fn(Context) -> Output + Send + Sync + 'static,
    Output: Send + 'static,
{
    type Arguments = NoArguments;
    type Output = Output;

    fn call(&self, context: Context) -> Result<Output, ToolError> {
        Ok(self(context))
    }
}

impl<F, A, Output> BlockingHandler<ArgumentsAndContext<A>> for F
where
    F: Fn(A, Context) -> Output + Send + Sync + 'static,
    A: DeserializeOwned + JsonSchema + 'static,
    Output: Send + 'static,
{
    type Arguments = A;
    type Output = Output;

    fn call(&self, context: Context) -> Result<Output, ToolError> {
        let arguments = arguments::read(context.arguments())?;
        Ok(self(arguments, context))
    }
}

/// The schema of what a handler takes, as an object.
pub(super) fn input_schema<A: JsonSchema + 'static>() -> Result<Arc<JsonObject>, String> {
    rmcp::handler::server::tool::schema_for_input::<A>()
}
