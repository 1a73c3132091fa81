//! Hand-made runs: a small plant, a component, and a record that is written line by line.
#![allow(
    clippy::single_range_in_vec_init,
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "each test file uses its part"
)]

use belljar_judge::{DecodingCut, JarKind, JudgeInput, ProgramFile, Verdict, judge};
use belljar_record::*;
use belljar_schema::*;
use belljar_trace::{Contained, Match, Place, Subject, Trace};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub const UPLOAD: &str = "upload.vendor.example";
pub const WORK: &str = "/home/mara/Downloads/work.zip";
pub const NOTES: &str = "/home/mara/Downloads/notes.txt";
pub const KEY: &str = "/home/mara/.ssh/id_ed25519";

/// Bytes that repeat nowhere: a stream cipher would do, a simple generator does too.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

#[derive(Debug, Clone)]
pub struct Inside {
    pub bytes: Vec<u8>,
    pub parts: Vec<(String, Vec<u8>, bool)>,
}

impl DecoySource for Inside {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        BytesSource(self.bytes.clone().into()).read_at(offset, buf)
    }
    fn parts(&self) -> Vec<Part> {
        self.parts
            .iter()
            .map(|(name, bytes, sample)| Part {
                name: ByteString::from(name.as_str()),
                kind: PartKind::Member,
                source: Arc::new(BytesSource::from(bytes.clone())),
                sample: *sample,
            })
            .collect()
    }
}

pub struct Case {
    pub plan: RunPlan,
    pub manifest: Manifest,
    pub sources: Vec<Inside>,
    pub twins: Vec<Inside>,
    pub lines: Vec<Observation>,
    pub payloads: HashMap<String, Vec<u8>>,
    pub traces: Vec<Trace>,
    pub cuts: Vec<DecodingCut>,
    pub jar: JarKind,
    pub actor: Actor,
    now: u64,
    flows: u64,
    handles: u64,
}

fn digests(bytes: &[u8]) -> Digests {
    let sha256 = Sha256Hex::of(bytes).to_string();
    Digests {
        len: bytes.len() as u64,
        md5: sha256[..32].to_owned(),
        sha1: sha256[..40].to_owned(),
        sha256,
    }
}

/// An archive whose members stand in it as they are.
fn archive(seed: u64) -> Inside {
    let sample = b"SAMPLE-THAT-EVERY-SCANNER-KNOWS-0123456789-0123456789-0123456789!".to_vec();
    let parts = vec![
        ("tools/run.com".to_owned(), sample, true),
        ("src/main.c".to_owned(), noise(seed + 1, 900), false),
        ("docs/plan.docx".to_owned(), noise(seed + 2, 2000), false),
    ];
    let mut bytes = noise(seed + 3, 40);
    for (_, part, _) in &parts {
        bytes.extend_from_slice(part);
        bytes.extend(noise(seed + part.len() as u64, 46));
    }
    Inside { bytes, parts }
}

fn plain(seed: u64, len: usize) -> Inside {
    Inside { bytes: noise(seed, len), parts: Vec::new() }
}

fn record(
    id: u32,
    path: &str,
    kind: DecoyKind,
    class: DecoyClass,
    marking: Option<&str>,
    source: &Inside,
) -> DecoyRecord {
    let class_of = |name: &str| match name.rsplit('.').next() {
        Some("c") => DecoyClass::Source,
        Some("com") => DecoyClass::Sample,
        _ => DecoyClass::Document,
    };
    DecoyRecord {
        id,
        path: path.to_owned(),
        kind,
        class,
        marking: marking.map(str::to_owned),
        holds_sample: source.parts.iter().any(|(_, _, sample)| *sample),
        digest: digests(&source.bytes),
        members: source
            .parts
            .iter()
            .map(|(name, bytes, sample)| MemberRecord {
                name: name.clone(),
                class: class_of(name),
                sample: *sample,
                digest: digests(bytes),
            })
            .collect(),
    }
}

fn spec(path: &str, kind: DecoyKind, class: DecoyClass, marking: Option<&str>) -> DecoySpec {
    DecoySpec {
        path: path.to_owned(),
        kind,
        size: None,
        class,
        marking: marking.map(str::to_owned),
        sample: None,
        members: Vec::new(),
        count: 1,
        mode: None,
        owner: Owner::User,
    }
}

impl Default for Case {
    fn default() -> Self {
        Self::new()
    }
}

