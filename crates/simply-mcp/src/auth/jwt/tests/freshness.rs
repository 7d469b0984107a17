//! Keys that come, change, and cannot be had.

use super::*;
use crate::config::JwtAlgorithm;

const RS256: JwtAlgorithm = JwtAlgorithm::RS256;
const COOLDOWN: Duration = Duration::from_secs(30);

fn rsa() -> Value {
    fixture::jwk("rsa", RS256)
}

fn other() -> Value {
    fixture::jwk("rsa_other", RS256)
}

fn token_by(kid: &str) -> String {
    let header = json!({"alg": "RS256", "kid": kid}).to_string();
    fixture::signed(kid, RS256, &header, &claims().to_string())
}

/// A token that names any key, with a signature that nobody made.
fn token_naming(kid: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = json!({"alg": "RS256", "kid": kid}).to_string();
    let claims = URL_SAFE_NO_PAD.encode(claims().to_string());
    format!("{}.{claims}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(header))
}

async fn check(tokens: &Tokens, token: &str) -> Result<(), Failure> {
    tokens.verify_at(token, now()).await.map(|_| ())
}

fn accepting(held: &Held) -> (Tokens, Metrics) {
    let metrics = Metrics::new();
    let config = config(&json!({"max_stale": 600}));
    let tokens = tokens_from(&config, std::slice::from_ref(held), &metrics);
    (tokens, metrics)
}

// JWT-09
#[tokio::test(start_paused = true)]
async fn a_new_key_is_accepted_after_one_more_look() {
    let held = Held::new(&[rsa()]);
    let (tokens, _) = accepting(&held);
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    held.publish(&[other()]);
    // Too early: the set was looked at a moment ago.
    assert_eq!(
        check(&tokens, &token_by("rsa_other")).await,
        Err(Failure::UnknownKey)
    );
    assert_eq!(held.looks(), 1);
    tokio::time::advance(COOLDOWN).await;
    assert_eq!(check(&tokens, &token_by("rsa_other")).await, Ok(()));
    assert_eq!(held.looks(), 2);
    // What the old key vouched for is forgotten with it.
    assert_eq!(
        check(&tokens, &token_by("rsa")).await,
        Err(Failure::UnknownKey)
    );
}

// JWT-09
#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_makes_one_look_a_cooldown_and_harms_nobody() {
    let held = Held::new(&[rsa()]);
    let (tokens, _) = accepting(&held);
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    for round in 1..=3 {
        tokio::time::advance(COOLDOWN).await;
        let texts: Vec<String> = (0..10_000)
            .map(|number| token_naming(&format!("{round}-{number}")))
            .collect();
        let flood = texts.iter().map(|text| check(&tokens, text));
        let (flood, good) = tokio::join!(futures::future::join_all(flood), async {
            let mut claims = claims();
            claims["sub"] = json!(format!("new {round}"));
            check(&tokens, &fixture::token(&claims)).await
        });
        assert!(
            flood
                .iter()
                .all(|refused| *refused == Err(Failure::UnknownKey))
        );
        assert_eq!(good, Ok(()));
        // And whoever comes behind the flood comes too early.
        for text in &texts[..100] {
            assert_eq!(check(&tokens, text).await, Err(Failure::UnknownKey));
        }
        assert_eq!(held.looks(), 1 + round);
    }
}

// JWT-09
#[tokio::test(start_paused = true)]
async fn an_empty_set_has_the_same_cooldown() {
    let held = Held::new(&[]);
    let (tokens, _) = accepting(&held);
    for _ in 0..1000 {
        assert_eq!(
            check(&tokens, &token_naming("any")).await,
            Err(Failure::UnknownKey)
        );
    }
    assert_eq!(held.looks(), 1);
    tokio::time::advance(COOLDOWN).await;
    for _ in 0..1000 {
        assert_eq!(
            check(&tokens, &token_naming("any")).await,
            Err(Failure::UnknownKey)
        );
    }
    assert_eq!(held.looks(), 2);
}

// JWT-09
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_look_waits_two_seconds_at_most_and_few_do() {
    let metrics = Metrics::new();
    let config = config(&json!({}));
    let jwt = &config.auth.jwt;
    let never = Box::new(|| futures::future::pending().boxed());
    let source = Source::new(ISSUER, never, None, jwt.max_stale, &metrics);
    let issuer = Issuer::new(jwt.issuers().next().unwrap(), source);
    let tokens = Tokens::of(&config, vec![issuer], Some(&Arc::default()));
    let begun = tokio::time::Instant::now();
    let text = token_naming("any");
    let waited = (0..1000).map(|_| async {
        assert_eq!(check(&tokens, &text).await, Err(Failure::KeysNotThere));
        begun.elapsed()
    });
    let waited = futures::future::join_all(waited).await;
    let at_once = waited.iter().filter(|time| time.is_zero()).count();
    assert_eq!(at_once, 1000 - 64);
    assert!(
        waited
            .iter()
            .all(|time| *time <= Duration::from_millis(2010))
    );
}

