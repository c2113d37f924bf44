//! Mounts the provider at an endpoint the way Amplifier's Rust kernel does, and makes the calls that stdin names:
//! one JSON line in, one JSON line out. The first line out tells what was mounted, or why nothing was.
//! What the kernel complains of on its way is on stderr.

mod session;

use std::io::{stdin, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use amplifier_core::coordinator::Coordinator;
use amplifier_core::transport::load_grpc_provider;
use amplifier_core::{ChatRequest, ChatResponse, Provider, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
enum Call {
    ListModels,
    /// `within_ms`: the caller's own deadline, after which it drops the call.
    Complete {
        request: ChatRequest,
        within_ms: Option<u64>,
    },
    ParseToolCalls {
        response: ChatResponse,
    },
    /// A prompt through the kernel's session, with a loop, a tool and a context of ours.
    Session {
        prompt: String,
    },
}

struct Complaints;

impl log::Log for Complaints {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            eprintln!("{}: {}", record.target(), record.args());
        }
    }

    fn flush(&self) {}
}

fn answer<T: Serialize>(outcome: Result<T, ProviderError>) -> Value {
    match outcome {
        Ok(value) => json!({ "ok": value }),
        Err(error) => json!({ "error": error, "retryable": error.retryable() }),
    }
}

async fn make(call: Call, provider: &Arc<dyn Provider>) -> Value {
    match call {
        Call::ListModels => answer(provider.list_models().await),
        Call::Complete {
            request,
            within_ms: None,
        } => answer(provider.complete(request).await),
        Call::Complete {
            request,
            within_ms: Some(limit),
        } => {
            match tokio::time::timeout(Duration::from_millis(limit), provider.complete(request))
                .await
            {
                Ok(outcome) => answer(outcome),
                Err(_) => json!({ "elapsed": true }),
            }
        }
        Call::ParseToolCalls { response } => json!({ "ok": provider.parse_tool_calls(&response) }),
        Call::Session { prompt } => match session::run(&prompt, provider.clone()).await {
            Ok(text) => json!({ "ok": text }),
            Err(error) => json!({ "error": error }),
        },
    }
}

fn say(line: &Value) {
    println!("{line}");
    std::io::stdout().flush().expect("stdout is open");
}

// The connection lives on the worker: this thread waits for stdin in between.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    log::set_logger(&Complaints).expect("no other logger");
    log::set_max_level(log::LevelFilter::Warn);
    let endpoint = std::env::args()
        .nth(1)
        .expect("usage: rust-kernel <endpoint>");
    let loaded = match load_grpc_provider(&endpoint).await {
        Ok(provider) => provider,
        Err(error) => return say(&json!({ "error": error.to_string() })),
    };
    let coordinator = Coordinator::new(Default::default());
    let name = loaded.name().to_string();
    coordinator.mount_provider(&name, loaded);
    let provider = coordinator.get_provider(&name).expect("mounted above");
    say(
        &json!({ "ok": { "name": provider.name(), "info": provider.get_info(), "mounted": coordinator.provider_names() } }),
    );
    for line in stdin().lock().lines() {
        let call = serde_json::from_str(&line.expect("stdin is text")).expect("a call as JSON");
        say(&make(call, &provider).await);
    }
}