impl Case {
    pub fn new() -> Self {
        let build = |seed: u64| {
            vec![
                archive(seed),
                plain(seed + 20, 411),
                plain(seed + 30, 600),
                plain(seed + 40, 3000),
            ]
        };
        let sources = build(100);
        let marking = Some("EXERCISE OFFICIAL-SENSITIVE");
        let decoys = vec![
            record(0, WORK, DecoyKind::Zip, DecoyClass::Archive, None, &sources[0]),
            record(1, KEY, DecoyKind::SshKey, DecoyClass::Credential, None, &sources[1]),
            record(2, "/etc/passwd", DecoyKind::SystemFile, DecoyClass::System, None, &sources[2]),
            record(3, NOTES, DecoyKind::Text, DecoyClass::Document, marking, &sources[3]),
        ];
        let mut work =
            spec("/home/{user}/Downloads/work.zip", DecoyKind::Zip, DecoyClass::Archive, None);
        work.members = vec![
            spec("tools/run.com", DecoyKind::Sample, DecoyClass::Sample, None),
            spec("src/main.c", DecoyKind::Source, DecoyClass::Source, None),
            spec("docs/plan.docx", DecoyKind::Docx, DecoyClass::Document, marking),
        ];
        let step = Step {
            name: "scan".to_owned(),
            action: Action::Run {
                command: Command {
                    argv: vec!["/opt/av/scan".into(), "{home}/Downloads".into()],
                    env: BTreeMap::new(),
                    cwd: "/".into(),
                    user: Owner::User,
                },
            },
            timeout: 10_000,
            expect: Expect {
                exit: vec![1],
                decoys_read: 2,
                detections: vec!["{home}/Downloads/work.zip".into()],
                vendor_answered: false,
            },
        };
        let rule = |host: &str, path: &str| VendorRule {
            host: host.to_owned(),
            path: path.to_owned(),
            method: None,
            ordinal: None,
            status: 200,
            headers: BTreeMap::new(),
            body: String::new(),
        };
        let fact = |item, value: &str, common| Fact { item, value: value.to_owned(), common };
        Self {
            plan: RunPlan {
                scenario: Scenario {
                    name: "small".into(),
                    question: "What leaves when one member is detected?".into(),
                    scan: vec!["/home/{user}/Downloads".into()],
                    identity: Identity::default(),
                    decoys: vec![work],
                    limits: Limits::default(),
                    vendor: vec![rule(UPLOAD, "/v1/sample"), rule("*.vendor.example", "/u/*/done")],
                    neighbours: Vec::new(),
                    policy: Policy {
                        items: vec![PolicyItem {
                            item: DataItem::HashOfSample,
                            may_read: false,
                            may_send_to: vec!["*.vendor.example".into()],
                        }],
                        strict: false,
                    },
                    provisions: Vec::new(),
                },
                component: Component {
                    name: "overreach".into(),
                    vendor: "Example Vendor".into(),
                    version: "1.4.2".into(),
                    country: Some("XX".into()),
                    third_parties: Vec::new(),
                    kind: ComponentKind::Native,
                    files: Vec::new(),
                    placed: Vec::new(),
                    looks_into: Vec::new(),
                    state: vec!["/var/lib/av".into()],
                    declares: vec![Declared { item: DataItem::HashOfSample, to: UPLOAD.into() }],
                    detection: None,
                    engine: None,
                },
                profile: "default".into(),
                seed: 7,
                steps: vec![step],
            },
            manifest: Manifest {
                generator: "test 1".into(),
                scenario: "small".into(),
                seed: 7,
                facts: vec![
                    fact(DataItem::UserName, "mara", false),
                    fact(DataItem::Hostname, "heron-4471", false),
                    fact(DataItem::Email, "mara@post.example", false),
                ],
                decoys,
            },
            twins: {
                // The sample is the same for every seed.
                let mut twins = build(900);
                twins[0].parts[0] = sources[0].parts[0].clone();
                twins
            },
            sources,
            lines: Vec::new(),
            payloads: HashMap::new(),
            traces: Vec::new(),
            cuts: Vec::new(),
            jar: JarKind::Namespaces,
            actor: native(4100, "/opt/av/scan"),
            now: 0,
            flows: 0,
            handles: 0,
        }
    }

    pub fn put(&mut self, actor: Actor, event: Event) -> &mut Self {
        self.now += 1_000_000;
        let seq = Seq(self.lines.len() as u64);
        self.lines.push(Observation { seq, at: Moment(self.now), actor, event });
        self
    }

