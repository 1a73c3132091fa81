//! Content that stands in fields: split over them, between others, or packed inside one.

mod encoders;

use belljar_decode::{Decoder, Step, replay};
use belljar_record::{BytesSource, Layer};
use encoders::{deflate, finds};

const TEXT: &[u8] = b"Minutes of the meeting of 3 March: the budget of the second quarter is \
    moved to the third, and nobody outside of the board is to be told of it before April.";

/// The steps that lead to `secret`, which give the same when they are applied again.
fn chain(payload: &[u8], secret: &[u8]) -> Vec<Step> {
    let chain = finds(payload, Layer::Stream, secret).expect("is found");
    let source = BytesSource::from(payload.to_vec());
    let again = replay(&source, Layer::Stream, &chain, 1 << 24).expect("applies again");
    assert!(memchr::memmem::find(&again, secret).is_some(), "{chain:?}");
    chain
}

fn only(payload: &[u8], secret: &[u8], by: Decoder) {
    let chain = chain(payload, secret);
    let decoders: Vec<Decoder> = chain.iter().map(|step| step.decoder).collect();
    assert_eq!(decoders, [by], "{chain:?}");
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(bytes);
    out
}

#[test]
fn fields_of_protocol_buffers_are_put_together() {
    // Repeated chunks, each a message with a number, its bytes, and a name.
    let mut message = Vec::new();
    for (number, piece) in TEXT.chunks(11).enumerate() {
        let mut inner = vec![0x08, number as u8];
        inner.extend(field(2, piece));
        inner.extend(field(3, b"x"));
        message.extend(field(1, &inner));
    }
    only(&message, TEXT, Decoder::Protobuf);
    // One field that is packed without a mark.
    let message = [vec![0x08, 0x07], field(2, &deflate(&TEXT.repeat(2))), field(3, b"state")];
    let found = chain(&message.concat(), TEXT);
    assert_eq!(found.last().map(|step| step.decoder), Some(Decoder::Deflate));
}

#[test]
fn items_of_cbor_and_messagepack_are_put_together() {
    let count = TEXT.chunks(11).count() as u8;
    let mut cbor = vec![0xa2, 0x61, b'n', 0x07, 0x64, b'd', b'a', b't', b'a', 0x98, count];
    let mut pack = vec![0x82, 0xa1, b'n', 0x07, 0xa4, b'd', b'a', b't', b'a', 0xdc, 0, count];
    for piece in TEXT.chunks(11) {
        cbor.push(0x40 | piece.len() as u8);
        cbor.extend_from_slice(piece);
        pack.extend_from_slice(&[0xc4, piece.len() as u8]);
        pack.extend_from_slice(piece);
    }
    only(&cbor, TEXT, Decoder::Cbor);
    only(&pack, TEXT, Decoder::MessagePack);
    // A string in pieces; bytes as numbers of a list.
    let mut pieces = vec![0xa1, 0x61, b'd', 0x5f];
    for piece in TEXT.chunks(11) {
        pieces.push(0x40 | piece.len() as u8);
        pieces.extend_from_slice(piece);
    }
    pieces.push(0xff);
    only(&pieces, TEXT, Decoder::Cbor);
    let mut numbers = vec![0x82, 0xa1, b'n', 0x07, 0xa1, b'd', 0xdc, 0, TEXT.len() as u8];
    for (place, byte) in TEXT.iter().enumerate() {
        numbers.extend_from_slice(if place % 2 == 0 { &[0xcc] } else { &[] });
        numbers.push(*byte);
    }
    only(&numbers, TEXT, Decoder::MessagePack);
}

#[test]
fn strings_of_asn_1_are_put_together() {
    let octets = |piece: &[u8]| [&[0x04, piece.len() as u8], piece].concat();
    let inner: Vec<u8> = TEXT.chunks(11).flat_map(octets).collect();
    let named = [&[0x0c, 5][..], b"state"].concat();
    let all = [named, vec![0x24, 0x81, inner.len() as u8], inner.clone()].concat();
    let whole = [&[0x30, 0x81, all.len() as u8], &all[..]].concat();
    only(&whole, TEXT, Decoder::Asn1);
    // With ends in place of lengths.
    let open = [&[0x30, 0x80, 0x24, 0x80][..], &inner, &[0, 0, 0, 0]].concat();
    only(&open, TEXT, Decoder::Asn1);
}

