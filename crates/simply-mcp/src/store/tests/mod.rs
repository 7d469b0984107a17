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

/// One that is waited for: what was late has been counted all the same, and who asks again counts twice.
pub(crate) fn patient_store(redis: &Redis) -> Store {
    let url = StoreUrl::parse(&redis.url()).unwrap();
    Store::that_waits(&url, &Metrics::new(), SOON).unwrap()
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

// RL-04
#[tokio::test]
async fn a_store_that_is_down_stops_no_start_and_is_found_when_it_comes() {
    let mut redis = Redis::not_yet_started();
    let store = store(&redis);
    timeout(AT_ONCE, count(&store)).await.unwrap().unwrap_err();
    let mut waits = vec![];
    for _ in 0..20 {
        let asked = Instant::now();
        count(&store).await.unwrap_err();
        waits.push(asked.elapsed());
    }
    assert!(waits.iter().min() < Some(&ANSWER_WITHIN), "{waits:?}");
    redis.start_again();
    assert_eq!(counted(&store).await, 1);
}

#[tokio::test]
async fn the_first_question_waits_for_the_first_connection() {
    let redis = Redis::start();
    // A loaded machine takes longer to connect now and then.
    for _ in 0..20 {
        if count(&store(&redis)).await.is_ok() {
            return;
        }
    }
    panic!("no first question was answered");
}

// RL-04
#[tokio::test]
async fn a_server_that_is_killed_is_found_again() {
    let mut redis = Redis::start();
    let store = store(&redis);
    counted(&store).await;
    redis.kill();
    lost(&store).await;
    redis.start_again();
    assert_eq!(counted(&store).await, 1, "it begins anew");
}

// RL-04
#[tokio::test]
async fn a_server_that_stops_answering_is_found_again() {
    let redis = Redis::start();
    let store = store(&redis);
    counted(&store).await;
    redis.stop();
    lost(&store).await;
    redis.go_on();
    assert!(counted(&store).await >= 2);
}

// RL-04
#[tokio::test]
async fn a_connection_that_is_cut_is_made_again() {
    let redis = Redis::start();
    let store = store(&redis);
    counted(&store).await;
    redis.run(&["CLIENT", "KILL", "TYPE", "normal"]);
    assert!(counted(&store).await >= 2);
}

// RL-04
#[tokio::test]
async fn scripts_that_are_forgotten_are_sent_again() {
    let redis = Redis::start();
    let store = store(&redis);
    let seven = Script::new("return 7");
    for _ in 0..3 {
        counted(&store).await;
        redis.run(&["SCRIPT", "FLUSH"]);
        let answered = async {
            while store.evaluate(&seven, "smcp:{a}", 0).await != Ok(7) {
                store.until_up().await;
            }
        };
        timeout(SOON, answered).await.unwrap();
        assert!(store.is_up());
    }
}

// RL-04
#[tokio::test]
async fn a_server_that_takes_no_writes_is_down_until_it_does() {
    let redis = Redis::start();
    let store = store(&redis);
    for (broken, mended) in [
        // Nobody is at the other end, so it stays as it is: a replica that takes no writes.
        (["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]),
        (
            ["CONFIG SET", "maxmemory", "1"],
            ["CONFIG SET", "maxmemory", "0"],
        ),
    ] {
        counted(&store).await;
        run(&redis, &broken);
        lost(&store).await;
        run(&redis, &mended);
        counted(&store).await;
    }
}

fn run(redis: &Redis, words: &[&str]) {
    let words: Vec<_> = words.iter().flat_map(|words| words.split(' ')).collect();
    assert_eq!(redis.run(&words), "OK");
}

// RL-04
#[tokio::test]
async fn a_server_that_never_took_writes_was_never_up() {
    let redis = Redis::start();
    run(&redis, &["REPLICAOF", "127.0.0.1", "1"]);
    let store = store(&redis);
    timeout(Duration::from_secs(1), store.until_up())
        .await
        .unwrap_err();
    run(&redis, &["REPLICAOF", "NO", "ONE"]);
    counted(&store).await;
}

// RL-04
#[tokio::test]
async fn a_server_that_is_slow_is_down_until_it_is_not() {
    let redis = Redis::start();
    let store = store(&redis);
    counted(&store).await;
    redis.run(&["CLIENT", "PAUSE", "2000", "ALL"]);
    lost(&store).await;
    counted(&store).await;
}

// RL-04
#[tokio::test]
async fn a_key_of_another_kind_is_no_answer_and_takes_nobody_else_down() {
    let redis = Redis::start();
    let store = store(&redis);
    counted(&store).await;
    redis.run(&["DEL", "smcp:{count}"]);
    redis.run(&["LPUSH", "smcp:{count}", "x"]);
    count(&store).await.unwrap_err();
    assert!(store.is_up(), "one bad key is one bad key");
    let read = Script::new("return redis.call('GET', KEYS[1])");
    assert_eq!(
        store.evaluate::<String>(&read, "smcp:{count}", 0).await,
        Err(Unavailable)
    );
    redis.run(&["DEL", "smcp:{count}"]);
    assert_eq!(counted(&store).await, 1);
}

/// A store whose connection leads to somebody who never says anything.
async fn mute() -> (Store, tokio::io::DuplexStream) {
    let url = StoreUrl::parse("redis://127.0.0.1:1").unwrap();
    let store = Store::new(&url, &Metrics::new()).unwrap();
    let (here, there) = tokio::io::duplex(1024);
    let settings = redis::RedisConnectionInfo::default().set_skip_set_lib_name();
    let settings = Box::leak(Box::new(settings));
    let made = MultiplexedConnection::new(settings, here).await;
    let (connection, driver) = made.unwrap();
    tokio::spawn(driver);
    store.0.link.open(link::Live {
        connection,
        epoch: 1,
    });
    (store, there)
}

// RL-04: by a clock that stands, so that no loaded machine matters.
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_fifty_milliseconds() {
    let (store, _there) = mute().await;
    let asked = Instant::now();
    count(&store).await.unwrap_err();
    assert!(asked.elapsed() <= ANSWER_WITHIN + Duration::from_millis(1));
    assert!(asked.elapsed() >= ANSWER_WITHIN);
    let asked = Instant::now();
    count(&store).await.unwrap_err();
    assert_eq!(asked.elapsed(), Duration::ZERO, "from then on at once");
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_an_earlier_connection_does_not_matter() {
    let (store, _there) = mute().await;
    store.0.link.failed(0, &Failure::late());
    assert!(store.is_up());
    let of_one_key = Failure {
        of_the_store: false,
        ..Failure::late()
    };
    store.0.link.failed(1, &of_one_key);
    assert!(store.is_up());
    store.0.link.failed(1, &Failure::late());
    assert!(!store.is_up());
}

#[tokio::test]
async fn the_metrics_say_how_it_stands() {
    let mut redis = Redis::start();
    let metrics = Metrics::new();
    let store = Store::new(&StoreUrl::parse(&redis.url()).unwrap(), &metrics).unwrap();
    counted(&store).await;
    assert_eq!(metrics.store_up.with_label_values::<&str>(&[]).get(), 1);
    redis.kill();
    lost(&store).await;
    assert_eq!(metrics.store_up.with_label_values::<&str>(&[]).get(), 0);
    assert!(metrics.store_failures.get() >= 2);
}

#[tokio::test]
async fn the_password_is_in_no_debug_output_and_in_no_error() {
    let url = StoreUrl::parse("redis://me:hunter2@127.0.0.1:1/0").unwrap();
    let store = Store::new(&url, &Metrics::new()).unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
    let url = StoreUrl::parse("redis://me:hunter2@127.0.0.1:1/99999999999999999999").unwrap();
    let error = Store::new(&url, &Metrics::new()).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("rate_limit.store") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn without_a_runtime_it_is_made_all_the_same() {
    let url = StoreUrl::parse("redis://127.0.0.1:1").unwrap();
    assert!(!Store::new(&url, &Metrics::new()).unwrap().is_up());
}

#[test]
fn over_tls_the_cryptography_is_chosen_before_anybody_connects() {
    let chosen = || rustls::crypto::CryptoProvider::get_default().is_some();
    let make = |url| Store::new(&StoreUrl::parse(url).unwrap(), &Metrics::new()).unwrap();
    make("rediss://127.0.0.1:1");
    make("rediss://127.0.0.1:1");
    assert!(chosen());
}
