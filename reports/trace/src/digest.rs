//! Digests of decoys, of what is in them, and of parts of both.

use belljar_record::DecoySource;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-1 (FIPS 180-4).
    Sha1,
    /// MD5 (RFC 1321).
    Md5,
    /// MD4 (RFC 1320).
    Md4,
    /// SHA-224 (FIPS 180-4).
    Sha224,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
    /// SHA3-224 (FIPS 202).
    #[serde(rename = "sha3-224")]
    Sha3x224,
    /// SHA3-256 (FIPS 202).
    #[serde(rename = "sha3-256")]
    Sha3x256,
    /// SHA3-384 (FIPS 202).
    #[serde(rename = "sha3-384")]
    Sha3x384,
    /// SHA3-512 (FIPS 202).
    #[serde(rename = "sha3-512")]
    Sha3x512,
    /// BLAKE2b with 64 bytes (RFC 7693).
    #[serde(rename = "blake2b-512")]
    Blake2b,
    /// BLAKE2b with 32 bytes (RFC 7693).
    #[serde(rename = "blake2b-256")]
    Blake2b256,
    /// BLAKE2s with 32 bytes (RFC 7693).
    #[serde(rename = "blake2s-256")]
    Blake2s,
    /// BLAKE3 with 32 bytes.
    Blake3,
    /// RIPEMD-160.
    Ripemd160,
    /// Whirlpool (ISO/IEC 10118-3).
    Whirlpool,
    /// CRC-64 as xz and Go's ECMA table write it.
    Crc64,
    /// xxHash with 64 bits, seed 0.
    Xxh64,
    /// XXH3 with 64 bits, seed 0.
    Xxh3,
    /// XXH3 with 128 bits, seed 0.
    Xxh128,
    /// MurmurHash3 with 128 bits for 64-bit machines, seed 0.
    Murmur3,
    /// CRC-32 as zip, gzip and PNG write it. Four bytes are no proof by themselves: it is looked for
    /// only behind a label that names it.
    Crc32,
}

impl Algorithm {
    /// All that are proof by themselves.
    pub const ALL: [Self; 22] = [
        Self::Sha256,
        Self::Sha1,
        Self::Md5,
        Self::Md4,
        Self::Sha224,
        Self::Sha384,
        Self::Sha512,
        Self::Sha3x224,
        Self::Sha3x256,
        Self::Sha3x384,
        Self::Sha3x512,
        Self::Blake2b,
        Self::Blake2b256,
        Self::Blake2s,
        Self::Blake3,
        Self::Ripemd160,
        Self::Whirlpool,
        Self::Crc64,
        Self::Xxh64,
        Self::Xxh3,
        Self::Xxh128,
        Self::Murmur3,
    ];

