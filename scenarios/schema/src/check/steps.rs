//! The stimulus: each step does one thing, and what it refers to is there by then.

use super::paths::{self, Homes};
use super::{check_name, check_pattern, decoys, placeholders};
use crate::error::{FileError, FileErrorKind, nearest};
use crate::plan::DecoyKind;
use crate::source::{At, Source, Wrong};
use crate::written::{
    CommandRef, WrittenCommands, WrittenDecoy, WrittenReady, WrittenScenario, WrittenStep,
};
use std::collections::{BTreeMap, BTreeSet};

const VERBS: &str = "`run`, `start`, `stop`, `drop`, `change` or `idle`";

fn wrong(message: impl Into<String>, help: impl Into<String>) -> Wrong {
    Wrong::new(FileErrorKind::Step, message, help)
}

/// What is there when a step begins.
struct Stage<'a> {
    source: &'a Source,
    homes: Homes<'a>,
    decoys: BTreeMap<String, &'a WrittenDecoy>,
    daemons: BTreeSet<&'a str>,
    time: u64,
}

/// All steps of a scenario.
pub(super) fn check_all(
    source: &Source,
    scenario: &WrittenScenario,
    homes: Homes<'_>,
) -> Result<(), FileError> {
    if scenario.steps.is_empty() {
        return Err(source.wrong(
            &At::root().key("steps"),
            wrong("nothing is done", "add `[[steps]]` with `run = \"scan\"`"),
        ));
    }
    let decoys = scenario.decoys.iter().map(|decoy| (homes.normal(&decoy.path), decoy)).collect();
    let time = scenario.limits.time.map_or(crate::plan::Limits::default().time, |time| time.0);
    let mut stage = Stage { source, homes, decoys, daemons: BTreeSet::new(), time };
    for (index, step) in scenario.steps.iter().enumerate() {
        stage.step(step, &At::root().key("steps").index(index))?;
    }
    Ok(())
}

impl<'a> Stage<'a> {
    fn step(&mut self, step: &'a WrittenStep, at: &At) -> Result<(), FileError> {
        let verbs = [
            ("run", step.run.is_some()),
            ("start", step.start.is_some()),
            ("stop", step.stop.is_some()),
            ("drop", step.drop.is_some()),
            ("change", step.change.is_some()),
            ("idle", step.idle.is_some()),
        ];
        let mut said = verbs.iter().filter(|(_, said)| *said).map(|(verb, _)| *verb);
        let Some(verb) = said.next() else {
            return Err(self
                .source
                .wrong(at, wrong("the step does nothing", format!("give it one of {VERBS}"))));
        };
        if let Some(second) = said.next() {
            return Err(self.source.wrong(
                &at.key(second),
                wrong(
                    format!("the step has `{verb}` and `{second}`"),
                    "make two steps of it; they are done in order",
                ),
            ));
        }
        self.keys(step, verb, at)?;
        self.times(step, at)?;
        if let Some(name) = &step.name
            && (name.trim().is_empty() || name.len() > 80 || name.chars().any(char::is_control))
        {
            return Err(self.source.wrong(
                &at.key("name"),
                wrong(
                    format!("`{}` is no name", name.escape_debug()),
                    "one line, at most 80 bytes",
                ),
            ));
        }
        match verb {
            "run" => self.run(step, at),
            "start" => self.start(step, at),
            "stop" => self.stop(step, at),
            "drop" => self.drop(step, at),
            "change" => self.change(step, at),
            _ => Ok(()),
        }
    }

