//! The harmless sample that every engine knows.
//!
//! The EICAR test file (68 bytes, <https://www.eicar.org>) stands in no file of the sources nor in
//! the program: it is put together from two halves, one of them turned round, when it is planted.

use crate::content::{Content, Literal};
use sha2::Digest as _;
use std::sync::Arc;

/// Bytes of the sample.
pub(crate) const EICAR_LEN: u64 = 68;

const FRONT_REVERSED: &[u8] = b"}7)CC7)^P(45XZP\\4[PA@%P!O5X";
const BACK: &[u8] = b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";

/// The EICAR test file.
pub(crate) fn eicar() -> Vec<u8> {
    FRONT_REVERSED.iter().rev().chain(BACK).copied().collect()
}

/// The sample as content.
pub(crate) fn content() -> Arc<dyn Content> {
    Literal::arc(eicar())
}

/// Its bytes in hexadecimal.
pub(crate) fn eicar_hex() -> String {
    data_encoding::HEXLOWER.encode(&eicar())
}

/// Its MD5 in hexadecimal.
pub(crate) fn eicar_md5() -> String {
    data_encoding::HEXLOWER.encode(&md5::Md5::digest(eicar()))
}

/// Its SHA-256 in hexadecimal.
pub(crate) fn eicar_sha256() -> String {
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(eicar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_the_published_one() {
        assert_eq!(eicar().len() as u64, EICAR_LEN);
        assert_eq!(eicar_md5(), "44d88612fea8a8f36de82e1278abb02f");
        assert_eq!(
            eicar_sha256(),
            "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
        );
    }
}
