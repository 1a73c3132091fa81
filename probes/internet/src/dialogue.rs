//! Protocols in which the server speaks first: just enough of SMTP, FTP, POP3 and IMAP that a
//! component goes on and shows what it sends; and the time (NTP).
//!
//! Cannot see: commands are answered by their first word only. STARTTLS and the like are refused,
//! so that what is sent stays readable.

use crate::internet::Told;
use crate::ledger::Ledger;
use crate::tap::Tap;
use belljar_record::{Endpoint, Protocol};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// A longer line is answered by its beginning.
const LINE_MAX: usize = 4096;
const LINES_MAX: u64 = 1_000_000;

/// A line-by-line protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialogue {
    /// RFC 5321.
    Smtp,
    /// RFC 959, RFC 2428.
    Ftp,
    /// RFC 1939.
    Pop,
    /// RFC 9051.
    Imap,
}

/// What is said to a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    text: String,
    next: Next,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Line,
    /// A message up to a line with a dot (RFC 5321, section 4.1.1.4).
    Message,
    Close,
}

fn say(text: impl Into<String>) -> Said {
    Said { text: text.into(), next: Next::Line }
}

impl Dialogue {
    /// The protocol that is spoken on a port.
    pub(crate) fn on_port(port: u16) -> Option<Self> {
        match port {
            25 | 587 | 2525 => Some(Self::Smtp),
            // Also inside TLS.
            465 => Some(Self::Smtp),
            21 | 990 => Some(Self::Ftp),
            110 | 995 => Some(Self::Pop),
            143 | 993 => Some(Self::Imap),
            _ => None,
        }
    }