    /// Keys that mean nothing beside the verb are mistakes, not decoration.
    fn keys(&self, step: &WrittenStep, verb: &str, at: &At) -> Result<(), FileError> {
        let argv = matches!(step.run.as_ref().or(step.start.as_ref()), Some(CommandRef::Argv(_)));
        let run = verb == "run";
        let start_argv = verb == "start" && argv;
        let keys = [
            ("exit", step.exit.is_some(), run, "`run`"),
            ("decoys-read", step.decoys_read != 0, run, "`run`"),
            ("detections", !step.detections.is_empty(), run, "`run`"),
            ("vendor-answered", step.vendor_answered, run, "`run`"),
            ("ready", step.ready.is_some(), start_argv, "`start` and a command line"),
            ("named", step.named.is_some(), start_argv, "`start` and a command line"),
            ("user", step.user.is_some(), argv, "`run` or `start` and a command line"),
            (
                "optional",
                step.optional,
                matches!(verb, "run" | "start" | "stop") && !argv,
                "`run`, `start` or `stop` and a role of the component",
            ),
        ];
        for (key, said, allowed, with) in keys {
            if said && !allowed {
                return Err(self.source.wrong(
                    &at.key(key),
                    wrong(
                        format!("`{key}` means nothing in this step"),
                        format!("it goes with {with}"),
                    ),
                ));
            }
        }
        Ok(())
    }

    fn times(&self, step: &WrittenStep, at: &At) -> Result<(), FileError> {
        for (key, time) in [("timeout", step.timeout), ("idle", step.idle)] {
            let Some(time) = time else { continue };
            let (message, help) = if time.0 == 0 {
                (format!("a time of {time} is no time"), "write at least \"1ms\"".to_owned())
            } else if time.0 > self.time {
                let whole = crate::measure::Time(self.time);
                (
                    format!("{time} is longer than the whole run may take"),
                    format!("write at most \"{whole}\", or raise `limits.time`"),
                )
            } else {
                continue;
            };
            return Err(self
                .source
                .wrong(&at.key(key), Wrong::new(FileErrorKind::Amount, message, help)));
        }
        Ok(())
    }

