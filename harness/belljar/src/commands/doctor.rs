//! `belljar doctor`: what this host can do, by doing it, and what to do about the rest.

use crate::cli::{BenchFormat, DoctorArgs};
use crate::commands::run::{beside, terminal_width};
use crate::exit::Exit;
use crate::files;
use crate::problem::Problem;
use belljar_host::{Answer, Basis, Facts, State, examine};
use belljar_judge::Outcome;
use belljar_run::Stop;
use belljar_schema::{ResolveOptions, resolve};
use serde::Serialize;
use std::io::Write as _;
use std::time::Instant;

/// What the whole run is of: a component that does its work and sends nothing that it should not.
const SCENARIO: &str = "contractor-laptop";
const COMPONENT: &str = "honest";

/// All that is said.
#[derive(Serialize)]
struct Diagnosis {
    ready: bool,
    host: Facts,
    abilities: Vec<Answer>,
    whole_run: WholeRun,
}

/// A run from seed to verdict, as `belljar run` does it.
#[derive(Serialize)]
struct WholeRun {
    state: State,
    seen: String,
}

/// Tries everything and says what was seen. Ends with 4 where no native component can be run.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<Exit, Problem> {
    let host = Facts::here();
    let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let abilities = examine(&host, &here);
    let able = |answer: &Answer| matches!(answer.state, State::Works | State::Weaker);
    let whole_run = if abilities.iter().all(able) {
        whole_run()?
    } else {
        WholeRun { state: State::Untried, seen: "something that it needs is missing".into() }
    };
    let ready = abilities.iter().all(able) && whole_run.state != State::Missing;
    let diagnosis = Diagnosis { ready, host, abilities, whole_run };
    let text = match args.format {
        BenchFormat::Text => words(&diagnosis, terminal_width()),
        BenchFormat::Json => {
            let json = serde_json::to_string_pretty(&diagnosis);
            json.map_err(|error| Problem::Print(error.into()))? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Problem::Print)?;
    Ok(if ready { Exit::Pass } else { Exit::Failed })
}

fn whole_run() -> Result<WholeRun, Problem> {
    let beside = beside()?;
    let component = files::component(COMPONENT)?;
    let program = beside.join(format!("belljar-{COMPONENT}"));
    if !program.is_file() {
        let seen = format!("the reference component {} is not there", program.display());
        return Ok(WholeRun { state: State::Untried, seen });
    }
    let scenario = files::scenario(SCENARIO)?;
    let options = ResolveOptions {
        profile: Some("default".into()),
        seed: scenario.seed().unwrap_or(1),
        beside,
    };
    let plan = resolve(&scenario, &component, &options)?;
    let folder = std::env::temp_dir().join(belljar_sandbox::own_name("doctor"));
    let began = Instant::now();
    let ended = belljar_run::run(&plan, &folder, &|_| {}, &Stop::default());
    // It was only written to be looked at by the run itself.
    let _ = std::fs::remove_dir_all(&folder);
    let took = began.elapsed().as_secs_f64();
    Ok(match ended {
        Ok(ended) if ended.verdict.verdict == Outcome::Pass => WholeRun {
            state: State::Works,
            seen: format!("{COMPONENT} passed {SCENARIO}, as it must, in {took:.1} s"),
        },
        Ok(ended) => WholeRun {
            state: State::Missing,
            seen: format!(
                "{COMPONENT} must pass {SCENARIO}; the verdict was {:?}",
                ended.verdict.verdict
            )
            .to_lowercase(),
        },
        Err(error) => WholeRun { state: State::Missing, seen: error.to_string() },
    })
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Works => "works",
        State::Weaker => "weaker",
        State::Missing => "MISSING",
        State::Untried => "untried",
    }
}

const MARGIN: usize = 30;

fn words(diagnosis: &Diagnosis, width: usize) -> String {
    let Diagnosis { ready, host, abilities, whole_run } = diagnosis;
    let who = if host.root { "root" } else { "a user without privileges" };
    let inside = match host.container {
        None => "",
        Some(_) => ", in a container",
    };
    let mut text = format!(
        "belljar {} on {}{inside}, Linux {}, as {who}\n\n",
        belljar_run::VERSION,
        host.name,
        host.kernel
    );
    let mut row = |state: State, name: &str, seen: &str| {
        let head = format!("  {:<8} {:<18} ", state_word(state), name);
        text.push_str(&wrapped(&head, seen, width));
    };
    for answer in abilities {
        row(answer.state, answer.ability.name(), &answer.seen);
    }
    row(whole_run.state, "a whole run", &whole_run.seen);
    for answer in abilities.iter().filter(|answer| !answer.loses.is_empty()) {
        text.push_str(&format!("\n{} ({})\n", answer.ability.name(), state_word(answer.state)));
        text.push_str(&wrapped("  without it: ", &answer.loses, width));
        for advice in &answer.advice {
            let basis = match advice.basis {
                Basis::Tried => "",
                Basis::Untested => " [from documentation, untested]",
            };
            text.push_str(&wrapped("  do: ", &format!("{}{basis}", advice.what), width));
            for line in advice.lines {
                text.push_str(&format!("      {line}\n"));
            }
        }
    }
    text.push_str(match ready {
        true => "\nREADY. belljar runs native components here.\n",
        false => "\nNOT READY. belljar runs no native components here.\n",
    });
    text
}

/// A paragraph with a head, wrapped, its further lines below where the first begins.
fn wrapped(head: &str, body: &str, width: usize) -> String {
    let indent = head.len().min(MARGIN);
    let mut lines = vec![head.to_owned()];
    let mut used = head.len();
    for word in body.split_whitespace() {
        let first = used == indent;
        if !first && used + 1 + word.chars().count() > width {
            lines.push(" ".repeat(indent));
            used = indent;
        }
        if let Some(line) = lines.last_mut() {
            if used > indent {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
        }
        used += word.chars().count();
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}
