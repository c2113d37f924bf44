//! The kernel's session with the smallest parts that make one: a loop, a tool, a context in memory.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use amplifier_core::testing::FakeContextManager;
use amplifier_core::{
    AmplifierError, ChatRequest, ContentBlock, ContextManager, Orchestrator, Provider, Session,
    SessionConfig, SessionError, Tool, ToolError, ToolResult, ToolSpec,
};
use serde_json::{from_value, json, Value};

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Look;

impl Tool for Look {
    fn name(&self) -> &str {
        "look"
    }

    fn description(&self) -> &str {
        "Looks at a place"
    }

    fn get_spec(&self) -> ToolSpec {
        let parameters = json!({ "type": "object", "properties": { "at": { "type": "string" } }, "required": ["at"] });
        from_value(json!({ "name": self.name(), "description": self.description(), "parameters": parameters })).expect("a tool spec")
    }

    fn execute(&self, input: Value) -> Later<'_, Result<ToolResult, ToolError>> {
        let found = format!(
            "a lantern at {}",
            input["at"].as_str().unwrap_or("no place")
        );
        Box::pin(async move {
            Ok(ToolResult {
                success: true,
                output: Some(json!(found)),
                error: None,
            })
        })
    }
}

struct Loop;

impl Orchestrator for Loop {
    fn execute(
        &self,
        prompt: String,
        context: Arc<dyn ContextManager>,
        providers: HashMap<String, Arc<dyn Provider>>,
        tools: HashMap<String, Arc<dyn Tool>>,
        _hooks: Value,
        _coordinator: Value,
    ) -> Later<'_, Result<String, AmplifierError>> {
        Box::pin(async move {
            let provider = providers
                .into_values()
                .next()
                .expect("the session refuses to run without one");
            let specs: Vec<ToolSpec> = tools.values().map(|tool| tool.get_spec()).collect();
            context
                .add_message(json!({ "role": "user", "content": prompt }))
                .await?;
            loop {
                let messages = context
                    .get_messages_for_request(None, Some(provider.clone()))
                    .await?;
                let response = provider
                    .complete(build(json!({ "messages": messages, "tools": specs }))?)
                    .await?;
                context
                    .add_message(json!({ "role": "assistant", "content": response.content }))
                    .await?;
                let calls = provider.parse_tool_calls(&response);
                if calls.is_empty() {
                    return Ok(text_of(&response.content));
                }
                for call in calls {
                    let tool = tools
                        .get(&call.name)
                        .ok_or(ToolError::NotFound { name: call.name })?;
                    let result = tool.execute(json!(call.arguments)).await?;
                    let block = json!({ "type": "tool_result", "tool_call_id": call.id, "output": result.output });
                    context
                        .add_message(
                            json!({ "role": "tool", "content": [block], "tool_call_id": call.id }),
                        )
                        .await?;
                }
            }
        })
    }
}

fn build(request: Value) -> Result<ChatRequest, SessionError> {
    from_value(request).map_err(|error| SessionError::Other {
        message: error.to_string(),
    })
}

fn text_of(blocks: &[ContentBlock]) -> String {
    blocks
        .iter()
        .filter_map(|block| {
            if let ContentBlock::Text { text, .. } = block {
                Some(text.as_str())
            } else {
                None
            }
        })
        .collect()
}

/// What the session answers to a prompt. It may call `look`.
pub async fn run(prompt: &str, provider: Arc<dyn Provider>) -> Result<String, AmplifierError> {
    let mut session = Session::new(SessionConfig::minimal("loop", "context"), None, None);
    let coordinator = session.coordinator();
    let name = provider.name().to_string();
    coordinator.set_orchestrator(Arc::new(Loop));
    coordinator.set_context(Arc::new(FakeContextManager::new()));
    coordinator.mount_tool("look", Arc::new(Look));
    coordinator.mount_provider(&name, provider);
    session.set_initialized();
    let outcome = session.execute(prompt).await;
    session.cleanup().await;
    outcome
}
