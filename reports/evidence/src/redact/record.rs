//! The record with masks: every line stays, in its place and with its numbers.

use super::mask::Masks;
use belljar_record::{
    Actor, Event, FileAct, FileEvent, Flow, NativeActor, Observation, PayloadRef, Program, Served,
    StepEnd, TlsOutcome,
};
use belljar_trace::{Alias, Contained, Place, Salt, Subject, Trace};

pub(super) fn observation(masks: &Masks, line: Observation) -> Observation {
    Observation { actor: actor(masks, line.actor), event: event(masks, line.event), ..line }
}

fn actor(masks: &Masks, actor: Actor) -> Actor {
    match actor {
        Actor::Native(native) => {
            Actor::Native(NativeActor { executable: masks.bytes(&native.executable), ..native })
        }
        Actor::Wasm { instance, export, frames } => Actor::Wasm {
            instance,
            export: masks.text(&export),
            frames: frames.iter().map(|frame| masks.text(frame)).collect(),
        },
        Actor::Guest { label } => Actor::Guest { label: masks.text(&label) },
        Actor::Unknown { reason } => Actor::Unknown { reason: masks.text(&reason) },
        other @ (Actor::Kernel | Actor::Belljar) => other,
    }
}

fn flow(masks: &Masks, flow: Flow) -> Flow {
    Flow {
        host: flow.host.as_ref().map(|host| masks.host_bytes(host)),
        actor: actor(masks, flow.actor),
        ..flow
    }
}

pub(super) fn payload(masks: &Masks, payload: &PayloadRef) -> PayloadRef {
    PayloadRef { sha256: masks.sha256(&payload.sha256), len: payload.len }
}

fn event(masks: &Masks, event: Event) -> Event {
    match event {
        Event::StepEnded(end) => Event::StepEnded(StepEnd {
            detections: end.detections.iter().map(|said| masks.bytes(said)).collect(),
            unmet: end.unmet.iter().map(|text| masks.text(text)).collect(),
            ..end
        }),
        Event::File(file) => Event::File(FileEvent {
            act: act(masks, file.act),
            path: masks.bytes(&file.path),
            ..file
        }),
        Event::Process(program) => Event::Process(Program {
            executable: masks.bytes(&program.executable),
            arguments: program.arguments.iter().map(|word| masks.foreign_bytes(word)).collect(),
            ..program
        }),
        Event::Refused { call, detail, errno, why, count } => {
            Event::Refused { call, detail: masks.foreign(&detail), errno, why, count }
        }
        Event::Allowed { call, detail, count } => {
            Event::Allowed { call, detail: masks.foreign(&detail), count }
        }
        Event::Looked { tell, detail, count } => {
            Event::Looked { tell, detail: masks.foreign(&detail), count }
        }
        Event::Import { call, detail } => Event::Import { call, detail: masks.foreign(&detail) },
        Event::FlowOpened(known) => Event::FlowOpened(flow(masks, known)),
        Event::FlowClosed { flow: known, bytes_out, bytes_in, packets_out } => {
            Event::FlowClosed { flow: flow(masks, known), bytes_out, bytes_in, packets_out }
        }
        Event::Payload { flow, direction, layer, payload: kept, label } => Event::Payload {
            flow,
            direction,
            layer,
            payload: payload(masks, &kept),
            label: masks.text(&label),
        },
        Event::Tls { flow, sni, outcome } => Event::Tls {
            flow,
            sni: sni.as_ref().map(|name| masks.host_bytes(name)),
            outcome: match outcome {
                TlsOutcome::Refused { reason } => {
                    TlsOutcome::Refused { reason: masks.text(&reason) }
                }
                opened @ TlsOutcome::Opened { .. } => opened,
            },
        },
        Event::Lookup { flow, name, record, answer } => Event::Lookup {
            flow,
            name: masks.host_bytes(&name),
            record,
            answer: masks.foreign(&answer),
        },
        Event::Served(served) => Event::Served(Served {
            request: masks.foreign_bytes(&served.request),
            host: served.host.as_ref().map(|host| masks.host_bytes(host)),
            ..served
        }),
        Event::Changed { path, change, len, sha256 } => Event::Changed {
            path: masks.bytes(&path),
            change,
            len,
            sha256: sha256.map(|digest| masks.sha256(&digest)),
        },
        Event::Limit { what, detail } => Event::Limit { what, detail: masks.text(&detail) },
        Event::Interrupted { reason } => Event::Interrupted { reason: masks.text(&reason) },
        // Nothing in these comes from the component or the planted person.
        same @ (Event::Phase { .. }
        | Event::Isolation(_)
        | Event::StepBegan { .. }
        | Event::Exit { .. }
        | Event::Reach { .. }
        | Event::Limited { .. }) => same,
    }
}

fn act(masks: &Masks, act: FileAct) -> FileAct {
    match act {
        FileAct::Link { target, symbolic } => {
            FileAct::Link { target: masks.bytes(&target), symbolic }
        }
        FileAct::Rename { to, exchange } => FileAct::Rename { to: masks.bytes(&to), exchange },
        FileAct::SetAttributes { detail } => FileAct::SetAttributes { detail: masks.text(&detail) },
        FileAct::Attribute { detail } => FileAct::Attribute { detail: masks.text(&detail) },
        other => other,
    }
}

pub(super) fn trace(masks: &Masks, trace: &Trace) -> Trace {
    let name = |part: &belljar_record::ByteString| masks.bytes(part);
    let subject = match trace.subject.clone() {
        Subject::Content { decoy, part, sample, ranges, bytes, of, whole } => {
            let part = part.as_ref().map(name);
            Subject::Content { decoy, part, sample, ranges, bytes, of, whole }
        }
        Subject::Hash { algorithm, decoy, part, sample, bytes, over, salt } => {
            let part = part.as_ref().map(name);
            // A salt is a piece of what left.
            let bytes_of = |salt: Salt| Salt { bytes: masks.foreign_bytes(&salt.bytes), ..salt };
            let salt = salt.map(bytes_of);
            Subject::Hash { algorithm, decoy, part, sample, bytes, over, salt }
        }
        same @ (Subject::Name { .. } | Subject::Fact { .. }) => same,
    };
    let mut chain = trace.chain.clone();
    for step in &mut chain {
        step.detail = step.detail.as_ref().map(|detail| masks.foreign_bytes(detail));
    }
    Trace {
        subject,
        chain,
        egress: Place {
            payload: payload(masks, &trace.egress.payload),
            part: trace.egress.part.as_ref().map(|part| masks.foreign_bytes(part)),
            ..trace.egress.clone()
        },
        contains: trace
            .contains
            .iter()
            .map(|it| Contained { part: name(&it.part), ..it.clone() })
            .collect(),
        also: trace
            .also
            .iter()
            .map(|it| Alias { decoy: it.decoy, part: it.part.as_ref().map(name) })
            .collect(),
        ..trace.clone()
    }
}
