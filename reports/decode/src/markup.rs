//! Text of HTML and XML without its tags, as a document is read (the parts of OOXML and ODF files,
//! mails in HTML). References are resolved; the end of a paragraph or cell becomes a line break.

use crate::{Decoder, escape};

/// Whether something begins as markup does.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(256)];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let starts = |mark: &[u8]| head.get(..mark.len()).is_some_and(|h| h.eq_ignore_ascii_case(mark));
    starts(b"<?xml") || starts(b"<!doctype html") || starts(b"<html") || starts(b"<svg")
}

/// The text.
pub(crate) fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len() / 4);
    let mut at = 0;
    while at < bytes.len() {
        let open = memchr::memchr(b'<', &bytes[at..]).map_or(bytes.len(), |i| at + i);
        text.extend_from_slice(&bytes[at..open]);
        if let Some(data) = bytes[open..].strip_prefix(b"<![CDATA[") {
            let len = memchr::memmem::find(data, b"]]>").unwrap_or(data.len());
            text.extend_from_slice(&data[..len]);
            at = open + 9 + len + 3;
            continue;
        }
        let Some(close) = memchr::memchr(b'>', &bytes[open..]).map(|i| open + i) else { break };
        if ends_line(&bytes[open + 1..close]) && !matches!(text.last(), None | Some(b'\n')) {
            text.push(b'\n');
        }
        at = close + 1;
    }
    if memchr::memchr(b'&', &text).is_some() {
        text = escape::decode(Decoder::Entities, &text);
    }
    text
}

fn ends_line(tag: &[u8]) -> bool {
    let name = tag.split(|b| b.is_ascii_whitespace()).next().unwrap_or(tag);
    matches!(
        name,
        b"/w:p"
            | b"/a:p"
            | b"/text:p"
            | b"/text:h"
            | b"/p"
            | b"/div"
            | b"/tr"
            | b"/li"
            | b"/h1"
            | b"/h2"
            | b"/h3"
            | b"/row"
            | b"/c"
            | b"br"
            | b"br/"
            | b"w:br/"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_in_several_runs_is_read_as_one() {
        let document = b"<?xml version=\"1.0\"?><w:document><w:p><w:r><w:t>Minutes of </w:t></w:r>\
            <w:r><w:t>the R&amp;D meeting</w:t></w:r></w:p><w:p><w:t>Second</w:t></w:p></w:document>";
        assert!(begins(document));
        assert_eq!(decode(document), b"Minutes of the R&D meeting\nSecond\n");
        assert_eq!(decode(b"<a><![CDATA[x<y]]></a>"), b"x<y");
        assert_eq!(decode(b"text <unclosed"), b"text ");
    }
}
