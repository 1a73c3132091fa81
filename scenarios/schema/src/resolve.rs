//! From the files as written to the plan of a run: defaults filled in, roles replaced by command
//! lines, profiles applied, `{beside}` and `{scan}` replaced. `{user}` and `{home}` stay: they are
//! known only when planted.

use crate::check::{Homes, expand_argument, replace, samples};
use crate::error::{FileError, FileErrorKind, nearest};
use crate::file::{ComponentFile, ScenarioFile};
use crate::plan::{
    Action, Command, Component, Declared, DecoyClass, DecoyKind, DecoySpec, Engine, Expect,
    Identity, Limits, Owner, Placed, Policy, PolicyItem, Provision, Ready, RunPlan, Sample,
    Scenario, Step, VendorRule,
};
use crate::source::{At, Wrong};
use crate::written::{
    CommandRef, HostFile, WrittenCommand, WrittenCommands, WrittenDecoy, WrittenReady, WrittenStep,
};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Files of a source tree that says no number.
pub(crate) const SOURCE_FILES: u32 = 12;

/// What is decided outside the files.
#[derive(Debug, Clone, Default)]
pub struct ResolveOptions {
    /// The profile of the component; `None`: `default`.
    pub profile: Option<String>,
    /// The seed. A caller that was given none takes [`ScenarioFile::seed`], else a fresh one.
    pub seed: u64,
    /// The folder of the belljar executable, for `{beside}`.
    pub beside: PathBuf,
}

/// Resolves a scenario and a component into the plan of a run.
pub fn resolve(
    scenario: &ScenarioFile,
    component: &ComponentFile,
    options: &ResolveOptions,
) -> Result<RunPlan, FileError> {
    let resolver = Resolver::new(scenario, component, options)?;
    let steps = resolver.steps()?;
    Ok(RunPlan {
        scenario: resolver.scenario(),
        component: resolver.component()?,
        profile: resolver.profile.to_owned(),
        seed: options.seed,
        steps,
    })
}

/// Resolves only the world of a scenario, for planting without a run. `{scan}` and provisions of a
/// component play no part in it.
pub fn resolve_world(scenario: &ScenarioFile) -> Scenario {
    let component = ComponentFile {
        source: scenario.source.clone(),
        written: crate::written::WrittenComponent::default(),
    };
    let scan = Vec::new();
    Resolver { scenario, component: &component, profile: "default", beside: "", scan }.scenario()
}

struct Resolver<'a> {
    scenario: &'a ScenarioFile,
    component: &'a ComponentFile,
    profile: &'a str,
    beside: &'a str,
    scan: Vec<String>,
}

impl<'a> Resolver<'a> {
    fn new(
        scenario: &'a ScenarioFile,
        component: &'a ComponentFile,
        options: &'a ResolveOptions,
    ) -> Result<Self, FileError> {
        let profile = options.profile.as_deref().unwrap_or("default");
        let known = component.profiles();
        if !known.contains(&profile) {
            let help = match nearest(profile, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("its profiles are {}", known.join(", ")),
            };
            let name = &component.written.name;
            return Err(component.source.wrong(
                &At::root().key("name"),
                Wrong::new(
                    FileErrorKind::Reference,
                    format!("`{name}` has no profile `{profile}`"),
                    help,
                ),
            ));
        }
        let Some(beside) = options.beside.to_str() else {
            return Err(component.source.wrong(
                &At::root().key("name"),
                Wrong::new(
                    FileErrorKind::Path,
                    format!("the folder {} is not UTF-8", options.beside.display()),
                    "put the belljar executable into a folder with a plain name",
                ),
            ));
        };
        let mut resolver = Self { scenario, component, profile, beside, scan: Vec::new() };
        resolver.scan = scenario.written.scan.iter().map(|path| resolver.path(path)).collect();
        Ok(resolver)
    }

