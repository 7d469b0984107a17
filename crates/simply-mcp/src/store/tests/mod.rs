//! The store against a real server, and against what happens to one.

#[path = "../../../tests/common/redis.rs"]
pub(crate) mod redis_server;

use std::time::Duration;

use tokio::time::timeout;

use self::redis_server::Redis;
use super::*;

/// Time in which a loaded machine, too, finds out that a store is back.
const SOON: Duration = Duration::from_secs(10);

/// How long a question may take on a loaded machine. The bound itself is tested on a clock that stands.
const AT_ONCE: Duration = Duration::from_secs(1);

pub(crate) fn store(redis: &Redis) -> Store {
    Store::new(&StoreUrl::parse(&redis.url()).unwrap(), &Metrics::new()).unwrap()
}

/// Adds one to a number at the store.
async fn count(store: &Store) -> Result<i64, Unavailable> {
    let mut command = redis::cmd("INCR");
    command.arg("smcp:{count}");
    store.command(command).await
}

/// Counts until the store answers: on a loaded machine an answer may be late now and then.
async fn counted(store: &Store) -> i64 {
    let answered = async {
        loop {
            store.until_up().await;
            if let Ok(count) = count(store).await {
                return count;
            }
            store.until_down().await;
        }
    };
    timeout(SOON, answered)
        .await
        .expect("the store answers soon")
}

/// Asks until an answer is missing, and checks that the next question fails without a wait.
async fn lost(store: &Store) {
    let asked = async { while count(store).await.is_ok() {} };
    timeout(SOON, asked).await.expect("the question fails");
    timeout(AT_ONCE, store.until_down())
        .await
        .expect("and the store is down");
    timeout(AT_ONCE, count(store))
        .await
        .expect("at once")
        .unwrap_err();
    assert!(!store.is_up());
}

#[tokio::test]
async fn a_question_is_answered() {
    let redis = Redis::start();
    let store = store(&redis);
    assert_eq!(counted(&store).await, 1);
    assert!(store.is_up());
    let doubled = Script::new("return tonumber(redis.call('GET', KEYS[1])) * tonumber(ARGV[1])");
    assert_eq!(store.evaluate(&doubled, "smcp:{count}", 7).await, Ok(7));
}
