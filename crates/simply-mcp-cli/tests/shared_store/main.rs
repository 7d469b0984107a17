//! Several processes that count at one real Redis, with 64 clients, while things happen to it: in no interval may more
//! have passed than is promised.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../../simply-mcp/tests/common/intervals.rs"]
mod intervals;
#[path = "../../../simply-mcp/tests/common/redis.rs"]
mod redis;
mod replicas;

use std::{path::Path, process::Command, time::Duration};

use intervals::{Rule, check};
use redis::Redis;
use replicas::{History, Replicas, Settings};

const LIMIT: u64 = 40;
const WINDOW: Duration = Duration::from_secs(2);
const STRATEGIES: [&str; 2] = ["token_bucket", "sliding_window"];

/// Longer than any answer takes that is decided at once, even where everything else is slow.
const HANGS: Duration = Duration::from_secs(5);

fn settings<'a>(store: &'a str, strategy: &'static str, policy: &'static str) -> Settings<'a> {
    Settings {
        store,
        strategy,
        policy,
        limit: LIMIT,
        window: WINDOW,
    }
}

/// What `shares` allowances together allow, and `bursts` that were given again.
fn rule(strategy: &str, shares: u64, bursts: u64) -> Rule {
    let window = u64::try_from(WINDOW.as_nanos()).unwrap();
    let most = LIMIT * (shares + bursts);
    match strategy {
        "token_bucket" => Rule::TokenBucket {
            burst: most,
            limit: LIMIT * shares,
            window,
        },
        _ => Rule::SlidingWindow {
            limit: most,
            window,
        },
    }
}

fn holds(history: &History, rule: Rule, what: &str) {
    let answers = &history.answers;
    let admitted = answers.get(&200).copied().unwrap_or_default();
    assert_eq!(
        check(&history.requests, rule),
        Ok(()),
        "{what}: {answers:?}"
    );
    assert!(
        admitted > 0 && answers.contains_key(&429),
        "{what}: {answers:?}"
    );
    let expected = |status: &u16| [200, 429, 503].contains(status);
    assert!(answers.keys().all(expected), "{what}: {answers:?}");
    assert!(history.slowest < HANGS, "{what}: {:?}", history.slowest);
}

fn every_key_ends(redis: &Redis) {
    for (key, lives) in redis.keys() {
        assert_ne!(lives, -1, "{key} lives for ever");
    }
}

// RL-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_count_as_one() {
    count_together(2).await;
}

// RL-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_count_as_one() {
    count_together(4).await;
}

async fn count_together(processes: usize) {
    let redis = Redis::start();
    for strategy in STRATEGIES {
        redis.run(&["FLUSHALL"]);
        // Closed, so that an answer which comes late on a loaded machine is no admission of another count.
        let url = redis.url();
        let replicas = Replicas::start(processes, settings(&url, strategy, "closed"));
        replicas.until_store_is("up").await;
        let history = replicas.record(2 * WINDOW + WINDOW / 2).await;
        holds(&history, rule(strategy, 1, 0), strategy);
        let keys = redis.keys();
        assert!(keys.iter().any(|(key, _)| key.contains("{4:")), "{keys:?}");
        every_key_ends(&redis);
    }
}

/// Records while `break_it` and then `mend_it` happen to the store, each once.
async fn with_trouble(
    replicas: &Replicas,
    redis: &mut Redis,
    break_it: fn(&mut Redis),
    mend_it: fn(&mut Redis),
) -> History {
    let trouble = async {
        tokio::time::sleep(WINDOW / 2).await;
        break_it(redis);
        tokio::time::sleep(WINDOW / 2).await;
        mend_it(redis);
    };
    let (history, ()) = tokio::join!(replicas.record(3 * WINDOW), trouble);
    replicas.until_store_is("up").await;
    history
}

// RL-04, RL-05
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn closed_gives_nothing_more_while_the_store_is_silent() {
    let mut redis = Redis::start();
    for strategy in STRATEGIES {
        let url = redis.url();
        let replicas = Replicas::start(2, settings(&url, strategy, "closed"));
        replicas.until_store_is("up").await;
        // What was counted is still there afterwards.
        let history = with_trouble(&replicas, &mut redis, |it| it.stop(), |it| it.go_on()).await;
        holds(&history, rule(strategy, 1, 0), strategy);
        assert!(history.answers.contains_key(&503), "{:?}", history.answers);
    }
}

