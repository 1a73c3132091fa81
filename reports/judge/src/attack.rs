//! ATT&CK techniques (v18) of what left: of its channel, of how it was prepared. Labels only: they
//! name what was seen in words that others sort by, and nothing is concluded from them.

use crate::finding::Destination;
use crate::flows::FlowSeen;
use crate::hit::{Hit, HitKind};
use crate::input::JudgeInput;
use crate::policy;
use belljar_decode::Decoder;
use belljar_record::{Layer, Protocol, Transport};

/// Techniques that are used as labels, with their names.
const TECHNIQUES: &[(&str, &str)] = &[
    ("T1001.002", "Data Obfuscation: Steganography"),
    ("T1005", "Data from Local System"),
    ("T1020", "Automated Exfiltration"),
    ("T1030", "Data Transfer Size Limits"),
    ("T1041", "Exfiltration Over C2 Channel"),
    ("T1048", "Exfiltration Over Alternative Protocol"),
    ("T1048.001", "Exfiltration Over Symmetric Encrypted Non-C2 Protocol"),
    ("T1048.002", "Exfiltration Over Asymmetric Encrypted Non-C2 Protocol"),
    ("T1048.003", "Exfiltration Over Unencrypted Non-C2 Protocol"),
    ("T1071.001", "Application Layer Protocol: Web Protocols"),
    ("T1071.002", "Application Layer Protocol: File Transfer Protocols"),
    ("T1071.003", "Application Layer Protocol: Mail Protocols"),
    ("T1071.004", "Application Layer Protocol: DNS"),
    ("T1082", "System Information Discovery"),
    ("T1095", "Non-Application Layer Protocol"),
    ("T1132.001", "Data Encoding: Standard Encoding"),
    ("T1132.002", "Data Encoding: Non-Standard Encoding"),
    ("T1217", "Browser Information Discovery"),
    ("T1552", "Unsecured Credentials"),
    ("T1560", "Archive Collected Data"),
    ("T1567", "Exfiltration Over Web Service"),
    ("T1567.001", "Exfiltration to Code Repository"),
    ("T1567.002", "Exfiltration to Cloud Storage"),
    ("T1567.003", "Exfiltration to Text Storage Sites"),
    ("T1567.004", "Exfiltration Over Webhook"),
];

/// The name of a technique.
pub fn technique(id: &str) -> Option<&'static str> {
    TECHNIQUES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// The labels of a trace, most telling first.
pub(crate) fn labels(
    input: &JudgeInput<'_>,
    hit: &Hit,
    to: &Destination,
    flow: &FlowSeen,
) -> Vec<String> {
    let own = input
        .plan
        .scenario
        .vendor
        .iter()
        .map(|rule| &rule.host)
        .chain(input.plan.component.declares.iter().map(|entry| &entry.to))
        .any(|pattern| pattern != "*" && policy::host_fits(pattern, &to.host));
    let mut labels = vec![data(hit)];
    labels.extend(channel(hit, flow, own));
    labels.extend(prepared(hit));
    tidy(labels)
}

/// The labels of a trace of whose conversation nothing is known.
pub(crate) fn labels_alone(hit: &Hit) -> Vec<String> {
    let mut labels = vec![data(hit)];
    match hit.layer {
        Layer::Datagram | Layer::Packet | Layer::Remainder | Layer::Headers => {
            labels.extend(["T1048", "T1095"]);
        }
        _ => labels.push("T1048"),
    }
    labels.extend(prepared(hit));
    tidy(labels)
}

fn tidy(labels: Vec<&'static str>) -> Vec<String> {
    let mut seen = Vec::new();
    for label in labels {
        if !seen.contains(&label) {
            seen.push(label);
        }
    }
    seen.into_iter().map(str::to_owned).collect()
}

fn data(hit: &Hit) -> &'static str {
    match hit.kind {
        HitKind::Content { .. } => "T1005",
        _ => "T1082",
    }
}

