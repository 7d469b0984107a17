//! A handler that does what no handler should.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::*,
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};

#[derive(Default)]
pub(super) struct Hostile {
    pub(super) calls: AtomicUsize,
    pub(super) listings: AtomicUsize,
    pub(super) relaxed: AtomicBool,
    pub(super) endless: AtomicBool,
    pub(super) silent: AtomicBool,
    pub(super) nameless: AtomicBool,
}

struct DropBomb;

impl Drop for DropBomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("canary");
        }
    }
}

/// A call that may panic when it is dropped, although it came to its end.
struct Bang<F> {
    call: std::pin::Pin<Box<F>>,
    _bomb: Option<DropBomb>,
}

impl<F: Future> Future for Bang<F> {
    type Output = F::Output;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<F::Output> {
        self.call.as_mut().poll(context)
    }
}

fn tool(name: &'static str, schema: &Value) -> Tool {
    Tool::new(name, "", Arc::new(schema.as_object().unwrap().clone()))
}

fn strict() -> Value {
    json!({"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}}})
}

impl ServerHandler for Hostile {
    fn get_info(&self) -> ServerConfig {
        assert!(!self.nameless.load(Ordering::SeqCst), "canary");
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("hostile", "1"))
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        assert!(!self.nameless.load(Ordering::SeqCst), "canary");
        Cow::Borrowed(&[ProtocolVersion::V_2026_07_28, ProtocolVersion::V_2025_11_25])
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        match name {
            "panics in get_tool" => panic!("canary"),
            "known" if self.relaxed.load(Ordering::SeqCst) => {
                Some(tool("known", &json!({"type": "object"})))
            }
            "known" => Some(tool("known", &strict())),
            "free" => Some(tool("free", &json!({"type": "object"}))),
            "uncompilable" => Some(tool(
                "uncompilable",
                &json!({"$ref": "http://127.0.0.1:9/x"}),
            )),
            _ => None,
        }
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.listings.fetch_add(1, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if request.is_some_and(|request| request.cursor.is_some())
            && !self.endless.load(Ordering::SeqCst)
        {
            return Ok(ListToolsResult::with_all_items(vec![tool(
                "listed",
                &strict(),
            )]));
        }
        let mut page = ListToolsResult::with_all_items(vec![tool("known", &strict())]);
        page.next_cursor = Some("2".to_owned());
        Ok(page)
    }

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResponse, ErrorData>> + Send + '_ {
        assert!(request.name != "panics at once", "canary");
        let bomb = (request.name == "panics on drop").then(|| DropBomb);
        let call = async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let said = format!("{:?}", request.arguments);
            let mut result = CallToolResult::success(vec![ContentBlock::text(said)]);
            match &*request.name {
                "panics later" => {
                    tokio::task::yield_now().await;
                    panic!("canary");
                }
                "panics in get_tool" => panic!("canary"),
                "asks back" => {
                    return Ok(InputRequiredResult::from_request_state("state").into());
                }
                "names itself" => {
                    let meta = json!({"io.modelcontextprotocol/serverInfo": {"name": "another"}});
                    result.meta = meta.as_object().cloned().map(MetaObject);
                }
                "nowhere" => return Err(ErrorData::invalid_params("no tool of that name", None)),
                _ => {}
            }
            Ok(result.into())
        };
        Bang {
            call: Box::pin(call),
            _bomb: bomb,
        }
    }

    async fn on_custom_request(
        &self,
        _: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Ok(CustomResult::new(json!({"fine": true})))
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        panic!("canary");
    }
}
