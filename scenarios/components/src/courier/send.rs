//! The channels: how a payload leaves.

use crate::pace::Pace;
use crate::{Failure, datagrams, dns, http, mail};
use belljar_leaks::{Case, Channel};
use std::io::Read as _;
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a payload by the channel of the case.
pub(crate) fn send(case: &Case, payload: &[u8]) -> Result<(), Failure> {
    let pace = Pace::of(case);
    match case.channel {
        Channel::RawTcp | Channel::Relay => raw_tcp(case, payload, &pace),
        Channel::RawUdp
        | Channel::PacketSize
        | Channel::SourcePort
        | Channel::NtpBody
        | Channel::Syslog
        | Channel::MulticastName
        | Channel::Gaps
        | Channel::IcmpPayload
        | Channel::IcmpTtl => datagrams::send(case, payload, &pace),
        Channel::DnsLabel
        | Channel::DnsTxt
        | Channel::DnsMany
        | Channel::DnsOverTls
        | Channel::DnsOverHttps => dns::send(case, payload, &pace),
        Channel::FtpUpload => mail::ftp_upload(case, payload, &pace),
        Channel::FtpMkdir => mail::ftp_folders(case, payload, &pace),
        Channel::Smtp => mail::smtp(case, payload, &pace),
        Channel::Imap => mail::imap(case, payload, &pace),
        Channel::PopAuth => mail::pop(case, payload, &pace),
        Channel::HttpResponse
        | Channel::HttpsPinned
        | Channel::ClientCertificate
        | Channel::Http2
        | Channel::Http3
        | Channel::WebSocket
        | Channel::Ssh
        | Channel::Smb => Err(format!("{} cannot be sent yet", case.channel.name()).into()),
        _ => http::send(case, payload, &pace),
    }
}

/// The first address of a host, IPv4 before IPv6 so that attribution is the same in every run.
pub(crate) fn address(host: &str, port: u16) -> Result<SocketAddr, Failure> {
    let all: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    let first = all.iter().find(|address| address.is_ipv4()).or(all.first());
    first.copied().ok_or_else(|| format!("{host} has no address").into())
}

/// A connection with time limits.
pub(crate) fn connect(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect_timeout(&address(host, port)?, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn raw_tcp(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let mut stream = connect(&case.host, case.port)?;
    pace.write(&mut stream, payload)?;
    stream.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    (&mut stream).take(1 << 20).read_to_end(&mut rest)?;
    Ok(())
}
