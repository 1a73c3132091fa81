//! *courier*: carries what a case of the leak benchmark says, and nothing else.
//!
//! Declared truth: the named range of the named file leaves, read in the named way, in the named
//! encodings, by the named channel, from the named kind of process; or what the case names instead.
//! It ends with 0 when it has sent (or had nothing to send), 10 when the way to read was refused, 11
//! when what sets it off did not happen, 1 when something failed: then the case proves nothing.
//! Cannot do: anything outside the jar; it refuses to start there.
#![forbid(unsafe_code)]

mod binary;
mod datagrams;
mod dns;
mod encode;
mod http;
mod image;
mod innocent;
mod lz_string;
mod mail;
mod pace;
mod random;
mod read;
mod send;
mod shape;
mod trigger;

use belljar_components::jarred;
use belljar_leaks::{Case, Encoding, Kind, Source, Timing};
use clap::{Args, Parser, Subcommand};
use std::process::ExitCode;

/// Ends with this when the way to read was refused.
const REFUSED: u8 = 10;
/// Ends with this when what sets it off did not happen.
const NOT_SET_OFF: u8 = 11;

/// Carries out one case of the leak benchmark, inside the jar.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Carries out a case.
    Carry(ForCase),
    /// Sends what comes on standard input (started by `carry`).
    Deliver {
        #[command(flatten)]
        case: ForCase,
        /// How many times it leaves its parents before it sends.
        #[arg(long, default_value_t = 0)]
        detach: u8,
        /// Milliseconds that it waits before it sends.
        #[arg(long, default_value_t = 0)]
        after: u64,
    },
    /// Sends what comes by a unix socket, once (started by `carry`).
    Serve {
        #[command(flatten)]
        case: ForCase,
        /// The socket.
        #[arg(long)]
        socket: std::path::PathBuf,
    },
    /// Reads a range, tells where it lies in memory, and waits (started by `carry`).
    Hold {
        #[command(flatten)]
        case: ForCase,
    },
    /// Reads its standard input, which it has inherited, at the range (started by `carry`).
    Inherit {
        #[command(flatten)]
        case: ForCase,
    },
}

#[derive(Args)]
struct ForCase {
    /// The case as JSON.
    #[arg(long)]
    case: String,
}

/// What came of it.
#[derive(Debug)]
enum Done {
    Sent,
    Refused(String),
    NotSetOff,
}

/// Why it could not be done.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = jarred::insist() {
        eprintln!("belljar-courier: {error}");
        return ExitCode::from(70);
    }
    match run(cli.task) {
        Ok(Done::Sent) => ExitCode::SUCCESS,
        Ok(Done::Refused(how)) => {
            eprintln!("belljar-courier: refused: {how}");
            ExitCode::from(REFUSED)
        }
        Ok(Done::NotSetOff) => ExitCode::from(NOT_SET_OFF),
        Err(error) => {
            eprintln!("belljar-courier: {error}");
            ExitCode::from(1)
        }
    }
}

fn run(task: Task) -> Result<Done, Failure> {
    let parse = |case: &ForCase| -> Result<Case, Failure> { Ok(serde_json::from_str(&case.case)?) };
    match task {
        Task::Carry(case) => carry(&parse(&case)?),
        Task::Deliver { case, detach, after } => {
            shape::deliver(&parse(&case)?, detach, after)?;
            Ok(Done::Sent)
        }
        Task::Serve { case, socket } => {
            shape::serve(&parse(&case)?, &socket)?;
            Ok(Done::Sent)
        }
        Task::Hold { case } => {
            read::hold(&parse(&case)?)?;
            Ok(Done::Sent)
        }
        Task::Inherit { case } => {
            read::inherited(&parse(&case)?)?;
            Ok(Done::Sent)
        }
    }
}

fn carry(case: &Case) -> Result<Done, Failure> {
    if let Kind::Negative(_) = case.kind {
        // What a scanner would have read by then.
        innocent::scan_around()?;
    }
    match case.timing {
        Timing::AfterScans => innocent::scan_around()?,
        Timing::AfterUpdate => http::fetch_update()?,
        _ => {}
    }
    if !trigger::met(case)? {
        return Ok(Done::NotSetOff);
    }
    let plain = match &case.source {
        Source::Nothing => return Ok(Done::Sent),
        Source::MadeUp { what, len } => innocent::make_up(*what, *len, case.seed),
        Source::File { path, start, len } => match read::range(case, path, *start, *len)? {
            read::Read::Bytes(bytes) => bytes,
            read::Read::Refused(how) => return Ok(Done::Refused(how)),
        },
    };
    let mut payload = plain;
    for (number, &encoding) in case.encodings.iter().enumerate() {
        let name = match (&case.source, encoding) {
            // A document of a decoy is not named after it: its name would be a finding of its own.
            (_, Encoding::Zip | Encoding::EncryptedZip | Encoding::SevenZip | Encoding::Tar) => {
                "part.bin"
            }
            _ => "",
        };
        payload = encode::encode(encoding, &payload, name, u64::from(case.seed) + number as u64)?;
    }
    shape::send(case, payload)?;
    Ok(Done::Sent)
}