    /// The name as written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha1 => "SHA-1",
            Self::Md5 => "MD5",
            Self::Md4 => "MD4",
            Self::Sha224 => "SHA-224",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha3x224 => "SHA3-224",
            Self::Sha3x256 => "SHA3-256",
            Self::Sha3x384 => "SHA3-384",
            Self::Sha3x512 => "SHA3-512",
            Self::Blake2b => "BLAKE2b",
            Self::Blake2b256 => "BLAKE2b-256",
            Self::Blake2s => "BLAKE2s",
            Self::Blake3 => "BLAKE3",
            Self::Ripemd160 => "RIPEMD-160",
            Self::Whirlpool => "Whirlpool",
            Self::Crc64 => "CRC-64",
            Self::Xxh64 => "xxHash64",
            Self::Xxh3 => "XXH3",
            Self::Xxh128 => "XXH128",
            Self::Murmur3 => "MurmurHash3",
            Self::Crc32 => "CRC-32",
        }
    }

    /// A digest that nothing has been put into yet.
    pub(crate) fn begin(self) -> Box<dyn Running> {
        match self {
            Self::Sha256 => Box::new(Of(sha2::Sha256::new())),
            Self::Sha1 => Box::new(Of(sha1::Sha1::new())),
            Self::Md5 => Box::new(Of(md5::Md5::new())),
            Self::Md4 => Box::new(Of(md4::Md4::new())),
            Self::Sha224 => Box::new(Of(sha2::Sha224::new())),
            Self::Sha384 => Box::new(Of(sha2::Sha384::new())),
            Self::Sha512 => Box::new(Of(sha2::Sha512::new())),
            Self::Sha3x224 => Box::new(Of(sha3::Sha3_224::new())),
            Self::Sha3x256 => Box::new(Of(sha3::Sha3_256::new())),
            Self::Sha3x384 => Box::new(Of(sha3::Sha3_384::new())),
            Self::Sha3x512 => Box::new(Of(sha3::Sha3_512::new())),
            Self::Blake2b => Box::new(Of(blake2::Blake2b512::new())),
            Self::Blake2b256 => Box::new(Of(blake2::Blake2b256::new())),
            Self::Blake2s => Box::new(Of(blake2::Blake2s256::new())),
            Self::Blake3 => Box::new(blake3::Hasher::new()),
            Self::Ripemd160 => Box::new(Of(ripemd::Ripemd160::new())),
            Self::Whirlpool => Box::new(Of(whirlpool::Whirlpool::new())),
            Self::Crc64 => Box::new(Crc64(CRC64.digest())),
            Self::Xxh64 => Box::new(twox_hash::XxHash64::with_seed(0)),
            Self::Xxh3 => Box::new(twox_hash::XxHash3_64::new()),
            Self::Xxh128 => Box::new(twox_hash::XxHash3_128::new()),
            Self::Murmur3 => Box::new(Murmur3::default()),
            Self::Crc32 => Box::new(Crc32(CRC32.digest())),
        }
    }

    /// Bytes that HMAC fills its key up to (RFC 2104); none for what is no cryptographic digest, or
    /// has a keyed form of its own.
    pub(crate) fn block(self) -> Option<usize> {
        match self {
            Self::Sha256 | Self::Sha1 | Self::Md5 | Self::Md4 | Self::Sha224 => Some(64),
            Self::Ripemd160 | Self::Whirlpool => Some(64),
            Self::Sha384 | Self::Sha512 => Some(128),
            Self::Sha3x224 => Some(144),
            Self::Sha3x256 => Some(136),
            Self::Sha3x384 => Some(104),
            Self::Sha3x512 => Some(72),
            _ => None,
        }
    }

    /// The digest of all bytes of `source`.
    pub fn digest(self, source: &dyn DecoySource) -> Vec<u8> {
        self.salted(source, 0..source.len(), None)
    }

    /// The digest of `range` of `source`, perhaps with a salt.
    pub fn salted(
        self,
        source: &dyn DecoySource,
        range: std::ops::Range<u64>,
        salt: Option<(&[u8], Salted)>,
    ) -> Vec<u8> {
        let mut running = self.begin();
        let mut outer = None;
        match salt {
            Some((salt, Salted::Before)) => running.update(salt),
            Some((key, Salted::Hmac)) => {
                let Some(block) = self.block() else { return Vec::new() };
                let mut key = match key.len() > block {
                    true => {
                        let mut short = self.begin();
                        short.update(key);
                        short.finish()
                    }
                    false => key.to_vec(),
                };
                key.resize(block, 0);
                running.update(&key.iter().map(|byte| byte ^ 0x36).collect::<Vec<_>>());
                outer = Some(key.iter().map(|byte| byte ^ 0x5c).collect::<Vec<_>>());
            }
            Some((_, Salted::After)) | None => {}
        }
        let (mut buffer, mut at) = (vec![0; 64 << 10], range.start);
        while at < range.end {
            let want = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(buffer.len());
            let filled = source.read_at(at, &mut buffer[..want]);
            if filled == 0 {
                break;
            }
            running.update(&buffer[..filled]);
            at += filled as u64;
        }
        if let Some((salt, Salted::After)) = salt {
            running.update(salt);
        }
        let inner = running.finish();
        match outer {
            None => inner,
            Some(outer) => {
                let mut running = self.begin();
                running.update(&outer);
                running.update(&inner);
                running.finish()
            }
        }
    }
}

/// How a salt is put to what is digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Salted {
    /// Before it.
    Before,
    /// After it.
    After,
    /// As the key of HMAC (RFC 2104).
    Hmac,
}

