//! HTTP/1.x requests in a stream (RFC 9112): where each begins, its fields, where its body lies.

use crate::span::Span;
use belljar_record::ByteString;
use std::ops::Range;

/// The longest head of a request that is read.
const HEAD: usize = 256 << 10;
/// The most chunks of a body that are followed.
const CHUNKS: usize = 4 << 20;
/// The most requests of a stream that are followed.
const REQUESTS: usize = 200_000;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: ByteString,
    pub(crate) fields: Vec<(String, ByteString)>,
    /// Head and body.
    pub(crate) whole: Range<u64>,
    /// The body's bytes: one range unless it is chunked.
    pub(crate) body: Vec<Range<u64>>,
}

impl Request {
    pub(crate) fn field(&self, name: &str) -> Option<&ByteString> {
        self.fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn body_len(&self) -> u64 {
        self.body.iter().map(|range| range.end - range.start).sum()
    }
}

/// All requests of a stream. The second value says whether something at its end was not followed.
pub(crate) fn requests(span: Span<'_>) -> (Vec<Request>, bool) {
    let (mut at, mut found) = (0, Vec::new());
    let len = span.len();
    while at < len && found.len() < REQUESTS {
        let Some(request) = request(span, at) else {
            return (found, true);
        };
        at = request.whole.end;
        found.push(request);
    }
    (found, at < len)
}

fn request(span: Span<'_>, at: u64) -> Option<Request> {
    let mut most = 8 << 10;
    loop {
        let bytes = span.take(at..span.len(), most);
        // Most streams are not HTTP: told by the first byte of a method.
        if !bytes.first().is_some_and(|b| b.is_ascii_uppercase() || matches!(b, b'\r' | b'\n')) {
            return None;
        }
        let mut headers = vec![httparse::EMPTY_HEADER; 512];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if most < HEAD && bytes.len() == most => {
                most *= 4;
                continue;
            }
            _ => return None,
        };
        let fields: Vec<(String, ByteString)> = parsed
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), ByteString::from(header.value)))
            .collect();
        let mut request = Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().into(),
            fields,
            whole: at..at + head as u64,
            body: Vec::new(),
        };
        let start = request.whole.end;
        let chunked = request
            .field("transfer-encoding")
            .is_some_and(|value| value.0.to_ascii_lowercase().windows(7).any(|w| w == b"chunked"));
        let end = if chunked {
            let (body, end) = chunks(span, start);
            request.body = body;
            end
        } else {
            let upgrade = request.field("upgrade").is_some() || request.method == "CONNECT";
            let declared = request
                .field("content-length")
                .and_then(|value| std::str::from_utf8(&value.0).ok()?.trim().parse::<u64>().ok());
            let end = match declared {
                // After an upgrade the stream belongs to another protocol.
                None if upgrade => span.len(),
                declared => start.saturating_add(declared.unwrap_or(0)).min(span.len()),
            };
            if end > start {
                request.body.push(start..end);
            }
            end
        };
        request.whole.end = end;
        return Some(request);
    }
}

/// The chunks of a body, as far as they follow the rules, and where it ends.
fn chunks(span: Span<'_>, start: u64) -> (Vec<Range<u64>>, u64) {
    let (mut at, mut found, len) = (start, Vec::new(), span.len());
    while at < len && found.len() < CHUNKS {
        let line = span.take(at..len, 4096);
        let Some(end) = memchr::memchr(b'\n', &line) else { break };
        let digits = line[..end].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&line[..digits])
            .ok()
            .and_then(|text| u64::from_str_radix(text, 16).ok());
        let Some(size) = size else { break };
        let data = at + end as u64 + 1;
        if size == 0 {
            // Trailer fields, then an empty line.
            let mut at = data;
            while let Some(end) = memchr::memchr(b'\n', &span.take(at..len, 4096)) {
                at += end as u64 + 1;
                if end <= 1 {
                    break;
                }
            }
            return (found, at);
        }
        let stop = data.saturating_add(size).min(len);
        found.push(data..stop);
        at = stop;
        let tail = span.take(at..len, 2);
        at += match tail.as_slice() {
            [b'\r', b'\n'] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
    }
    (found, at)
}
