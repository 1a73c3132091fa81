//! The fake internet of one run, and how a stream or a datagram goes through it.

use crate::authority::Authority;
use crate::dialogue::{Dialogue, FTP_DATA};
use crate::ledger::Ledger;
use crate::names::{Names, canonical};
use crate::opening::{Opening, dns_message, tell};
use crate::rules::Rules;
use crate::seed::Draw;
use crate::tap::{Recorder, Tap};
use crate::tls::Secrets;
use crate::{dns, http, tls};
use belljar_record::{ByteString, Direction, Endpoint, FlowId, Layer, Log, Payloads, Protocol};
use belljar_schema::VendorRule;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// A connection on which nothing moves for so long is closed.
pub(crate) const IDLE: Duration = Duration::from_secs(30);
/// How long a component may keep silent before a protocol in which the server speaks first is
/// spoken.
const SILENCE: Duration = Duration::from_millis(300);
/// How long first bytes may leave open what is spoken.
const UNDECIDED: Duration = Duration::from_secs(2);
/// After an answered connection: how long the rest of what the component sends is awaited.
const LINGER: Duration = Duration::from_secs(2);

/// What the fake internet of a run is a function of.
#[derive(Debug, Clone)]
pub struct InternetPlan {
    /// The run's seed.
    pub seed: u64,
    /// Vendor rules, in which everything but the request's own fields is filled in.
    pub rules: Vec<VendorRule>,
    /// The time that servers tell: seconds since 1970-01-01 UTC.
    pub now: i64,
}

/// A fake internet that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum InternetError {
    /// A vendor rule could never be answered with.
    #[error("vendor rule {place}: {what}")]
    Rule {
        /// Its place in the scenario, from 0.
        place: usize,
        /// What is wrong, in words.
        what: String,
    },
    /// The plan's time lies outside the validity of the certificates.
    #[error(
        "the time {now} (seconds since 1970) is outside 2020-01-01 to 2049-12-31, when the run's certificates are valid"
    )]
    Time {
        /// The time.
        now: i64,
    },
    /// The authority's certificate cannot be made.
    #[error("cannot make the run's certificate authority: {0}")]
    Authority(rcgen::Error),
    /// A server certificate cannot be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(rcgen::Error),
    /// A key cannot be used.
    #[error("cannot use a key of the run: {0}")]
    Key(String),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(rustls::Error),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// In order: both sides closed, or the answer was given.
    Closed,
    /// Nothing moved for too long.
    Idle,
    /// The record could not take more, so belljar closed it.
    Refused {
        /// Why.
        reason: String,
    },
    /// The component reset it, or broke its protocol.
    Broken {
        /// In words.
        reason: String,
    },
}

/// What became known of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEnd {
    /// What was spoken.
    pub protocol: Protocol,
    /// Whom the component meant: server name or `Host`, else the latest look-up of the address.
    pub host: Option<ByteString>,
    /// Bytes from the component that were recorded.
    pub bytes_out: u64,
    /// Bytes to the component.
    pub bytes_in: u64,
    /// Bytes that the record refused (said in the record already).
    pub bytes_lost: u64,
    /// Requests answered.
    pub requests: u64,
    /// How it ended.
    pub ending: Ending,
}

/// What became known of a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatagramEnd {
    /// Payloads to send back.
    pub replies: Vec<Vec<u8>>,
    /// What was spoken.
    pub protocol: Protocol,
    /// The latest look-up of the address.
    pub host: Option<ByteString>,
}

/// Takes TLS secrets, a line in the NSS key log format each, before data protected by them goes on.
pub type SecretSink = Box<dyn Fn(&[u8]) + Send + Sync>;

/// The fake internet of one run.
#[derive(Debug)]
pub struct Internet {
    pub(crate) names: Names,
    pub(crate) rules: Rules,
    pub(crate) authority: Arc<Authority>,
    draw: Draw,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) tls: rustls::ServerConfig,
    pub(crate) log: Log,
    pub(crate) now: i64,
    payloads: Payloads,
}

/// What a responder found out.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) protocol: Option<Protocol>,
    pub(crate) host: Option<ByteString>,
    pub(crate) requests: u64,
}

impl Internet {
    /// Makes the fake internet of a run.
    ///
    /// # Errors
    /// [`InternetError`], with the step that failed.
    pub fn new(
        plan: InternetPlan,
        log: Log,
        payloads: Payloads,
    ) -> Result<Arc<Self>, InternetError> {
        // The validity of the certificates (`authority::params`).
        if !(1_577_836_800..2_524_521_600).contains(&plan.now) {
            return Err(InternetError::Time { now: plan.now });
        }
        let draw = Draw::new(plan.seed);
        let rules = Rules::new(plan.rules)?;
        let names = Names::new(draw);
        for host in rules.hosts() {
            names.learn(host.as_bytes());
        }
        let secrets = Arc::new(Secrets::default());
        let tls = tls::base_config(Arc::clone(&secrets))?;
        let authority = Arc::new(Authority::new(draw)?);
        let now = plan.now;
        Ok(Arc::new(Self { names, rules, authority, draw, secrets, tls, log, now, payloads }))
    }

