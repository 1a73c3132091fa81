//! Who answers: the fake internet, seen from the wire.

use belljar_internet::Internet;
use belljar_record::{ByteString, Endpoint, FlowId, Protocol};
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};

/// What became known of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What was spoken.
    pub protocol: Protocol,
    /// Which host was meant.
    pub host: Option<ByteString>,
}

/// Takes lines of a TLS key log, each before what it protects goes on.
pub type SecretSink = Box<dyn Fn(&[u8]) + Send + Sync>;

/// Answers streams and datagrams to any address.
pub trait Responders: Send + Sync + std::fmt::Debug + 'static {
    /// Answers a stream until it ends; records every byte of it.
    fn serve_stream(
        &self,
        flow: FlowId,
        remote: Endpoint,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> impl Future<Output = Known> + Send;

    /// Answers a datagram, which the wire has recorded. Must return at once.
    fn serve_datagram(
        &self,
        flow: FlowId,
        remote: Endpoint,
        payload: &[u8],
    ) -> (Vec<Vec<u8>>, Known);

    /// The name that was looked up for an address.
    fn name_of(&self, address: IpAddr) -> Option<ByteString>;

    /// Where TLS secrets go.
    fn on_secret(&self, sink: SecretSink);
}

impl Responders for Internet {
    async fn serve_stream(
        &self,
        flow: FlowId,
        remote: Endpoint,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Known {
        let end = Internet::serve_stream(self, flow, remote, io).await;
        Known { protocol: end.protocol, host: end.host }
    }

    fn serve_datagram(
        &self,
        flow: FlowId,
        remote: Endpoint,
        payload: &[u8],
    ) -> (Vec<Vec<u8>>, Known) {
        let end = Internet::serve_datagram(self, flow, remote, payload);
        (end.replies, Known { protocol: end.protocol, host: end.host })
    }

    fn name_of(&self, address: IpAddr) -> Option<ByteString> {
        Internet::name_of(self, address)
    }

    fn on_secret(&self, sink: SecretSink) {
        Internet::on_secret(self, sink);
    }
}
