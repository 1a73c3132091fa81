//! What is put together from requests, queries, packets and lines.

mod encoders;

use belljar_record::Layer;
use encoders::{deflate, finds};

const SECRET: &[u8] = b"a secret of \x01\x02\xff\x00 some length, that is not to be read by others";

fn series(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
    }
    bytes
}

fn query(number: u16, labels: &[&[u8]]) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in labels {
        message.push(label.len() as u8);
        message.extend(*label);
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

#[test]
fn labels_are_put_in_the_order_of_their_numbers() {
    // base58 can only be read as a whole, so each label must be in its place.
    let text = encoders::base58(&SECRET.repeat(4));
    let mut queries: Vec<Vec<u8>> = text
        .chunks(100)
        .enumerate()
        .map(|(number, piece)| {
            let counter = format!("s{number}");
            let mut labels: Vec<&[u8]> = piece.chunks(60).collect();
            labels.extend([counter.as_bytes(), b"c-77", b"example"]);
            query(number as u16, &labels)
        })
        .collect();
    assert!(finds(&series(&queries), Layer::Datagram, SECRET).is_some());
    queries.reverse();
    assert!(finds(&series(&queries), Layer::Datagram, SECRET).is_some());
}

#[test]
fn queries_over_https_are_put_together() {
    let text = encoders::base58(&SECRET.repeat(2));
    let (mut posted, mut asked) = (Vec::new(), Vec::new());
    for (number, piece) in text.chunks(60).enumerate() {
        let message = query(number as u16, &[piece, b"c-77", b"example"]);
        let head = format!(
            "POST /dns-query HTTP/1.1\r\nHost: v.example\r\nContent-Type: application/dns-message\
             \r\nContent-Length: {}\r\n\r\n",
            message.len()
        );
        posted.extend(head.as_bytes());
        posted.extend(&message);
        let dns = data_encoding::BASE64URL_NOPAD.encode(&message);
        let line = format!("GET /dns-query?dns={dns} HTTP/1.1\r\nHost: v.example\r\n\r\n");
        asked.extend(line.as_bytes());
    }
    for stream in [posted, asked] {
        assert!(finds(&stream, Layer::Plaintext, SECRET).is_some());
    }
}

#[test]
fn the_labels_of_a_server_name_are_put_together() {
    let text = data_encoding::HEXLOWER.encode(SECRET);
    let labels: Vec<&str> =
        text.as_bytes().chunks(60).map(|l| std::str::from_utf8(l).expect("is text")).collect();
    let name = format!("{}.c-77.example", labels.join("."));
    let mut list = vec![0];
    list.extend((name.len() as u16).to_be_bytes());
    list.extend(name.as_bytes());
    let mut extension = vec![0, 0];
    extension.extend((list.len() as u16 + 2).to_be_bytes());
    extension.extend((list.len() as u16).to_be_bytes());
    extension.extend(list);
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
    hello.extend((extension.len() as u16).to_be_bytes());
    hello.extend(extension);
    assert!(finds(&hello, Layer::Stream, SECRET).is_some());
}

#[test]
fn what_follows_a_common_head_is_put_together() {
    let packed = deflate(&SECRET.repeat(3));
    let with = |head: &[u8], size: usize| -> Vec<u8> {
        series(&packed.chunks(size).map(|piece| [head, piece].concat()).collect::<Vec<_>>())
    };
    let mut ntp = vec![0; 48];
    ntp[0] = 0x23;
    for payload in [
        with(&ntp, 40),
        with(&ntp, 4000),
        with(b"<134>1 - - courier - - - state=", 30),
        with(b"\x17\x00\x01\x02", 50),
    ] {
        assert!(finds(&payload, Layer::Datagram, SECRET).is_some());
    }
}

#[test]
fn lengths_of_packets_are_a_message() {
    let text = data_encoding::BASE64URL_NOPAD.encode(SECRET);
    let messages: Vec<Vec<u8>> = text.bytes().map(|letter| vec![0; usize::from(letter)]).collect();
    assert!(finds(&series(&messages), Layer::Datagram, SECRET).is_some());
}

#[test]
fn words_of_commands_literals_and_mails_are_told_apart() {
    let packed = deflate(&SECRET.repeat(3));
    let text = encoders::base58(&packed);
    let mut folders = b"USER anonymous\r\nPASS courier\r\nTYPE I\r\n".to_vec();
    for piece in text.chunks(50) {
        folders.extend([b"MKD ", piece, b"\r\n"].concat());
    }
    folders.extend(b"QUIT\r\n");
    let mut logins = Vec::new();
    for (number, piece) in text.chunks(50).enumerate() {
        let verb = if number % 2 == 0 { b"USER " } else { b"PASS " };
        logins.extend([&verb[..], piece, b"\r\n"].concat());
    }
    logins.extend(b"QUIT\r\n");
    let literal = [
        format!("a1 LOGIN state courier\r\na2 APPEND Drafts {{{}}}\r\n", packed.len()).as_bytes(),
        &packed,
        b"\r\na3 LOGOUT\r\n",
    ]
    .concat();
    let dots = b".a mail with points at the beginning of its lines\r\n..twice\r\n".repeat(3);
    let doubled: Vec<u8> = dots
        .split_inclusive(|&b| b == b'\n')
        .flat_map(|line| if line.starts_with(b".") { [b".", line].concat() } else { line.to_vec() })
        .collect();
    let mail = [
        b"EHLO x\r\nMAIL FROM:<a@b>\r\nDATA\r\nSubject: x\r\n\r\n",
        &doubled[..],
        b".\r\nQUIT\r\n",
    ]
    .concat();
    for stream in [folders, logins, literal] {
        let shown = String::from_utf8_lossy(&stream).into_owned();
        assert!(finds(&stream, Layer::Stream, SECRET).is_some(), "{shown}");
    }
    assert!(finds(&mail, Layer::Stream, &dots[..dots.len() - 2]).is_some());
}

#[test]
fn escaped_characters_may_be_bytes() {
    let secret: Vec<u8> = (0..=255_u8).cycle().skip(100).take(400).collect();
    let entities: String = secret.iter().map(|b| format!("&#{b};")).collect();
    let escapes: String = secret.iter().map(|b| format!("\\u{b:04x}")).collect();
    for text in [entities, escapes] {
        assert!(finds(text.as_bytes(), Layer::Stream, &secret).is_some());
    }
}

#[test]
fn digits_behind_a_name_of_the_other_case_are_read() {
    let text = data_encoding::BASE32_NOPAD.encode(SECRET);
    for field in ["d", "state", "value_of_it"] {
        let stream = format!("GET /v1?v=3&{field}={text}&t=1 HTTP/1.1\r\nHost: v.example\r\n\r\n");
        assert!(finds(stream.as_bytes(), Layer::Stream, SECRET).is_some(), "{field}");
    }
}
