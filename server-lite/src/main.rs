//! The program `hardline-server`: command line, logs, runtime.

mod admin;
mod dist_files;
mod init;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};
use hardline_server::{
    config::{Config, LogFormat},
    serve::{self, lock::DataLock},
    service::{Services, appservices::Appservices},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Gives the memory of a password's hash (19 MiB each) back to the system, where the C library's
/// allocator keeps it for every thread that ever made one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A Matrix homeserver small enough for a phone.
#[derive(Parser)]
#[command(
    name = "hardline-server",
    version,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The configuration file (made by `hardline-server init`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file to write the bound address to once the server answers.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Stop when standard input ends: with the program that started the server, however that ends.
    #[arg(long)]
    with_parent: bool,
    /// Write manual pages and shell completions into a directory, for packagers.
    #[arg(long, value_name = "DIR", hide = true)]
    dist_files: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Chooses the server's name for life and writes a commented configuration file.
    Init(init::Init),
    #[command(flatten)]
    Admin(admin::Group),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match (cli.dist_files, cli.command) {
        (Some(dir), _) => dist_files::write(Cli::command(), &dir),
        (None, Some(Command::Init(init))) => init.run(),
        (None, Some(Command::Admin(group))) => group.run(),
        (None, None) => run(cli.config, cli.ready_file, cli.with_parent),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hardline-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    config: Option<PathBuf>,
    ready_file: Option<PathBuf>,
    with_parent: bool,
) -> anyhow::Result<()> {
    let path = config.ok_or_else(|| {
        anyhow::anyhow!(
            "no configuration given\nFirst time? Run `hardline-server init`, then \
             `hardline-server --config FILE`."
        )
    })?;
    let config = Config::load(&path)?;
    start_logs(&config)?;
    refuse_huge_pages();
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .thread_name("hardline-server")
        .enable_all()
        .build()?;
    // A wrong registration file is told before anything is made.
    let appservices = Appservices::load(&config)?;
    let _lock = DataLock::take(&config.storage.path)?;
    let services = Services::open_with(config, appservices)?;
    if with_parent {
        stop_with_parent(services.shutdown.clone())?;
    }
    runtime.block_on(serve::run(services, ready_file))?;
    Ok(())
}

/// Waits for the end of standard input in a thread of its own: the runtime would wait for one of its threads.
fn stop_with_parent(shutdown: CancellationToken) -> std::io::Result<()> {
    let wait = move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        tracing::info!("stopping: the program that started the server is gone");
        shutdown.cancel();
    };
    std::thread::Builder::new()
        .name("with-parent".to_owned())
        .spawn(wait)
        .map(drop)
}

/// A page of 2 MiB is resident as a whole once a byte of it is used, and a server at rest uses little of many. The
/// allocator does not ask for such pages (`no_thp`); here the kernel is told not to give them unasked either.
fn refuse_huge_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "cannot do without huge pages");
    }
}

/// Every client that waits holds a connection, and many systems begin with a limit of 1024 open files.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

fn start_logs(config: &Config) -> anyhow::Result<()> {
    // The authorization rules tell a line an event; who wants them names them in the filter.
    let filter = EnvFilter::try_new(format!("ruma_state_res=warn,{}", config.log.filter))
        .map_err(|error| anyhow::anyhow!("log.filter: {error}"))?;
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match config.log.format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
