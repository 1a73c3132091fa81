//! What a request is answered with: by a vendor rule, else by what an ordinary server would say.
//! One function decides for HTTP off the wire and for requests that a host hands over parsed.

use crate::Internet;
use crate::ledger::Ledger;
use crate::rules::Asked;
use belljar_record::{ByteString, Event, FlowId, LogFull, Protocol, Served, Sha256Hex};
use hyper::header::{
    ACCEPT, ALLOW, CONTENT_TYPE, DATE, HOST, HeaderName, HeaderValue, SERVER, UPGRADE,
};
use hyper::{HeaderMap, Method, StatusCode, Uri};

/// A request whose body has been taken in (and recorded).
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// On which conversation.
    pub flow: FlowId,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whom the component meant by other signs than the request (server name, look-up).
    pub host: Option<&'a ByteString>,
    /// Method.
    pub method: &'a Method,
    /// Target, as sent.
    pub uri: &'a Uri,
    /// Header fields.
    pub headers: &'a HeaderMap,
    /// Length of the body in bytes.
    pub body_len: u64,
    /// Digest of the body; needed only where [`Internet::wants_digest`] says so.
    pub body_sha256: Option<&'a Sha256Hex>,
}

/// What the request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Header fields, without the length.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

/// Whom a request is for: its target, its `Host`, or else what else is known. Lower case, no port.
pub(crate) fn host_of(uri: &Uri, headers: &HeaderMap, known: Option<&ByteString>) -> String {
    if let Some(host) = uri.host() {
        return Internet::host_text(host.as_bytes());
    }
    let field = headers.get(HOST).map(HeaderValue::as_bytes).filter(|field| !field.is_empty());
    match field {
        Some(field) => {
            let colon = field.iter().rposition(|&b| b == b':');
            let port = |at: usize| field[at + 1..].iter().all(u8::is_ascii_digit);
            // A literal IPv6 address keeps its colons in brackets.
            let host = match colon {
                Some(at) if port(at) => &field[..at],
                _ => field,
            };
            Internet::host_text(host)
        }
        None => known.map(|host| Internet::host_text(host.as_bytes())).unwrap_or_default(),
    }
}

impl Internet {
    /// Whether the answer could depend on the digest of the body.
    pub fn wants_digest(&self, uri: &Uri, headers: &HeaderMap, known: Option<&ByteString>) -> bool {
        self.rules.want_digest(&host_of(uri, headers, known), uri.path(), path_and_query(uri))
    }

    /// Decides what a request is answered with, and records that it is (before it is).
    ///
    /// # Errors
    /// [`LogFull`]: the request must then be refused.
    pub fn answer_exchange(&self, exchange: &Exchange<'_>) -> Result<Answer, LogFull> {
        let ledger = Ledger::new(exchange.flow, self.log.clone(), self.payloads().clone());
        self.answer_on(&ledger, exchange)
    }

    pub(crate) fn answer_on(
        &self,
        ledger: &Ledger,
        exchange: &Exchange<'_>,
    ) -> Result<Answer, LogFull> {
        let host = host_of(exchange.uri, exchange.headers, exchange.host);
        let asked = Asked {
            host: &host,
            path: exchange.uri.path(),
            path_and_query: path_and_query(exchange.uri),
            method: exchange.method.as_str(),
            body_sha256: exchange.body_sha256.map_or("", Sha256Hex::as_str),
        };
        let (mut answer, rule, ordinal) = match self.rules.answer(asked) {
            Some(given) => {
                let answer =
                    Answer { status: given.status, headers: given.headers, body: given.body };
                (answer, Some(given.rule), given.ordinal)
            }
            None => (ordinary(exchange, &host), None, 0),
        };
        if let Ok(date) = HeaderValue::from_str(&http_date(self.now)) {
            answer.headers.entry(DATE).or_insert(date);
        }
        answer.headers.entry(SERVER).or_insert(HeaderValue::from_static("nginx"));
        ledger.append(Event::Served(Served {
            flow: exchange.flow,
            protocol: exchange.protocol,
            request: format!("{} {}", exchange.method, exchange.uri).into(),
            host: (!host.is_empty()).then(|| host.into()),
            body_len: exchange.body_len,
            rule,
            ordinal,
            status: answer.status.as_u16(),
        }))?;
        Ok(answer)
    }
}

fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const DAV: HeaderName = HeaderName::from_static("dav");

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
    let mut headers = HeaderMap::new();
    let body = body.into();
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    Answer { status, headers, body }
}

/// What an ordinary server would say.
fn ordinary(exchange: &Exchange<'_>, host: &str) -> Answer {
    const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, PROPFIND, MKCOL";
    if exchange.headers.contains_key(UPGRADE) {
        // No other protocol is spoken; RFC 9110, section 15.5.22, wants one named.
        let mut answer = answer(StatusCode::UPGRADE_REQUIRED, HTML, "");
        answer.headers.insert(UPGRADE, HeaderValue::from_static("HTTP/1.1"));
        return answer;
    }
    match exchange.method.as_str() {
        "GET" | "HEAD" => page(exchange, host),
        "PUT" => answer(StatusCode::CREATED, HTML, ""),
        "MKCOL" => answer(StatusCode::CREATED, HTML, ""),
        "DELETE" => answer(StatusCode::NO_CONTENT, HTML, ""),
        "OPTIONS" => {
            let mut answer = answer(StatusCode::OK, HTML, "");
            answer.headers.insert(ALLOW, HeaderValue::from_static(METHODS));
            answer.headers.insert(DAV, HeaderValue::from_static("1"));
            answer
        }
        "PROPFIND" => answer(
            StatusCode::MULTI_STATUS,
            "application/xml; charset=utf-8",
            format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\"><D:response>\
                 <D:href>{}</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype>\
                 </D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>\n",
                markup(exchange.uri.path())
            ),
        ),
        "CONNECT" | "TRACE" => {
            let mut answer = answer(StatusCode::METHOD_NOT_ALLOWED, HTML, "");
            answer.headers.insert(ALLOW, HeaderValue::from_static(METHODS));
            answer
        }
        _ => answer(StatusCode::OK, JSON, "{\"status\":\"ok\"}\n"),
    }
}

fn page(exchange: &Exchange<'_>, host: &str) -> Answer {
    let accept = exchange.headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    let ending = exchange.uri.path().rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    match ending.map(|(_, ending)| ending) {
        Some("json") => answer(StatusCode::OK, JSON, "{}\n"),
        Some("txt") => answer(StatusCode::OK, "text/plain; charset=utf-8", "ok\n"),
        Some("xml") => {
            answer(StatusCode::OK, "application/xml", "<?xml version=\"1.0\"?>\n<ok/>\n")
        }
        None if accept.starts_with(b"application/json") => {
            answer(StatusCode::OK, JSON, "{\"status\":\"ok\"}\n")
        }
        None | Some("html" | "htm" | "php") => {
            let host = markup(host);
            let page = format!(
                "<!doctype html>\n<html lang=\"en\"><head><title>{host}</title></head>\
                 <body><h1>{host}</h1></body></html>\n"
            );
            answer(StatusCode::OK, HTML, page)
        }
        Some(_) => answer(StatusCode::OK, "application/octet-stream", "ok\n"),
    }
}

fn markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A date as in RFC 9110, section 5.6.7, from seconds since 1970.
fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let weekday = usize::try_from(days.rem_euclid(7)).unwrap_or(0);
    // Years from March, in eras of 400 (Gregorian calendar).
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let month = usize::try_from(month - 1).unwrap_or(0);
    format!(
        "{}, {of_month:02} {} {year:04} {:02}:{:02}:{:02} GMT",
        DAYS[weekday],
        MONTHS[month],
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
    }

    #[test]
    fn a_host_is_found_in_target_field_and_lookup() {
        let known = ByteString::from("Known.example");
        let mut headers = HeaderMap::new();
        let uri = |text: &'static str| Uri::from_static(text);
        assert_eq!(host_of(&uri("/a"), &headers, Some(&known)), "known.example");
        headers.insert(HOST, HeaderValue::from_static("Field.example:8080"));
        assert_eq!(host_of(&uri("/a"), &headers, Some(&known)), "field.example");
        assert_eq!(host_of(&uri("http://T.example:1/a"), &headers, None), "t.example");
        headers.insert(HOST, HeaderValue::from_static("[2001:db8::7]"));
        assert_eq!(host_of(&uri("/a"), &headers, None), "[2001:db8::7]");
    }
}
