//! What opens only with something more than its place: an order of bits, a password, a key.

use super::{Expect, Graph, Sealed};
use crate::span::Span;
use crate::{Decoder, cipher, keys, picture, zip_secret};
use belljar_record::ByteString;

impl Graph<'_> {
    /// What needs to be told more than where it begins. `start` is the place in `bytes`, which stand
    /// at `at` of `span`. Says whether `decoder` is of that kind.
    pub(super) fn keyed(
        &mut self,
        decoder: Decoder,
        span: Span<'_>,
        base: u64,
        (bytes, start): (&[u8], usize),
        at: u64,
    ) -> bool {
        let details: Vec<ByteString> = match decoder {
            Decoder::LowBits => {
                picture::orders(&bytes[start..]).into_iter().map(ByteString::from).collect()
            }
            Decoder::EncryptedZip | Decoder::OpenSsl => {
                if self.secrets == 0 {
                    return true;
                }
                self.secrets -= 1;
                let mut passwords = keys::passwords(bytes);
                if !self.chain.is_empty() {
                    passwords.extend(keys::passwords(&self.ends));
                }
                match decoder {
                    Decoder::EncryptedZip => zip_secret::password(&bytes[start..], &passwords),
                    _ => cipher::unsalt(&bytes[start..], &passwords),
                }
                .into_iter()
                .collect()
            }
            _ => return false,
        };
        for detail in details {
            let range = at + start as u64..at + bytes.len() as u64;
            self.child(decoder, Some(detail), span, base, range, Expect::bytes(8));
        }
        true
    }

    /// What has been set aside because a key for it may have been seen later.
    pub(super) fn ciphers(&mut self) {
        let keys = std::mem::take(&mut self.keys_seen);
        for sealed in std::mem::take(&mut self.sealed) {
            let Sealed { chain, lengths, base, bytes } = sealed;
            self.meter.work(bytes.len() as u64 * 16);
            let inside = match chain.first() {
                None => base..base + bytes.len() as u64,
                // What was put together may have its key in between.
                Some(step) if step.decoder == Decoder::Part => 0..0,
                Some(step) => step.input.clone(),
            };
            let (keys, nonces) = keys.outside(&inside);
            let Some(opened) = cipher::open(&bytes, &keys, &nonces) else { continue };
            self.chain = chain;
            self.lengths = lengths;
            let decoder = match opened.mode {
                cipher::Mode::ChaCha => Decoder::ChaCha20,
                _ => Decoder::Aes,
            };
            let range = opened.range.start as u64..opened.range.end as u64;
            let span = Span::Near(&bytes);
            self.child(decoder, Some(opened.detail), span, base, range, Expect::bytes(16));
            self.chain.clear();
            self.lengths.clear();
        }
    }
}
