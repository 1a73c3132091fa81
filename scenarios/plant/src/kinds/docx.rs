//! Word documents (ECMA-376, WordprocessingML in an OPC package).
//!
//! The text and the small parts are deflated as Word does it. What is left of the length goes into
//! a stored custom XML part, which every reader keeps and none shows. The marking stands in the
//! header of every page and in the first and last paragraph. Text is at most 384 KiB; a larger
//! document is larger by its custom part.

use super::sample;
use super::zip::{PackageFile, Packing, package};
use crate::calendar::Moment;
use crate::content::{Build, Flip, Inside};
use crate::seed::{Draw as _, HEX, Seed};
use crate::words;
use belljar_record::PartKind;
use std::fmt::Write as _;

const MOST_TEXT: u64 = 384 << 10;
const PAD_NAME: &str = "customXml/item1.xml";
const PAD_FRONT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<notes>";
const PAD_BACK: &str = "</notes>\n";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const SAMPLE_NAME: &str = "word/embeddings/attachment1.bin";

/// Least length of a document.
pub(crate) const LEAST: u64 = 8 << 10;

#[derive(Debug)]
pub(crate) struct Docx {
    pub(crate) seed: Seed,
    pub(crate) len: u64,
    pub(crate) marking: Option<String>,
    pub(crate) author: String,
    pub(crate) when: Moment,
    pub(crate) with_sample: bool,
    pub(crate) flip: Option<Flip>,
}

impl Docx {
    fn title(&self) -> String {
        words::title(&mut self.seed.stream("title"))
    }

    /// The paragraphs, for a text of about so many bytes. The beginning does not depend on it.
    fn paragraphs(&self, bytes: u64) -> Vec<String> {
        let count = usize::try_from(bytes.min(MOST_TEXT)).unwrap_or(0);
        let mut text = Vec::with_capacity(count + 1024);
        let mut paragraph = 0_u64;
        while text.len() < count {
            let mut stream = self.seed.child("text").block(paragraph);
            for sentence in 0..3 + stream.below(5) {
                if sentence > 0 {
                    text.push(b' ');
                }
                words::sentence(&mut stream, &mut text);
            }
            text.push(b'\n');
            paragraph += 1;
        }
        if let Some(flip) = self.flip {
            flip.in_text(&mut text);
        }
        String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
    }

    fn document(&self, paragraphs: &[String]) -> String {
        let mut xml = format!(
            "{HEAD}<w:document xmlns:w=\"{WORD}\" xmlns:r=\"{OFFICE}/relationships\"><w:body>"
        );
        let mut add = |text: &str| {
            let _ = write!(xml, "<w:p><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>");
        };
        let title = self.title();
        let marking = self.marking.as_deref();
        marking.into_iter().for_each(&mut add);
        add(&title);
        paragraphs.iter().map(String::as_str).for_each(&mut add);
        marking.into_iter().for_each(&mut add);
        xml.push_str("<w:sectPr><w:headerReference w:type=\"default\" r:id=\"rId1\"/><w:pgSz w:w=\"11906\" w:h=\"16838\"/><w:pgMar w:top=\"1440\" w:right=\"1440\" w:bottom=\"1440\" w:left=\"1440\" w:header=\"708\" w:footer=\"708\" w:gutter=\"0\"/></w:sectPr></w:body></w:document>");
        xml
    }

