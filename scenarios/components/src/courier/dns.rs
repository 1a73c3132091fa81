//! DNS: the payload in labels, by datagrams, inside TLS, or inside HTTPS.

use crate::pace::Pace;
use crate::{Failure, http, random};
use belljar_components::vendor;
use belljar_leaks::{Case, Channel};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

/// Letters of the payload in one label.
const LABEL: usize = 60;
const A: u16 = 1;
const TXT: u16 = 16;

/// Sends a payload as queries.
pub(crate) fn send(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let per_name = match case.channel {
        Channel::DnsTxt => LABEL,
        Channel::DnsLabel => 3 * LABEL,
        _ => 2 * LABEL,
    };
    let kind = if case.channel == Channel::DnsTxt { TXT } else { A };
    let mut queries = Vec::new();
    for (number, piece) in payload.chunks(per_name).enumerate() {
        let mut labels: Vec<Vec<u8>> = piece.chunks(LABEL).map(<[u8]>::to_vec).collect();
        if case.channel == Channel::DnsMany {
            labels.push(format!("s{number}").into_bytes());
        }
        labels.extend(case.host.split('.').map(|label| label.as_bytes().to_vec()));
        queries.push(query(&labels, kind, id(case, number))?);
    }
    match case.channel {
        Channel::DnsOverTls => {
            let mut stream = vendor::connect(&case.host, case.port, vendor::Trust::Machine)?;
            for (number, query) in queries.iter().enumerate() {
                stream.write_all(&u16::try_from(query.len())?.to_be_bytes())?;
                stream.write_all(query)?;
                stream.flush()?;
                let mut len = [0; 2];
                stream.read_exact(&mut len)?;
                let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
                stream.read_exact(&mut answer)?;
                pace.wait(number);
            }
            Ok(())
        }
        Channel::DnsOverHttps => {
            http::post_https(case, "/dns-query", "application/dns-message", &queries, pace)
        }
        _ => {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.set_read_timeout(Some(Duration::from_secs(5)))?;
            socket.connect((resolver()?, case.port))?;
            let mut answer = [0; 1500];
            for (number, query) in queries.iter().enumerate() {
                socket.send(query)?;
                socket.recv(&mut answer)?;
                pace.wait(number);
            }
            Ok(())
        }
    }
}

fn id(case: &Case, number: usize) -> u16 {
    let drawn = random::bytes(u64::from(case.seed) + number as u64, "query id", 2);
    u16::from_be_bytes([drawn[0], drawn[1]])
}

/// A query with one question (RFC 1035, section 4.1).
pub(crate) fn query(labels: &[Vec<u8>], kind: u16, id: u16) -> Result<Vec<u8>, Failure> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let begin = out.len();
    for label in labels {
        if label.is_empty() || label.len() > 63 {
            return Err(format!("a label of {} bytes", label.len()).into());
        }
        out.push(u8::try_from(label.len())?);
        out.extend_from_slice(label);
    }
    out.push(0);
    if out.len() - begin > 255 {
        return Err(format!("a name of {} bytes", out.len() - begin).into());
    }
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    Ok(out)
}

fn resolver() -> Result<IpAddr, Failure> {
    let text = std::fs::read_to_string("/etc/resolv.conf")?;
    text.lines()
        .filter_map(|line| line.strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse::<IpAddr>().ok())
        .find(IpAddr::is_ipv4)
        .ok_or_else(|| "no IPv4 resolver".into())
}
