//! PDF documents (ISO 32000-1) of several pages, their text in deflated content streams.
//!
//! Pages are added as long as they fit; what is left of the length goes into a stream that no page
//! refers to. Numbers whose width could move others (`Length` of that stream, `startxref`) are
//! written with leading zeros. At most 400 pages; a larger document is larger by that stream.

use super::sample;
use crate::calendar::Moment;
use crate::content::{Build, Flip, Inside};
use crate::seed::{Draw as _, HEX, Seed};
use crate::words;
use belljar_record::PartKind;
use std::io::Read as _;

const MOST_PAGES: usize = 400;
const COLUMNS: usize = 88;

/// Least length of a document.
pub(crate) const LEAST: u64 = 6 << 10;

#[derive(Debug)]
pub(crate) struct Pdf {
    pub(crate) seed: Seed,
    pub(crate) len: u64,
    pub(crate) marking: Option<String>,
    pub(crate) author: String,
    pub(crate) when: Moment,
    pub(crate) with_sample: bool,
    pub(crate) flip: Option<Flip>,
}

/// A page: its lines, its operators, and these deflated.
struct Page {
    lines: Vec<String>,
    operators: Vec<u8>,
    packed: Vec<u8>,
}

/// Text as a PDF string.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '(' | ')' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            ' '..='~' => out.push(letter),
            _ => out.push('?'),
        }
    }
    out
}

/// As a filter of the name `FlateDecode` expects it.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::ZlibEncoder::new(bytes, flate2::Compression::default())
        .read_to_end(&mut packed)
        .expect("reading from a slice cannot fail");
    packed
}

/// The objects before the pages' own: catalogue, page tree, font, information.
const FIXED_OBJECTS: usize = 4;

impl Pdf {
    fn lines_a_page(&self) -> usize {
        if self.len < 24 << 10 { 14 } else { 46 }
    }