    /// All files of the package but the one that fills up.
    fn files(&self, paragraphs: &[String]) -> Vec<PackageFile> {
        let deflated = |name: &str, text: String| PackageFile {
            name: name.to_owned(),
            bytes: text.into_bytes(),
            how: Packing::Deflated,
        };
        let types = format!(
            "{HEAD}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Default Extension=\"bin\" ContentType=\"application/octet-stream\"/><Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/><Override PartName=\"/word/header1.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml\"/><Override PartName=\"/docProps/core.xml\" ContentType=\"application/vnd.openxmlformats-package.core-properties+xml\"/></Types>"
        );
        let root = format!(
            "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/relationships/officeDocument\" Target=\"word/document.xml\"/><Relationship Id=\"rId2\" Type=\"{PACKAGE}/relationships/metadata/core-properties\" Target=\"docProps/core.xml\"/></Relationships>"
        );
        let relations = format!(
            "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/relationships/header\" Target=\"header1.xml\"/><Relationship Id=\"rId2\" Type=\"{OFFICE}/relationships/customXml\" Target=\"../{PAD_NAME}\"/></Relationships>"
        );
        let id = self.seed.stream("id").token(32, HEX);
        let marking = self.marking.as_deref().unwrap_or_default();
        let header = format!(
            "{HEAD}<w:hdr xmlns:w=\"{WORD}\"><w:p><w:r><w:t xml:space=\"preserve\">{marking} {id}</w:t></w:r></w:p></w:hdr>"
        );
        let core = format!(
            "{HEAD}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>{}</dc:title><dc:creator>{}</dc:creator><dc:identifier>{id}</dc:identifier><dcterms:created xsi:type=\"dcterms:W3CDTF\">{}</dcterms:created></cp:coreProperties>",
            self.title(),
            escape(&self.author),
            self.when.iso()
        );
        let mut files = vec![
            deflated("[Content_Types].xml", types),
            deflated("_rels/.rels", root),
            deflated("word/document.xml", self.document(paragraphs)),
            deflated("word/_rels/document.xml.rels", relations),
            deflated("word/header1.xml", header),
            deflated("docProps/core.xml", core),
        ];
        if self.with_sample {
            files.push(PackageFile {
                name: SAMPLE_NAME.into(),
                bytes: sample::eicar(),
                how: Packing::Stored,
            });
        }
        files
    }

    /// The text as it fits, and the package's files.
    fn made(&self) -> (Vec<String>, Vec<PackageFile>) {
        let pad_cost = super::zip::overhead(PAD_NAME) + (PAD_FRONT.len() + PAD_BACK.len()) as u64;
        // Prose deflates to somewhat less than half; when that was too hopeful, take less.
        let mut bytes = (self.len.saturating_sub(4096) * 7 / 4).min(MOST_TEXT);
        loop {
            let paragraphs = self.paragraphs(bytes);
            let mut files = self.files(&paragraphs);
            let now = package(&files, self.when).len() as u64;
            if let Some(left) = self.len.checked_sub(now + pad_cost) {
                let left = usize::try_from(left).unwrap_or(0);
                let mut pad = PAD_FRONT.as_bytes().to_vec();
                pad.extend_from_slice(&words::prose(&mut self.seed.stream("notes"), left));
                pad.extend_from_slice(PAD_BACK.as_bytes());
                let name = PAD_NAME.to_owned();
                files.push(PackageFile { name, bytes: pad, how: Packing::Stored });
                return (paragraphs, files);
            }
            if bytes == 0 {
                return (paragraphs, files);
            }
            bytes = bytes * 4 / 5;
            if bytes < 64 {
                bytes = 0;
            }
        }
    }
}

/// Text as XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Build for Docx {
    fn build(&self) -> Vec<u8> {
        package(&self.made().1, self.when)
    }

    fn inside(&self) -> Vec<Inside> {
        let (paragraphs, files) = self.made();
        let mut text: Vec<String> = self.marking.iter().cloned().collect();
        text.push(self.title());
        text.extend(paragraphs);
        text.extend(self.marking.iter().cloned());
        let mut inside = vec![Inside::bytes("text", PartKind::Text, text.join("\n").into_bytes())];
        inside.extend(files.into_iter().map(|file| {
            let mut member = Inside::bytes(&file.name, PartKind::Member, file.bytes);
            member.sample = file.name == SAMPLE_NAME;
            member
        }));
        inside
    }
}
