//! Mails (RFC 5322) with a plain body and attachments in base64 (MIME, RFC 2045 and 2046).
//!
//! The attachments have the lengths that were planned; the body is as long as what is left.

use super::zip::Member;
use crate::calendar::Moment;
use crate::content::{Build, Flip, Inside};
use crate::seed::{ALPHANUMERIC, Draw as _, HEX, Seed};
use crate::words;
use belljar_record::PartKind;

const COLUMNS: usize = 76;

/// Most that head, closing lines and a short body take (attachments apart).
pub(crate) const LEAST: u64 = 1_600;

/// Bytes that an attachment takes, at most.
pub(crate) fn attachment_len(name: &str, content: u64) -> u64 {
    encoded_len(content) + 220 + 2 * name.len() as u64
}

fn encoded_len(content: u64) -> u64 {
    let letters = content.div_ceil(3) * 4;
    letters + 2 * letters.div_ceil(COLUMNS as u64)
}

/// The longest content whose encoding takes at most so many bytes, about.
pub(crate) fn content_for(encoded: u64) -> u64 {
    encoded * 57 / 80
}

#[derive(Debug)]
pub(crate) struct Eml {
    pub(crate) seed: Seed,
    pub(crate) len: u64,
    pub(crate) marking: Option<String>,
    pub(crate) to: String,
    pub(crate) when: Moment,
    pub(crate) attachments: Vec<Member>,
    pub(crate) flip: Option<Flip>,
}

impl Eml {
    fn head(&self, boundary: &str) -> String {
        let mut stream = self.seed.stream("head");
        let (first, family) = (words::first_name(&mut stream), words::family_name(&mut stream));
        let host =
            format!("{}-{}.example", words::adjective(&mut stream), words::noun(&mut stream));
        let from = format!("{}.{}@{host}", first.to_lowercase(), family.to_lowercase());
        let marking =
            self.marking.as_ref().map(|marking| format!("[{marking}] ")).unwrap_or_default();
        let subject = words::title(&mut stream);
        let queue = stream.token(11, ALPHANUMERIC);
        let id = stream.token(24, HEX);
        format!(
            "Received: from mail.{host} (mail.{host} [198.18.{}.{}])\r\n\tby mx.example with ESMTPS id {queue};\r\n\t{date}\r\nDate: {date}\r\nFrom: {first} {family} <{from}>\r\nTo: {}\r\nSubject: {marking}{subject}\r\nMessage-ID: <{id}@{host}>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n",
            stream.below(256),
            stream.below(256),
            self.to,
            date = self.when.mail(),
        )
    }

    /// The body, exactly so many bytes, lines ending in CR LF.
    fn body(&self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 2);
        let marking = self.marking.as_ref().map(|marking| format!("{marking}\r\n\r\n"));
        let back = self.marking.as_ref().map(|marking| format!("\r\n{marking}\r\n"));
        out.extend_from_slice(marking.unwrap_or_default().as_bytes());
        let back = back.unwrap_or_default();
        let most = len.saturating_sub(out.len() + back.len());
        let mut text = words::prose(&mut self.seed.stream("body"), most);
        if let Some(flip) = self.flip {
            flip.in_text(&mut text);
        }
        let end = out.len() + most;
        for byte in text {
            if byte == b'\n' {
                out.push(b'\r');
            }
            out.push(byte);
        }
        out.truncate(end);
        if let [.., before, last] = &mut out[..] {
            (*before, *last) = (b'\r', b'\n');
        }
        // A CR just before the closing line end would be a bare one.
        if end >= 3 && out[end - 3] == b'\r' {
            out[end - 3] = b'.';
        }
        out.extend_from_slice(back.as_bytes());
        out
    }

    /// Everything before and after the body.
    fn frame(&self) -> (Vec<u8>, Vec<u8>) {
        let boundary = format!("=_{}", self.seed.stream("boundary").token(40, ALPHANUMERIC));
        let mut front = self.head(&boundary).into_bytes();
        front.extend_from_slice(
            format!("--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n").as_bytes(),
        );
        let mut back = Vec::new();
        for attachment in &self.attachments {
            back.extend_from_slice(
                format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"{}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n", attachment.name).as_bytes(),
            );
            let encoded = data_encoding::BASE64.encode(&attachment.content.read_all());
            for line in encoded.as_bytes().chunks(COLUMNS) {
                back.extend_from_slice(line);
                back.extend_from_slice(b"\r\n");
            }
        }
        back.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        (front, back)
    }

    fn body_len(&self, front: &[u8], back: &[u8]) -> usize {
        usize::try_from(self.len).unwrap_or(0).saturating_sub(front.len() + back.len())
    }
}

impl Build for Eml {
    fn build(&self) -> Vec<u8> {
        let (mut out, back) = self.frame();
        let body = self.body(self.body_len(&out, &back));
        out.extend_from_slice(&body);
        out.extend_from_slice(&back);
        out
    }

    fn inside(&self) -> Vec<Inside> {
        let (front, back) = self.frame();
        let body = self.body(self.body_len(&front, &back));
        let mut inside = vec![Inside::bytes("body", PartKind::Text, body)];
        inside.extend(self.attachments.iter().map(Member::inside));
        inside
    }
}
