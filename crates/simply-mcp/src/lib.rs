//! The production HTTP transport for the Model Context Protocol (MCP).
//!
//! The rooms, in the order a request walks through them:
//!
//! | room | what happens there |
//! | --- | --- |
//! | `listen` | bytes arrive: socket, connection, drain |
//! | `layers` | the doors: may it pass, and what does every answer carry |
//! | `routes` | the table of paths |
//! | `admission` | which tools a caller may see and call |
//! | `rest`, `mcp` | what the path means: HTTP or JSON-RPC to a call on the handler |
//! | `guard` | arguments are checked and panics caught, whoever wrote the handler |
//! | `server` | `McpServer`, a handler made of closures |
//!
//! `config` stands before all of them, `transport` is the floor plan that joins them.

mod admission;
mod audit;
pub mod auth;
mod body;
mod calls;
pub mod config;
mod error;
mod facts;
mod guard;
mod handle;
mod layers;
mod listen;
pub mod logs;
mod mcp;
mod metrics;
mod panics;
mod rate_limit;
mod refusal;
mod rest;
mod routes;
mod schema;
pub mod server;
mod store;
mod trace_context;
mod traces;
mod transport;
mod watch;

pub use config::{ConfigErrors, HttpConfig};
pub use error::Error;
pub use facts::{Caller, CorrelationId, ForwardedAddress, PeerAddress};
pub use mcp::serve_stdio;
pub use rmcp;
pub use schemars;
pub use server::{Context, Json, McpServer, ToolError};
pub use trace_context::TraceContext;
pub use traces::OutgoingCall;
pub use transport::{HttpTransport, RunningTransport};
