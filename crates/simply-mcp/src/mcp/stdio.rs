//! The same handler on standard input and output.

use rmcp::{ServerHandler, ServiceExt, service::ServerInitializeError, transport::stdio};

use crate::{Error, guard::Guarded};

/// Serves `handler` on standard input and output until the input ends. Nothing but MCP is written to
/// standard output; arguments are checked and panics caught as over HTTP.
///
/// # Errors
///
/// Fails when the client speaks no MCP.
pub async fn serve_stdio<H: ServerHandler>(handler: H) -> Result<(), Error> {
    match Guarded::new(handler).serve(stdio()).await {
        Ok(service) => {
            service
                .waiting()
                .await
                .map_err(|error| Error::Stdio(error.to_string()))?;
            Ok(())
        }
        // The client came and left without a word: nothing is wrong.
        Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
        Err(error) => Err(Error::Stdio(error.to_string())),
    }
}
