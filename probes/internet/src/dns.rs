//! DNS: every name exists; its addresses are a function of the seed.
//!
//! Promises: each question is in the record before its answer goes out; broken messages get FORMERR
//! and are recorded as such. Cannot see: names inside encrypted resolvers (DoH and DoT are seen as
//! HTTPS and TLS, where the message is in the plain text).

use crate::internet::{Internet, Told};
use crate::ledger::Ledger;
use crate::rules::Asked;
use crate::tap::Tap;
use belljar_record::{ByteString, Event};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, NS, PTR, SOA, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const TTL: u32 = 300;
/// Messages on one connection.
const MESSAGES_MAX: u64 = 100_000;
/// Questions of one message that are listed.
const QUESTIONS_MAX: usize = 8;
/// What we take and send over UDP at most (DNS flag day 2020).
const DATAGRAM_MAX: u16 = 1232;

/// How a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Datagram,
    Stream,
}

/// Answers messages with two bytes of length before each, until the component closes.
pub(crate) async fn serve_stream<IO>(
    internet: &Internet,
    ledger: &Arc<Ledger>,
    tap: &mut Tap<IO>,
    told: &mut Told,
) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut message = Vec::new();
    let mut framed = Vec::new();
    for _ in 0..MESSAGES_MAX {
        let len = match tap.read_u16().await {
            Ok(len) => usize::from(len),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        message.resize(len, 0);
        tap.read_exact(&mut message).await?;
        if let Some(answer) = answer(internet, ledger, &message, Over::Stream) {
            let len = u16::try_from(answer.len()).map_err(io::Error::other)?;
            framed.clear();
            framed.extend_from_slice(&len.to_be_bytes());
            framed.extend_from_slice(&answer);
            tap.write_all(&framed).await?;
            tap.flush().await?;
            told.requests += 1;
        } else if let Some(reason) = ledger.refusal() {
            return Err(io::Error::other(reason));
        }
    }
    Ok(())
}

/// The answer to a message, if it gets one. Whatever it asks for is in the record by then.
pub(crate) fn answer(
    internet: &Internet,
    ledger: &Ledger,
    packet: &[u8],
    over: Over,
) -> Option<Vec<u8>> {
    let query = match Message::from_vec(packet) {
        Ok(query) if query.metadata.message_type == MessageType::Query => query,
        Ok(_) => return None,
        Err(_) => return broken(ledger, packet),
    };
    if query.queries.is_empty() {
        return broken(ledger, packet);
    }
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.metadata.checking_disabled = query.metadata.checking_disabled;
    reply.add_queries(query.queries.iter().take(QUESTIONS_MAX).cloned());
    for (place, question) in query.queries.iter().take(QUESTIONS_MAX).enumerate() {
        if query.metadata.op_code != OpCode::Query {
            reply.metadata.response_code = ResponseCode::NotImp;
        } else if !matches!(question.query_class(), DNSClass::IN | DNSClass::ANY) {
            reply.metadata.response_code = ResponseCode::Refused;
        } else if place == 0 {
            resolve(internet, question, &mut reply);
        }
        ledger
            .append(Event::Lookup {
                flow: ledger.flow,
                name: ByteString(plain(question.name())),
                record: record_name(question.query_type()),
                answer: if place == 0 { in_words(&reply) } else { "not answered".into() },
            })
            .ok()?;
    }
    let limit = match (&query.edns, over) {
        (_, Over::Stream) => usize::from(u16::MAX),
        (None, Over::Datagram) => 512,
        (Some(edns), Over::Datagram) => usize::from(edns.max_payload().clamp(512, DATAGRAM_MAX)),
    };
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(DATAGRAM_MAX);
        reply.set_edns(edns);
    }
    let bytes = reply.to_vec().ok()?;
    if bytes.len() <= limit { Some(bytes) } else { reply.truncate().to_vec().ok() }
}

/// FORMERR to what looks like a query but cannot be read; nothing to what has no header.
fn broken(ledger: &Ledger, packet: &[u8]) -> Option<Vec<u8>> {
    let header = packet.first_chunk::<12>()?;
    if header[2] & 0x80 != 0 {
        return None;
    }
    ledger
        .append(Event::Lookup {
            flow: ledger.flow,
            name: ByteString::default(),
            record: "unreadable".into(),
            answer: "FORMERR".into(),
        })
        .ok()?;
    let mut reply = [0; 12];
    reply[..2].copy_from_slice(&header[..2]);
    // QR, the opcode as asked, RD as asked; RA and FORMERR.
    reply[2] = 0x80 | header[2] & 0x79;
    reply[3] = 0x81;
    Some(reply.to_vec())
}