/// By which way: over what, and to what kind of place.
fn channel(hit: &Hit, flow: &FlowSeen, own: bool) -> Vec<&'static str> {
    let (port, transport) =
        flow.flow.as_ref().map_or((0, Transport::Raw), |flow| (flow.remote.port, flow.transport));
    let sealed = hit.chain.iter().any(|step| {
        matches!(
            step.decoder,
            Decoder::Xor
                | Decoder::Aes
                | Decoder::ChaCha20
                | Decoder::OpenSsl
                | Decoder::EncryptedZip
        )
    });
    let bare = if sealed { "T1048.001" } else { "T1048.003" };
    match flow.protocol() {
        Protocol::Http | Protocol::Https if own => vec!["T1041", "T1071.001"],
        Protocol::Http | Protocol::Https => vec![service(hit, flow), "T1071.001"],
        Protocol::Tls => vec!["T1048.002"],
        Protocol::Dns => vec![bare, "T1071.004"],
        Protocol::Unknown => match (transport, port) {
            (Transport::Tcp, 25 | 110 | 143 | 465 | 587 | 993 | 995 | 2525) => {
                vec![bare, "T1071.003"]
            }
            (Transport::Tcp, 20 | 21 | 22 | 139 | 445 | 989 | 990 | 50_021) => {
                vec![bare, "T1071.002"]
            }
            (Transport::Udp, 53 | 5353 | 5355 | 137) => vec![bare, "T1071.004"],
            (Transport::Tcp, _) => vec![bare],
            _ => vec![bare, "T1095"],
        },
    }
}

/// What kind of web service it is, by its host and by what was asked of it.
fn service(hit: &Hit, flow: &FlowSeen) -> &'static str {
    let host = flow.host().to_ascii_lowercase();
    let part = hit.part.as_deref().unwrap_or_default();
    let asked = flow.requests.rows.iter().map(String::as_str).chain([part]);
    let mut texts: Vec<String> = asked.map(str::to_ascii_lowercase).collect();
    texts.push(host);
    let says = |words: &[&str]| texts.iter().any(|text| words.iter().any(|w| text.contains(w)));
    if says(&["/hooks/", "/webhook", "hooks.", "webhooks."]) {
        "T1567.004"
    } else if says(&["api_post", "paste"]) {
        "T1567.003"
    } else if says(&["/repos/", "/git-receive-pack", "github", "gitlab", "bitbucket"]) {
        "T1567.001"
    } else if says(&[
        "uploadid=",
        "partnumber=",
        "x-amz-",
        "s3.",
        "blob.core",
        "storage.",
        "drive.",
    ]) {
        "T1567.002"
    } else {
        "T1567"
    }
}

/// How it was prepared: cut into pieces, packed, written in another way, hidden.
fn prepared(hit: &Hit) -> Vec<&'static str> {
    let mut labels = Vec::new();
    let has = |decoders: &[Decoder]| hit.chain.iter().any(|step| decoders.contains(&step.decoder));
    let content = matches!(hit.kind, HitKind::Content { .. });
    if content {
        labels.push("T1020");
    }
    let in_pieces = hit.chain.first().is_some_and(|step| {
        step.decoder == Decoder::Part
            && step.detail.as_ref().is_some_and(|name| {
                let name = name.lossy();
                name.contains("all ") || name.contains("labels") || name.contains("values")
            })
    });
    if content && in_pieces {
        labels.push("T1030");
    }
    let packed = [
        Decoder::Gzip,
        Decoder::Zlib,
        Decoder::Deflate,
        Decoder::Bzip2,
        Decoder::Xz,
        Decoder::Lzma,
        Decoder::Lzip,
        Decoder::Zstd,
        Decoder::Brotli,
        Decoder::Lz4,
        Decoder::Lz4Block,
        Decoder::ZipMember,
        Decoder::SevenZip,
        Decoder::EncryptedZip,
        Decoder::Xor,
        Decoder::Aes,
        Decoder::ChaCha20,
        Decoder::OpenSsl,
    ];
    if content && has(&packed) {
        labels.push("T1560");
    }
    if has(&[
        Decoder::Hex,
        Decoder::Base64,
        Decoder::Base32,
        Decoder::Base32Hex,
        Decoder::QuotedPrintable,
    ]) {
        labels.push("T1132.001");
    }
    if has(&[
        Decoder::Base58,
        Decoder::Ascii85,
        Decoder::Z85,
        Decoder::WordList,
        Decoder::LzString,
        Decoder::Reversed,
        Decoder::BitsReversed,
        Decoder::ByteAddition,
        Decoder::LetterRotation,
    ]) {
        labels.push("T1132.002");
    }
    if has(&[Decoder::LowBits]) || hit.layer == Layer::Headers {
        labels.push("T1001.002");
    }
    labels
}
