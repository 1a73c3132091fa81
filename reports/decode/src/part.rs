//! What a payload is made of, in the words of its protocol.
//!
//! Promises: requests of a stream with their fields and bodies, queries and packets of a series;
//! also what can only be seen by putting several of them together. Each part says which bytes of
//! the payload it comes from. Cannot see: HTTP/2 and later, WebSocket frames; such streams have no
//! parts and are traced as they are.

use crate::series::messages;
use crate::span::Span;
use crate::{Cut, dns, escape, http, lines, series, text, tls};
use belljar_record::{ByteString, DecoySource, Layer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a part is to its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Method and target of a request.
    RequestLine,
    /// A parameter of the query, decoded.
    Query,
    /// A header field.
    Header,
    /// A cookie.
    Cookie,
    /// A body.
    Body,
    /// A field of a form in the body, decoded.
    FormField,
    /// A file of a multipart body.
    File,
    /// A name asked for in DNS.
    DnsName,
    /// A datagram or packet.
    Message,
    /// Several of these put together in order.
    Joined,
}

/// Where a part's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In the payload, one range after another.
    Ranges(Vec<Range<u64>>),
    /// Decoded from the payload.
    Bytes(Vec<u8>),
}

/// A part of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub role: Role,
    /// What it is called: unique within the payload together with `input`.
    pub name: ByteString,
    /// The bytes of the payload that it comes from.
    pub input: Range<u64>,
    /// Its bytes.
    pub content: Content,
}

impl Part {
    /// Whether the bytes stand in one piece in the payload.
    pub fn in_one_piece(&self) -> Option<Range<u64>> {
        match &self.content {
            Content::Ranges(ranges) if ranges.len() == 1 => ranges.first().cloned(),
            _ => None,
        }
    }