fn resolve(internet: &Internet, question: &Query, reply: &mut Message) {
    let name = question.name();
    let raw = plain(name);
    let host = Internet::host_text(&raw);
    if host == "in-addr.arpa"
        || host == "ip6.arpa"
        || host.ends_with(".in-addr.arpa")
        || host.ends_with(".ip6.arpa")
    {
        reverse(internet, question, reply);
        return;
    }
    internet.names.learn(&raw);
    let (v4, v6) = internet.addresses(&raw);
    let all = question.query_type() == RecordType::ANY;
    let wants = |kind: RecordType| all || question.query_type() == kind;
    let mut add = |data: RData| {
        reply.add_answer(Record::from_rdata(name.clone(), TTL, data));
    };
    if wants(RecordType::A) {
        add(RData::A(A(v4)));
    }
    if wants(RecordType::AAAA) {
        add(RData::AAAA(AAAA(v6)));
    }
    if wants(RecordType::MX)
        && let Some(exchange) = below("mail", name)
    {
        add(RData::MX(MX::new(10, exchange)));
    }
    if wants(RecordType::NS) {
        for server in ["ns1", "ns2"] {
            if let Some(server) = below(server, name) {
                add(RData::NS(NS(server)));
            }
        }
    }
    if wants(RecordType::TXT) {
        add(RData::TXT(texts(internet, &host)));
    }
    if wants(RecordType::SOA) {
        add(RData::SOA(authority(name)));
    }
    if reply.answers.is_empty() {
        // The name exists, but has no such record (RFC 2308, section 2.2).
        reply.add_authority(Record::from_rdata(name.clone(), TTL, RData::SOA(authority(name))));
    }
}

fn reverse(internet: &Internet, question: &Query, reply: &mut Message) {
    let known = question
        .name()
        .parse_arpa_name()
        .ok()
        .and_then(|net| internet.name_of(net.addr()))
        .and_then(|name| Name::from_ascii(name.lossy()).ok());
    match known {
        Some(target) if matches!(question.query_type(), RecordType::PTR | RecordType::ANY) => {
            let data = RData::PTR(PTR(target));
            reply.add_answer(Record::from_rdata(question.name().clone(), TTL, data));
        }
        Some(_) => {}
        None => reply.metadata.response_code = ResponseCode::NXDomain,
    }
}

/// The text of a vendor rule with the path `dns:TXT`, a line a string; else that of a domain that
/// sends no mail.
fn texts(internet: &Internet, host: &str) -> TXT {
    const PATH: &str = "dns:TXT";
    let asked = Asked { host, path: PATH, path_and_query: PATH, method: "", body_sha256: "" };
    let given = internet.rules.answer(asked);
    let body = given.map_or_else(|| b"v=spf1 -all".to_vec(), |given| given.body);
    // A character-string holds 255 bytes (RFC 1035, section 3.3); 16 of them fit any message.
    let strings = body
        .split(|&b| b == b'\n')
        .filter(|line| !line.is_empty())
        .flat_map(|line| line.chunks(255))
        .take(16)
        .collect();
    TXT::from_bytes(strings)
}

fn authority(name: &Name) -> SOA {
    let server = below("ns1", name).unwrap_or_else(Name::root);
    let contact = below("hostmaster", name).unwrap_or_else(Name::root);
    SOA::new(server, contact, 1, 7200, 900, 1_209_600, 300)
}

/// `label.name`, unless that is longer than a name may be.
fn below(label: &str, name: &Name) -> Option<Name> {
    name.prepend_label(label).ok()
}

/// The bytes of a name, labels joined by dots.
fn plain(name: &Name) -> Vec<u8> {
    name.iter().collect::<Vec<_>>().join(&b'.')
}

fn record_name(kind: RecordType) -> String {
    match kind {
        RecordType::Unknown(number) => format!("TYPE{number}"),
        kind => kind.to_string(),
    }
}

fn in_words(reply: &Message) -> String {
    if reply.metadata.response_code != ResponseCode::NoError {
        return match reply.metadata.response_code {
            ResponseCode::NXDomain => "NXDOMAIN".into(),
            ResponseCode::NotImp => "NOTIMP".into(),
            ResponseCode::Refused => "REFUSED".into(),
            other => format!("{other:?}"),
        };
    }
    if reply.answers.is_empty() {
        return "NODATA".into();
    }
    let mut words: Vec<String> = reply.answers.iter().map(|r| r.data.to_string()).collect();
    words.truncate(16);
    words.join(", ")
}
