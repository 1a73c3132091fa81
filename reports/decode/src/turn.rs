//! What is done to every byte, or to the order of all: reversal, reversal of bits, a number added,
//! letters moved along the alphabet. None of these leaves a mark, so they are tried.
//!
//! The number that was added is not known: where the bytes tell it (text, or many zero bytes), those
//! few are tried; where they do not (compressed content), all are, for objects up to [`TRY_ALL`]: the
//! payload, its parts, and the first few that were decoded from these. Cannot see: numbers added to
//! longer or deeper content in which no byte stands out, to text in digits so that it is still text, or
//! to text of which more than a quarter is one sign that is no blank, begins no escape
//! and is neither 0 nor A.

use crate::Decoder;
use std::cell::OnceCell;
use std::sync::LazyLock;

/// The longest object for which all 255 numbers are tried.
pub(crate) const TRY_ALL: usize = 8 << 10;

/// Numbers that are tried at most where what comes out is text.
const LIKELY: usize = 16;
/// The share of digits and what stands between them in what is written in digits only.
const DIGITS: f64 = 0.97;
/// The most frequent byte is at least one of so many, or it tells nothing.
const STANDS_OUT: u32 = 24;

/// Whether `decoder` is one of this module's.
pub(crate) fn is_turn(decoder: Decoder) -> bool {
    matches!(
        decoder,
        Decoder::Reversed | Decoder::BitsReversed | Decoder::ByteAddition | Decoder::LetterRotation
    )
}

/// Undoes it. `detail` is the number in decimal digits where there is one.
pub(crate) fn decode(decoder: Decoder, detail: Option<&[u8]>, mut bytes: Vec<u8>) -> Vec<u8> {
    let number = detail
        .and_then(|detail| std::str::from_utf8(detail).ok()?.parse::<u8>().ok())
        .unwrap_or_default();
    match decoder {
        Decoder::Reversed => bytes.reverse(),
        Decoder::BitsReversed => bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits()),
        Decoder::ByteAddition => {
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(number));
        }
        Decoder::LetterRotation => bytes.iter_mut().for_each(|byte| {
            let first = match byte {
                b'a'..=b'z' => b'a',
                b'A'..=b'Z' => b'A',
                _ => return,
            };
            *byte = first + (*byte - first + 26 - number % 26) % 26;
        }),
        _ => {}
    }
    bytes
}

/// Marks with which files and streams begin, four bytes each at least.
const MARKS: [&[u8]; 16] = [
    b"PK\x03\x04",
    b"\x1f\x8b\x08\x00",
    b"\x1f\x8b\x08\x08",
    b"BZh91AY",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\x5d\0\0\x80\0",
    b"%PDF-1.",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"\x7fELF",
    b"SQLite format 3\0",
    b"\xd0\xcf\x11\xe0\xa1\xb1",
    b"Rar!\x1a\x07",
];

/// Whether something begins as a file or stream does.
pub(crate) fn has_mark(bytes: &[u8]) -> bool {
    MARKS.iter().any(|mark| bytes.starts_with(mark))
}

/// How zlib streams of the usual kinds begin.
const ZLIB: [&[u8]; 4] = [b"\x78\x9c", b"\x78\x01", b"\x78\xda", b"\x78\x5e"];

/// The number that was added to a file or stream, told by the mark with which it begins.
pub(crate) fn added_to_mark(bytes: &[u8]) -> Option<u8> {
    MARKS.iter().chain(&ZLIB).find_map(|mark| {
        let head = bytes.get(..mark.len())?;
        let number = head[0].wrapping_sub(mark[0]);
        let same = head.iter().zip(*mark).all(|(byte, of)| byte.wrapping_sub(number) == *of);
        (number != 0 && same).then_some(number)
    })
}

/// `n · log₂ n`, from a table for the small numbers that there are most of.
#[inline]
fn times_its_logarithm(number: u32) -> f64 {
    static SMALL: LazyLock<[f64; 512]> = LazyLock::new(|| {
        std::array::from_fn(|n| if n == 0 { 0.0 } else { n as f64 * (n as f64).log2() })
    });
    match SMALL.get(number as usize) {
        Some(&known) => known,
        None => f64::from(number) * f64::from(number).log2(),
    }
}