    /// Length of the part in bytes.
    pub fn len(&self) -> u64 {
        match &self.content {
            Content::Ranges(ranges) => ranges.iter().map(|range| range.end - range.start).sum(),
            Content::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The parts of a payload, in order, and what could not be split.
pub fn parts(payload: &dyn DecoySource, layer: Layer) -> (Vec<Part>, Cut) {
    split(Span::Far(payload), layer)
}

pub(crate) fn split(span: Span<'_>, layer: Layer) -> (Vec<Part>, Cut) {
    let mut cut = Cut::default();
    let mut parts = Vec::new();
    match layer {
        Layer::Stream | Layer::Plaintext | Layer::Exchange => {
            let (requests, more) = http::requests(span);
            if requests.is_empty() {
                dns_over_stream(span, &mut parts);
                server_name(span, &mut parts);
                if parts.is_empty() {
                    lines::split(span, &mut parts);
                }
            } else {
                cut.messages += u64::from(more);
                for (ordinal, request) in requests.iter().enumerate() {
                    of_request(span, ordinal, request, &mut parts);
                }
                joined_requests(&requests, &mut parts);
                dns_over_requests(span, &requests, &mut parts);
            }
        }
        Layer::Datagram | Layer::Packet | Layer::Remainder => {
            let (frames, rest) = dns::frames(span.len(), &|at, buf| span.read_at(at, buf), 4);
            cut.messages += u64::from(rest > 0);
            messages(span, layer, &frames, &mut parts);
        }
        Layer::Headers => {
            let (frames, _) = dns::frames(span.len(), &|at, buf| span.read_at(at, buf), 4);
            series::values(span, &frames, &mut parts);
        }
        Layer::Output => {}
    }
    (parts, cut)
}

fn of_request(span: Span<'_>, ordinal: usize, request: &http::Request, parts: &mut Vec<Part>) {
    let n = ordinal + 1;
    let whole = request.whole.clone();
    let label = format!("{} {}", request.method, request.target.lossy());
    parts.push(Part {
        role: Role::RequestLine,
        name: format!("request {n}").into(),
        input: whole.clone(),
        content: Content::Bytes(label.clone().into_bytes()),
    });
    let mut push = |role, name: String, bytes: Vec<u8>| {
        parts.push(Part {
            role,
            name: name.into(),
            input: whole.clone(),
            content: Content::Bytes(bytes),
        });
    };
    for (name, value) in pairs(query(&request.target.0)) {
        push(Role::Query, format!("query {name} of request {n}"), value);
    }
    for (name, value) in &request.fields {
        if name.eq_ignore_ascii_case("cookie") {
            for cookie in value.0.split(|&b| b == b';') {
                let (name, value) = split_at(cookie, b'=');
                let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
                push(Role::Cookie, format!("cookie {name} of request {n}"), value.to_vec());
            }
        } else {
            push(Role::Header, format!("header {name} of request {n}"), value.0.clone());
        }
    }
    if request.body.is_empty() {
        return;
    }
    parts.push(Part {
        role: Role::Body,
        name: format!("body of request {n} ({label})").into(),
        input: whole.clone(),
        content: Content::Ranges(request.body.clone()),
    });
    let kind = request.field("content-type").map(|value| value.0.clone()).unwrap_or_default();
    let kind_text = String::from_utf8_lossy(&kind).into_owned();
    if kind.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
        && request.body_len() < 16 << 20
    {
        let body: Vec<u8> =
            request.body.iter().flat_map(|range| span.take(range.clone(), 16 << 20)).collect();
        for (name, value) in pairs(&body) {
            parts.push(Part {
                role: Role::FormField,
                name: format!("form field {name} of request {n}").into(),
                input: whole.clone(),
                content: Content::Bytes(value),
            });
        }
    }
    // Files of a chunked body are found in the body's object; here only those in one piece.
    if let ([body], Some(boundary)) = (request.body.as_slice(), boundary(&kind_text)) {
        multipart(span, body.clone(), &boundary, n, parts);
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    if !lower.starts_with("multipart/") {
        return None;
    }
    let from = lower.find("boundary=")? + 9;
    let rest = content_type.get(from..)?;
    let text = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split([';', ' ']).next()?,
    };
    (!text.is_empty() && text.len() <= 70).then(|| text.to_owned())
}

/// Fields and files of a multipart body (RFC 2046, RFC 7578), found by their boundary.
fn multipart(span: Span<'_>, body: Range<u64>, boundary: &str, n: usize, parts: &mut Vec<Part>) {
    let mark = format!("--{boundary}").into_bytes();
    let finder = memchr::memmem::Finder::new(&mark);
    let mut marks: Vec<u64> = Vec::new();
    let (mut at, block) = (body.start, 1 << 20);
    while at < body.end && marks.len() < 10_000 {
        let bytes = span.take(at..body.end, block + mark.len());
        marks.extend(
            finder
                .find_iter(&bytes)
                .map(|i| at + i as u64)
                .filter(|&i| marks.last().is_none_or(|&l| i > l))
                .collect::<Vec<_>>(),
        );
        at += block as u64;
    }
    for (i, &start) in marks.iter().enumerate() {
        let end = marks.get(i + 1).map_or(body.end, |&next| next.saturating_sub(2));
        let head = span.take(start..end, 16 << 10);
        let Some(len) = memchr::memmem::find(&head, b"\r\n\r\n").map(|i| i + 4) else { continue };
        let text = String::from_utf8_lossy(&head[..len]).into_owned();
        let named = |key: &str| {
            let from = text.find(&format!("{key}=\""))? + key.len() + 2;
            text.get(from..)?.split('"').next().map(str::to_owned)
        };
        let file = named(" filename");
        let name = named(" name").unwrap_or_default();
        let (role, name) = match file {
            Some(file) => (Role::File, format!("file {file} (field {name}) of request {n}")),
            None => (Role::FormField, format!("form field {name} of request {n}")),
        };
        let from = (start + len as u64).min(end);
        let content = Content::Ranges(std::iter::once(from..end).collect());
        parts.push(Part { role, name: name.into(), input: start..end, content });
    }
}

fn query(target: &[u8]) -> &[u8] {
    split_at(target, b'?').1
}

fn split_at(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    match memchr::memchr(at, bytes) {
        Some(i) => (&bytes[..i], &bytes[i + 1..]),
        None => (bytes, &[]),
    }
}

/// `name=value&…`, decoded.
fn pairs(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    text.split(|&b| b == b'&')
        .filter(|pair| !pair.is_empty())
        .take(10_000)
        .map(|pair| {
            let (name, value) = split_at(pair, b'=');
            let name = escape::decode(crate::Decoder::Form, name);
            (
                String::from_utf8_lossy(&name).into_owned(),
                escape::decode(crate::Decoder::Form, value),
            )
        })
        .collect()
}

/// What many requests carry in the same place, put together: bodies, parameters, fields, paths.
fn joined_requests(requests: &[http::Request], parts: &mut Vec<Part>) {
    let (Some(first), Some(last), true) = (requests.first(), requests.last(), requests.len() > 1)
    else {
        return;
    };
    let input = first.whole.start..last.whole.end;
    let bodies: Vec<Range<u64>> =
        requests.iter().flat_map(|request| request.body.iter().cloned()).collect();
    if requests.iter().filter(|request| !request.body.is_empty()).count() > 1 {
        parts.push(Part {
            role: Role::Joined,
            name: "bodies of all requests".into(),
            input: input.clone(),
            content: Content::Ranges(bodies),
        });
    }
    let mut series: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for request in requests {
        let (path, query) = split_at(&request.target.0, b'?');
        let last = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
        series
            .entry("last path segment".into())
            .or_default()
            .push(escape::decode(crate::Decoder::Percent, last));
        for (name, value) in pairs(query) {
            series.entry(format!("query {name}")).or_default().push(value);
        }
        for (name, value) in &request.fields {
            if name.eq_ignore_ascii_case("cookie") {
                for cookie in value.0.split(|&b| b == b';') {
                    let (name, value) = split_at(cookie.trim_ascii(), b'=');
                    let name = format!("cookie {}", String::from_utf8_lossy(name));
                    series.entry(name).or_default().push(value.to_vec());
                }
            } else {
                series
                    .entry(format!("header {}", name.to_ascii_lowercase()))
                    .or_default()
                    .push(value.0.clone());
            }
        }
        if series.len() > 1000 {
            break;
        }
    }
    for (name, values) in series {
        // What never changes carries nothing that one request does not show.
        if values.len() > 1 && values.iter().any(|value| value != &values[0]) {
            parts.push(Part {
                role: Role::Joined,
                name: format!("{name} of all requests").into(),
                input: input.clone(),
                content: Content::Bytes(values.concat()),
            });
        }
    }
}

fn dns_over_stream(span: Span<'_>, parts: &mut Vec<Part>) {
    let (frames, rest) = dns::frames(span.len().min(1 << 20), &|at, buf| span.read_at(at, buf), 2);
    let read: Vec<_> =
        frames.iter().map(|frame| dns::question(&span.take(frame.clone(), 64 << 10))).collect();
    if rest == 0 && !read.is_empty() && read.iter().all(Option::is_some) {
        messages(span, Layer::Datagram, &frames, parts);
    }
}

/// The name in a TLS handshake, and its labels without the party that it is sent to.
fn server_name(span: Span<'_>, parts: &mut Vec<Part>) {
    let head = span.take(0..span.len(), 17 << 10);
    let Some(name) = tls::server_name(&head) else { return };
    let input = 0..head.len() as u64;
    let labels = name.split(|&b| b == b'.').map(<[u8]>::to_vec).collect();
    parts.push(Part {
        role: Role::DnsName,
        name: format!("server name {}", String::from_utf8_lossy(&name)).into(),
        input: input.clone(),
        content: Content::Bytes(name),
    });
    push_joined(&[dns::Question { labels }], &input, parts);
}

/// Queries in the bodies and parameters of requests (RFC 8484).
fn dns_over_requests(span: Span<'_>, requests: &[http::Request], parts: &mut Vec<Part>) {
    let (Some(first), Some(last)) = (requests.first(), requests.last()) else { return };
    let mut questions = Vec::new();
    for request in requests {
        let typed = request.field("content-type").is_some_and(|kind| {
            kind.0.to_ascii_lowercase().starts_with(b"application/dns-message")
        });
        let message: Option<Vec<u8>> = if typed {
            Some(request.body.iter().flat_map(|r| span.take(r.clone(), 4096)).collect())
        } else {
            pairs(query(&request.target.0)).into_iter().find(|(name, _)| name == "dns").map(
                |(_, value)| {
                    let mut message = Vec::new();
                    if let Some(alphabet) = text::alphabet(crate::Decoder::Base64) {
                        text::Digits::new(alphabet).push(&value, &mut message);
                    }
                    message
                },
            )
        };
        let Some(question) = message.and_then(|message| dns::question(&message)) else { continue };
        parts.push(Part {
            role: Role::DnsName,
            name: format!("query {}", questions.len() + 1).into(),
            input: request.whole.clone(),
            content: Content::Bytes(question.name()),
        });
        questions.push(question);
    }
    push_joined(&questions, &(first.whole.start..last.whole.end), parts);
}

pub(crate) fn push_joined(questions: &[dns::Question], input: &Range<u64>, parts: &mut Vec<Part>) {
    for (name, bytes) in dns::joined(questions) {
        parts.push(Part {
            role: Role::Joined,
            name: name.into(),
            input: input.clone(),
            content: Content::Bytes(bytes),
        });
    }
}

/// A part as bytes that can be read at any place.
pub(crate) struct Gathered<'a> {
    span: Span<'a>,
    ranges: Vec<Range<u64>>,
    /// Where each range begins in the part.
    starts: Vec<u64>,
    len: u64,
}

impl std::fmt::Debug for Gathered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gathered({} ranges, {} bytes)", self.ranges.len(), self.len)
    }
}

impl<'a> Gathered<'a> {
    pub(crate) fn new(span: Span<'a>, ranges: Vec<Range<u64>>) -> Self {
        let mut len = 0;
        let starts = ranges
            .iter()
            .map(|range| {
                let start = len;
                len += range.end.saturating_sub(range.start);
                start
            })
            .collect();
        Self { span, ranges, starts, len }
    }
}

impl DecoySource for Gathered<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        if offset >= self.len {
            return 0;
        }
        let mut index = self.starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let (mut filled, mut within) = (0, offset - self.starts[index]);
        while filled < buf.len() && index < self.ranges.len() {
            let range = &self.ranges[index];
            let left = range.end.saturating_sub(range.start + within);
            let want = (buf.len() - filled).min(usize::try_from(left).unwrap_or(usize::MAX));
            let got = self.span.read_at(range.start + within, &mut buf[filled..filled + want]);
            filled += got;
            if got < want {
                break;
            }
            index += 1;
            within = 0;
        }
        filled
    }
}
