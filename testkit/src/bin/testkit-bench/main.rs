//! `make bench`: our programs and their peers, measured in the same run on the same machine.
//!
//! `testkit-bench [all|server|program|growth [MESSAGES]] [--quick] [--alone]`; prints one table a subject with the ratio
//! to the peer. `--alone` leaves the server's peer out, to see sooner whether a change helps.

#![allow(clippy::print_stdout, reason = "a report is what this program is for")]

mod account;
mod openbox;
mod proc;
mod program;
mod screen;
mod server;
mod table;

const USAGE: &str =
    "usage: testkit-bench [all|server|program|growth [MESSAGES]] [--quick] [--alone]";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    let alone = args.iter().any(|arg| arg == "--alone");
    args.retain(|arg| arg != "--quick" && arg != "--alone");
    let what = args.first().map_or("all", String::as_str);
    anyhow::ensure!(
        ["all", "server", "program", "growth"].contains(&what),
        USAGE
    );
    let messages = match args.get(1) {
        Some(messages) => messages.parse()?,
        None if quick => 10_000,
        None => 100_000,
    };
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("load before: {}", load.trim());
    if what == "all" || what == "server" {
        let size = if quick { server::QUICK } else { server::WHOLE };
        server::bench(size, alone).await?;
    }
    if what == "all" || what == "growth" {
        server::growth::bench(messages).await?;
    }
    if what == "all" || what == "program" {
        program::bench().await?;
    }
    Ok(())
}
