//! Nothing is inferred from the connection a request comes on.

use futures::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{Client, call, start},
    common,
};

fn written(client: &Client, session: &str, address: &str) -> String {
    let message = call(1, "whoami", &json!({})).to_string();
    let key = client.key.unwrap();
    format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nMcp-Session-Id: {session}\r\n\
         Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n{message}",
        message.len()
    )
}

/// Reads one answer with a length, and no byte of the next.
async fn read(stream: &mut TcpStream) -> (String, String) {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

// SES-09
#[tokio::test]
async fn two_callers_on_one_connection_stay_two() {
    let fixture = start(json!({})).await;
    let (alice, bob) = (fixture.client("alice"), fixture.client("bob"));
    let (hers, his) = (alice.open().await, bob.open().await);
    let address = fixture.server.address.to_string();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    for _ in 0..5 {
        for (client, session, answer) in [
            (&alice, &hers, Some("alice")),
            (&bob, &his, Some("bob")),
            (&bob, &hers, None),
            (&alice, &his, None),
        ] {
            let request = written(client, session, &address);
            stream.write_all(request.as_bytes()).await.unwrap();
            let (head, body) = read(&mut stream).await;
            match answer {
                Some(name) => assert!(body.contains(&format!("\"{name}\"")), "{body}"),
                None => assert!(head.starts_with("http/1.1 404 "), "{head}"),
            }
        }
    }
}

// SES-09
#[tokio::test]
async fn two_callers_on_one_http2_connection_stay_two() {
    let fixture = start(json!({})).await;
    let http = common::http2_client();
    let [alice, bob] = ["alice", "bob"].map(|name| Client {
        http: http.clone(),
        ..fixture.client(name)
    });
    let (hers, his) = (alice.open().await, bob.open().await);
    let (alices, bobs) = (alice.clone(), bob.clone());
    let calls = (0..40).map(async |number: i64| {
        let (client, session, expected) = match number % 4 {
            0 => (&alices, &hers, Some("alice")),
            1 => (&bobs, &his, Some("bob")),
            2 => (&bobs, &hers, None),
            _ => (&alices, &his, None),
        };
        let request = client.in_session(session, &call(number, "whoami", &json!({})));
        let response = request.send().await.unwrap();
        match expected {
            Some(name) => {
                let answer = crate::client::last(response).await;
                assert_eq!(answer["result"]["content"][0]["text"], name);
                assert_eq!(answer["id"], number);
            }
            None => assert_eq!(response.status(), 404),
        }
    });
    join_all(calls).await;
}