// JWT-10
#[tokio::test(start_paused = true)]
async fn known_keys_stay_through_an_outage_until_they_are_too_old() {
    let held = Held::new(&[rsa()]);
    let (tokens, metrics) = accepting(&held);
    let is_stale = || metrics.keys_stale.with_label_values(&[ISSUER]).get();
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    assert_eq!(is_stale(), 0);
    held.break_down();
    // Short of ten minutes later, which is also over the next regular look.
    tokio::time::sleep(Duration::from_secs(598)).await;
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    assert_eq!(check(&tokens, &fixture::token(&claims())).await, Ok(()));
    assert_eq!(is_stale(), 1);
    let failures = metrics.keys_load_failures.with_label_values(&[ISSUER]);
    assert!((1..=11).contains(&failures.get()), "{}", failures.get());
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        check(&tokens, &token_by("rsa")).await,
        Err(Failure::KeysNotThere)
    );
    held.publish(&[rsa()]);
    tokio::time::sleep(COOLDOWN).await;
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    assert_eq!(is_stale(), 0);
}

// JWT-10
#[tokio::test(start_paused = true)]
async fn until_there_are_keys_nothing_is_said_about_a_token() {
    let held = Held::broken();
    let (tokens, metrics) = accepting(&held);
    assert_eq!(
        check(&tokens, &token_by("rsa")).await,
        Err(Failure::KeysNotThere)
    );
    assert_eq!(metrics.keys_stale.with_label_values(&[ISSUER]).get(), 1);
    held.publish(&[rsa()]);
    // The first pauses are short.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn keys_that_may_be_old_for_a_minute_only_are_looked_at_twice_a_minute() {
    let held = Held::new(&[rsa()]);
    let config = config(&json!({"max_stale": 60}));
    let tokens = tokens_from(&config, std::slice::from_ref(&held), &Metrics::new());
    for _ in 0..100 {
        assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
        tokio::time::sleep(Duration::from_secs(7)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_set_leaves_the_last_good_one_in_force() {
    let held = Held::new(&[rsa()]);
    let (tokens, metrics) = accepting(&held);
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    *held.document.lock().unwrap() = Ok(b"<html>".to_vec());
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));
    assert_eq!(metrics.keys_stale.with_label_values(&[ISSUER]).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_vouches_no_more_even_for_what_is_remembered() {
    let held = Held::new(&[rsa(), other()]);
    let (tokens, _) = accepting(&held);
    let token = token_by("rsa");
    assert_eq!(check(&tokens, &token).await, Ok(()));
    held.publish(&[other()]);
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(check(&tokens, &token).await, Err(Failure::UnknownKey));
}

#[tokio::test(start_paused = true)]
async fn a_set_is_looked_at_until_nobody_needs_it() {
    let held = Held::new(&[rsa()]);
    let (tokens, _) = accepting(&held);
    tokens.start();
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(held.looks(), 4);
    drop(tokens);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(held.looks(), 4);
}

#[tokio::test]
async fn a_file_of_keys_is_read_at_once_and_a_broken_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let jwt = json!({"jwks_url": null, "jwks_file": path});
    let made = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Tokens::new(&config(&jwt), &Metrics::new(), Some(&Arc::default()))
    };
    let error = made("{}").unwrap_err().to_string();
    assert!(
        error.contains(ISSUER) && error.contains("JSON Web Key Set"),
        "{error}"
    );
    // JWT-08
    let secret = json!({"kty": "oct", "k": "AAAA"});
    let error = made(&json!({"keys": [secret]}).to_string()).unwrap_err();
    assert!(error.to_string().contains("shared secret"), "{error}");
    assert!(made(r#"{"keys": []}"#).is_ok());
    let tokens = made(&json!({"keys": [secret, rsa()]}).to_string()).unwrap();
    assert_eq!(check(&tokens, &token_by("rsa")).await, Ok(()));

    // A change counts without anybody asking for it.
    let new = folder.path().join("new");
    std::fs::write(&new, json!({"keys": [other()]}).to_string()).unwrap();
    std::fs::rename(&new, &path).unwrap();
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while check(&tokens, &token_by("rsa")).await.is_ok() {
        assert!(
            tokio::time::Instant::now() < until,
            "the change did not count"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(check(&tokens, &token_by("rsa_other")).await, Ok(()));
}

#[tokio::test]
async fn a_remembered_token_costs_no_allocation() {
    let held = Held::new(&[rsa()]);
    let (tokens, _) = accepting(&held);
    let token = token_by("rsa");
    assert_eq!(check(&tokens, &token).await, Ok(()));
    let counted = allocation_counter::measure(|| {
        let verified = tokens.verify_at(&token, now()).now_or_never();
        assert!(verified.is_some_and(|caller| caller.is_ok()));
    });
    assert_eq!(counted.count_total, 0);
}
