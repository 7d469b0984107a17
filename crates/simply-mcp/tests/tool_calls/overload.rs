//! Every thread for blocking tools is taken: who is too many is refused, and all that ran is counted.

use std::sync::{Arc, Condvar, Mutex};

use serde_json::json;
use simply_mcp::{McpServer, server::NoArguments};
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, Way, expected};

/// How many blocking tools run at once.
const THREADS: usize = 256;

/// A gate that is shut, and then open.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(open, |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Opens the gate however the test ends: threads that wait at it would keep it from ending.
struct OpensAtTheEnd(Arc<Gate>);

impl Drop for OpensAtTheEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[tokio::test]
async fn a_call_too_many_is_refused_and_counted_as_such() {
    let (gate, began) = (Arc::new(Gate::default()), Arc::new(Semaphore::new(0)));
    let _opens = OpensAtTheEnd(Arc::clone(&gate));
    let (shut, begins) = (Arc::clone(&gate), Arc::clone(&began));
    let blocks = move |_: NoArguments| {
        begins.add_permits(1);
        shut.pass();
        "passed"
    };
    let handler = McpServer::new("blocks", "1").blocking_tool("block", "Blocks", blocks);
    let fixture = Fixture::start(handler, json!({})).await;
    let running: Vec<_> = (0..THREADS)
        .map(|_| {
            fixture
                .call(Way::Rest, "block", &json!({}))
                .build()
                .unwrap()
        })
        .map(|request| tokio::spawn(fixture.http.execute(request)))
        .collect();
    let all = u32::try_from(THREADS).unwrap();
    began.acquire_many(all).await.unwrap().forget();
    assert_eq!(fixture.running().await, i64::from(all));
    for way in [Way::Rest, Way::Modern, Way::Session] {
        let changed = fixture
            .counted(fixture.call(way, "block", &json!({})))
            .await;
        assert_eq!(changed, expected("block", "refused", false), "{way:?}");
    }
    gate.open();
    for call in running {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    let passed = "http_tool_execution_total{status=\"success\",tool=\"block\"}";
    assert_eq!(fixture.value(passed).await, i64::from(all));
    assert_eq!(fixture.running().await, 0);
}