    fn text_lines(&self, page: usize) -> Vec<String> {
        let mut stream = self.seed.child("page").block(page as u64);
        let wanted = self.lines_a_page() * COLUMNS;
        let mut text = Vec::with_capacity(wanted + 512);
        while text.len() < wanted {
            words::sentence(&mut stream, &mut text);
            text.push(b' ');
        }
        // There is always a first page, however little fits: the flipped bit is on it.
        if let (Some(flip), 0) = (self.flip, page) {
            flip.in_text(&mut text[..wanted]);
        }
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in String::from_utf8_lossy(&text).split_whitespace() {
            if line.len() + word.len() >= COLUMNS {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.truncate(self.lines_a_page());
        lines
    }

    fn page(&self, number: usize) -> Page {
        let mut lines = Vec::new();
        lines.extend(self.marking.clone());
        if number == 0 {
            lines.push(words::title(&mut self.seed.stream("title")));
        }
        lines.extend(self.text_lines(number));
        lines.extend(self.marking.clone());
        let mut operators = b"BT /F1 10 Tf 60 780 Td 14 TL\n".to_vec();
        for line in &lines {
            operators.extend_from_slice(format!("({}) Tj T*\n", escape(line)).as_bytes());
        }
        operators.extend_from_slice(b"ET\n");
        let packed = deflate(&operators);
        Page { lines, operators, packed }
    }

    /// The page's two objects.
    fn page_objects(number: usize, page: &Page) -> (Vec<u8>, Vec<u8>) {
        let content = FIXED_OBJECTS + 2 * number + 2;
        let head = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        );
        let mut stream =
            format!("<< /Length {} /Filter /FlateDecode >>\nstream\n", page.packed.len())
                .into_bytes();
        stream.extend_from_slice(&page.packed);
        stream.extend_from_slice(b"\nendstream");
        (head.into_bytes(), stream)
    }

    fn pages(&self) -> Vec<Page> {
        // What a page costs beside its objects' bodies: their frames, cross references, the kid.
        const FRAME: u64 = 2 * (22 + 20) + 12;
        let fixed = self.skeleton(0, &[]).len() as u64;
        let mut used = fixed;
        let mut pages = Vec::new();
        while pages.len() < MOST_PAGES {
            let page = self.page(pages.len());
            let (head, stream) = Self::page_objects(pages.len(), &page);
            used += head.len() as u64 + stream.len() as u64 + FRAME;
            if used > self.len && !pages.is_empty() {
                break;
            }
            pages.push(page);
        }
        pages
    }

    /// The whole file with these pages and so many bytes of filling.
    fn skeleton(&self, filling: usize, pages: &[Page]) -> Vec<u8> {
        let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut places = Vec::new();
        let mut object = |out: &mut Vec<u8>, body: &[u8]| {
            places.push(out.len());
            out.extend_from_slice(format!("{} 0 obj\n", places.len()).as_bytes());
            out.extend_from_slice(body);
            out.extend_from_slice(b"\nendobj\n");
        };
        let kids: String =
            (0..pages.len()).map(|n| format!("{} 0 R ", FIXED_OBJECTS + 2 * n + 1)).collect();
        let embedded = FIXED_OBJECTS + 2 * pages.len() + 2;
        let names = if self.with_sample {
            format!(
                " /Names << /EmbeddedFiles << /Names [(attachment.com) << /Type /Filespec /F (attachment.com) /EF << /F {embedded} 0 R >> >>] >> >>"
            )
        } else {
            String::new()
        };
        object(&mut out, format!("<< /Type /Catalog /Pages 2 0 R{names} >>").as_bytes());
        object(
            &mut out,
            format!("<< /Type /Pages /Count {} /Kids [{kids}] >>", pages.len()).as_bytes(),
        );
        object(&mut out, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
        object(
            &mut out,
            format!(
                "<< /Title ({}) /Author ({}) /CreationDate (D:{}Z) >>",
                escape(&words::title(&mut self.seed.stream("title"))),
                escape(&self.author),
                self.when.digits()
            )
            .as_bytes(),
        );
        for (number, page) in pages.iter().enumerate() {
            let (head, stream) = Self::page_objects(number, page);
            object(&mut out, &head);
            object(&mut out, &stream);
        }
        let mut body = format!("<< /Length {filling:010} >>\nstream\n").into_bytes();
        body.extend_from_slice(&words::prose(&mut self.seed.stream("filling"), filling));
        body.extend_from_slice(b"\nendstream");
        object(&mut out, &body);
        if self.with_sample {
            let eicar = deflate(&sample::eicar());
            let mut body = format!(
                "<< /Type /EmbeddedFile /Length {} /Filter /FlateDecode >>\nstream\n",
                eicar.len()
            )
            .into_bytes();
            body.extend_from_slice(&eicar);
            body.extend_from_slice(b"\nendstream");
            object(&mut out, &body);
        }
        let start = out.len();
        out.extend_from_slice(
            format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).as_bytes(),
        );
        for place in &places {
            out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
        }
        let id = self.seed.stream("id").token(32, HEX);
        out.extend_from_slice(
            format!(
                "trailer\n<< /Size {} /Root 1 0 R /Info 4 0 R /ID [<{id}> <{id}>] >>\nstartxref\n{start:010}\n%%EOF\n",
                places.len() + 1
            )
            .as_bytes(),
        );
        out
    }
}

impl Build for Pdf {
    fn build(&self) -> Vec<u8> {
        let mut pages = self.pages();
        loop {
            let without = self.skeleton(0, &pages).len();
            let len = usize::try_from(self.len).unwrap_or(0);
            match len.checked_sub(without) {
                Some(filling) => return self.skeleton(filling, &pages),
                None if pages.len() > 1 => drop(pages.pop()),
                None => return self.skeleton(0, &pages),
            }
        }
    }

    fn inside(&self) -> Vec<Inside> {
        let pages = self.pages();
        let text: Vec<&str> =
            pages.iter().flat_map(|page| page.lines.iter().map(String::as_str)).collect();
        let mut inside = vec![Inside::bytes("text", PartKind::Text, text.join("\n").into_bytes())];
        for (number, page) in pages.iter().enumerate() {
            let name = format!("page {} operators", number + 1);
            inside.push(Inside::bytes(&name, PartKind::Value, page.operators.clone()));
        }
        if self.with_sample {
            let mut member = Inside::bytes("attachment.com", PartKind::Member, sample::eicar());
            member.sample = true;
            inside.push(member);
        }
        inside
    }
}
