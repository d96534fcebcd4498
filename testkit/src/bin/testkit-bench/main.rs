//! `make bench`: our programs and their peers, measured in the same run on the same machine.
//!
//! `testkit-bench [server|program|all]`; prints one table a subject with the ratio to the peer.

#![allow(clippy::print_stdout, reason = "a report is what this program is for")]

mod account;
mod openbox;
mod proc;
mod program;
mod quaternion;
mod screen;
mod server;
mod table;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
    anyhow::ensure!(
        ["server", "program", "all"].contains(&what.as_str()),
        "usage: testkit-bench [server|program|all]"
    );
    let load = std::fs::read_to_string("/proc/loadavg")?;
    println!("load before: {}", load.trim());
    if what != "program" {
        server::bench().await?;
    }
    if what != "server" {
        program::bench().await?;
    }
    Ok(())
}
