//! `wasi:cli`: arguments, environment, standard streams, exit. Each look is in the record. There is
//! no terminal.

use crate::guest::{Doors, Ended, Guest, Shared, note};
use crate::output::Which;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, Pollable, StreamError, StreamResult,
};

impl environment::Host for Guest {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let given = self.setting.environment.clone();
        self.note("wasi:cli/environment get-environment", format!("{} variables", given.len()))?;
        Ok(given)
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        let given = self.setting.arguments.clone();
        self.note("wasi:cli/environment get-arguments", format!("{} arguments", given.len()))?;
        Ok(given)
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        let given = self.setting.directory.clone();
        self.note("wasi:cli/environment initial-cwd", given.as_deref().unwrap_or("none"))?;
        Ok(given)
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        self.exit_with_code(u8::from(status.is_err()))
    }

    fn exit_with_code(&mut self, status_code: u8) -> wasmtime::Result<()> {
        self.note("wasi:cli/exit exit", status_code.to_string())?;
        Err(Ended::Exit(status_code).into())
    }
}

/// Standard input: given bytes, then the end.
struct Input {
    bytes: Bytes,
    at: Arc<AtomicU64>,
    doors: Doors,
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let at = usize::try_from(self.at.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let from = at.min(self.bytes.len());
        let to = from.saturating_add(size).min(self.bytes.len());
        note(&self.doors, &self.shared, "wasi:cli/stdin read", format!("{} bytes", to - from))
            .map_err(|error| StreamError::Trap(error.into()))?;
        if from == self.bytes.len() {
            return Err(StreamError::Closed);
        }
        self.at.store(to as u64, Ordering::Relaxed);
        Ok(self.bytes.slice(from..to))
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let input: DynInputStream = Box::new(Input {
            bytes: self.setting.input.clone().into(),
            at: Arc::clone(&self.input_at),
            doors: self.doors.clone(),
            shared: Arc::clone(&self.shared),
        });
        Ok(self.table.push(input)?)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.outputs.stream(Which::Output));
        Ok(self.table.push(stream)?)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(self.outputs.stream(Which::Error));
        Ok(self.table.push(stream)?)
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, _: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        // None was given out.
        Ok(())
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(&mut self, _: Resource<terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}
