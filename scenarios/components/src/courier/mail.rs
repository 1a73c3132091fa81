//! Protocols in which the server speaks first: SMTP, IMAP, POP3, FTP.

use crate::pace::Pace;
use crate::{Failure, send};
use belljar_leaks::Case;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};

/// Longest line of an answer.
const LINE: u64 = 8192;

/// A conversation line by line.
struct Talk {
    reader: BufReader<TcpStream>,
}

impl Talk {
    fn open(host: &str, port: u16) -> Result<Self, Failure> {
        let mut talk = Self { reader: BufReader::new(send::connect(host, port)?) };
        talk.line()?;
        Ok(talk)
    }

    fn line(&mut self) -> Result<String, Failure> {
        use std::io::Read as _;
        let mut line = String::new();
        (&mut self.reader).take(LINE).read_line(&mut line)?;
        if line.is_empty() { Err("the server has left".into()) } else { Ok(line) }
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let stream = self.reader.get_mut();
        stream.write_all(bytes)?;
        stream.flush()?;
        Ok(())
    }

    /// Says a line and takes the last line of the answer.
    fn ask(&mut self, line: &str) -> Result<String, Failure> {
        self.say(format!("{line}\r\n").as_bytes())?;
        loop {
            let answer = self.line()?;
            // `250-…` goes on (RFC 5321, section 4.2.1).
            let goes_on =
                answer.len() > 3 && answer.as_bytes()[3] == b'-' && answer.as_bytes()[0] != b'*';
            if !goes_on {
                return Ok(answer);
            }
        }
    }
}

/// A mail with the payload as its text.
pub(crate) fn smtp(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let mut talk = Talk::open(&case.host, case.port)?;
    talk.ask("EHLO courier")?;
    talk.ask("MAIL FROM:<state@courier.example>")?;
    talk.ask("RCPT TO:<intake@courier.example>")?;
    talk.ask("DATA")?;
    talk.say(
        b"From: state@courier.example\r\nTo: intake@courier.example\r\nSubject: state\r\n\
          MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
    )?;
    let mut text = Vec::new();
    for line in lines(payload) {
        if line.starts_with(b".") {
            text.push(b'.');
        }
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    pace.write(talk.reader.get_mut(), &text)?;
    talk.ask(".")?;
    talk.ask("QUIT")?;
    Ok(())
}

/// Lines as they are, and what has none in lines of 76 letters.
fn lines(payload: &[u8]) -> Vec<&[u8]> {
    let word = payload.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte));
    if word {
        return payload.chunks(76).collect();
    }
    payload
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect()
}

/// A message put into a mailbox, as a literal.
pub(crate) fn imap(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let mut talk = Talk::open(&case.host, case.port)?;
    talk.ask("a1 LOGIN state courier")?;
    talk.ask(&format!("a2 APPEND Drafts {{{}}}", payload.len()))?;
    pace.write(talk.reader.get_mut(), payload)?;
    talk.ask("")?;
    talk.say(b"a3 LOGOUT\r\n")?;
    while !talk.line()?.starts_with("* BYE") {}
    Ok(())
}

/// User names and passwords that are none.
pub(crate) fn pop(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let mut talk = Talk::open(&case.host, case.port)?;
    for (number, piece) in payload.chunks(200).enumerate() {
        let verb = if number % 2 == 0 { "USER" } else { "PASS" };
        talk.ask(&format!("{verb} {}", std::str::from_utf8(piece)?))?;
        pace.wait(number);
    }
    talk.ask("QUIT")?;
    Ok(())
}

fn ftp(case: &Case) -> Result<Talk, Failure> {
    let mut talk = Talk::open(&case.host, case.port)?;
    talk.ask("USER anonymous")?;
    talk.ask("PASS courier")?;
    Ok(talk)
}

/// An upload on a data connection.
pub(crate) fn ftp_upload(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let mut talk = ftp(case)?;
    talk.ask("TYPE I")?;
    let answer = talk.ask("EPSV")?;
    let port: u16 = answer
        .split("|||")
        .nth(1)
        .and_then(|rest| rest.split('|').next())
        .and_then(|port| port.parse().ok())
        .ok_or_else(|| format!("no port in {answer:?}"))?;
    let mut data = send::connect(&case.host, port)?;
    talk.ask("STOR part.bin")?;
    pace.write(&mut data, payload)?;
    data.shutdown(Shutdown::Write)?;
    talk.line()?;
    talk.ask("QUIT")?;
    Ok(())
}

/// Folders with the payload as their names.
pub(crate) fn ftp_folders(case: &Case, payload: &[u8], pace: &Pace) -> Result<(), Failure> {
    let mut talk = ftp(case)?;
    for (number, piece) in payload.chunks(120).enumerate() {
        talk.ask(&format!("MKD {}", std::str::from_utf8(piece)?))?;
        pace.wait(number);
    }
    talk.ask("QUIT")?;
    Ok(())
}