    fn command(&self, command: &CommandRef, at: &At) -> Result<(), FileError> {
        match command {
            CommandRef::Argv(argv) => check_argv(self.source, argv, at),
            CommandRef::Role(role) if WrittenCommands::ROLES.contains(&role.as_str()) => Ok(()),
            CommandRef::Role(role) => {
                let help = match nearest(role, WrittenCommands::ROLES) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!(
                        "the roles are {}; a command line is a list: [\"{role}\"]",
                        WrittenCommands::ROLES.join(", ")
                    ),
                };
                Err(self.source.wrong(
                    at,
                    Wrong::new(
                        FileErrorKind::Reference,
                        format!("`{role}` is no role of a component"),
                        help,
                    ),
                ))
            }
        }
    }

    fn run(&self, step: &WrittenStep, at: &At) -> Result<(), FileError> {
        let Some(command) = &step.run else { return Ok(()) };
        self.command(command, &at.key("run"))?;
        if *command == CommandRef::Role("daemon".into()) {
            return Err(self.source.wrong(
                &at.key("run"),
                wrong("a daemon does not run to its end", "write `start = \"daemon\"`"),
            ));
        }
        for (index, code) in step.exit.iter().flatten().enumerate() {
            check_exit(self.source, *code, &at.key("exit").index(index))?;
        }
        let planted: u64 = self.decoys.values().map(|decoy| files(decoy)).sum();
        if step.decoys_read > planted {
            return Err(self.source.wrong(
                &at.key("decoys-read"),
                Wrong::new(
                    FileErrorKind::Amount,
                    format!("{} decoys cannot be read", step.decoys_read),
                    format!("{planted} are planted by then"),
                ),
            ));
        }
        for (index, path) in step.detections.iter().enumerate() {
            self.detection(path, &at.key("detections").index(index))?;
        }
        Ok(())
    }

    fn detection(&self, path: &str, at: &At) -> Result<(), FileError> {
        paths::absolute(path, placeholders::PATH).map_err(|wrong| self.source.wrong(at, wrong))?;
        let holds = |decoy: &&'a WrittenDecoy| !decoys::samples(decoy).is_empty();
        if self.decoys.get(&self.homes.normal(path)).is_some_and(holds) {
            return Ok(());
        }
        let with: Vec<&str> =
            self.decoys.values().filter(|d| holds(d)).map(|decoy| decoy.path.as_str()).collect();
        let help = match (nearest_path(path, &with), with.is_empty()) {
            (_, true) => "no decoy holds a sample; add a decoy with `kind = \"sample\"`".to_owned(),
            (Some(meant), _) => format!("did you mean \"{meant}\"?"),
            (None, _) => format!("samples lie in {}", with.join(", ")),
        };
        let what = match self.decoys.contains_key(&self.homes.normal(path)) {
            true => "holds no sample",
            false => "is not planted",
        };
        Err(self.source.wrong(
            at,
            Wrong::new(
                FileErrorKind::Reference,
                format!("`{path}` {what}, so nothing can be detected there"),
                help,
            ),
        ))
    }

    fn start(&mut self, step: &'a WrittenStep, at: &At) -> Result<(), FileError> {
        let Some(command) = &step.start else { return Ok(()) };
        self.command(command, &at.key("start"))?;
        let name = match command {
            CommandRef::Role(role) if role != "daemon" => {
                return Err(self.source.wrong(
                    &at.key("start"),
                    wrong(
                        format!("`{role}` is a command that ends"),
                        format!("write `run = \"{role}\"`"),
                    ),
                ));
            }
            CommandRef::Role(role) => role,
            CommandRef::Argv(_) => {
                let missing = |key: &str, help: &str| {
                    let wrong = Wrong::new(
                        FileErrorKind::MissingKey,
                        format!("the key `{key}` is missing"),
                        help,
                    );
                    self.source.wrong(at, wrong)
                };
                let Some(ready) = &step.ready else {
                    return Err(missing("ready", "add `ready = { path = \"/run/x.sock\" }`"));
                };
                check_ready(self.source, ready, &at.key("ready"))?;
                let Some(name) = &step.named else {
                    return Err(missing("named", "add `named = \"…\"`, by which `stop` means it"));
                };
                check_name(name).map_err(|wrong| self.source.wrong(&at.key("named"), wrong))?;
                name
            }
        };
        if !self.daemons.insert(name) {
            return Err(self.source.wrong(
                &at.key("start"),
                wrong(
                    format!("`{name}` runs already"),
                    format!("stop it first: `stop = \"{name}\"`"),
                ),
            ));
        }
        Ok(())
    }

    fn stop(&mut self, step: &WrittenStep, at: &At) -> Result<(), FileError> {
        let Some(name) = &step.stop else { return Ok(()) };
        if self.daemons.remove(name.as_str()) {
            return Ok(());
        }
        let help = match nearest(name, self.daemons.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None if self.daemons.is_empty() => "no daemon runs by then; start one first".into(),
            None => {
                format!(
                    "running by then: {}",
                    Vec::from_iter(self.daemons.iter().copied()).join(", ")
                )
            }
        };
        Err(self.source.wrong(
            &at.key("stop"),
            Wrong::new(FileErrorKind::Reference, format!("no daemon `{name}` runs"), help),
        ))
    }

    fn drop(&mut self, step: &'a WrittenStep, at: &At) -> Result<(), FileError> {
        let Some(decoy) = step.drop.as_deref() else { return Ok(()) };
        let at = at.key("drop");
        decoys::check_one(self.source, decoy, &at, 0)?;
        decoys::check_place(self.source, decoy, &at, self.homes, &self.decoys)?;
        if decoy.kind == DecoyKind::SourceTree || decoy.count.unwrap_or(1) > 1 {
            return Err(self.source.wrong(
                &at,
                wrong("a step drops one file", "make a step for each, or plant them beforehand"),
            ));
        }
        self.decoys.insert(self.homes.normal(&decoy.path), decoy);
        Ok(())
    }

    fn change(&self, step: &WrittenStep, at: &At) -> Result<(), FileError> {
        let Some(change) = &step.change else { return Ok(()) };
        let at = at.key("change");
        paths::absolute(&change.path, placeholders::PATH)
            .map_err(|wrong| self.source.wrong(&at.key("path"), wrong))?;
        if !self.decoys.contains_key(&self.homes.normal(&change.path)) {
            let all: Vec<&str> = self.decoys.values().map(|decoy| decoy.path.as_str()).collect();
            let help = match nearest_path(&change.path, &all) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "only planted files can be changed".into(),
            };
            return Err(self.source.wrong(
                &at.key("path"),
                Wrong::new(
                    FileErrorKind::Reference,
                    format!("`{}` is not planted", change.path),
                    help,
                ),
            ));
        }
        if change.append.is_empty() {
            return Err(self
                .source
                .wrong(&at.key("append"), wrong("nothing is appended", "write some text")));
        }
        Ok(())
    }
}

