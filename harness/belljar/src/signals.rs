//! SIGINT and SIGTERM: the run is asked to stop, marks its bundle and ends with 130. A second one
//! ends belljar at once (and with it everything in the jar).

use belljar_run::Stop;
use nix::sys::signal::{SigSet, Signal};

/// Blocks both signals in this thread and all it starts from now on, and answers them in a thread
/// of its own. The jar's processes get their own mask back before the component starts.
pub(crate) fn ask_to_stop(stop: Stop) {
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    set.add(Signal::SIGTERM);
    if set.thread_block().is_err() {
        return;
    }
    std::thread::spawn(move || {
        let mut asked = false;
        while let Ok(signal) = set.wait() {
            if asked {
                std::process::exit(128 + signal as i32);
            }
            asked = true;
            stop.ask();
        }
    });
}