    /// The same internet for another run of the same plan: keys and certificates are shared, and
    /// nothing has been asked of it yet.
    ///
    /// # Errors
    /// [`InternetError`], with the step that failed.
    pub fn again(&self, log: Log, payloads: Payloads) -> Result<Arc<Self>, InternetError> {
        let (draw, now, rules) = (self.draw, self.now, self.rules.again());
        let names = Names::new(draw);
        for host in rules.hosts() {
            names.learn(host.as_bytes());
        }
        let secrets = Arc::new(Secrets::default());
        let tls = tls::base_config(Arc::clone(&secrets))?;
        let authority = Arc::clone(&self.authority);
        Ok(Arc::new(Self { names, rules, authority, draw, secrets, tls, log, now, payloads }))
    }

    /// The certificate authority that the jar's trust stores must hold, PEM.
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// The addresses of a name: a function of the seed and the name.
    pub fn addresses(&self, name: &[u8]) -> (Ipv4Addr, Ipv6Addr) {
        self.names.addresses(name)
    }

    /// The name that an address stands for: its latest look-up, or a host of a vendor rule.
    pub fn name_of(&self, address: IpAddr) -> Option<ByteString> {
        self.names.names_of(address).into_iter().next()
    }

    /// All names that an address can stand for, latest look-up first.
    pub fn names_of(&self, address: IpAddr) -> Vec<ByteString> {
        self.names.names_of(address)
    }

    /// Gives TLS secrets to `sink` from now on, each before data protected by it goes on. The first
    /// sink stays.
    pub fn on_secret(&self, sink: SecretSink) {
        self.secrets.set(sink);
    }

    /// Answers a stream until it ends. Records, below every parser and before anything is passed
    /// on, all bytes of both directions, and the plain text inside TLS.
    pub async fn serve_stream(
        &self,
        flow: FlowId,
        remote: Endpoint,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> StreamEnd {
        let ledger = Arc::new(Ledger::new(flow, self.log.clone(), self.payloads.clone()));
        let recorder = Recorder::new(Arc::clone(&ledger), Layer::Stream);
        let mut tap = Tap::new(io, recorder, Some(IDLE));
        let mut told = Told::default();
        let result = self.serve_tap(&ledger, remote, &mut tap, &mut told).await;
        let result = match (result, ledger.refusal()) {
            (_, Some(reason)) => Err(Ending::Refused { reason }),
            (Ok(()), None) => part(&mut tap).await.map_err(ending),
            (Err(error), None) if error.kind() == io::ErrorKind::TimedOut => Err(Ending::Idle),
            // A parser that gave up says nothing about what still comes: it is recorded.
            (Err(error), None) => {
                let _ = part(&mut tap).await;
                Err(ending(error))
            }
        };
        let (bytes_out, bytes_in) = (tap.bytes(Direction::Out), tap.bytes(Direction::In));
        // Finishes the payloads, so that their lines come before the wire closes the flow.
        drop(tap);
        let ending = match (result, ledger.refusal()) {
            (_, Some(reason)) => Ending::Refused { reason },
            (Ok(()), None) => Ending::Closed,
            (Err(ending), None) => ending,
        };
        StreamEnd {
            protocol: told.protocol.unwrap_or(Protocol::Unknown),
            host: told.host.or_else(|| self.name_of(remote.address)),
            bytes_out,
            bytes_in,
            bytes_lost: ledger.lost_bytes(),
            requests: told.requests,
            ending,
        }
    }

    async fn serve_tap<IO>(
        &self,
        ledger: &Arc<Ledger>,
        remote: Endpoint,
        tap: &mut Tap<IO>,
        told: &mut Told,
    ) -> io::Result<()>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match first_bytes(tap, remote.port).await? {
            Start::Bytes(Opening::Tls) => {
                told.protocol = Some(Protocol::Tls);
                let Some((mut inner, sni)) = tls::accept(self, ledger, remote, tap).await? else {
                    return Ok(());
                };
                told.host.clone_from(&sni);
                let start = first_bytes(&mut inner, remote.port).await;
                let served = match start {
                    Ok(start) => {
                        self.serve_clear(ledger, remote, start, &mut inner, told, sni).await
                    }
                    Err(error) => Err(error),
                };
                told.protocol = match told.protocol {
                    Some(Protocol::Http) => Some(Protocol::Https),
                    _ => Some(Protocol::Tls),
                };
                // What the component sends behind an answer or a broken request is plain text too.
                let timed_out =
                    matches!(&served, Err(error) if error.kind() == io::ErrorKind::TimedOut);
                let parted = match timed_out || ledger.refusal().is_some() {
                    true => Ok(()),
                    false => part(&mut inner).await,
                };
                for error in [served.as_ref().err(), parted.as_ref().err()].into_iter().flatten() {
                    tls::note_late_refusal(ledger, &told.host, &inner, error);
                }
                served
            }
            start => self.serve_clear(ledger, remote, start, tap, told, None).await,
        }
    }