static CRC64: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_XZ);
static CRC32: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// A digest of what came so far.
pub(crate) trait Running {
    fn update(&mut self, bytes: &[u8]);
    /// The digest of what came so far; more may come.
    fn finish(&self) -> Vec<u8>;
}

struct Of<D>(D);

impl<D: sha2::Digest + Clone> Running for Of<D> {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }
}

impl Running for blake3::Hasher {
    fn update(&mut self, bytes: &[u8]) {
        Self::update(self, bytes);
    }
    fn finish(&self) -> Vec<u8> {
        self.finalize().as_bytes().to_vec()
    }
}

struct Crc64(crc::Digest<'static, u64>);

impl Running for Crc64 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().to_be_bytes().to_vec()
    }
}

impl Running for twox_hash::XxHash64 {
    fn update(&mut self, bytes: &[u8]) {
        std::hash::Hasher::write(self, bytes);
    }
    fn finish(&self) -> Vec<u8> {
        std::hash::Hasher::finish(self).to_be_bytes().to_vec()
    }
}

impl Running for twox_hash::XxHash3_64 {
    fn update(&mut self, bytes: &[u8]) {
        std::hash::Hasher::write(self, bytes);
    }
    fn finish(&self) -> Vec<u8> {
        std::hash::Hasher::finish(self).to_be_bytes().to_vec()
    }
}

impl Running for twox_hash::XxHash3_128 {
    fn update(&mut self, bytes: &[u8]) {
        self.write(bytes);
    }
    fn finish(&self) -> Vec<u8> {
        self.finish_128().to_be_bytes().to_vec()
    }
}

struct Crc32(crc::Digest<'static, u32>);

impl Running for Crc32 {
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().to_be_bytes().to_vec()
    }
}

/// MurmurHash3, x64, 128 bits (Appleby), its two halves as they lie in memory.
#[derive(Clone, Default)]
struct Murmur3 {
    halves: [u64; 2],
    rest: Vec<u8>,
    len: u64,
}

impl Murmur3 {
    const C: [u64; 2] = [0x87c3_7b91_1142_53d5, 0x4cf5_ad43_2745_937f];

    fn mixed(&self, block: u128) -> [u64; 2] {
        let [c1, c2] = Self::C;
        let (low, high) = (block as u64, (block >> 64) as u64);
        [
            self.halves[0] ^ low.wrapping_mul(c1).rotate_left(31).wrapping_mul(c2),
            self.halves[1] ^ high.wrapping_mul(c2).rotate_left(33).wrapping_mul(c1),
        ]
    }

    fn block(&mut self, block: [u8; 16]) {
        let [mut a, mut b] = self.mixed(u128::from_le_bytes(block));
        a = a.rotate_left(27).wrapping_add(self.halves[1]);
        a = a.wrapping_mul(5).wrapping_add(0x52dc_e729);
        b = b.rotate_left(31).wrapping_add(a);
        b = b.wrapping_mul(5).wrapping_add(0x3849_5ab5);
        self.halves = [a, b];
    }
}

