//! Talking to the vendor: one HTTPS request, trusting what the machine trusts.
//!
//! Cannot do: HTTP/2, redirects, proxies. Reads at most 64 KiB of an answer.

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

/// A request that did not succeed, by the step that failed.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// The trust store cannot be read.
    #[error("cannot read the trust store {path}: {detail}")]
    Trust {
        /// Where.
        path: String,
        /// Why.
        detail: String,
    },
    /// The name has no address.
    #[error("no address for {0}")]
    Name(String),
    /// No connection.
    #[error("cannot reach {0}: {1}")]
    Connect(String, std::io::Error),
    /// TLS or HTTP failed.
    #[error("talking to {0}: {1}")]
    Talk(String, std::io::Error),
    /// The host is no name.
    #[error("{0} is not a host name")]
    BadName(String),
}

/// Whom to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// What the machine trusts: `SSL_CERT_FILE`, else Debian's bundle.
    Machine,
    /// Nobody: a pinned client that refuses every certificate but its vendor's.
    Pinned,
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query.
    pub path: String,
}

/// Sends one POST over HTTPS and returns the start of the answer.
///
/// # Errors
/// [`VendorError`], by the step that failed.
pub fn post(
    target: &Target,
    trust: Trust,
    content_type: &str,
    body: &[u8],
) -> Result<Vec<u8>, VendorError> {
    let Target { host, port, path } = target;
    let talk = |error| VendorError::Talk(host.clone(), error);
    let mut stream = connect(host, *port, trust)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}/{}\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        program(),
        env!("CARGO_PKG_VERSION"),
        body.len(),
    );
    stream.write_all(head.as_bytes()).map_err(talk)?;
    stream.write_all(body).map_err(talk)?;
    stream.flush().map_err(talk)?;
    let mut answer = vec![0; 64 << 10];
    let count = stream.read(&mut answer).map_err(talk)?;
    answer.truncate(count);
    Ok(answer)
}

/// The program's name, by which it tells the vendor what it is.
fn program() -> String {
    let path = std::env::args().next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A connection inside TLS.
pub type Secure = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// Opens TLS to a host by its first address.
///
/// # Errors
/// [`VendorError`], by the step that failed.
pub fn connect(host: &str, port: u16, trust: Trust) -> Result<Secure, VendorError> {
    let all: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    let address = all.first().copied().ok_or_else(|| VendorError::Name(host.to_owned()))?;
    connect_to(address, host, trust)
}

/// Opens TLS to an address under a name.
///
/// # Errors
/// [`VendorError`], by the step that failed.
pub fn connect_to(address: SocketAddr, host: &str, trust: Trust) -> Result<Secure, VendorError> {
    let host = host.to_owned();
    let name =
        ServerName::try_from(host.clone()).map_err(|_| VendorError::BadName(host.clone()))?;
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| VendorError::Talk(host.clone(), std::io::Error::other(error)))?
    .with_root_certificates(roots(trust)?)
    .with_no_client_auth();
    let tls = rustls::ClientConnection::new(Arc::new(config), name)
        .map_err(|error| VendorError::Talk(host.clone(), std::io::Error::other(error)))?;

    let tcp = TcpStream::connect_timeout(&address, Duration::from_secs(10))
        .map_err(|error| VendorError::Connect(host.clone(), error))?;
    let talk = |error| VendorError::Talk(host.clone(), error);
    tcp.set_read_timeout(Some(Duration::from_secs(20))).map_err(talk)?;
    Ok(rustls::StreamOwned::new(tls, tcp))
}

fn roots(trust: Trust) -> Result<rustls::RootCertStore, VendorError> {
    let mut roots = rustls::RootCertStore::empty();
    if trust == Trust::Machine {
        let path = std::env::var("SSL_CERT_FILE")
            .unwrap_or_else(|_| "/etc/ssl/certs/ca-certificates.crt".into());
        let unreadable = |detail: String| VendorError::Trust { path: path.clone(), detail };
        let certificates = CertificateDer::pem_file_iter(&path)
            .map_err(|error| unreadable(error.to_string()))?
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(error.to_string()))?;
        roots.add_parsable_certificates(certificates);
    }
    Ok(roots)
}
