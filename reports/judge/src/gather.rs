//! Goes through the record once and keeps what a verdict needs. Memory grows with the number of
//! decoys, programs and destinations, never with the number of lines.

use crate::calls::{Calls, Programs, Refusals};
use crate::flows::Flows;
use crate::reading::Reading;
use crate::timeline::Times;
use crate::verdict::{
    CallRow, Listing, MarkKind, ProcessRow, RefusedRow, SystemChangeRow, WorldWriteRow, Writes,
};
use crate::words;
use belljar_record::{
    Actor, Coverage, Dimension, Event, Extent, FileAct, FileEvent, Isolation, Observation, StepEnd,
};
use belljar_schema::{Manifest, RunPlan};
use std::collections::{HashMap, HashSet};

/// Rows of each list that are kept.
pub(crate) const ROWS: usize = 10_000;
const DETECTIONS: usize = 10_000;

/// A step as it went.
#[derive(Debug, Default)]
pub(crate) struct StepSeen {
    pub(crate) began: Option<u64>,
    pub(crate) end: Option<StepEnd>,
    /// Different decoys read from its begin to its end.
    pub(crate) decoys: HashSet<u32>,
    /// Requests that a rule answered, from its begin to the end of the run.
    pub(crate) answered: u64,
}

/// What the record says, gathered.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub(crate) steps: Vec<StepSeen>,
    pub(crate) reading: Reading,
    pub(crate) flows: Flows,
    pub(crate) writes: Writes,
    pub(crate) processes: Listing<ProcessRow>,
    pub(crate) refused: Listing<RefusedRow>,
    pub(crate) allowed: Listing<CallRow>,
    pub(crate) imports: Listing<CallRow>,
    pub(crate) looked: Listing<CallRow>,
    pub(crate) times: Times,
    pub(crate) coverage: Coverage,
    pub(crate) isolation: Option<Isolation>,
    pub(crate) limits: Vec<String>,
    pub(crate) interrupted: Option<String>,
}

struct Gather<'a> {
    plan: &'a RunPlan,
    steps: Vec<StepSeen>,
    running: Option<usize>,
    reading: Reading,
    flows: Flows,
    world: HashMap<Vec<u8>, usize>,
    writes: Writes,
    programs: Programs,
    refused: Refusals,
    allowed: Calls,
    imports: Calls,
    looked: Calls,
    times: Times,
    coverage: Coverage,
    isolation: Option<Isolation>,
    limits: Vec<String>,
    interrupted: Option<String>,
    next: u64,
    gaps: u64,
}

/// Gathers `observations`. `wanted` are the conversations that traces lie in: they are kept in
/// detail however many there are.
pub(crate) fn gather(
    plan: &RunPlan,
    manifest: &Manifest,
    scan: Vec<String>,
    wanted: HashSet<u64>,
    observations: impl Iterator<Item = Observation>,
) -> Gathered {
    let mut state = Gather {
        plan,
        steps: plan.steps.iter().map(|_| StepSeen::default()).collect(),
        running: None,
        reading: Reading::new(manifest, scan),
        flows: Flows::new(wanted),
        world: HashMap::new(),
        writes: Writes::default(),
        programs: Programs::default(),
        refused: Refusals::default(),
        allowed: Calls::default(),
        imports: Calls::default(),
        looked: Calls::default(),
        times: Times::default(),
        coverage: Coverage::default(),
        isolation: None,
        limits: Vec::new(),
        interrupted: None,
        next: 0,
        gaps: 0,
    };
    for observation in observations {
        state.take(observation);
    }
    state.finish()
}