    async fn serve_clear<IO>(
        &self,
        ledger: &Arc<Ledger>,
        remote: Endpoint,
        start: Start,
        tap: &mut Tap<IO>,
        told: &mut Told,
        sni: Option<ByteString>,
    ) -> io::Result<()>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let secure = told.protocol == Some(Protocol::Tls);
        match start {
            Start::Bytes(Opening::Http) => {
                told.protocol = Some(Protocol::Http);
                let host = sni.or_else(|| self.name_of(remote.address));
                let protocol = if secure { Protocol::Https } else { Protocol::Http };
                http::serve(self, ledger, protocol, host, tap, told).await
            }
            Start::Bytes(Opening::Dns) => {
                told.protocol = Some(Protocol::Dns);
                dns::serve_stream(self, ledger, tap, told).await
            }
            // A component that waits here asked FTP for a file: there is none, and its end says so.
            Start::Silent if remote.port == FTP_DATA => Ok(()),
            Start::Bytes(_) | Start::Silent => match Dialogue::on_port(remote.port) {
                Some(dialogue) => dialogue.serve(ledger, remote, tap, told).await,
                None => {
                    told.protocol.get_or_insert(Protocol::Unknown);
                    tap.drain().await
                }
            },
        }
    }

    /// Answers a datagram. Its payload is recorded by the wire; look-ups are recorded here.
    pub fn serve_datagram(&self, flow: FlowId, remote: Endpoint, payload: &[u8]) -> DatagramEnd {
        let host = self.name_of(remote.address);
        if remote.port == 53 || dns_message(payload) {
            let ledger = Ledger::new(flow, self.log.clone(), self.payloads.clone());
            let reply = dns::answer(self, &ledger, payload, dns::Over::Datagram);
            return DatagramEnd {
                replies: reply.into_iter().collect(),
                protocol: Protocol::Dns,
                host,
            };
        }
        let replies = match remote.port {
            123 => crate::dialogue::time_answer(payload, self.now).into_iter().collect(),
            _ => Vec::new(),
        };
        DatagramEnd { replies, protocol: Protocol::Unknown, host }
    }

    pub(crate) fn payloads(&self) -> &Payloads {
        &self.payloads
    }

    /// The host of a request as it is compared with rules.
    pub(crate) fn host_text(host: &[u8]) -> String {
        String::from_utf8_lossy(&canonical(host)).into_owned()
    }
}

/// How a conversation starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// By the component, with this.
    Bytes(Opening),
    /// The component waits for the server to speak.
    Silent,
}

async fn first_bytes<IO: AsyncRead + Unpin>(tap: &mut Tap<IO>, port: u16) -> io::Result<Start> {
    loop {
        if let Some(opening) = tell(tap.peeked(), port) {
            return Ok(Start::Bytes(opening));
        }
        let silent = tap.peeked().is_empty();
        let patience = match silent {
            true if Dialogue::on_port(port).is_some() || port == FTP_DATA => SILENCE,
            true => IDLE + SILENCE,
            false => UNDECIDED,
        };
        match timeout(patience, tap.peek()).await {
            Ok(Ok(0)) => return Ok(Start::Bytes(Opening::Unknown)),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) if silent => return Ok(Start::Silent),
            Err(_) => return Ok(Start::Bytes(Opening::Unknown)),
        }
    }
}

/// Closes our side, then records what still comes for a short while.
async fn part<IO: AsyncRead + AsyncWrite + Unpin>(tap: &mut Tap<IO>) -> io::Result<()> {
    let shut = timeout(LINGER, tap.shutdown()).await;
    if tap.ended() {
        return Ok(());
    }
    match shut {
        Ok(Err(error)) if error.kind() != io::ErrorKind::NotConnected => return Err(error),
        _ => {}
    }
    loop {
        tap.consume(usize::MAX);
        match timeout(LINGER, tap.peek()).await {
            Ok(Ok(0)) | Err(_) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
        }
    }
}

fn ending(error: io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::TimedOut => Ending::Idle,
        _ => Ending::Broken { reason: error.to_string() },
    }
}
