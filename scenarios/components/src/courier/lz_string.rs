//! LZ-string (Pieroxy), the form for URLs (`compressToEncodedURIComponent`): LZ78 over characters,
//! six bits a letter. Bytes are taken as the characters U+0000 to U+00FF.

use std::collections::HashMap;

const ALPHABET: &[u8; 65] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$";

#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    value: usize,
    position: u32,
}

impl Bits {
    fn bit(&mut self, bit: usize) {
        self.value = self.value << 1 | bit;
        self.position += 1;
        if self.position == 6 {
            self.out.push(ALPHABET[self.value]);
            self.value = 0;
            self.position = 0;
        }
    }

    /// Least significant bit first.
    fn number(&mut self, number: usize, bits: u32) {
        for place in 0..bits {
            self.bit(number >> place & 1);
        }
    }

    fn end(mut self) -> Vec<u8> {
        loop {
            self.value <<= 1;
            if self.position == 5 {
                self.out.push(ALPHABET[self.value]);
                return self.out;
            }
            self.position += 1;
        }
    }
}

/// Codes, and how wide they are by now.
struct Dictionary {
    codes: HashMap<Vec<u8>, usize>,
    /// Characters whose first use is still to be written out.
    fresh: [bool; 256],
    next: usize,
    enlarge_in: usize,
    bits: u32,
}

impl Dictionary {
    fn counted(&mut self) {
        self.enlarge_in -= 1;
        if self.enlarge_in == 0 {
            self.enlarge_in = 1 << self.bits;
            self.bits += 1;
        }
    }

    fn write(&mut self, phrase: &[u8], bits: &mut Bits) {
        if let [byte] = *phrase
            && std::mem::take(&mut self.fresh[usize::from(byte)])
        {
            bits.number(0, self.bits);
            bits.number(usize::from(byte), 8);
            self.counted();
        } else {
            bits.number(self.codes.get(phrase).copied().unwrap_or(0), self.bits);
        }
        self.counted();
    }
}

/// Compresses.
pub(crate) fn compress(plain: &[u8]) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut dictionary =
        Dictionary { codes: HashMap::new(), fresh: [false; 256], next: 3, enlarge_in: 2, bits: 2 };
    let mut phrase: Vec<u8> = Vec::new();
    for &byte in plain {
        if !dictionary.codes.contains_key(&[byte][..]) {
            dictionary.codes.insert(vec![byte], dictionary.next);
            dictionary.next += 1;
            dictionary.fresh[usize::from(byte)] = true;
        }
        phrase.push(byte);
        if !dictionary.codes.contains_key(&phrase) {
            phrase.pop();
            dictionary.write(&phrase, &mut bits);
            phrase.push(byte);
            dictionary.codes.insert(std::mem::replace(&mut phrase, vec![byte]), dictionary.next);
            dictionary.next += 1;
        }
    }
    if !phrase.is_empty() {
        dictionary.write(&phrase, &mut bits);
    }
    // The mark of the end.
    bits.number(2, dictionary.bits);
    bits.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_implementation_gives_the_same() {
        assert_eq!(compress(b"hello"), b"BYUwNmD2Q");
    }
}
