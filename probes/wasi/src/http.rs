//! `wasi:http`: requests are handed over parsed, in the clear, and answered by the same responders
//! as those off a wire. Each becomes text as in RFC 9112 in the record before it is answered: the
//! bytes are belljar's writing of what the guest asked for (methods, fields and body are the
//! guest's, to the byte). No packets exist.
//!
//! Requests that the same functions of a guest make to the same host one after the other, without
//! opening a file in between, are one conversation, as over a connection that is kept open. So what
//! is spread over several of them is put together as it is for a native component, and whoever is
//! named for one of them made all.

use crate::conversation::{Conversation, Keeper, Kept};
use crate::guest::{Doors, Shared, lock};
use belljar_internet::Exchange;
use belljar_record::{Actor, Direction, Endpoint, Layer, Protocol, Sha256Hex, Transport};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Connections that are kept open at once while nothing is asked on them.
const IDLE: usize = 64;

/// Takes the requests of one guest.
pub(crate) struct Exchanges {
    doors: Doors,
    shared: Arc<Shared>,
    idle: Idle,
}

/// Connections on which nothing is asked now, the one that was used last at the end.
type Idle = Arc<Mutex<VecDeque<Connection>>>;

/// Whose a connection is, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Peer {
    actor: Arc<Actor>,
    secure: bool,
    host: String,
    port: u16,
}

/// A conversation that takes one request after the other.
struct Connection {
    peer: Peer,
    conversation: Conversation,
    out: Option<Keeper>,
    back: Option<Keeper>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        for keeper in [self.out.take(), self.back.take()].into_iter().flatten() {
            self.conversation.done(keeper);
        }
    }
}

impl Connection {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self { conversation, out, .. } = self;
        let keep = || conversation.keep(Layer::Exchange, Direction::Out, "requests");
        out.get_or_insert_with(keep).append(bytes).map_err(refused)
    }

    fn put_back(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self { conversation, back, .. } = self;
        let keep = || conversation.keep(Layer::Exchange, Direction::In, "answers");
        back.get_or_insert_with(keep).append(bytes).map_err(refused)
    }
}

type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Exchanges {
    pub(crate) fn new(doors: Doors, shared: Arc<Shared>) -> Self {
        Self { doors, shared, idle: Arc::default() }
    }
}

