//! What of HTTP/1 requests the plan and the protocol give away.

use super::Predicted;
use super::settle::Known;
use belljar_record::DecoySource;

/// The longest head that is looked at; a longer one counts whole.
const HEAD: usize = 64 * 1024;
/// Requests of one payload that are looked at; the rest counts whole.
const REQUESTS: usize = 100_000;
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT"];
const NAMES: [&str; 24] = [
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Cookie",
    "Date",
    "ETag",
    "Expect",
    "Host",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Pragma",
    "Referer",
    "Transfer-Encoding",
    "User-Agent",
    "X-Requested-With",
];
/// Lines that clients send without being told.
const LINES: [&str; 20] = [
    "Accept: */*",
    "Accept-Encoding: gzip",
    "Accept-Encoding: identity",
    "Accept-Encoding: gzip, deflate",
    "Accept-Encoding: deflate, gzip",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Cache-Control: no-cache",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: Keep-Alive",
    "Content-Type: application/json",
    "Content-Type: application/octet-stream",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: text/plain",
    "Content-Type: application/zip",
    "Content-Type: application/gzip",
    "Expect: 100-continue",
    "Pragma: no-cache",
    "Transfer-Encoding: chunked",
];

/// How a body is delimited.
enum Body {
    Length(u64),
    Chunked,
}

/// Walks through the requests of a stream.
pub(super) fn requests(
    source: &dyn DecoySource,
    predicted: &Predicted,
    port: u16,
    known: &mut Vec<Known>,
) {
    let mut at = 0;
    for _ in 0..REQUESTS {
        let Some(next) = request(source, at, predicted, port, known) else { break };
        if next <= at {
            break;
        }
        at = next;
    }
}

/// One request from `at`; gives where the next begins. `None`: this is no request, or its head is
/// too long, or the stream is at its end.
fn request(
    source: &dyn DecoySource,
    at: u64,
    predicted: &Predicted,
    port: u16,
    known: &mut Vec<Known>,
) -> Option<u64> {
    let mut head = vec![0; HEAD];
    let filled = source.read_at(at, &mut head);
    head.truncate(filled);
    let end = head.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = head.get(..end)?;
    let first = head.windows(2).position(|two| two == b"\r\n")?;
    request_line(at, head.get(..first)?, predicted, known)?;
    let mut from = first + 2;
    let mut body = Body::Length(0);
    while from + 2 < end {
        let rest = head.get(from..)?;
        let len = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = rest.get(..len)?;
        if let Some(told) = header(at + from as u64, line, predicted, port, known) {
            body = told;
        }
        from += len + 2;
    }
    known.push(Known::http(at + from as u64..at + end as u64, 0));
    let begin = at + end as u64;
    match body {
        Body::Length(len) => begin.checked_add(len),
        Body::Chunked => chunks(source, begin),
    }
}

/// `METHOD path HTTP/1.1`. Which method, path and version is a choice: 2 bytes. A path that no
/// rule gives counts whole.
fn request_line(at: u64, line: &[u8], predicted: &Predicted, known: &mut Vec<Known>) -> Option<()> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let method = std::str::from_utf8(line.get(..space)?).ok()?;
    let version = line.len().checked_sub(9)?;
    if !matches!(line.get(version..)?, b" HTTP/1.1" | b" HTTP/1.0") || version < space {
        return None;
    }
    let end = at + line.len() as u64 + 2;
    let method_known = METHODS.contains(&method);
    let path = line.get(space + 1..version)?;
    let literal = predicted.paths.iter().any(|rule| !rule.contains('*') && rule.as_bytes() == path);
    if method_known && literal {
        known.push(Known::http(at..end, 2));
        return Some(());
    }
    if method_known {
        known.push(Known::http(at..at + space as u64 + 1, 1));
    }
    known.push(Known::http(at + version as u64..end, 1));
    // Of a rule with `*`, what stands before the first and after the last is given.
    let best = predicted
        .paths
        .iter()
        .filter_map(|rule| {
            let before = rule.split('*').next()?.as_bytes();
            let after = rule.rsplit('*').next()?.as_bytes();
            (rule.contains('*')
                && path.len() >= before.len() + after.len()
                && path.starts_with(before)
                && path.ends_with(after))
            .then_some((before.len() as u64, after.len() as u64))
        })
        .max_by_key(|&(before, after)| before + after);
    if let Some((before, after)) = best {
        let path_at = at + space as u64 + 1;
        let path_end = at + version as u64;
        known.push(Known::http(path_at..path_at + before, 2));
        known.push(Known::http(path_end - after..path_end, 0));
    }
    Some(())
}

/// One header line.
fn header(
    at: u64,
    line: &[u8],
    predicted: &Predicted,
    port: u16,
    known: &mut Vec<Known>,
) -> Option<Body> {
    let end = at + line.len() as u64 + 2;
    known.push(Known::http(end - 2..end, 0));
    let text = std::str::from_utf8(line).ok()?;
    let (name, value) = text.split_once(": ").or_else(|| text.split_once(':'))?;
    let spelled = |title: &str| name == title || name == title.to_ascii_lowercase();
    let body = if name.eq_ignore_ascii_case("content-length") {
        value.trim().parse().ok().map(Body::Length)
    } else if name.eq_ignore_ascii_case("transfer-encoding")
        && value.to_ascii_lowercase().contains("chunked")
    {
        Some(Body::Chunked)
    } else {
        None
    };
    let listed = LINES.iter().any(|entry| {
        entry.split_once(": ").is_some_and(|(title, listed)| spelled(title) && value == listed)
    });
    let agent = spelled("User-Agent") && predicted.agents.iter().any(|agent| agent == value);
    // The length of a body is no news: its bytes are counted, or are those of a traced file.
    let length = matches!(body, Some(Body::Length(len)) if spelled("Content-Length") && len.to_string() == value);
    let colon = name.len() + 1 + usize::from(text.as_bytes().get(name.len() + 1) == Some(&b' '));
    if listed || agent || length {
        known.push(Known::http(at..end - 2, 1));
    } else if spelled("Host") {
        let bare = value.strip_suffix(&format!(":{port}")).unwrap_or(value);
        if predicted.hosts.iter().any(|host| host == bare) {
            known.push(Known::http(at..end - 2, 3));
        } else {
            known.push(Known::http(at..at + colon as u64, 1));
            let port_len = (value.len() - bare.len()) as u64;
            let suffix = predicted
                .suffixes
                .iter()
                .filter(|suffix| bare.ends_with(suffix.as_str()))
                .map(String::len)
                .max();
            if let Some(suffix) = suffix {
                known.push(Known::http(end - 2 - port_len - suffix as u64..end - 2, 2));
            }
        }
    } else if NAMES.iter().any(|title| spelled(title)) {
        known.push(Known::http(at..at + colon as u64, 1));
    }
    body
}

/// Where a chunked body ends. The lengths of the chunks are the sender's choice and count.
fn chunks(source: &dyn DecoySource, begin: u64) -> Option<u64> {
    let mut at = begin;
    for _ in 0..1_000_000 {
        let mut line = [0; 32];
        let filled = source.read_at(at, &mut line);
        let end = line.get(..filled)?.windows(2).position(|two| two == b"\r\n")?;
        let digits = std::str::from_utf8(line.get(..end)?).ok()?;
        let len = u64::from_str_radix(digits.split(';').next()?.trim(), 16).ok()?;
        at = at.checked_add(end as u64 + 2)?.checked_add(len)?.checked_add(2)?;
        if len == 0 {
            return Some(at);
        }
    }
    None
}
