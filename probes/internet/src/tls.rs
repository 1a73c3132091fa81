//! TLS as a server for every name: version 1.2 and 1.3, a certificate of the run's authority for
//! whatever name is asked for, secrets logged, the plain text recorded.
//!
//! Cannot see: plain text where the component does not accept the certificate. What came of each
//! handshake is recorded.

use crate::authority::Subject;
use crate::ledger::Ledger;
use crate::tap::{Recorder, Tap};
use crate::{Internet, InternetError, SecretSink};
use belljar_record::{ByteString, Direction, Endpoint, Event, Layer, TlsOutcome};
use data_encoding::HEXLOWER;
use rustls::server::{Acceptor, NoServerSessionStorage};
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, KeyLog, ServerConfig};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// Hands TLS secrets on.
#[derive(Default)]
pub(crate) struct Secrets {
    sink: OnceLock<SecretSink>,
}

impl Secrets {
    pub(crate) fn set(&self, sink: SecretSink) {
        let _ = self.sink.set(sink);
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("set", &self.sink.get().is_some()).finish()
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if let Some(sink) = self.sink.get() {
            let (random, secret) = (HEXLOWER.encode(client_random), HEXLOWER.encode(secret));
            sink(format!("{label} {random} {secret}\n").as_bytes());
        }
    }
}

/// No certificate yet: each connection puts its own in.
#[derive(Debug)]
struct NoCertificate;

impl rustls::server::ResolvesServerCert for NoCertificate {
    fn resolve(
        &self,
        _: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        None
    }
}

/// What all connections have in common. Sessions are never resumed: every connection shows whether
/// the component accepts the certificate.
pub(crate) fn base_config(secrets: Arc<Secrets>) -> Result<ServerConfig, InternetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(InternetError::Tls)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(NoCertificate));
    config.key_log = secrets;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A stream inside TLS, recorded.
pub(crate) type Inner<'a, IO> = Tap<TlsStream<&'a mut Tap<IO>>>;

