//! `belljar:engine`: what an engine that is a library, not a command, gets from its host: files of
//! the world, and the two services of its vendor. Reads are the world's and exact; what is sent is
//! an HTTPS request of belljar's writing that goes the way of `wasi:http`, recorded before it is
//! answered.

use crate::guest::Guest;
use crate::resolve::{Last, Place, Want, code, may};
use answers::Answer;
use belljar_record::{HandleId, NodeId, Precision};
use belljar_world::{Attributes, NodeKind, World, WorldError};
use bindings::belljar::engine::{answers, files, reputation, submission};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use std::ops::ControlFlow;
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

pub use bindings::exports::belljar::engine::scanner::Verdict;
pub use bindings::{Engine as Scanner, EnginePre as ScannerPre};

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "engine",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "belljar:engine/files.file": super::OpenFile },
    });
}

/// The interface, for those who make components of modules that use it.
pub const ENGINE_WIT: &str = include_str!("../wit/engine.wit");
/// Its interfaces that an engine can import, without their version.
pub const ENGINE_LINKED: [&str; 4] = [
    "belljar:engine/answers",
    "belljar:engine/files",
    "belljar:engine/reputation",
    "belljar:engine/submission",
];
/// The exported call, as the record names it.
pub const SCAN: &str = "belljar:engine/scanner scan";

/// Most bytes of one read.
const READ_MOST: u32 = 64 << 10;
/// Letters of a digest that are noted.
const DIGEST: usize = 64;
/// What stands between the parts of a submission.
const BOUNDARY: &str = "belljar-part-7MA4YWxkTrZu0gW";

/// The vendor's services, as the component file names them.
#[derive(Debug, Clone, Default)]
pub struct Services {
    /// Where digests are looked up.
    pub reputation: Option<Uri>,
    /// Where samples are submitted.
    pub submission: Option<Uri>,
}

impl Services {
    /// A service by its address (`https://reputation.vendor.example/v1/lookup`).
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn at(address: &str) -> Result<Uri, String> {
        let uri: Uri = address.parse().map_err(|error| format!("{error}"))?;
        match (uri.scheme_str(), uri.host()) {
            (Some("http" | "https"), Some(_)) => Ok(uri),
            _ => Err("not an address of http or https".into()),
        }
    }
}

/// Links what an engine can import besides what every guest can.
///
/// # Errors
/// If something of it is linked already.
pub fn link_engine(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Own = HasSelf<Guest>;
    files::add_to_linker::<_, Own>(linker, |guest| guest)?;
    answers::add_to_linker::<_, Own>(linker, |guest| guest)?;
    reputation::add_to_linker::<_, Own>(linker, |guest| guest)?;
    submission::add_to_linker::<_, Own>(linker, |guest| guest)?;
    Ok(())
}

/// A file that an engine has open.
#[derive(Debug)]
pub struct OpenFile {
    node: NodeId,
    handle: HandleId,
    world: Arc<World>,
    shared: Arc<crate::guest::Shared>,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // It ends even when the record cannot take the line (which the world counts).
        let _ = self.world.release(&self.shared.actor(), self.node, self.handle);
    }
}

fn failure(error: ErrorCode) -> files::Failure {
    match error {
        ErrorCode::NoEntry => files::Failure::NotFound,
        ErrorCode::Access | ErrorCode::NotPermitted => files::Failure::Refused,
        ErrorCode::NotDirectory | ErrorCode::IsDirectory => files::Failure::WrongKind,
        _ => files::Failure::Other,
    }
}

fn of_world(error: WorldError) -> files::Failure {
    failure(code(error))
}

fn kind(kind: NodeKind) -> files::Kind {
    match kind {
        NodeKind::File => files::Kind::File,
        NodeKind::Directory => files::Kind::Folder,
        NodeKind::Symlink => files::Kind::Link,
        NodeKind::Fifo | NodeKind::Socket => files::Kind::Other,
    }
}

fn status(found: &Attributes) -> files::Status {
    let size = if found.kind == NodeKind::File { found.len } else { 0 };
    files::Status { kind: kind(found.kind), size }
}

impl Guest {
    /// What stands at an absolute path.
    fn at(&self, path: &str) -> Result<(Place, Attributes), files::Failure> {
        let Some(rest) = path.strip_prefix('/') else { return Err(files::Failure::Other) };
        let rest = rest.trim_start_matches('/');
        let rest = if rest.is_empty() { "." } else { rest };
        self.existing(self.doors.world.root(), rest, Last::Keep).map_err(failure)
    }

    fn open_file(&mut self, path: &str) -> Result<Resource<OpenFile>, files::Failure> {
        let (place, found) = self.at(path)?;
        if found.kind != NodeKind::File || place.slash {
            return Err(files::Failure::WrongKind);
        }
        let (actor, world) = (self.shared.actor(), Arc::clone(&self.doors.world));
        if let Err(error) = may(&found, self.setting.owner, Want::Read) {
            let _ = world.refuse(&actor, found.node, "open", WorldError::NotPermitted);
            return Err(failure(error));
        }
        self.exchanges.turn();
        let handle = world.open(&actor, found.node, 0, false).map_err(of_world)?;
        let shared = Arc::clone(&self.shared);
        let opened = OpenFile { node: found.node, handle, world, shared };
        // Without room the opening ends again with its value.
        self.table.push(opened).map_err(|_| files::Failure::Other)
    }