    pub fn own(&mut self, event: Event) -> &mut Self {
        self.put(Actor::Belljar, event)
    }

    pub fn wait(&mut self, millis: u64) -> &mut Self {
        self.now += millis * 1_000_000;
        self
    }

    pub fn begin(&mut self) -> &mut Self {
        self.own(Event::Phase { name: "running".into() });
        self.own(Event::Isolation(Isolation {
            checks: vec![IsolationCheck {
                name: "routes".into(),
                holds: true,
                seen: "one, to the wire".into(),
            }],
        }));
        self.own(Event::StepBegan { step: StepId(0), name: "scan".into() });
        let actor = self.actor.clone();
        let key = actor.process().expect("a native actor");
        self.put(
            actor,
            Event::Process(Program {
                process: key,
                parent: None,
                executable: "/opt/av/scan".into(),
                arguments: vec!["/opt/av/scan".into(), "/home/mara/Downloads".into()],
                source: "seccomp execve".into(),
                confidence: Confidence::Held,
            }),
        )
    }

    pub fn file(&mut self, path: &str, decoy: Option<u32>, act: FileAct) -> &mut Self {
        let event = FileEvent {
            act,
            path: path.into(),
            node: NodeId(u64::from(decoy.unwrap_or(1000)) + 2),
            decoy: decoy.map(DecoyId),
            error: None,
        };
        let actor = self.actor.clone();
        self.put(actor, Event::File(event))
    }

    /// Opens and reads a decoy whole.
    pub fn read(&mut self, decoy: u32) -> &mut Self {
        self.read_as(decoy, Precision::Exact, false)
    }

    pub fn read_as(&mut self, decoy: u32, precision: Precision, exec: bool) -> &mut Self {
        let path = self.manifest.decoys[decoy as usize].path.clone();
        let len = u32::try_from(self.sources[decoy as usize].bytes.len()).expect("small");
        self.handles += 1;
        let handle = HandleId(self.handles);
        self.file(&path, Some(decoy), FileAct::Open { handle, flags: 0, exec });
        let read = FileAct::Read {
            handle,
            offset: 0,
            requested: len,
            returned: len,
            precision,
            pristine: true,
        };
        self.file(&path, Some(decoy), read);
        self.file(&path, Some(decoy), FileAct::Release { handle })
    }

    pub fn end(&mut self) -> &mut Self {
        self.end_with(Some(1), &[WORK])
    }

    pub fn end_with(&mut self, code: Option<i32>, detections: &[&str]) -> &mut Self {
        self.own(Event::StepEnded(StepEnd {
            step: StepId(0),
            code,
            timed_out: false,
            millis: 1200,
            detections: detections.iter().map(|&path| path.into()).collect(),
            unmet: Vec::new(),
        }))
    }

    /// Keeps a payload, and says so in the record.
    pub fn payload(&mut self, flow: u64, layer: Layer, bytes: &[u8]) -> PayloadRef {
        let payload = PayloadRef { sha256: Sha256Hex::of(bytes), len: bytes.len() as u64 };
        self.payloads.insert(payload.sha256.to_string(), bytes.to_vec());
        self.own(Event::Payload {
            flow: Some(FlowId(flow)),
            direction: Direction::Out,
            layer,
            payload: payload.clone(),
            label: String::new(),
        });
        payload
    }

    pub fn flow(
        &mut self,
        host: &str,
        transport: Transport,
        protocol: Protocol,
        port: u16,
    ) -> Flow {
        self.flows += 1;
        Flow {
            id: FlowId(self.flows),
            transport,
            protocol,
            local: Endpoint { address: "198.18.0.2".parse().expect("an address"), port: 40_000 },
            remote: Endpoint { address: "198.18.7.9".parse().expect("an address"), port },
            host: Some(host.into()),
            actor: self.actor.clone(),
            source: "seccomp connect".into(),
            confidence: Confidence::Held,
        }
    }

    /// A whole conversation with one payload.
    pub fn converse(&mut self, flow: &Flow, layer: Layer, bytes: &[u8], sent: u64) -> PayloadRef {
        self.put(flow.actor.clone(), Event::FlowOpened(flow.clone()));
        let payload = self.payload(flow.id.0, layer, bytes);
        self.own(Event::FlowClosed {
            flow: flow.clone(),
            bytes_out: sent,
            bytes_in: 120,
            packets_out: 9,
        });
        payload
    }