impl Running for Murmur3 {
    fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let take = (16 - self.rest.len()).min(bytes.len());
            self.rest.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            let Some(&block) = self.rest.first_chunk::<16>() else { return };
            self.block(block);
            self.rest.clear();
        }
        let mut blocks = bytes.chunks_exact(16);
        for block in blocks.by_ref() {
            if let Some(&block) = block.first_chunk::<16>() {
                self.block(block);
            }
        }
        self.rest.extend_from_slice(blocks.remainder());
    }

    fn finish(&self) -> Vec<u8> {
        let mut tail = [0; 16];
        tail[..self.rest.len()].copy_from_slice(&self.rest);
        let [mut a, mut b] = self.mixed(u128::from_le_bytes(tail));
        let last = |mut half: u64| {
            half = (half ^ half >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
            half = (half ^ half >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            half ^ half >> 33
        };
        a ^= self.len;
        b ^= self.len;
        a = a.wrapping_add(b);
        b = b.wrapping_add(a);
        (a, b) = (last(a), last(b));
        a = a.wrapping_add(b);
        b = b.wrapping_add(a);
        [a.to_le_bytes(), b.to_le_bytes()].concat()
    }
}

/// Bytes of the digests of one content that the index keeps.
pub(crate) const ALL: usize = 68;

/// Where each algorithm's digest lies among them.
pub(crate) const PLACES: [(Algorithm, usize, usize); 3] =
    [(Algorithm::Sha256, 0, 32), (Algorithm::Sha1, 32, 20), (Algorithm::Md5, 52, 16)];

/// The digests that the index keeps, of a content that comes bit by bit.
#[derive(Default)]
pub(crate) struct Digests {
    sha256: sha2::Sha256,
    sha1: sha1::Sha1,
    md5: md5::Md5,
}

impl Digests {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.sha1.update(bytes);
        self.md5.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; ALL] {
        let mut all = [0; ALL];
        all[..32].copy_from_slice(&self.sha256.finalize());
        all[32..52].copy_from_slice(&self.sha1.finalize());
        all[52..].copy_from_slice(&self.md5.finalize());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use belljar_record::BytesSource;

    /// Digests of `abc` from the documents that define them (CRC-64/XZ and xxHash: of their own
    /// test vectors).
    #[test]
    fn digests_are_those_of_their_documents() {
        let hex = |algorithm: Algorithm, text: &str| {
            let digest = algorithm.digest(&BytesSource::from(text.as_bytes().to_vec()));
            digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        for (algorithm, begins) in [
            (Algorithm::Sha256, "ba7816bf8f01cfea"),
            (Algorithm::Sha1, "a9993e364706816a"),
            (Algorithm::Md5, "900150983cd24fb0"),
            (Algorithm::Md4, "a448017aaf21d852"),
            (Algorithm::Sha224, "23097d223405d822"),
            (Algorithm::Sha384, "cb00753f45a35e8b"),
            (Algorithm::Sha512, "ddaf35a193617aba"),
            (Algorithm::Sha3x224, "e642824c3f8cf24a"),
            (Algorithm::Sha3x256, "3a985da74fe225b2"),
            (Algorithm::Sha3x384, "ec01498288516fc9"),
            (Algorithm::Sha3x512, "b751850b1a57168a"),
            (Algorithm::Blake2b, "ba80a53f981c4d0d"),
            (Algorithm::Blake2s, "508c5e8c327c14e2"),
            (Algorithm::Blake3, "6437b3ac38465133"),
            (Algorithm::Ripemd160, "8eb208f7e05d987a"),
            (Algorithm::Whirlpool, "4e2448a4c6f486bb"),
            (Algorithm::Xxh64, "44bc2cf5ad770999"),
        ] {
            let found = hex(algorithm, "abc");
            assert!(found.starts_with(begins), "{}: {found}", algorithm.name());
        }
        assert_eq!(hex(Algorithm::Crc64, "123456789"), "995dc9bbdf1939fa");
        assert_eq!(hex(Algorithm::Crc32, "123456789"), "cbf43926");
        assert_eq!(hex(Algorithm::Murmur3, ""), "0".repeat(32));
        assert_eq!(hex(Algorithm::Murmur3, "hello"), "029bbd41b3a7d8cb191dae486a901e5b");
        let long = "The quick brown fox jumps over the lazy dog";
        assert_eq!(hex(Algorithm::Murmur3, long), "6c1b07bc7bbc4be347939ac4a93c437a");
    }

    #[test]
    fn salts_and_hmac_are_as_documented() {
        // RFC 4231, test case 2.
        let data = BytesSource::from(b"what do ya want for nothing?".to_vec());
        let digest = Algorithm::Sha256.salted(&data, 0..28, Some((b"Jefe", Salted::Hmac)));
        assert_eq!(digest[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        let before = Algorithm::Sha1.salted(&data, 4..28, Some((b"what", Salted::Before)));
        assert_eq!(before, Algorithm::Sha1.digest(&data));
        let after = Algorithm::Md5.salted(&data, 0..21, Some((b"othing?", Salted::After)));
        assert_eq!(after, Algorithm::Md5.digest(&data));
    }
}