// RL-04, RL-05
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_store_that_is_paused_or_forgets_its_scripts_changes_no_count() {
    let mut redis = Redis::start();
    for (strategy, mend_it) in [
        ("token_bucket", (|_| ()) as fn(&mut Redis)),
        ("sliding_window", |it| {
            it.run(&["SCRIPT", "FLUSH"]);
            it.run(&["CLIENT", "KILL", "TYPE", "normal"]);
        }),
    ] {
        let url = redis.url();
        let replicas = Replicas::start(2, settings(&url, strategy, "closed"));
        replicas.until_store_is("up").await;
        let pause = |it: &mut Redis| {
            it.run(&["CLIENT", "PAUSE", "800", "ALL"]);
        };
        let history = with_trouble(&replicas, &mut redis, pause, mend_it).await;
        holds(&history, rule(strategy, 1, 0), strategy);
    }
}

// RL-05: one further burst at most for what was forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_flushed_or_lost_by_a_restart_gives_one_further_burst_at_most() {
    let mut redis = Redis::start();
    for strategy in STRATEGIES {
        let url = redis.url();
        let replicas = Replicas::start(2, settings(&url, strategy, "closed"));
        replicas.until_store_is("up").await;
        let restarted = with_trouble(&replicas, &mut redis, Redis::kill, Redis::start_again).await;
        holds(&restarted, rule(strategy, 1, 1), strategy);
        let flush = |it: &mut Redis| {
            it.run(&["FLUSHALL"]);
        };
        let flushed = with_trouble(&replicas, &mut redis, flush, |_| ()).await;
        holds(&flushed, rule(strategy, 1, 1), strategy);
        every_key_ends(&redis);
    }
}

// RL-04: an allowance of each replica besides that of the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn local_gives_one_allowance_of_each_replica_besides() {
    let mut redis = Redis::start();
    for strategy in STRATEGIES {
        let url = redis.url();
        let replicas = Replicas::start(2, settings(&url, strategy, "local"));
        replicas.until_store_is("up").await;
        let history = with_trouble(&replicas, &mut redis, Redis::kill, Redis::start_again).await;
        // One more burst for what the restart forgot.
        holds(&history, rule(strategy, 1 + 2, 1), strategy);
        assert!(!history.answers.contains_key(&503), "{:?}", history.answers);
        let said = replicas.said().join("\n");
        assert!(
            said.contains("does not answer") && said.contains("answers again"),
            "{said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}

// RL-04
#[tokio::test]
async fn health_and_metrics_say_whether_the_store_answers() {
    let mut redis = Redis::start();
    for (policy, ready_without) in [("closed", 503), ("local", 200), ("open", 200)] {
        let url = redis.url();
        let replicas = Replicas::start(1, settings(&url, "token_bucket", policy));
        replicas.until_store_is("up").await;
        assert_eq!(replicas.get("/health/ready").await.0, 200);
        redis.kill();
        replicas.until_store_is("down").await;
        assert_eq!(
            replicas.get("/health/ready").await.0,
            ready_without,
            "{policy}"
        );
        let (_, metrics) = replicas.get("/metrics").await;
        assert!(metrics.contains("simply_mcp_store_up 0\n"), "{metrics}");
        redis.start_again();
        replicas.until_store_is("up").await;
        let (_, metrics) = replicas.get("/metrics").await;
        assert!(metrics.contains("simply_mcp_store_up 1\n"), "{metrics}");
    }
}

#[tokio::test]
async fn a_store_is_reached_by_tls_where_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let options = [
        ["--tls-cert-file", &file("server.pem")],
        ["--tls-key-file", &file("server.key")],
        ["--tls-ca-cert-file", &file("ca.pem")],
        ["--tls-auth-clients", "no"],
        ["--requirepass", "hunter2"],
        ["--port", "0"],
    ];
    let redis = Redis::start_with("--tls-port", options.as_flattened());
    let url = format!("rediss://:hunter2@localhost:{}", redis.port());
    let settings = settings(&url, "token_bucket", "closed");
    let trusting = [("SSL_CERT_FILE", file("ca.pem"))];
    let trusting = trusting
        .each_ref()
        .map(|(name, file)| (*name, file.as_str()));
    let replicas = Replicas::start_with(1, settings, &trusting);
    replicas.until_store_is("up").await;
    let doubting = Replicas::start(1, settings);
    doubting.until_store_is("down").await;
    for replicas in [&replicas, &doubting] {
        let said = replicas.said().join("\n");
        assert!(
            said.contains("localhost") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

/// An authority, and a server's certificate by it.
fn make_certificates(folder: &Path) {
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for command in [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
        format!("req {key} -keyout server.key -out request -subj /CN=localhost"),
        "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"
            .to_owned(),
    ] {
        let made = Command::new("openssl")
            .args(command.split(' '))
            .current_dir(folder)
            .output()
            .expect("openssl is installed (Debian package openssl)");
        assert!(made.status.success(), "{command}: {made:?}");
    }
}