    fn read_file(
        &self,
        opened: &OpenFile,
        offset: u64,
        len: u32,
    ) -> Result<Vec<u8>, files::Failure> {
        if i64::try_from(offset).is_err() {
            return Err(files::Failure::Other);
        }
        let mut bytes = vec![0; usize::try_from(len.min(READ_MOST)).unwrap_or(0)];
        let actor = self.shared.actor();
        let count = opened
            .world
            .read(&actor, opened.node, opened.handle, offset, &mut bytes, Precision::Exact)
            .map_err(of_world)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn stat_node(&self, node: NodeId) -> Result<files::Status, files::Failure> {
        let found = self.doors.world.attributes(&self.shared.actor(), node).map_err(of_world)?;
        Ok(status(&found))
    }

    fn list_folder(&self, path: &str) -> Result<Vec<files::Entry>, files::Failure> {
        let (_, found) = self.at(path)?;
        if found.kind != NodeKind::Directory {
            return Err(files::Failure::WrongKind);
        }
        may(&found, self.setting.owner, Want::Read).map_err(failure)?;
        let mut entries = Vec::new();
        let mut unnamed = false;
        self.doors
            .world
            .list(&self.shared.actor(), found.node, 0, |entry| {
                if entry.name != b"." && entry.name != b".." {
                    match String::from_utf8(entry.name.to_vec()) {
                        Ok(name) => {
                            let kind = kind(entry.attributes.kind);
                            entries.push(files::Entry { name, kind });
                        }
                        Err(_) => unnamed = true,
                    }
                }
                ControlFlow::Continue(())
            })
            .map_err(of_world)?;
        // A name that is not UTF-8 cannot be told, and nothing is left out unsaid.
        if unnamed { Err(files::Failure::Other) } else { Ok(entries) }
    }

    /// Asks a service of the vendor. The request goes the way of `wasi:http`.
    async fn post(
        &mut self,
        service: Option<Uri>,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Answer, answers::Failure> {
        let Some(uri) = service else { return Err(answers::Failure::NotOffered) };
        let len = body.len();
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, content_type)
            .header(CONTENT_LENGTH, len)
            .body(Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync())
            .map_err(|_| answers::Failure::Unreachable)?;
        let response =
            self.exchanges.ask(request).await.map_err(|_| answers::Failure::Unreachable)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await;
        let body = body.map_err(|_| answers::Failure::Unreachable)?.to_bytes().to_vec();
        Ok(Answer { status, body })
    }
}

impl files::Host for Guest {
    async fn open(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Resource<OpenFile>, files::Failure>> {
        Ok(self.open_file(&path))
    }

    async fn status_of(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<files::Status, files::Failure>> {
        Ok(self.at(&path).and_then(|(_, found)| self.stat_node(found.node)))
    }

    async fn entries(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Vec<files::Entry>, files::Failure>> {
        Ok(self.list_folder(&path))
    }
}

impl files::HostFile for Guest {
    async fn read(
        &mut self,
        file: Resource<OpenFile>,
        offset: u64,
        len: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, files::Failure>> {
        let opened = self.table.get(&file)?;
        Ok(self.read_file(opened, offset, len))
    }

    async fn status(
        &mut self,
        file: Resource<OpenFile>,
    ) -> wasmtime::Result<Result<files::Status, files::Failure>> {
        let node = self.table.get(&file)?.node;
        Ok(self.stat_node(node))
    }

    async fn drop(&mut self, file: Resource<OpenFile>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        Ok(())
    }
}

impl answers::Host for Guest {}

impl reputation::Host for Guest {
    async fn look_up(
        &mut self,
        sha256: String,
    ) -> wasmtime::Result<Result<Answer, answers::Failure>> {
        let shown: String = sha256.chars().take(DIGEST).collect();
        self.note("belljar:engine/reputation look-up", shown)?;
        // As JSON has it: what a guest gives as a digest may be anything.
        let body = format!("{{\"sha256\":\"{}\"}}", in_json(&sha256)).into_bytes();
        let service = self.setting.services.reputation.clone();
        Ok(self.post(service, "application/json", body).await)
    }
}

impl submission::Host for Guest {
    async fn submit(
        &mut self,
        name: String,
        sample: Vec<u8>,
    ) -> wasmtime::Result<Result<Answer, answers::Failure>> {
        self.note("belljar:engine/submission submit", format!("{} bytes", sample.len()))?;
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"sample\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            in_field(&name)
        )
        .into_bytes();
        body.extend_from_slice(&sample);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let service = self.setting.services.submission.clone();
        Ok(self.post(service, &content_type, body).await)
    }
}

/// A text within quotes in JSON (RFC 8259, section 7).
fn in_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out
}

/// A file name within quotes in a multipart body, as browsers write it.
fn in_field(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_gives_stays_within_its_quotes() {
        assert_eq!(in_json("a\"b\\\n"), "a\\\"b\\\\\\u000a");
        assert_eq!(in_field("a\"\r\nX: y"), "a%22%0D%0AX: y");
    }
}
