//! HTTP Archives (HAR 1.2): each request written as it would stand in a stream, so that the same
//! decoders see it. Responses and WebSocket messages that came in are taken, too, as what came in.

use crate::{Capture, Conversation, Payload};
use belljar_record::{Direction, Layer};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    request: Request,
    #[serde(default)]
    response: Option<Response>,
    #[serde(default, rename = "_webSocketMessages")]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    post_data: Option<Body>,
    #[serde(default)]
    body_size: i64,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    content: Option<Body>,
}

#[derive(Deserialize)]
struct Pair {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    text: Option<String>,
    #[serde(default, alias = "_encoding")]
    encoding: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    way: String,
    #[serde(default)]
    opcode: i64,
    #[serde(default)]
    data: String,
}

/// Reads an archive.
pub(crate) fn read(bytes: &[u8]) -> Result<Capture, serde_json::Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let har: Har = serde_json::from_slice(bytes)?;
    let mut capture = Capture::default();
    let mut by_host: HashMap<String, usize> = HashMap::new();
    for entry in har.log.entries {
        capture.packets += 1;
        let (host, target) = split(&entry.request.url);
        let conversation = *by_host.entry(host.clone()).or_insert_with(|| {
            let host = Some(host.clone());
            let (transport, local, remote) = (None, None, None);
            capture.conversations.push(Conversation { transport, local, remote, host });
            capture.conversations.len() - 1
        });
        let body = entry.request.post_data.as_ref().map(content).unwrap_or_default();
        if body.is_empty() && entry.request.body_size > 0 {
            capture.lost(1, "requests whose body the archive does not hold");
        }
        let mut add = |direction, bytes: Vec<u8>| {
            if !bytes.is_empty() {
                let layer = Layer::Plaintext;
                capture.payloads.push(Payload {
                    conversation,
                    layer,
                    direction,
                    sure: true,
                    bytes: bytes.into(),
                });
            }
        };
        add(Direction::Out, request(&entry.request, &host, target, &body));
        if let Some(content) = entry.response.and_then(|response| response.content) {
            add(Direction::In, self::content(&content));
        }
        for message in entry.messages {
            let bytes = match message.opcode {
                2 => data_encoding::BASE64.decode(message.data.as_bytes()).ok(),
                _ => None,
            };
            let way = if message.way == "send" { Direction::Out } else { Direction::In };
            add(way, bytes.unwrap_or_else(|| message.data.into_bytes()));
        }
    }
    Ok(capture)
}

/// Host (with port) and target of a URL.
fn split(url: &str) -> (String, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..at].rsplit('@').next().unwrap_or_default().to_owned();
    (host, if rest[at..].is_empty() { "/" } else { &rest[at..] })
}

fn content(body: &Body) -> Vec<u8> {
    match &body.text {
        Some(text) if body.encoding.as_deref() == Some("base64") => {
            let packed: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            data_encoding::BASE64.decode(&packed).unwrap_or_else(|_| text.clone().into_bytes())
        }
        Some(text) if !text.is_empty() => text.clone().into_bytes(),
        _ => {
            let pairs: Vec<String> =
                body.params.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
            pairs.join("&").into_bytes()
        }
    }
}

/// The request as HTTP/1.1 writes it. Its length is that of the body as the archive holds it.
fn request(request: &Request, host: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let line = |text: &str| text.replace(['\r', '\n'], " ");
    let mut out = format!("{} {} HTTP/1.1\r\n", line(&request.method), line(target));
    let mut named = false;
    for Pair { name, value } in &request.headers {
        let framing = ["content-length", "transfer-encoding", "content-encoding"];
        if name.starts_with(':') || framing.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            continue;
        }
        named |= name.eq_ignore_ascii_case("host");
        out.push_str(&format!("{}: {}\r\n", line(name), line(value)));
    }
    if !named {
        out.push_str(&format!("Host: {}\r\n", line(host)));
    }
    out.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut out = out.into_bytes();
    out.extend_from_slice(body);
    out
}