/// Terminates TLS. `None` if it could not be opened; that is recorded.
pub(crate) async fn accept<'a, IO>(
    internet: &Internet,
    ledger: &Arc<Ledger>,
    remote: Endpoint,
    tap: &'a mut Tap<IO>,
) -> io::Result<Option<(Inner<'a, IO>, Option<ByteString>)>>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
{
    let start = match LazyConfigAcceptor::new(Acceptor::default(), &mut *tap).await {
        Ok(start) => start,
        Err(error) => {
            refused(ledger, None, &error, Stage::Hello)?;
            return Err(error);
        }
    };
    let hello = start.client_hello();
    let sni = hello.server_name().map(|name| name.to_ascii_lowercase());
    let offered: Vec<Vec<u8>> = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
    let host = sni.as_deref().map(ByteString::from);
    let config = match config(internet, remote, sni, offered) {
        Ok(config) => config,
        Err(error) => {
            let error = io::Error::other(error);
            refused(ledger, host, &error, Stage::Hello)?;
            return Err(error);
        }
    };
    match start.into_stream(Arc::new(config)).await {
        Ok(stream) => {
            let (_, connection) = stream.get_ref();
            let outcome = TlsOutcome::Opened {
                version: version(connection.protocol_version()),
                cipher: connection
                    .negotiated_cipher_suite()
                    .map_or_else(|| "unknown".into(), |suite| format!("{:?}", suite.suite())),
                alpn: connection
                    .alpn_protocol()
                    .map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
            };
            append(ledger, host.clone(), outcome)?;
            let recorder = Recorder::new(Arc::clone(ledger), Layer::Plaintext);
            // Silence is timed below.
            Ok(Some((Tap::new(stream, recorder, None), host)))
        }
        Err(error) => {
            refused(ledger, host, &error, Stage::Certificate)?;
            Err(error)
        }
    }
}

fn config(
    internet: &Internet,
    remote: Endpoint,
    sni: Option<String>,
    mut offered: Vec<Vec<u8>>,
) -> Result<ServerConfig, InternetError> {
    let named = sni.or_else(|| {
        internet.name_of(remote.address).and_then(|name| String::from_utf8(name.0).ok())
    });
    let by_name = named.map(|name| internet.authority.leaf(&Subject::Name(name)));
    let leaf = match by_name {
        Some(Ok(leaf)) => leaf,
        // A looked-up name that no certificate can hold.
        Some(Err(_)) | None => {
            internet.authority.leaf(&Subject::Address(remote.address.to_canonical()))?
        }
    };
    let mut config = internet.tls.clone();
    config.cert_resolver = Arc::new(SingleCertAndKey::from(Arc::unwrap_or_clone(leaf)));
    // What is offered is agreed to, so that the component goes on and shows what it sends.
    config.alpn_protocols = match offered.iter().position(|alpn| alpn == b"http/1.1") {
        Some(at) => vec![offered.swap_remove(at)],
        None => offered.into_iter().take(1).collect(),
    };
    Ok(config)
}

fn version(version: Option<rustls::ProtocolVersion>) -> String {
    match version {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS1.2".into(),
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS1.3".into(),
        other => format!("{other:?}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before our certificate was sent.
    Hello,
    /// After it was sent.
    Certificate,
}

fn refused(
    ledger: &Ledger,
    sni: Option<ByteString>,
    error: &io::Error,
    stage: Stage,
) -> io::Result<()> {
    if ledger.refusal().is_some() {
        // belljar itself ended it.
        return Ok(());
    }
    let reason = match (tls_error(error), error.kind(), stage) {
        (Some(rustls::Error::AlertReceived(alert)), _, _) => alert_name(*alert),
        (Some(error), _, _) => error.to_string(),
        (None, io::ErrorKind::TimedOut, Stage::Hello) => "silent within the first message".into(),
        (None, io::ErrorKind::TimedOut, _) => "silent after the certificate".into(),
        (None, io::ErrorKind::UnexpectedEof, Stage::Certificate) => {
            "closed after the certificate, without an alert".into()
        }
        (None, io::ErrorKind::UnexpectedEof, _) => "closed within the first message".into(),
        (None, _, Stage::Certificate) => format!("broken off after the certificate: {error}"),
        (None, _, _) => error.to_string(),
    };
    append(ledger, sni, TlsOutcome::Refused { reason })
}

/// A component that checks the certificate late refuses by an alert after the handshake. (One that
/// leaves in silence then is *opened*, with no plain text kept: there was none.)
pub(crate) fn note_late_refusal<IO>(
    ledger: &Ledger,
    sni: &Option<ByteString>,
    inner: &Inner<'_, IO>,
    error: &io::Error,
) {
    let Some(rustls::Error::AlertReceived(alert)) = tls_error(error) else { return };
    if inner.bytes(Direction::Out) == 0 {
        let reason = format!("{} after the handshake", alert_name(*alert));
        // A full log has counted this already.
        let _ = append(ledger, sni.clone(), TlsOutcome::Refused { reason });
    }
}

fn append(ledger: &Ledger, sni: Option<ByteString>, outcome: TlsOutcome) -> io::Result<()> {
    ledger.append(Event::Tls { flow: ledger.flow, sni, outcome }).map_err(io::Error::other)
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
}

/// The name of an alert as in RFC 8446, section 6.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    let written = format!("{alert:?}");
    let mut before_lower = false;
    for letter in written.chars() {
        if letter.is_ascii_uppercase() {
            if before_lower {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
            before_lower = false;
        } else {
            name.push(letter);
            before_lower = letter.is_ascii_lowercase();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_their_names_of_the_standard() {
        assert_eq!(alert_name(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(alert_name(AlertDescription::BadCertificate), "bad_certificate");
        assert_eq!(alert_name(AlertDescription::HandshakeFailure), "handshake_failure");
    }
}