impl Gather<'_> {
    fn take(&mut self, line: Observation) {
        if line.seq.0 != self.next {
            self.gaps += line.seq.0.saturating_sub(self.next).max(1);
        }
        self.next = line.seq.0.saturating_add(1);
        let at = line.at.0;
        match &line.event {
            Event::Phase { .. } | Event::Reach { .. } => {}
            Event::Import { call, detail } => {
                self.imports.add(call, detail, 1, || words::who(&line.actor));
            }
            // Memory handed on inside the jar: coverage says that it is not followed.
            Event::Allowed { call, detail, count } => {
                self.allowed.add(call, detail, *count, || words::who(&line.actor));
            }
            Event::Looked { tell, detail, count } => {
                let what = words::tell(*tell);
                self.looked.add(what, detail, *count, || words::who(&line.actor));
            }
            Event::Isolation(isolation) => self.isolation = Some(isolation.clone()),
            Event::StepBegan { step, name } => {
                let place = step.0 as usize;
                if let Some(seen) = self.steps.get_mut(place) {
                    seen.began = Some(at);
                    self.running = Some(place);
                }
                self.times.mark(at, MarkKind::Step, format!("step {name} begins"));
            }
            Event::StepEnded(end) => self.step_ended(at, end),
            Event::File(file) => self.file(&line, file, at),
            Event::Process(program) => self.programs.take(program, at),
            Event::Exit { process, code } => {
                self.programs.ended(*process, *code);
            }
            Event::Refused { call, detail, errno, why, count } => {
                self.refused.add(line.actor.clone(), call, detail, errno, *why, *count);
            }
            Event::Served(served) => {
                if served.rule.is_some() {
                    for step in self.steps.iter_mut().filter(|step| step.began.is_some()) {
                        step.answered += 1;
                    }
                }
                self.times.send(at, served.body_len);
                self.times.mark(
                    at,
                    MarkKind::Send,
                    format!(
                        "{} {}: {} answered",
                        words::protocol_word(served.protocol),
                        served.host.as_ref().map(ToString::to_string).unwrap_or_default(),
                        words::bytes_words(served.body_len)
                    ),
                );
                self.flows.served(served, self.reading.before(at, &line.actor, self.step_name()));
            }
            Event::Changed { path, change, len, .. } => {
                let path = path.to_string();
                let own = self.own_place(&path);
                self.writes.system.push(
                    SystemChangeRow {
                        path,
                        change: words::change(*change).to_owned(),
                        len: *len,
                        own,
                        seq: line.seq.0,
                    },
                    ROWS,
                );
            }
            Event::Limited { dimension, extent } => self.coverage.add(*dimension, extent.clone()),
            Event::Limit { what, detail } => {
                self.limits.push(format!("{what}: {detail}"));
                self.times.mark(at, MarkKind::Limit, format!("limit: {what}"));
            }
            Event::Interrupted { reason } => {
                self.times.mark(at, MarkKind::Limit, format!("interrupted: {reason}"));
                self.interrupted = Some(reason.clone());
            }
            Event::FlowOpened(flow) => {
                if !flow.remote.address.is_loopback() {
                    self.times.send(at, 0);
                }
                let before = self.reading.before(at, &flow.actor, self.step_name());
                self.flows.opened(flow, at, line.seq.0, before);
            }
            Event::FlowClosed { flow, bytes_out, bytes_in, packets_out } => {
                let before = self.reading.before(at, &flow.actor, self.step_name());
                self.flows.closed(
                    flow,
                    at,
                    line.seq.0,
                    before,
                    [*bytes_out, *bytes_in, *packets_out],
                );
            }
            Event::Payload { flow, direction, layer, payload, label } => {
                self.flows.payload(*flow, *direction, *layer, payload, label);
            }
            Event::Tls { flow, sni, outcome } => self.flows.tls(*flow, sni.as_ref(), outcome),
            Event::Lookup { flow, name, record, .. } => self.flows.lookup(*flow, name, record),
        }
    }

    fn step_name(&self) -> Option<String> {
        self.running.and_then(|place| self.plan.steps.get(place)).map(|step| step.name.clone())
    }

    fn step_ended(&mut self, at: u64, end: &StepEnd) {
        let place = end.step.0 as usize;
        let name = self.plan.steps.get(place).map_or("unknown", |step| step.name.as_str());
        if !end.detections.is_empty() {
            let said = words::counted(end.detections.len() as u64, "detection", "detections");
            self.times.mark(at, MarkKind::Detection, format!("{said} said by the end of {name}"));
        }
        self.times.mark(at, MarkKind::Step, format!("step {name} ends"));
        if self.running == Some(place) {
            self.running = None;
        }
        if let Some(seen) = self.steps.get_mut(place) {
            let mut end = end.clone();
            end.detections.truncate(DETECTIONS);
            seen.end = Some(end);
        }
    }

    fn file(&mut self, line: &Observation, file: &FileEvent, at: u64) {
        if !words::is_component(&line.actor) {
            return;
        }
        let read = self.reading.take(line, file);
        if let Some(read) = read {
            if let Some(decoy) = read.decoy
                && let Some(place) = self.running
                && let Some(step) = self.steps.get_mut(place)
            {
                step.decoys.insert(decoy);
            }
            self.times.read(at, read.beyond);
            if read.first_of_sample {
                self.times.mark(
                    at,
                    MarkKind::Sample,
                    format!("reads {}, which holds the sample", file.path),
                );
            } else if read.first && read.beyond {
                self.times.mark(at, MarkKind::Beyond, format!("reads {}", file.path));
            }
        }
        let (act, bytes) = match &file.act {
            FileAct::Write { len, .. } => ("written", u64::from(*len)),
            FileAct::Truncate { .. } => ("length set", 0),
            FileAct::SetAttributes { .. } => ("attributes set", 0),
            FileAct::Create => ("created", 0),
            FileAct::MakeDirectory => ("directory made", 0),
            FileAct::Link { .. } => ("link made", 0),
            FileAct::Rename { .. } => ("renamed", 0),
            FileAct::Unlink => ("removed", 0),
            FileAct::RemoveDirectory => ("directory removed", 0),
            _ => return,
        };
        if file.error.is_some() {
            return;
        }
        self.times.write(at);
        self.writes.bytes += bytes;
        let act = match &file.act {
            FileAct::Rename { to, .. } => format!("renamed to {to}"),
            _ => act.to_owned(),
        };
        match self.world.get(file.path.as_bytes()) {
            Some(&place) => {
                let row = &mut self.writes.world.rows[place];
                row.count += 1;
                row.bytes += bytes;
                if row.acts.len() < 8 && !row.acts.contains(&act) {
                    row.acts.push(act);
                }
            }
            None => {
                if self.writes.world.rows.len() < ROWS {
                    self.world.insert(file.path.as_bytes().to_vec(), self.writes.world.rows.len());
                }
                self.writes.world.push(
                    WorldWriteRow {
                        path: file.path.to_string(),
                        decoy: file.decoy.map(|decoy| decoy.0),
                        acts: vec![act],
                        count: 1,
                        bytes,
                        who: words::who(&line.actor),
                        seq: line.seq.0,
                    },
                    ROWS,
                );
            }
        }
    }

    /// Whether a path lies in a place that the component keeps state in.
    fn own_place(&self, path: &str) -> bool {
        self.plan
            .component
            .state
            .iter()
            .chain(self.plan.scenario.provisions.iter().map(|provision| &provision.path))
            .any(|place| crate::reading::lies_in(place, path))
    }

    fn finish(mut self) -> Gathered {
        if self.gaps > 0 {
            for dimension in [Dimension::FileReads, Dimension::Packets, Dimension::Processes] {
                self.coverage.add(
                    dimension,
                    Extent::Lost {
                        count: self.gaps,
                        unit: "record lines".to_owned(),
                        reason: "the record's numbering has gaps".to_owned(),
                    },
                );
            }
        }
        Gathered {
            steps: self.steps,
            reading: self.reading,
            flows: self.flows,
            writes: self.writes,
            processes: self.programs.finish(),
            refused: self.refused.finish(),
            allowed: self.allowed.finish(),
            imports: self.imports.finish(),
            looked: self.looked.finish(),
            times: self.times,
            coverage: self.coverage,
            isolation: self.isolation,
            limits: self.limits,
            interrupted: self.interrupted,
        }
    }
}

/// At most `chars` characters of a text, with an ellipsis where more was cut.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Whether an actor is the same process as another.
pub(crate) fn same_process(one: &Actor, other: &Actor) -> bool {
    match (one.process(), other.process()) {
        (Some(one), Some(other)) => one == other,
        _ => match (one, other) {
            // Whichever of its functions acted.
            (Actor::Wasm { instance: one, .. }, Actor::Wasm { instance: other, .. }) => {
                one == other
            }
            _ => one == other,
        },
    }
}