/// The nearest path: by the whole, else by the file's name.
fn nearest_path<'a>(path: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    known
        .iter()
        .find(|other| name(other) == name(path))
        .copied()
        .or_else(|| nearest(path, known.iter().copied()))
}

/// How many files a decoy is.
fn files(decoy: &WrittenDecoy) -> u64 {
    match (decoy.count, decoy.kind) {
        (Some(count), _) => count.into(),
        (None, DecoyKind::SourceTree) => crate::resolve::SOURCE_FILES.into(),
        (None, _) => 1,
    }
}

/// A command line.
pub(super) fn check_argv(source: &Source, argv: &[String], at: &At) -> Result<(), FileError> {
    let fail = |at: &At, message: String, help: &str| {
        Err(source.wrong(at, Wrong::new(FileErrorKind::Value, message, help)))
    };
    let Some(program) = argv.first() else {
        return fail(at, "the command line is empty".into(), "write [\"program\", \"argument\"]");
    };
    let first = at.index(0);
    if program.contains(char::is_whitespace) && argv.len() == 1 {
        return fail(
            &first,
            format!("`{program}` is one word of a command line"),
            "write each argument as a word of its own: [\"/bin/ls\", \"/\"]",
        );
    }
    if program.is_empty() || program.contains("{scan}") {
        return fail(&first, format!("`{program}` is no program"), "begin with a program");
    }
    if program.contains('/') {
        paths::absolute(program, placeholders::ENVIRONMENT)
            .map_err(|wrong| source.wrong(&first, wrong))?;
    }
    for (index, argument) in argv.iter().enumerate() {
        let at = at.index(index);
        placeholders::check(argument, placeholders::ARGUMENT)
            .map_err(|wrong| source.wrong(&at, wrong))?;
        if argument.contains('\0') {
            return fail(&at, "an argument holds a NUL".into(), "take it out");
        }
    }
    Ok(())
}

/// An exit code.
pub(super) fn check_exit(source: &Source, code: i32, at: &At) -> Result<(), FileError> {
    if (0..=255).contains(&code) {
        return Ok(());
    }
    let wrong = Wrong::new(
        FileErrorKind::Amount,
        format!("{code} is no exit code"),
        "exit codes are 0 to 255; a program killed by a signal has 128 and its number",
    );
    Err(source.wrong(at, wrong))
}

/// When a daemon counts as ready.
pub(super) fn check_ready(source: &Source, ready: &WrittenReady, at: &At) -> Result<(), FileError> {
    let said = [ready.path.is_some(), ready.output.is_some(), ready.after.is_some()];
    if said.iter().filter(|said| **said).count() != 1 {
        return Err(source.wrong(
            at,
            wrong(
                "`ready` says not exactly one thing",
                "write one of `path = \"…\"`, `output = \"…\"`, `after = \"2s\"`",
            ),
        ));
    }
    if let Some(path) = &ready.path {
        paths::absolute(path, placeholders::PATH)
            .map_err(|wrong| source.wrong(&at.key("path"), wrong))?;
    }
    if let Some(pattern) = &ready.output {
        check_pattern(pattern, &[]).map_err(|wrong| source.wrong(&at.key("output"), wrong))?;
    }
    if ready.after.is_some_and(|after| after.0 == 0) {
        return Err(source.wrong(
            &at.key("after"),
            Wrong::new(FileErrorKind::Amount, "a time of 0ms is no time", "write at least \"1ms\""),
        ));
    }
    Ok(())
}
