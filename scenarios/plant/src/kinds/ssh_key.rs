//! OpenSSH private keys (ed25519, `PROTOCOL.key` of OpenSSH), not encrypted.
//!
//! A file larger than the key is filled up with text after the end line, which programs skip.

use crate::content::{Build, Flip, Inside};
use crate::seed::Seed;
use crate::words;
use rand_core::Rng as _;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

/// Longest comment.
const LONGEST_COMMENT: usize = 120;

#[derive(Debug)]
pub(crate) struct SshKey {
    pub(crate) seed: Seed,
    pub(crate) len: u64,
    pub(crate) comment: String,
    pub(crate) flip: Option<Flip>,
}

/// The comment as it is written into the key.
pub(crate) fn comment(user: &str, hostname: &str) -> String {
    let mut comment = format!("{user}@{hostname}");
    comment.truncate(LONGEST_COMMENT);
    comment
}

/// Length of the armoured key: fixed but for the comment.
pub(crate) fn least(comment: &str) -> u64 {
    // Before the private section: magic 15, cipher, kdf and options 8 + 8 + 4, count 4, public key
    // 4 + 51, length 4. In it: check numbers 8, type 15, public 36, private 68, comment 4 + n,
    // filled up to a multiple of 8.
    let private = (8 + 15 + 36 + 68 + 4 + comment.len() as u64).next_multiple_of(8);
    let base64 = (98 + private).div_ceil(3) * 4;
    // Lines of 70, each with a line feed; the marker lines.
    base64 + base64.div_ceil(70) + 36 + 34
}

impl Build for SshKey {
    fn build(&self) -> Vec<u8> {
        let mut secret = [0; 32];
        self.seed.stream("private").fill_bytes(&mut secret);
        if let Some(flip) = self.flip {
            secret[(flip.offset % 32) as usize] ^= 1 << (flip.bit % 8);
        }
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&secret));
        let key = PrivateKey::new(pair, self.comment.as_str())
            .and_then(|key| key.to_openssh(LineEnding::LF))
            .expect("an ed25519 key of 32 bytes with a short comment can be written");
        let mut out = key.as_bytes().to_vec();
        let rest = usize::try_from(self.len).unwrap_or(0).saturating_sub(out.len());
        out.extend_from_slice(&words::prose(&mut self.seed.stream("after"), rest));
        out
    }

    fn inside(&self) -> Vec<Inside> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_known_before_the_key_exists() {
        for letters in 0..60 {
            let comment = "x".repeat(letters);
            let len = least(&comment);
            let key = SshKey { seed: Seed::new(letters as u64), len, comment, flip: None };
            assert_eq!(key.build().len() as u64, len, "{letters}");
        }
    }
}