    fn homes(&self) -> Homes<'_> {
        Homes { user: self.scenario.written.identity.user.as_deref() }
    }

    fn path(&self, path: &str) -> String {
        self.homes().normal(path)
    }

    fn scenario(&self) -> Scenario {
        let written = &self.scenario.written;
        let identity = &written.identity;
        let limits = &written.limits;
        let usual = Limits::default();
        let scan_lines: String = self.scan.iter().map(|path| format!("{path}\n")).collect();
        Scenario {
            name: written.name.clone(),
            question: written.question.clone(),
            scan: written.scan.iter().map(|path| self.path(path)).collect(),
            identity: Identity {
                user: identity.user.clone(),
                full_name: identity.full_name.clone(),
                email: identity.email.clone(),
                hostname: identity.hostname.clone(),
                machine_id: identity.machine_id.clone(),
                time_zone: identity.time_zone.clone(),
                locale: identity.locale.clone(),
            },
            decoys: written.decoys.iter().map(|decoy| self.decoy(decoy, true)).collect(),
            limits: Limits {
                time: limits.time.map_or(usual.time, |time| time.0),
                memory: limits.memory.map_or(usual.memory, |size| size.0),
                processes: limits.processes.unwrap_or(usual.processes),
                disk: limits.disk.map_or(usual.disk, |size| size.0),
                egress: limits.egress.map_or(usual.egress, |size| size.0),
                record: limits.record.map_or(usual.record, |size| size.0),
                output: limits.output.map_or(usual.output, |size| size.0),
            },
            vendor: written
                .vendor
                .iter()
                .chain(&self.component.written.answers)
                .map(|rule| VendorRule {
                    host: rule.host.clone(),
                    path: rule.path.clone(),
                    method: rule.method.clone(),
                    ordinal: rule.ordinal,
                    status: rule.status.unwrap_or(200),
                    headers: rule.headers.clone(),
                    body: rule.body.clone(),
                })
                .collect(),
            neighbours: written.neighbours.clone(),
            policy: Policy {
                items: written
                    .policy
                    .items
                    .iter()
                    .map(|(item, row)| PolicyItem {
                        item: *item,
                        may_read: row.may_read,
                        may_send_to: row.may_send_to.clone(),
                    })
                    .collect(),
                strict: written.policy.strict.unwrap_or(true),
            },
            provisions: self
                .component
                .written
                .provisions
                .iter()
                .map(|provision| Provision {
                    path: provision.path.clone(),
                    text: replace(&provision.text, "scan-lines", &scan_lines),
                })
                .collect(),
        }
    }

    fn decoy(&self, written: &WrittenDecoy, top: bool) -> DecoySpec {
        let path = match top {
            true => self.path(&written.path),
            false => written.path.clone(),
        };
        let owner = written.owner.unwrap_or(match !top || path.starts_with("/home/") {
            true => Owner::User,
            false => Owner::Root,
        });
        DecoySpec {
            kind: written.kind,
            size: written.size.map(|size| size.0),
            class: written.class.unwrap_or(usual_class(written)),
            marking: written.marking.clone(),
            sample: match written.kind {
                DecoyKind::Sample => Some(Sample::Eicar),
                _ => written.sample,
            },
            members: written.members.iter().map(|member| self.decoy(member, false)).collect(),
            count: written.count.unwrap_or(match written.kind {
                DecoyKind::SourceTree => SOURCE_FILES,
                _ => 1,
            }),
            mode: written.mode.as_ref().and_then(|mode| u32::from_str_radix(mode, 8).ok()),
            owner,
            path,
        }
    }

    fn component(&self) -> Result<Component, FileError> {
        let written = &self.component.written;
        let mut files = Vec::new();
        let mut placed = Vec::new();
        for file in &written.files {
            match file {
                HostFile::Same(path) => files.push(replace(path, "beside", self.beside)),
                HostFile::Placed(file) => placed.push(Placed {
                    host: replace(&file.host, "beside", self.beside),
                    inside: file.inside.clone(),
                }),
            }
        }
        Ok(Component {
            name: written.name.clone(),
            vendor: written.vendor.clone(),
            version: written.version.clone(),
            country: written.country.clone(),
            third_parties: written.third_parties.clone(),
            kind: written.kind,
            files,
            placed,
            looks_into: written.looks_into.clone(),
            state: written.state.clone(),
            declares: self.declares(),
            detection: written.detection.clone(),
            engine: written.engine.as_ref().map(|engine| Engine {
                reputation: engine.reputation.clone(),
                submission: engine.submission.clone(),
            }),
        })
    }

    fn declares(&self) -> Vec<Declared> {
        let written = &self.component.written;
        let of_profile =
            written.profiles.get(self.profile).and_then(|profile| profile.declares.as_ref());
        of_profile
            .unwrap_or(&written.declares)
            .iter()
            .map(|declared| Declared { item: declared.item, to: declared.to.clone() })
            .collect()
    }

    fn steps(&self) -> Result<Vec<Step>, FileError> {
        let mut steps = Vec::new();
        let mut left_out = BTreeSet::new();
        for (index, step) in self.scenario.written.steps.iter().enumerate() {
            let at = At::root().key("steps").index(index);
            if let Some(daemon) = &step.stop
                && left_out.contains(daemon.as_str())
            {
                continue;
            }
            if let Some(CommandRef::Role(role)) = step.run.as_ref().or(step.start.as_ref())
                && self.role(role).is_none()
            {
                if step.optional {
                    if step.start.is_some() {
                        left_out.insert(role.as_str());
                    }
                    continue;
                }
                return Err(self.no_such_command(step, role, &at));
            }
            steps.push(self.step(step));
        }
        if steps.is_empty() {
            return Err(self.scenario.source.wrong(
                &At::root().key("steps"),
                Wrong::new(
                    FileErrorKind::Step,
                    format!("no step is left for `{}`", self.component.written.name),
                    "give the scenario a step that is not `optional`",
                ),
            ));
        }
        Ok(steps)
    }

    fn no_such_command(&self, step: &WrittenStep, role: &str, at: &At) -> FileError {
        let component = &self.component.written;
        let has: Vec<&str> =
            WrittenCommands::ROLES.into_iter().filter(|role| self.role(role).is_some()).collect();
        let key = if step.run.is_some() { "run" } else { "start" };
        self.scenario.source.wrong(
            &at.key(key),
            Wrong::new(
                FileErrorKind::Reference,
                format!("the component `{}` has no command `{role}`", component.name),
                format!(
                    "it has {}; add `optional = true` to leave the step out for such components",
                    has.join(", ")
                ),
            ),
        )
    }

    /// A command of the component in this profile.
    fn role(&self, role: &str) -> Option<&WrittenCommand> {
        let written = &self.component.written;
        written
            .profiles
            .get(self.profile)
            .and_then(|profile| profile.commands.get(role))
            .or_else(|| written.commands.get(role))
    }

    fn command(&self, command: &CommandRef, user: Option<Owner>) -> (Command, Vec<i32>) {
        let of_step;
        let (written, args, env) = match command {
            CommandRef::Argv(argv) => {
                of_step = WrittenCommand { argv: argv.clone(), user, ..WrittenCommand::default() };
                (&of_step, None, None)
            }
            CommandRef::Role(role) => {
                let profile = self.component.written.profiles.get(self.profile);
                of_step = self.role(role).cloned().unwrap_or_default();
                (
                    &of_step,
                    profile.and_then(|profile| profile.args.get(role)),
                    profile.map(|profile| &profile.env),
                )
            }
        };
        let mut argv = written.argv.clone();
        if let Some(args) = args {
            let place =
                argv.iter().position(|argument| argument.contains("{scan}")).unwrap_or(argv.len());
            argv.splice(place..place, args.iter().cloned());
        }
        let beside = |text: &str| replace(text, "beside", self.beside);
        let env = written.env.iter().chain(env.into_iter().flatten());
        let command = Command {
            argv: argv
                .iter()
                .flat_map(|argument| expand_argument(&beside(argument), &self.scan))
                .collect(),
            env: env.map(|(name, value)| (name.clone(), beside(value))).collect(),
            cwd: written.cwd.as_ref().map_or_else(|| "/".to_owned(), |cwd| self.path(cwd)),
            user: written.user.unwrap_or(Owner::Root),
        };
        (command, written.exit.clone())
    }

    fn step(&self, step: &WrittenStep) -> Step {
        let mut expect = Expect::default();
        let (usual_name, action) = if let Some(run) = &step.run {
            let (command, exit) = self.command(run, step.user);
            expect = Expect {
                exit: step.exit.clone().unwrap_or(exit),
                decoys_read: step.decoys_read,
                detections: self.detections(step),
                vendor_answered: step.vendor_answered && !self.declares().is_empty(),
            };
            (name_of(run), Action::Run { command })
        } else if let Some(start) = &step.start {
            let (command, _) = self.command(start, step.user);
            let (daemon, ready) = match start {
                CommandRef::Role(role) => {
                    (role.clone(), self.role(role).and_then(|command| command.ready.as_ref()))
                }
                CommandRef::Argv(_) => {
                    (step.named.clone().unwrap_or_default(), step.ready.as_ref())
                }
            };
            let ready = self.ready(ready);
            (format!("start {daemon}"), Action::Start { command, ready, daemon })
        } else if let Some(daemon) = &step.stop {
            (format!("stop {daemon}"), Action::Stop { daemon: daemon.clone() })
        } else if let Some(decoy) = &step.drop {
            let decoy = Box::new(self.decoy(decoy, true));
            (format!("drop {}", decoy.path), Action::Drop { decoy })
        } else if let Some(change) = &step.change {
            let path = self.path(&change.path);
            (format!("change {path}"), Action::Change { path, append: change.append.clone() })
        } else {
            let millis = step.idle.map_or(0, |time| time.0);
            ("idle".into(), Action::Idle { millis })
        };
        let whole = self.scenario.written.limits.time.map_or(Limits::default().time, |time| time.0);
        Step {
            name: step.name.clone().unwrap_or(usual_name),
            action,
            timeout: step.timeout.map_or(whole, |time| time.0),
            expect,
        }
    }

    fn ready(&self, ready: Option<&WrittenReady>) -> Ready {
        let ready = ready.cloned().unwrap_or_default();
        match (ready.path, ready.output, ready.after) {
            (Some(path), _, _) => Ready::Path { path: self.path(&path) },
            (None, Some(pattern), _) => Ready::Output { pattern },
            (None, None, after) => Ready::After { millis: after.map_or(0, |time| time.0) },
        }
    }

    /// The paths at which this component must detect something: those whose samples lie outside
    /// archives, or inside archives of kinds that it looks into.
    fn detections(&self, step: &WrittenStep) -> Vec<String> {
        let looks_into = &self.component.written.looks_into;
        let scenario = &self.scenario.written;
        let dropped = scenario.steps.iter().filter_map(|step| step.drop.as_deref());
        let decoys: Vec<&WrittenDecoy> = scenario.decoys.iter().chain(dropped).collect();
        step.detections
            .iter()
            .map(|path| self.path(path))
            .filter(|path| {
                decoys.iter().filter(|decoy| self.path(&decoy.path) == *path).any(|decoy| {
                    samples(decoy)
                        .iter()
                        .any(|sample| sample.within.iter().all(|kind| looks_into.contains(kind)))
                })
            })
            .collect()
    }
}

fn name_of(command: &CommandRef) -> String {
    match command {
        CommandRef::Role(role) => role.clone(),
        CommandRef::Argv(argv) => {
            let program = argv.first().map(String::as_str).unwrap_or_default();
            program.rsplit('/').next().unwrap_or_default().to_owned()
        }
    }
}

/// The row of the policy that a kind of file usually falls under.
fn usual_class(decoy: &WrittenDecoy) -> DecoyClass {
    if decoy.sample.is_some() {
        return DecoyClass::Sample;
    }
    match decoy.kind {
        DecoyKind::Text | DecoyKind::Docx | DecoyKind::Pdf => DecoyClass::Document,
        DecoyKind::SourceTree | DecoyKind::Source => DecoyClass::Source,
        DecoyKind::Eml => DecoyClass::Mail,
        DecoyKind::SshKey => DecoyClass::Credential,
        DecoyKind::BrowserProfile => DecoyClass::Browsing,
        DecoyKind::Zip | DecoyKind::TarGz => DecoyClass::Archive,
        DecoyKind::Binary => DecoyClass::Executable,
        DecoyKind::SystemFile => DecoyClass::System,
        DecoyKind::Sample => DecoyClass::Sample,
    }
}