impl WasiHttpHooks for Exchanges {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answered, Error>> + Send> {
        let (answer, answered) = oneshot::channel();
        let opened = self.open(&request);
        let (doors, idle) = (self.doors.clone(), Arc::clone(&self.idle));
        // A task of its own: what a guest sends counts even if it does not wait for an answer.
        self.shared.spawn(async move {
            let result = match opened {
                Ok(mut connection) => {
                    let result = exchange(&doors, &mut connection, request).await;
                    if matches!(result, Ok((_, Then::More))) {
                        keep_open(&idle, connection);
                    }
                    result.map(|(response, _)| response)
                }
                Err(error) => Err(error),
            };
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        });
        Box::new(async move {
            let response = answered.await.map_err(|_| Error::ConnectionTerminated)??;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

fn keep_open(idle: &Idle, connection: Connection) {
    let oldest = {
        let mut idle = lock(idle);
        idle.push_back(connection);
        if idle.len() > IDLE { idle.pop_front() } else { None }
    };
    // Its end goes into the record, and nobody need wait for that.
    drop(oldest);
}

impl Exchanges {
    /// The guest turns to something else: connections on which nothing is asked are closed.
    pub(crate) fn turn(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    /// A request of belljar's own writing for a guest, and its answer.
    pub(crate) async fn ask(
        &self,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Error> {
        let mut connection = self.open(&request)?;
        let (response, then) = exchange(&self.doors, &mut connection, request).await?;
        if then == Then::More {
            keep_open(&self.idle, connection);
        }
        Ok(response)
    }

    /// A connection to whom the request is for: one that is there already, or a new one.
    fn open(&self, request: &Request<WasiBody>) -> Result<Connection, Error> {
        let uri = request.uri();
        let host = uri.host().unwrap_or_default();
        let secure = uri.scheme() != Some(&Scheme::HTTP);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let peer = Peer { actor: self.shared.actor(), secure, host: host.into(), port };
        {
            let mut idle = lock(&self.idle);
            if let Some(place) = idle.iter().position(|there| there.peer == peer)
                && let Some(there) = idle.remove(place)
            {
                return Ok(there);
            }
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = match bare.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => self.doors.internet.addresses(host.as_bytes()).0.into(),
        };
        let protocol = if secure { Protocol::Https } else { Protocol::Http };
        let remote = Endpoint { address, port };
        let actor = Arc::clone(&peer.actor);
        let mut conversation =
            Conversation::open(&self.doors, actor, Transport::Host, remote, protocol)
                .map_err(|_| Error::HttpRequestDenied)?;
        conversation.flow.host = Some(host.into());
        Ok(Connection { peer, conversation, out: None, back: None })
    }
}

async fn exchange(
    doors: &Doors,
    connection: &mut Connection,
    request: Request<WasiBody>,
) -> Result<(Response<WasiBody>, Then), Error> {
    let (head, mut body) = request.into_parts();
    let known = connection.conversation.flow.host.clone();
    let mut hash =
        doors.internet.wants_digest(&head.uri, &head.headers, known.as_ref()).then(Sha256::new);
    connection.put(&request_text(&head))?;
    let declared =
        head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    let mut framing = if declared { Framing::Declared } else { Framing::Unknown };
    if declared {
        connection.put(b"\r\n")?;
    }
    let mut body_len = 0_u64;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            // The guest dropped the body before its end: what came is in the record.
            if framing == Framing::Unknown {
                connection.put(b"\r\n")?;
            }
            return Err(Error::ConnectionTerminated);
        };
        match frame.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                if framing == Framing::Unknown {
                    connection.put(b"transfer-encoding: chunked\r\n\r\n")?;
                    framing = Framing::Chunks;
                }
                if framing == Framing::Chunks {
                    connection.put(format!("{:x}\r\n", data.len()).as_bytes())?;
                }
                connection.put(&data)?;
                if framing == Framing::Chunks {
                    connection.put(b"\r\n")?;
                }
                body_len += data.len() as u64;
                if let Some(hash) = &mut hash {
                    hash.update(&data);
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    let text = trailing(&mut framing, &trailers);
                    connection.put(&text)?;
                }
            }
        }
    }
    match framing {
        Framing::Unknown => connection.put(b"\r\n")?,
        Framing::Chunks => connection.put(b"0\r\n\r\n")?,
        Framing::Declared | Framing::Ended | Framing::Torn => {}
    }
    let then = match framing {
        Framing::Torn => Then::End,
        _ if head.method == Method::CONNECT => Then::End,
        _ => Then::More,
    };
    let digest = hash.map(|hash| Sha256Hex::from_digest(&hash.finalize()));
    let flow = &connection.conversation.flow;
    let answer = doors
        .internet
        .answer_exchange(&Exchange {
            flow: flow.id,
            protocol: flow.protocol,
            host: known.as_ref(),
            method: &head.method,
            uri: &head.uri,
            headers: &head.headers,
            body_len,
            body_sha256: digest.as_ref(),
        })
        .map_err(|_| Error::HttpRequestDenied)?;
    let mut text = format!("HTTP/1.1 {}\r\n", answer.status).into_bytes();
    fields(&mut text, &answer.headers);
    text.extend_from_slice(format!("content-length: {}\r\n\r\n", answer.body.len()).as_bytes());
    text.extend_from_slice(&answer.body);
    connection.put_back(&text)?;
    let body = Full::new(Bytes::from(answer.body)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok((response, then))
}

/// What can follow a request on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    More,
    End,
}

/// How the end of a body is told in the text of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// The guest's own fields say it.
    Declared,
    /// Not known yet: there may be no body.
    Unknown,
    /// In chunks.
    Chunks,
    /// The last chunk and the trailers are written.
    Ended,
    /// Trailers stand behind a body of declared length: nothing after them would be understood.
    Torn,
}

/// Trailers, as they stand behind a body.
fn trailing(framing: &mut Framing, trailers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    *framing = match framing {
        Framing::Unknown => {
            text.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n0\r\n");
            Framing::Ended
        }
        Framing::Chunks => {
            text.extend_from_slice(b"0\r\n");
            Framing::Ended
        }
        Framing::Declared | Framing::Ended | Framing::Torn => Framing::Torn,
    };
    fields(&mut text, trailers);
    text.extend_from_slice(b"\r\n");
    text
}

fn refused(_: Kept) -> Error {
    Error::HttpRequestDenied
}

/// The head of a request as HTTP/1.1 has it, without the empty line at its end.
fn request_text(head: &http::request::Parts) -> Vec<u8> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\r\n", head.method).into_bytes();
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority()
    {
        text.extend_from_slice(format!("host: {authority}\r\n").as_bytes());
    }
    fields(&mut text, &head.headers);
    text
}

fn fields(text: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
}
