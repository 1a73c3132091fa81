//! `wasi:http`: requests are handed over parsed, in the clear, and answered by the same responders
//! as those off a wire. Each becomes text as in RFC 9112 in the record before it is answered: the
//! bytes are belljar's writing of what the guest asked for (methods, fields and body are the
//! guest's, to the byte). No packets exist.

use crate::conversation::{Conversation, Kept};
use crate::guest::{Doors, Shared};
use belljar_internet::Exchange;
use belljar_record::{Direction, Endpoint, Layer, Protocol, Sha256Hex, Transport};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Takes the requests of one guest.
pub(crate) struct Exchanges {
    doors: Doors,
    shared: Arc<Shared>,
}

type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Exchanges {
    pub(crate) fn new(doors: Doors, shared: Arc<Shared>) -> Self {
        Self { doors, shared }
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
        let doors = self.doors.clone();
        // A task of its own: what a guest sends counts even if it does not wait for an answer.
        self.shared.spawn(async move {
            let result = match opened {
                Ok(conversation) => exchange(&doors, conversation, request).await,
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

impl Exchanges {
    fn open(&self, request: &Request<WasiBody>) -> Result<Conversation, Error> {
        let uri = request.uri();
        let host = uri.host().unwrap_or_default();
        let secure = uri.scheme() != Some(&Scheme::HTTP);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = match bare.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => self.doors.internet.addresses(host.as_bytes()).0.into(),
        };
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let protocol = if secure { Protocol::Https } else { Protocol::Http };
        let remote = Endpoint { address, port };
        let mut conversation =
            Conversation::open(&self.doors, self.shared.actor(), Transport::Host, remote, protocol)
                .map_err(|_| Error::HttpRequestDenied)?;
        conversation.flow.host = Some(host.into());
        Ok(conversation)
    }
}

async fn exchange(
    doors: &Doors,
    mut conversation: Conversation,
    request: Request<WasiBody>,
) -> Result<Response<WasiBody>, Error> {
    let (head, mut body) = request.into_parts();
    let mut out = conversation.keep(Layer::Exchange, Direction::Out, "request");
    let text = request_text(&head);
    out.append(&text).map_err(refused)?;
    let known = conversation.flow.host.clone();
    let mut hash =
        doors.internet.wants_digest(&head.uri, &head.headers, known.as_ref()).then(Sha256::new);
    let mut body_len = 0_u64;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            // The guest dropped the body before its end: what came is in the record.
            Err(_) => return Err(Error::ConnectionTerminated),
        };
        match frame.into_data() {
            Ok(data) => {
                out.append(&data).map_err(refused)?;
                body_len += data.len() as u64;
                if let Some(hash) = &mut hash {
                    hash.update(&data);
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    let mut text = Vec::from(&b"\r\n"[..]);
                    fields(&mut text, &trailers);
                    out.append(&text).map_err(refused)?;
                }
            }
        }
    }
    conversation.done(out);
    let digest = hash.map(|hash| Sha256Hex::from_digest(&hash.finalize()));
    let answer = doors
        .internet
        .answer_exchange(&Exchange {
            flow: conversation.flow.id,
            protocol: conversation.flow.protocol,
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
    let mut back = conversation.keep(Layer::Exchange, Direction::In, "answer");
    back.append(&text).map_err(refused)?;
    conversation.done(back);
    let body = Full::new(Bytes::from(answer.body)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn refused(_: Kept) -> Error {
    Error::HttpRequestDenied
}

/// The head of a request as HTTP/1.1 has it.
fn request_text(head: &http::request::Parts) -> Vec<u8> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\r\n", head.method).into_bytes();
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority()
    {
        text.extend_from_slice(format!("host: {authority}\r\n").as_bytes());
    }
    fields(&mut text, &head.headers);
    let framed =
        head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    if !framed {
        // The body's length is not known yet; it goes on to the end of the payload.
        text.extend_from_slice(b"connection: close\r\n");
    }
    text.extend_from_slice(b"\r\n");
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