    /// An HTTP request in the clear; gives flow, payload and where the body begins.
    pub fn post(&mut self, host: &str, path: &str, body: &[u8]) -> (Flow, PayloadRef, u64) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: overreach/1.4.2\r\nAccept: */*\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut bytes = head.clone().into_bytes();
        bytes.extend_from_slice(body);
        let flow = self.flow(host, Transport::Tcp, Protocol::Http, 80);
        let payload = self.converse(&flow, Layer::Stream, &bytes, bytes.len() as u64);
        (flow, payload, head.len() as u64)
    }

    /// Notes that all of a decoy stands in a payload from `at`.
    pub fn trace_whole(
        &mut self,
        decoy: u32,
        flow: &Flow,
        payload: &PayloadRef,
        at: u64,
    ) -> &mut Self {
        let source = &self.sources[decoy as usize];
        let len = source.bytes.len() as u64;
        let contains = source
            .parts
            .iter()
            .map(|(name, bytes, sample)| Contained {
                part: name.as_str().into(),
                bytes: bytes.len() as u64,
                whole: true,
                sample: *sample,
            })
            .collect();
        self.traces.push(Trace {
            subject: Subject::Content {
                decoy: DecoyId(decoy),
                part: None,
                sample: false,
                ranges: vec![Match { decoy: 0..len, piece: at..at + len }],
                bytes: len,
                of: len,
                whole: true,
            },
            egress: place(flow, payload),
            chain: Vec::new(),
            gives: Vec::new(),
            at,
            outer: vec![at..at + len],
            offset: at,
            contains,
            also: Vec::new(),
        });
        self
    }

    pub fn trace_subject(
        &mut self,
        subject: Subject,
        flow: &Flow,
        payload: &PayloadRef,
        at: u64,
        len: u64,
    ) -> &mut Self {
        self.traces.push(Trace {
            subject,
            egress: place(flow, payload),
            chain: Vec::new(),
            gives: Vec::new(),
            at,
            outer: vec![at..at + len],
            offset: at,
            contains: Vec::new(),
            also: Vec::new(),
        });
        self
    }

    pub fn judge(&self) -> Verdict {
        let payloads = &self.payloads;
        let open = move |payload: &PayloadRef| {
            payloads
                .get(payload.sha256.as_str())
                .map(|bytes| Arc::new(BytesSource::from(bytes.clone())) as Arc<dyn DecoySource>)
        };
        judge(JudgeInput {
            plan: &self.plan,
            manifest: &self.manifest,
            observations: Box::new(self.lines.iter().cloned()),
            traces: &self.traces,
            cuts: &self.cuts,
            payload: &open,
            jar: self.jar,
            programs: &[ProgramFile { path: "/opt/av/scan".into(), sha256: "0".repeat(64) }],
            belljar: "0.1.0",
            carried: None,
        })
    }
}

pub fn place(flow: &Flow, payload: &PayloadRef) -> Place {
    Place {
        flow: Some(flow.id),
        payload: payload.clone(),
        layer: Layer::Stream,
        direction: Direction::Out,
        part: None,
    }
}

pub fn native(pid: u32, executable: &str) -> Actor {
    Actor::Native(NativeActor {
        process: ProcessKey { pid, start: 77 },
        thread: pid,
        executable: executable.into(),
    })
}

/// A run in which everything is in order and the hash of the sample is sent.
pub fn honest() -> Case {
    let mut case = Case::new();
    case.begin().read(0).read(3);
    let digest = case.manifest.decoys[0].members[0].digest.sha256.clone();
    let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", digest.as_bytes());
    let subject = Subject::Hash {
        algorithm: belljar_trace::Algorithm::Sha256,
        decoy: DecoyId(0),
        part: Some("tools/run.com".into()),
        sample: true,
        bytes: 32,
        over: None,
        salt: None,
    };
    case.trace_subject(subject, &flow, &payload, at, 64);
    case.end();
    case
}

/// A run in which the archive leaves whole after one member was detected.
pub fn overreach() -> Case {
    let mut case = Case::new();
    case.begin().read(3).read(0).wait(1300);
    let body = case.sources[0].bytes.clone();
    let (flow, payload, at) = case.post(UPLOAD, "/v1/sample", &body);
    case.trace_whole(0, &flow, &payload, at);
    case.end();
    case
}
