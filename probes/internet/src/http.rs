//! HTTP/1.x: requests are taken in as streams and answered one by one.
//!
//! Promises: a body of any length passes in constant memory. Cannot see: nothing; what does not
//! parse is in the record, below this.

use crate::Internet;
use crate::answer::{Exchange, host_of};
use crate::internet::{IDLE, Told};
use crate::ledger::Ledger;
use crate::tap::Tap;
use belljar_record::{ByteString, Protocol, Sha256Hex};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest as _, Sha256};
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Requests on one connection; after the last one it is closed.
const REQUESTS_MAX: u64 = 100_000;
const HEADERS_MAX: usize = 256;
/// Also the bound for a request's head.
const BUFFER_MAX: usize = 256 * 1024;

/// A request that cannot be answered.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    /// Its body broke off.
    #[error("the body broke off")]
    Body(#[source] hyper::Error),
    /// The record is full.
    #[error("{0}")]
    Record(belljar_record::LogFull),
}

#[derive(Debug, Default)]
struct Seen {
    requests: u64,
    host: Option<ByteString>,
}

/// Answers requests until the component or a limit ends the connection.
pub(crate) async fn serve<IO>(
    internet: &Internet,
    ledger: &Arc<Ledger>,
    protocol: Protocol,
    known: Option<ByteString>,
    tap: &mut Tap<IO>,
    told: &mut Told,
) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
{
    let seen = Mutex::new(Seen::default());
    let service = service_fn(|request: Request<Incoming>| {
        let (seen, known) = (&seen, &known);
        // Boxed, since the connection below is polled in place.
        Box::pin(async move { respond(internet, ledger, protocol, known, seen, request).await })
    });
    let mut connection = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .keep_alive(true)
        // As most servers write them: clients that search the text find what they look for.
        .title_case_headers(true)
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_MAX)
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(tap), service);
    // Not shut down: what the component still sends is recorded by the caller.
    let result = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    drop(connection);
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    told.requests += seen.requests;
    if seen.host.is_some() {
        told.host = seen.host;
    }
    result.map_err(|error| {
        let kind =
            if timed_out(&error) { io::ErrorKind::TimedOut } else { io::ErrorKind::InvalidData };
        io::Error::new(kind, error)
    })
}

/// Whether a time-out is behind an error, however deep.
fn timed_out(error: &hyper::Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source()).any(|error| {
        error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout)
            || error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

async fn respond(
    internet: &Internet,
    ledger: &Ledger,
    protocol: Protocol,
    known: &Option<ByteString>,
    seen: &Mutex<Seen>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, ServeError> {
    let (head, mut body) = request.into_parts();
    let mut hash =
        internet.wants_digest(&head.uri, &head.headers, known.as_ref()).then(Sha256::new);
    let mut body_len = 0u64;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(ServeError::Body)?.into_data() {
            body_len += data.len() as u64;
            if let Some(hash) = &mut hash {
                hash.update(&data);
            }
        }
    }
    let digest = hash.map(|hash| Sha256Hex::from_digest(&hash.finalize()));
    let exchange = Exchange {
        flow: ledger.flow,
        protocol,
        host: known.as_ref(),
        method: &head.method,
        uri: &head.uri,
        headers: &head.headers,
        body_len,
        body_sha256: digest.as_ref(),
    };
    let answer = internet.answer_on(ledger, &exchange).map_err(ServeError::Record)?;
    let last = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests += 1;
        let host = host_of(&head.uri, &head.headers, known.as_ref());
        if !host.is_empty() {
            seen.host = Some(host.into());
        }
        seen.requests >= REQUESTS_MAX
    };
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    *response.version_mut() = Version::HTTP_11;
    if last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