#[test]
fn what_is_packed_without_a_mark_is_read_inside_members_of_archives() {
    let packed = deflate(&TEXT.repeat(2));
    let header = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "a/", 0, 0, 0, 644, packed.len());
    let archive = [b"!<arch>\n", header.as_bytes(), &packed].concat();
    let found = chain(&archive, TEXT);
    assert_eq!(found.last().map(|step| step.decoder), Some(Decoder::Deflate), "{found:?}");
}

#[test]
fn streams_of_pdf_are_read_by_their_filters() {
    let digits: String = deflated_zlib(TEXT).iter().map(|byte| format!("{byte:02X}")).collect();
    let mut runs = Vec::new();
    for piece in TEXT.chunks(100) {
        runs.push(piece.len() as u8 - 1);
        runs.extend_from_slice(piece);
    }
    runs.push(128);
    let stream = |filters: &str, data: &[u8]| {
        let head = format!("%PDF-1.4\n1 0 obj\n<< /Length 9 /Filter {filters} >>\nstream\n");
        [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
    };
    let hex = stream("[/ASCIIHexDecode /FlateDecode]", format!("{digits}>").as_bytes());
    chain(&hex, TEXT);
    only(&stream("/RunLengthDecode", &runs), TEXT, Decoder::PdfStream);
    only(&stream("/LZWDecode", &lzw(TEXT)), TEXT, Decoder::PdfStream);
    let eighty_five = stream("[/A85 /LZW]", &ascii85(&lzw(TEXT)));
    only(&eighty_five, TEXT, Decoder::PdfStream);
}

fn deflated_zlib(bytes: &[u8]) -> Vec<u8> {
    encoders::zlib(bytes)
}

fn ascii85(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"<~".to_vec();
    for group in bytes.chunks(4) {
        let mut four = [0; 4];
        four[..group.len()].copy_from_slice(group);
        let number = u32::from_be_bytes(four);
        let five: Vec<u8> =
            (0..5).rev().map(|place| b'!' + (number / 85_u32.pow(place) % 85) as u8).collect();
        match number {
            0 if group.len() == 4 => out.push(b'z'),
            _ => out.extend_from_slice(&five[..=group.len()]),
        }
    }
    out.extend_from_slice(b"~>");
    out
}

/// An encoder in the plainest form: phrases looked up in a list.
fn lzw(bytes: &[u8]) -> Vec<u8> {
    let mut phrases: Vec<Vec<u8>> = Vec::new();
    let mut codes: Vec<(usize, u32)> = vec![(256, 9)];
    let (mut at, mut width) = (0, 9);
    while at < bytes.len() {
        let known = phrases
            .iter()
            .enumerate()
            .filter(|(_, phrase)| bytes[at..].starts_with(phrase))
            .max_by_key(|(_, phrase)| phrase.len());
        let (code, len) = known
            .map_or((usize::from(bytes[at]), 1), |(place, phrase)| (258 + place, phrase.len()));
        codes.push((code, width));
        if at + len < bytes.len() {
            phrases.push(bytes[at..=at + len].to_vec());
        }
        // The decoder knows one phrase less, and grows one code early.
        if phrases.len() + 258 >= (1 << width) {
            width += 1;
        }
        at += len;
    }
    codes.push((257, width));
    let mut bits = Vec::new();
    for (code, width) in codes {
        bits.extend((0..width).rev().map(|bit| code >> bit & 1 == 1));
    }
    bits.chunks(8)
        .map(|eight| {
            eight.iter().enumerate().fold(0, |byte, (i, &bit)| byte | u8::from(bit) << (7 - i))
        })
        .collect()
}

#[test]
fn words_and_random_bytes_are_of_no_form() {
    use belljar_decode::Budget;
    let structured = |payload: &[u8]| {
        let (found, _) = encoders::all(payload, Layer::Stream, &Budget::default());
        found.into_iter().any(|(chain, _)| {
            chain.iter().any(|step| {
                matches!(
                    step.decoder,
                    Decoder::Protobuf | Decoder::Cbor | Decoder::MessagePack | Decoder::Asn1
                )
            })
        })
    };
    assert!(!structured(&TEXT.repeat(3)));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..300 {
        let noise: Vec<u8> = (0..200)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect();
        assert!(!structured(&noise));
    }
}
