//! What is put in the place of what a third party is not to see.
//!
//! Masks keep lengths, so that offsets and counts stay true, and are a function of the original
//! bundle: the same secret has one mask wherever it stands, and whoever holds the original gets the
//! same redacted bundle again. Cannot see: an identity in a spelling that is none of the planted
//! facts, in the names of files and programs.

use belljar_record::{ByteString, Sha256Hex};
use belljar_schema::{DataItem, Fact, Manifest};
use sha2::Digest as _;
use std::cell::Cell;

/// Words of a text that came from what left are kept up to this length: methods, numbers.
const SHORT: usize = 8;
/// The shortest part of a name that is masked by itself.
const PART: usize = 4;
/// Words of protocols and of belljar's own descriptions.
const PROTOCOL: &str = "User-Agent Content-Type Content-Disposition Content-Length Authorization \
    Accept-Encoding Accept-Language multipart/form-data conversation datagrams remainder handshake \
    not readable, SSH not read further HTTP/1.1";

/// One secret and its mask, of the same length.
#[derive(Debug)]
struct Secret {
    lower: Vec<u8>,
    mask: Vec<u8>,
    /// Whether it counts only where it is not a piece of a longer word.
    word: bool,
}

/// Masks of one bundle.
#[derive(Debug)]
pub(crate) struct Masks {
    key: [u8; 32],
    secrets: Vec<Secret>,
    known: String,
    masked: Cell<u64>,
}

impl Masks {
    /// Masks for the facts of `manifest`, keyed by the digest of the original. `known` are texts of
    /// which words may stay: the plan, which is no secret.
    pub(crate) fn new(original: &[u8], manifest: &Manifest, known: &str) -> Self {
        let key = sha2::Sha256::new()
            .chain_update(b"belljar redaction\0")
            .chain_update(original)
            .finalize()
            .into();
        let mut masks =
            Self { key, secrets: Vec::new(), known: String::new(), masked: Cell::new(0) };
        for fact in manifest.facts.iter().filter(|fact| personal(fact)) {
            masks.add(&fact.value, fact.value.len() < 6);
            // A name or an address is told by its parts, too.
            if matches!(fact.item, DataItem::FullName | DataItem::Email) {
                for part in fact.value.split([' ', '@', '.']).filter(|part| part.len() >= PART) {
                    if !matches!(part, "example" | "mail" | "post" | "test") {
                        masks.add(part, true);
                    }
                }
            }
        }
        masks.secrets.sort_by(|a, b| b.lower.len().cmp(&a.lower.len()).then(a.lower.cmp(&b.lower)));
        masks.secrets.dedup_by(|a, b| a.lower == b.lower);
        let user = manifest.facts.iter().find(|fact| fact.item == DataItem::UserName);
        let home =
            user.map_or_else(String::new, |fact| masks.text(&format!("/home/{}", fact.value)));
        masks.known = format!("{known}\n{}\n{PROTOCOL}", known.replace("{home}", &home));
        for decoy in &manifest.decoys {
            masks.known.push('\n');
            masks.known.push_str(&masks.text(&decoy.path));
        }
        masks.masked.set(0);
        masks
    }

    /// How many places were masked.
    pub(crate) fn count(&self) -> u64 {
        self.masked.get()
    }

    fn add(&mut self, secret: &str, word: bool) {
        if secret.len() < 3 {
            return;
        }
        let lower = secret.to_ascii_lowercase().into_bytes();
        let mut stream = Vec::new();
        while stream.len() < lower.len() {
            let block = sha2::Sha256::new()
                .chain_update(self.key)
                .chain_update((stream.len() as u64).to_le_bytes())
                .chain_update(&lower)
                .finalize();
            stream.extend_from_slice(&block);
        }
        let mask = lower
            .iter()
            .zip(&stream)
            .map(|(&byte, draw)| match byte {
                b'-' | b'.' | b'@' | b' ' => byte,
                _ => b'a' + draw % 26,
            })
            .collect();
        self.secrets.push(Secret { lower, mask, word });
    }

    fn bytes_of(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        let mut lower = bytes.to_ascii_lowercase();
        for secret in &self.secrets {
            let len = secret.lower.len();
            let mut at = 0;
            while at + len <= lower.len() {
                let fits = lower[at..at + len] == secret.lower[..]
                    && !(secret.word && joined(&lower, at, len));
                if fits {
                    out[at..at + len].copy_from_slice(&secret.mask);
                    // What is masked is no longer looked at.
                    lower[at..at + len].fill(0);
                    self.masked.set(self.masked.get() + 1);
                    at += len;
                } else {
                    at += 1;
                }
            }
        }
        out
    }

    /// A text without what tells who the person is.
    pub(crate) fn text(&self, text: &str) -> String {
        // Masks are ASCII and replace whole characters: an ASCII letter never equals a part of one.
        String::from_utf8_lossy(&self.bytes_of(text.as_bytes())).into_owned()
    }

    /// As [`Masks::text`], for bytes.
    pub(crate) fn bytes(&self, bytes: &ByteString) -> ByteString {
        ByteString(self.bytes_of(bytes.as_bytes()))
    }