/// How often each byte stands in something.
pub(crate) struct Counts {
    counts: [u32; 256],
    all: u32,
    entropy: OnceCell<f64>,
}

impl Counts {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        // Two counters for each byte: the same one twice in a row would have to wait for itself.
        let (mut counts, mut others) = ([0; 256], [0; 256]);
        let (pairs, last) = bytes.as_chunks::<2>();
        for &[first, second] in pairs {
            counts[first as usize] += 1;
            others[second as usize] += 1;
        }
        for &byte in last {
            counts[byte as usize] += 1;
        }
        for (count, other) in counts.iter_mut().zip(others) {
            *count += other;
        }
        let all = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { counts, all, entropy: OnceCell::new() }
    }

    /// How many bytes are printable if a number was added, for each number.
    fn all_printable(&self) -> [u32; 256] {
        let mut below = [0; 513];
        for place in 0..512 {
            below[place + 1] = below[place] + self.counts[place & 255];
        }
        let mut printable = [0; 256];
        for (number, sum) in printable.iter_mut().enumerate() {
            let at = |byte: usize| self.counts[(byte + number) & 255];
            *sum = below[0x7f + number] - below[0x20 + number] + at(9) + at(10) + at(13);
        }
        printable
    }

    fn share(&self, number: u8, of: impl Fn(u8) -> bool) -> f64 {
        let sum: u32 = (0..=255_u8)
            .filter(|&byte| of(byte.wrapping_sub(number)))
            .map(|byte| self.counts[byte as usize])
            .sum();
        f64::from(sum) / f64::from(self.all.max(1))
    }

    fn printable(&self, number: u8) -> f64 {
        self.share(number, |b| matches!(b, 0x20..=0x7e | b'\t' | b'\r' | b'\n'))
    }

    fn natural(&self, number: u8) -> f64 {
        self.share(number, |b| b.is_ascii_lowercase() || matches!(b, b' ' | b'\n'))
    }

    /// Whether nearly all of it is printable ASCII.
    pub(crate) fn is_text(&self) -> bool {
        self.printable(0) >= 0.9
    }

    /// Shannon entropy, bits a byte.
    fn entropy(&self) -> f64 {
        *self.entropy.get_or_init(|| self.count_entropy())
    }

    fn count_entropy(&self) -> f64 {
        let all = f64::from(self.all.max(1));
        // Four sums: one addition need not wait for the other.
        let mut sums = [0.0; 4];
        for four in self.counts.as_chunks::<4>().0 {
            for (sum, &count) in sums.iter_mut().zip(four) {
                *sum += times_its_logarithm(count);
            }
        }
        all.log2() - sums.iter().sum::<f64>() / all
    }

    /// Whether it may be a compressed stream: no text, and bytes that are rather even.
    pub(crate) fn may_be_packed(&self) -> bool {
        let most = f64::from(self.all.clamp(1, 256)).log2();
        self.printable(0) < 0.97 && self.entropy() >= most - 1.3
    }

    /// Whether no byte stands out, as in compressed and encrypted content.
    pub(crate) fn is_even(&self) -> bool {
        // What `all` random bytes have, less what chance takes from it.
        let most = f64::from(self.all.clamp(1, 256)).log2();
        self.entropy() >= most - 0.9 && self.entropy() >= 4.5
    }

    /// Numbers that may have been added, likeliest first; `None` if any may.
    pub(crate) fn added(&self) -> Option<Vec<u8>> {
        let mut likely: Vec<(f64, u8)> = Vec::new();
        let printable = self.all_printable();
        let all = f64::from(self.all.max(1));
        let (text, natural) = (self.is_text(), self.natural(0));
        for number in 1..=255_u8 {
            if f64::from(printable[usize::from(number)]) / all < 0.97 {
                continue;
            }
            let score = self.natural(number);
            if !text || score > natural + 0.1 {
                likely.push((score, number));
            }
        }
        let mode = (0..=255_u8).max_by_key(|&b| self.counts[b as usize]).unwrap_or(0);
        // What is a quarter of a text is its blanks, what begins an escape, or what digits write for
        // zeros; differences of pixels are zeros themselves.
        if self.counts[usize::from(mode)] > self.all / 4 {
            let usual: &[u8] = if mode == 0 { b" %=&\\" } else { b" %=&\\0A" };
            likely.retain(|&(_, number)| usual.contains(&mode.wrapping_sub(number)));
        }
        likely.sort_by(|a, b| b.0.total_cmp(&a.0));
        if text {
            likely.truncate(2);
        }
        if likely.len() > LIKELY {
            // Bytes of a narrow range, as of digits only, are printable under many numbers.
            let most = likely.split_off(LIKELY / 2);
            let digits = |number| {
                self.share(number, |b| {
                    b.is_ascii_hexdigit() || matches!(b, b' ' | b'\n' | b'\r' | b',' | b':' | b'-')
                })
            };
            // Pixels are of a narrow range, too: what is not all digits is none of these.
            let most = most.into_iter().map(|(_, n)| (digits(n), n));
            let mut most: Vec<_> = most.filter(|&(share, _)| share >= DIGITS).collect();
            most.sort_by(|a, b| b.0.total_cmp(&a.0));
            likely.extend(most.into_iter().take(LIKELY / 2));
        }
        let mut numbers: Vec<u8> = likely.into_iter().map(|(_, number)| number).collect();
        if text {
            return Some(numbers);
        }
        if numbers.is_empty() && self.is_even() {
            return None;
        }
        // Zero bytes are the most frequent in most formats, blanks in most text: where they are,
        // nothing was added. Where no byte stands out, none of these was there.
        let stands_out = self.counts[usize::from(mode)] >= self.all / STANDS_OUT;
        if numbers.is_empty() && stands_out && !matches!(mode, 0 | b' ' | 0xff) {
            numbers.extend([0, b' ', 0xff].map(|frequent| mode.wrapping_sub(frequent)));
        }
        Some(numbers)
    }

    /// How far letters may have been moved, if at all: judged by the letters that are frequent in
    /// European languages. Always 13, which is what is used.
    pub(crate) fn rotated(&self) -> Vec<u8> {
        if !self.is_text() || self.share(0, |b| b.is_ascii_alphabetic()) < 0.4 {
            return Vec::new();
        }
        let score = |by: u8| -> u32 {
            b"etaoinsr"
                .iter()
                .map(|&letter| {
                    let moved = (letter - b'a' + by) % 26;
                    self.counts[usize::from(b'a' + moved)] + self.counts[usize::from(b'A' + moved)]
                })
                .sum()
        };
        let best = (0..26_u8).max_by_key(|&by| score(by)).unwrap_or(0);
        let mut moved = vec![13];
        if best != 0 && best != 13 {
            moved.push(best);
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_to_text_and_to_zeros_is_guessed() {
        let text = b"The minutes of the meeting were sent to all members on Tuesday.".repeat(3);
        for number in [1_u8, 43, 128, 200, 255] {
            let added: Vec<u8> = text.iter().map(|b| b.wrapping_add(number)).collect();
            let guessed = Counts::of(&added).added().expect("few");
            assert!(guessed.contains(&number), "{number}: {guessed:?}");
        }
        let mut record = vec![0; 300];
        record.extend((0..300).map(|i| (i * 7) as u8));
        let added: Vec<u8> = record.iter().map(|b| b.wrapping_add(99)).collect();
        assert!(Counts::of(&added).added().expect("few").contains(&99));
    }

    #[test]
    fn what_is_printable_is_counted_as_byte_by_byte() {
        let bytes: Vec<u8> = (0..3001_u32).map(|i| (i * i % 251) as u8).collect();
        let counts = Counts::of(&bytes);
        for number in 0..=255_u8 {
            let plain = bytes
                .iter()
                .map(|b| b.wrapping_sub(number))
                .filter(|b| matches!(b, 0x20..=0x7e | b'\t' | b'\r' | b'\n'))
                .count();
            assert_eq!(counts.all_printable()[usize::from(number)] as usize, plain);
            let share = plain as f64 / bytes.len() as f64;
            assert!((counts.printable(number) - share).abs() < 1e-9);
        }
    }

    #[test]
    fn even_bytes_tell_nothing() {
        let noise: Vec<u8> =
            (0..2000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(Counts::of(&noise).added(), None);
    }

    #[test]
    fn letters_are_moved_back() {
        let undone = decode(Decoder::LetterRotation, Some(b"13"), b"Uryyb, Jbeyq 7!".to_vec());
        assert_eq!(undone, b"Hello, World 7!");
    }
}
