//! A script that the store runs as one step, on one key.

use redis::{ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, ToRedisArgs, cmd};

/// A Lua script and its name at the store, which is its hash.
#[derive(Debug)]
pub(crate) struct Script {
    source: &'static str,
    named: redis::Script,
}

impl Script {
    /// A script that touches `KEYS[1]` and no other key.
    pub(crate) fn new(source: &'static str) -> Self {
        Self {
            source,
            named: redis::Script::new(source),
        }
    }

    /// Runs it by its name; by its source where the store does not know the name, as after `SCRIPT FLUSH`.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        connection: &mut redis::aio::MultiplexedConnection,
        key: &str,
        arguments: impl ToRedisArgs + Send + Sync,
    ) -> RedisResult<T> {
        let call = |command: &str, script: &str| {
            let mut call = cmd(command);
            call.arg(script).arg(1).arg(key).arg(&arguments);
            call
        };
        match call("EVALSHA", self.named.get_hash())
            .query_async(connection)
            .await
        {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                call("EVAL", self.source).query_async(connection).await
            }
            answer => answer,
        }
    }
}