    fn greeting(self) -> &'static str {
        match self {
            Self::Smtp => "220 mx ESMTP\r\n",
            Self::Ftp => "220 FTP server ready\r\n",
            Self::Pop => "+OK ready\r\n",
            Self::Imap => "* OK IMAP4rev1 ready\r\n",
        }
    }

    /// Speaks until the component leaves.
    pub(crate) async fn serve<IO>(
        self,
        ledger: &Arc<Ledger>,
        remote: Endpoint,
        tap: &mut Tap<IO>,
        told: &mut Told,
    ) -> io::Result<()>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send,
    {
        told.protocol.get_or_insert(Protocol::Unknown);
        send(tap, self.greeting()).await?;
        let mut line = Vec::new();
        for _ in 0..LINES_MAX {
            if read_line(tap, &mut line).await?.is_none() {
                return Ok(());
            }
            let said = self.answer(&line, remote);
            if said.next == Next::Message {
                send(tap, &said.text).await?;
                let len = read_message(tap, &mut line).await?;
                ledger
                    .served(Protocol::Unknown, "SMTP DATA", told.host.clone(), len, 250)
                    .map_err(io::Error::other)?;
                told.requests += 1;
                send(tap, "250 2.0.0 queued\r\n").await?;
                continue;
            }
            send(tap, &said.text).await?;
            if said.next == Next::Close {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(self, line: &[u8], remote: Endpoint) -> Said {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or("").to_ascii_uppercase();
        let second = words.next().unwrap_or("").to_ascii_uppercase();
        match self {
            Self::Smtp => smtp(&first, &second),
            Self::Ftp => ftp(&first, remote),
            Self::Pop => pop(&first),
            Self::Imap => imap(line.split_whitespace().next().unwrap_or("*"), &second),
        }
    }
}

fn smtp(word: &str, second: &str) -> Said {
    match word {
        "EHLO" => say("250-mx\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 0\r\n"),
        "DATA" => Said { text: "354 go ahead\r\n".into(), next: Next::Message },
        "AUTH" if second == "LOGIN" => say("334 VXNlcm5hbWU6\r\n"),
        "AUTH" => say("235 2.7.0 accepted\r\n"),
        "STARTTLS" => say("454 4.7.0 TLS not available\r\n"),
        "QUIT" => Said { text: "221 2.0.0 bye\r\n".into(), next: Next::Close },
        "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP" | "VRFY" => say("250 2.0.0 ok\r\n"),
        // The two lines that AUTH LOGIN asks for, or an unknown command.
        _ if second.is_empty() && !word.is_empty() => say("235 2.7.0 accepted\r\n"),
        _ => say("500 5.5.2 unknown command\r\n"),
    }
}

/// Port on which data connections are taken (every port is).
pub(crate) const FTP_DATA: u16 = 50_021;

fn ftp(word: &str, remote: Endpoint) -> Said {
    let [high, low] = FTP_DATA.to_be_bytes();
    match (word, remote.address.to_canonical()) {
        ("USER", _) => say("331 password, please\r\n"),
        ("PASS", _) => say("230 logged in\r\n"),
        ("SYST", _) => say("215 UNIX Type: L8\r\n"),
        ("FEAT", _) => say("211 no features\r\n"),
        ("PWD" | "XPWD", _) => say("257 \"/\"\r\n"),
        ("MKD" | "XMKD", _) => say("257 made\r\n"),
        ("EPSV", _) => say(format!("229 ready (|||{FTP_DATA}|)\r\n")),
        ("PASV", IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            say(format!("227 ready ({a},{b},{c},{d},{high},{low})\r\n"))
        }
        ("STOR" | "APPE" | "STOU" | "RETR" | "LIST" | "NLST" | "MLSD", _) => {
            say("150 go ahead\r\n226 done\r\n")
        }
        ("AUTH" | "PBSZ" | "PROT", _) => say("502 not available\r\n"),
        ("SIZE" | "MDTM", _) => say("550 no such file\r\n"),
        ("QUIT", _) => Said { text: "221 bye\r\n".into(), next: Next::Close },
        ("CWD" | "TYPE" | "MODE" | "STRU" | "ALLO" | "NOOP" | "DELE" | "OPTS" | "SITE", _) => {
            say("200 ok\r\n")
        }
        _ => say("502 unknown command\r\n"),
    }
}

fn pop(word: &str) -> Said {
    match word {
        "STAT" => say("+OK 0 0\r\n"),
        "LIST" | "UIDL" | "CAPA" => say("+OK\r\n.\r\n"),
        "STLS" | "AUTH" | "RETR" | "TOP" => say("-ERR not available\r\n"),
        "QUIT" => Said { text: "+OK bye\r\n".into(), next: Next::Close },
        _ => say("+OK\r\n"),
    }
}

fn imap(tag: &str, word: &str) -> Said {
    // What is said back must not be longer than a tag has any right to be.
    let tag: String = tag.chars().filter(|c| !c.is_control()).take(64).collect();
    match word {
        "CAPABILITY" => say(format!("* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n")),
        "SELECT" | "EXAMINE" => say(format!("* 0 EXISTS\r\n{tag} OK done\r\n")),
        "STARTTLS" | "AUTHENTICATE" => say(format!("{tag} NO not available\r\n")),
        "LOGOUT" => Said { text: format!("* BYE\r\n{tag} OK bye\r\n"), next: Next::Close },
        // A literal of which the component waits to be asked for (RFC 9051, section 4.3).
        "APPEND" => say("+ go ahead\r\n"),
        _ => say(format!("{tag} OK done\r\n")),
    }
}

async fn send<IO: AsyncRead + AsyncWrite + Unpin>(tap: &mut Tap<IO>, text: &str) -> io::Result<()> {
    tap.write_all(text.as_bytes()).await?;
    tap.flush().await
}

/// Reads a line without its end into `line`, at most [`LINE_MAX`] bytes of it; gives its whole
/// length, or `None` when the component has closed its side.
async fn read_line<IO: AsyncRead + Unpin>(
    tap: &mut Tap<IO>,
    line: &mut Vec<u8>,
) -> io::Result<Option<u64>> {
    line.clear();
    let mut len = 0u64;
    loop {
        if tap.peeked().is_empty() && tap.peek().await? == 0 {
            return Ok((len > 0).then_some(len));
        }
        let bytes = tap.peeked();
        let end = bytes.iter().position(|&b| b == b'\n');
        let count = end.map_or(bytes.len(), |end| end + 1);
        let room = LINE_MAX.saturating_sub(line.len());
        line.extend_from_slice(&bytes[..count.min(room)]);
        len += count as u64;
        tap.consume(count);
        if end.is_some() {
            while matches!(line.last(), Some(b'\r' | b'\n')) {
                line.pop();
            }
            return Ok(Some(len));
        }
    }
}

/// Reads a message up to its line with a single dot; gives its length.
async fn read_message<IO: AsyncRead + Unpin>(
    tap: &mut Tap<IO>,
    line: &mut Vec<u8>,
) -> io::Result<u64> {
    let mut total = 0;
    while let Some(len) = read_line(tap, line).await? {
        if line == b"." {
            break;
        }
        total += len;
    }
    Ok(total)
}

/// A server's answer to an NTP client (RFC 5905, section 7.3): the time is the plan's.
pub(crate) fn time_answer(payload: &[u8], now: i64) -> Option<Vec<u8>> {
    /// Seconds from 1900 to 1970.
    const EPOCH: i64 = 2_208_988_800;
    let (query, version) = (payload.first_chunk::<48>()?, payload[0] >> 3 & 7);
    if query[0] & 7 != 3 || !(1..=4).contains(&version) {
        return None;
    }
    let seconds = u32::try_from((now + EPOCH).rem_euclid(1 << 32)).unwrap_or(0).to_be_bytes();
    let mut answer = vec![0; 48];
    // Version as asked, mode server; stratum 2, poll as asked, precision 2^-20.
    answer[0] = version << 3 | 4;
    answer[1] = 2;
    answer[2] = query[2];
    answer[3] = 0xec;
    // Reference id: the resolver's network.
    answer[12..16].copy_from_slice(&crate::RESOLVER_V4.octets());
    answer[16..20].copy_from_slice(&seconds);
    answer[24..32].copy_from_slice(&query[40..48]);
    answer[32..36].copy_from_slice(&seconds);
    answer[40..44].copy_from_slice(&seconds);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_client_gets_the_plans_time_and_its_own_stamp_back() {
        let mut query = [0u8; 48];
        query[0] = 0x23;
        query[40..48].copy_from_slice(b"cookie!!");
        let answer = time_answer(&query, 1_700_000_000).expect("is a query");
        assert_eq!(answer[0], 0x24);
        assert_eq!(&answer[24..32], b"cookie!!");
        let seconds = u32::from_be_bytes(answer[40..44].try_into().expect("four bytes"));
        assert_eq!(i64::from(seconds) - 2_208_988_800, 1_700_000_000);
        assert_eq!(time_answer(&query[..40], 0), None);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in prop::collection::vec(any::<u8>(), 0..100), v6: bool) {
            let address = if v6 { "2001:db8::7" } else { "198.18.1.1" };
            let remote = Endpoint { address: address.parse().expect("is one"), port: 21 };
            for dialogue in [Dialogue::Smtp, Dialogue::Ftp, Dialogue::Pop, Dialogue::Imap] {
                prop_assert!(dialogue.answer(&line, remote).text.ends_with("\r\n"));
            }
            let _ = time_answer(&line, 1_700_000_000);
        }
    }
}
