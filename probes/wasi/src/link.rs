//! The imports that a guest can have, each linked by itself: what is not linked here cannot be
//! reached, and a component that wants it is refused with its name.

use crate::guest::Guest;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets};
use wasmtime_wasi_http::p2::bindings::http;
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};
use wasmtime_wasi_io::bindings::wasi::io;

/// The interfaces that are linked, without their version (0.2).
pub const LINKED: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

struct HasTable;

impl wasmtime::component::HasData for HasTable {
    type Data<'a> = &'a mut wasmtime::component::ResourceTable;
}

/// Links every import that a guest can have.
///
/// # Errors
/// If one is linked already.
pub fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Own = HasSelf<Guest>;
    let l = linker;
    io::error::add_to_linker::<_, HasTable>(l, |guest| &mut guest.table)?;
    io::poll::add_to_linker::<_, HasTable>(l, |guest| &mut guest.table)?;
    io::streams::add_to_linker::<_, HasTable>(l, |guest| &mut guest.table)?;

    clocks::wall_clock::add_to_linker::<_, Own>(l, |guest| guest)?;
    clocks::monotonic_clock::add_to_linker::<_, Own>(l, |guest| guest)?;

    random::random::add_to_linker::<_, Own>(l, |guest| guest)?;
    random::insecure::add_to_linker::<_, Own>(l, |guest| guest)?;
    random::insecure_seed::add_to_linker::<_, Own>(l, |guest| guest)?;

    cli::environment::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::exit::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::stdin::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::stdout::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::stderr::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_input::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_output::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_stdin::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_stdout::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_stderr::add_to_linker::<_, Own>(l, |guest| guest)?;

    filesystem::preopens::add_to_linker::<_, Own>(l, |guest| guest)?;
    filesystem::types::add_to_linker::<_, Own>(l, |guest| guest)?;

    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<_, Own>(l, &options, |guest| guest)?;
    sockets::instance_network::add_to_linker::<_, Own>(l, |guest| guest)?;
    sockets::ip_name_lookup::add_to_linker::<_, Own>(l, |guest| guest)?;
    sockets::tcp::add_to_linker::<_, Own>(l, |guest| guest)?;
    sockets::tcp_create_socket::add_to_linker::<_, Own>(l, |guest| guest)?;
    sockets::udp::add_to_linker::<_, Own>(l, |guest| guest)?;
    sockets::udp_create_socket::add_to_linker::<_, Own>(l, |guest| guest)?;

    let options = http::types::LinkOptions::default();
    http::types::add_to_linker::<_, WasiHttp>(l, &options, WasiHttpView::http)?;
    http::outgoing_handler::add_to_linker::<_, WasiHttp>(l, WasiHttpView::http)?;
    Ok(())
}