    /// A text that came from what left or from a command line: words that are longer than a few
    /// letters and that the plan does not hold are told by their length only.
    pub(crate) fn foreign(&self, text: &str) -> String {
        let text = self.text(text);
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        for c in text.chars() {
            if c.is_whitespace() || "()[]{}<>,;\"'=&?".contains(c) {
                self.word(&mut out, &mut word);
                out.push(c);
            } else {
                word.push(c);
            }
        }
        self.word(&mut out, &mut word);
        out
    }

    fn word(&self, out: &mut String, word: &mut String) {
        if word.len() <= SHORT || self.known.contains(word.as_str()) {
            out.push_str(word);
        } else {
            out.push_str(&format!("[{} bytes]", word.len()));
            self.masked.set(self.masked.get() + 1);
        }
        word.clear();
    }

    pub(crate) fn foreign_bytes(&self, bytes: &ByteString) -> ByteString {
        ByteString::from(self.foreign(&bytes.lossy()))
    }

    /// A host name: as it is where the plan names it or it is an address; else the labels before
    /// the last two, which could carry anything, are told by a digest.
    pub(crate) fn host(&self, name: &str) -> String {
        let plain = name.trim_end_matches('.');
        if plain.parse::<std::net::IpAddr>().is_ok() || self.names(plain) {
            return name.to_owned();
        }
        let labels: Vec<&str> = plain.split('.').collect();
        let mut kept = labels.len().saturating_sub(2);
        // The longest end that the plan names.
        for from in 1..labels.len() {
            if self.names(&labels[from..].join(".")) {
                kept = from;
                break;
            }
        }
        self.masked.set(self.masked.get() + 1);
        let digest = self.digest(plain);
        let end = self.text(&labels[kept..].join("."));
        if kept == 0 { end } else { format!("masked-{}.{end}", &digest[..8]) }
    }

    /// Whether the plan holds a name as a whole one, not as a piece of another.
    fn names(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        !name.is_empty()
            && self.known.match_indices(&name).any(|(at, found)| {
                !joined(self.known.as_bytes(), at, found.len())
                    && self.known.as_bytes().get(at + found.len()) != Some(&b'.')
            })
    }

    pub(crate) fn host_bytes(&self, name: &ByteString) -> ByteString {
        ByteString::from(self.host(&name.lossy()))
    }

    /// In the place of a digest, one that nobody can compare with a guess; of the same length.
    pub(crate) fn digest(&self, digest: &str) -> String {
        let block =
            sha2::Sha256::new().chain_update(self.key).chain_update(digest.as_bytes()).finalize();
        let hex = Sha256Hex::from_digest(&block).to_string();
        hex[..digest.len().min(hex.len())].to_owned()
    }

    pub(crate) fn sha256(&self, digest: &Sha256Hex) -> Sha256Hex {
        let block = sha2::Sha256::new()
            .chain_update(self.key)
            .chain_update(digest.as_str().as_bytes())
            .finalize();
        Sha256Hex::from_digest(&block)
    }
}

/// Whether a fact tells who the person is, or which machine it is: not what the component is, and
/// not what half the world shares (a time zone, a language).
pub(super) fn personal(fact: &Fact) -> bool {
    !fact.common
        && matches!(
            fact.item,
            DataItem::UserName
                | DataItem::FullName
                | DataItem::Email
                | DataItem::Hostname
                | DataItem::MachineId
                | DataItem::InstallationId
                | DataItem::Hardware
                | DataItem::Network
        )
}

/// Whether a word is a piece of a longer one.
fn joined(text: &[u8], at: usize, len: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    let after = text.get(at + len);
    [before, after].into_iter().flatten().any(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks() -> Masks {
        let fact = |item, value: &str| Fact { item, value: value.into(), common: false };
        let manifest = Manifest {
            generator: String::new(),
            scenario: String::new(),
            seed: 0,
            facts: vec![
                fact(DataItem::UserName, "lashcombe34"),
                fact(DataItem::FullName, "Laura Ashcombe"),
            ],
            decoys: Vec::new(),
        };
        Masks::new(b"original", &manifest, "POST /v1/submit *.vendor.example store.example")
    }

    #[test]
    fn a_secret_has_one_mask_of_its_length_in_any_case_and_place() {
        let masks = masks();
        let one = masks.text("/home/lashcombe34/Laura.txt");
        assert_eq!(one.len(), "/home/lashcombe34/Laura.txt".len());
        assert!(!one.to_lowercase().contains("lash") && !one.to_lowercase().contains("laura"));
        assert!(masks.text("LASHCOMBE34").contains(&one[6..17]));
        assert_eq!(masks.text("Lauralee"), "Lauralee", "a piece of another word");
    }

    #[test]
    fn words_that_the_plan_does_not_hold_are_told_by_their_length() {
        let masks = masks();
        assert_eq!(
            masks.foreign("POST /v1/submit?q=c2VjcmV0LXNlY3JldA"),
            "POST /v1/submit?q=[18 bytes]"
        );
    }

    #[test]
    fn labels_that_could_carry_something_are_masked() {
        let masks = masks();
        assert_eq!(masks.host("store.example"), "store.example");
        assert_eq!(masks.host("198.51.100.7"), "198.51.100.7");
        let told = masks.host("c2VjcmV0.more.vendor.example");
        assert!(told.starts_with("masked-") && told.ends_with(".vendor.example"), "{told}");
        assert!(!masks.host("c2VjcmV0.evil.example").contains("c2Vj"));
    }
}
