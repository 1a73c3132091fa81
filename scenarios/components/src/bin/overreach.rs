//! *overreach*: scans, and uploads the whole file in which something was detected, also where that
//! file is an archive and only one member is the sample.
//!
//! Declared truth: every file with a detection leaves whole, to the given host and port, in the
//! given encoding; with `--upload off` nothing leaves. With `--via-helper` a child process sends
//! what this process read; with `--pin` it refuses belljar's certificate, so that nothing leaves
//! but a handshake that cannot be read.

use belljar_components::{jarred, scan, vendor};
use clap::{Args, Parser, ValueEnum};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

/// A scanner that uploads whatever it detected something in, whole.
#[derive(Parser)]
struct Cli {
    /// What to do.
    #[command(subcommand)]
    task: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Scans files and folders.
    Scan {
        /// Whether to upload.
        #[arg(long, value_enum, default_value_t = Upload::On)]
        upload: Upload,
        /// Hand what was read to a child process, which sends it.
        #[arg(long)]
        via_helper: bool,
        /// How to send.
        #[command(flatten)]
        sending: Sending,
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Sends what comes on standard input (started by `scan --via-helper`).
    Send {
        /// How to send.
        #[command(flatten)]
        sending: Sending,
    },
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Upload {
    On,
    Off,
}

#[derive(Clone, Args)]
struct Sending {
    /// Where to.
    #[arg(long, default_value = "upload.vendor.example")]
    host: String,
    /// At which port.
    #[arg(long, default_value_t = 443)]
    port: u16,
    /// How the file is written.
    #[arg(long, value_enum, default_value_t = Encoding::Multipart)]
    encoding: Encoding,
    /// Refuse every certificate, as a pinned client does.
    #[arg(long)]
    pin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Encoding {
    Raw,
    Base64,
    Hex,
    Gzip,
    Multipart,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Gzip => "gzip",
            Self::Multipart => "multipart",
        }
    }

    /// Content type and body.
    fn write(self, file: &[u8]) -> std::io::Result<(&'static str, Vec<u8>)> {
        const BOUNDARY: &str = "belljar-part-7MA4YWxkTrZu0gW";
        Ok(match self {
            Self::Raw => ("application/octet-stream", file.to_vec()),
            Self::Base64 => ("text/plain", data_encoding::BASE64.encode(file).into_bytes()),
            Self::Hex => ("text/plain", data_encoding::HEXLOWER.encode(file).into_bytes()),
            Self::Gzip => {
                let mut gz =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                gz.write_all(file)?;
                ("application/gzip", gz.finish()?)
            }
            Self::Multipart => {
                let mut body = format!(
                    "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"sample\"; \
                     filename=\"sample.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
                )
                .into_bytes();
                body.extend_from_slice(file);
                body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
                ("multipart/form-data; boundary=belljar-part-7MA4YWxkTrZu0gW", body)
            }
        })
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = jarred::insist() {
        eprintln!("belljar-overreach: {error}");
        return ExitCode::from(70);
    }
    match cli.task {
        Task::Scan { upload, via_helper, sending, paths } => {
            let mut detected = false;
            let mut failed = false;
            scan::each_file(&paths, &mut |path, bytes| {
                let Some(detection) = scan::detect(path, &bytes) else { return };
                detected = true;
                println!("{}: EICAR-Test FOUND", detection.file.display());
                if upload == Upload::Off {
                    return;
                }
                let sent =
                    if via_helper { hand_over(&sending, &bytes) } else { send(&sending, &bytes) };
                if let Err(error) = sent {
                    eprintln!("belljar-overreach: {error}");
                    failed = true;
                }
            });
            match (failed, detected) {
                (true, _) => ExitCode::from(2),
                (_, true) => ExitCode::from(1),
                _ => ExitCode::SUCCESS,
            }
        }
        Task::Send { sending } => {
            let mut bytes = Vec::new();
            let sent = std::io::stdin()
                .read_to_end(&mut bytes)
                .map_err(Box::from)
                .and_then(|_| send(&sending, &bytes));
            match sent {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("belljar-overreach: {error}");
                    ExitCode::from(2)
                }
            }
        }
    }
}

fn send(sending: &Sending, file: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let (content_type, body) = sending.encoding.write(file)?;
    let target = vendor::Target {
        host: sending.host.clone(),
        port: sending.port,
        path: "/v1/submit".into(),
    };
    let trust = if sending.pin { vendor::Trust::Pinned } else { vendor::Trust::Machine };
    vendor::post(&target, trust, content_type, &body)?;
    Ok(())
}

fn hand_over(sending: &Sending, file: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["send", "--host", &sending.host, "--port", &sending.port.to_string()]);
    command.args(["--encoding", sending.encoding.name()]);
    if sending.pin {
        command.arg("--pin");
    }
    let mut helper = command.stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = helper.stdin.take() {
        input.write_all(file)?;
    }
    let status = helper.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the helper ended with {status}").into()) }
}
