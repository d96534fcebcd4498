//! The commands of the operator, while the server runs or not.

mod appservice;
mod archive;
mod backup;
mod database;
mod filter;
mod media;
mod notice;
mod output;
mod purge;
mod report;
mod restore;
mod room;
mod status;
mod time;
mod token;
mod user;
mod version;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use hardline_server::{
    config::Config,
    serve::control::{self, Changed},
    service::Services,
};

use self::output::Output;
pub use self::{
    appservice::AppserviceCommand, backup::Backup, database::DatabaseCommand,
    filter::FilterCommand, media::MediaCommand, notice::Notice, purge::PurgeHistory,
    report::ReportCommand, restore::Restore, room::RoomCommand, token::TokenCommand,
    user::UserCommand,
};

/// What every command of the operator takes.
#[derive(Args)]
pub struct Common {
    /// The configuration file of the server.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "hardline-server.toml",
        global = true
    )]
    config: PathBuf,
    /// Print JSON instead of sentences.
    #[arg(long, global = true)]
    json: bool,
}

/// Commands of one subject, such as `hardline-server user …`.
#[derive(Args)]
pub struct Several<T: Subcommand> {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: T,
}

/// A command with arguments of its own and no further words.
#[derive(Args)]
pub struct Single<T: Args> {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    command: T,
}

/// A group of commands.
#[derive(Subcommand)]
pub enum Group {
    /// Accounts: add, list, change a password, deactivate.
    #[command(alias = "users")]
    User(Several<UserCommand>),
    /// Registration tokens: create, list, delete.
    #[command(alias = "tokens")]
    Token(Several<TokenCommand>),
    /// What users reported: list, delete.
    #[command(alias = "reports")]
    Report(Several<ReportCommand>),
    /// Rooms: list, show, delete, unblock.
    #[command(alias = "room")]
    Rooms(Several<RoomCommand>),
    /// Removes old messages of a room; its state and its newest events stay.
    PurgeHistory(Single<PurgeHistory>),
    /// The database: check it, give unused space back.
    Database(Several<DatabaseCommand>),
    /// Copies database, files and configuration into a folder, while the server runs or not.
    Backup(Single<Backup>),
    /// Puts a backup back, or checks one. The server must be stopped.
    Restore(Single<Restore>),
    /// How the server is doing.
    Status(Common),
    /// Versions of the program and of what it speaks.
    Version(Common),
    /// What is not wanted here: add, list, delete rules about words, names and kinds of files.
    Filter(Several<FilterCommand>),
    /// Uploaded files: list, delete, purge what nobody reads.
    Media(Several<MediaCommand>),
    /// Tells one user, or all, something in the name of the server.
    Notice(Single<Notice>),
    /// Bridges and bots: list, write a registration file.
    Appservice(Several<AppserviceCommand>),
}

/// A command that works on the server's services.
trait OnServices {
    /// Carries the command out.
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()>;
}

impl Group {
    /// Carries the command out.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::User(Several { common, command }) => common.perform(command),
            Self::Token(Several { common, command }) => common.perform(command),
            Self::Report(Several { common, command }) => common.perform(command),
            Self::Rooms(Several { common, command }) => common.perform(command),
            Self::Filter(Several { common, command }) => common.perform(command),
            Self::Media(Several { common, command }) => common.perform(command),
            Self::PurgeHistory(Single { common, command }) => common.perform(command),
            Self::Notice(Single { common, command }) => common.perform(command),
            Self::Database(Several { common, command }) => command.run(&common),
            Self::Backup(Single { common, command }) => command.run(&common),
            Self::Restore(Single { common, command }) => command.run(&common),
            Self::Appservice(Several { common, command }) => command.run(&common),
            Self::Status(common) => status::run(&common),
            Self::Version(common) => version::run(&common),
        }
    }
}

impl Common {
    fn perform(&self, command: impl OnServices) -> anyhow::Result<()> {
        let config = self.load()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let services = Services::open(config)?;
        let result = runtime.block_on(command.run(&services, &self.output()));
        services.store.close();
        // What another process has written wakes nobody: whoever waits looks again.
        control::tell_changed(&services.config.storage.path, &Changed::default());
        result
    }

    fn load(&self) -> anyhow::Result<Config> {
        Config::load(&self.config)
            .with_context(|| "name the server's configuration with --config FILE")
    }

    fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// The sentence of an error, without its code.
fn sentence(error: hardline_server::Error) -> anyhow::Error {
    match error {
        hardline_server::Error::Matrix { message, .. } => anyhow::Error::msg(message),
        other => other.into(),
    }
}
