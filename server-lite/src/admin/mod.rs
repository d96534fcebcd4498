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

/// `hardline-server user …`
#[derive(Args)]
pub struct User {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: UserCommand,
}

/// `hardline-server token …`
#[derive(Args)]
pub struct Token {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: TokenCommand,
}

/// `hardline-server report …`
#[derive(Args)]
pub struct Report {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: ReportCommand,
}

/// `hardline-server rooms …`
#[derive(Args)]
pub struct Room {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: RoomCommand,
}

/// `hardline-server database …`
#[derive(Args)]
pub struct Database {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: DatabaseCommand,
}

/// `hardline-server filter …`
#[derive(Args)]
pub struct Filter {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: FilterCommand,
}

/// `hardline-server media …`
#[derive(Args)]
pub struct Media {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: MediaCommand,
}

/// A command with arguments of its own and no further words.
#[derive(Args)]
pub struct Single<T: Args> {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    command: T,
}

/// `hardline-server appservice …`
#[derive(Args)]
pub struct Appservice {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: AppserviceCommand,
}

/// A group of commands.
#[derive(Subcommand)]
pub enum Group {
    /// Accounts: add, list, change a password, deactivate.
    #[command(alias = "users")]
    User(User),
    /// Registration tokens: create, list, delete.
    #[command(alias = "tokens")]
    Token(Token),
    /// What users reported: list, delete.
    #[command(alias = "reports")]
    Report(Report),
    /// Rooms: list, show, delete, unblock.
    #[command(alias = "room")]
    Rooms(Room),
    /// Removes old messages of a room; its state and its newest events stay.
    PurgeHistory(Single<PurgeHistory>),
    /// The database: check it, give unused space back.
    Database(Database),
    /// Copies database, files and configuration into a folder, while the server runs or not.
    Backup(Single<Backup>),
    /// Puts a backup back, or checks one. The server must be stopped.
    Restore(Single<Restore>),
    /// How the server is doing.
    Status(Common),
    /// Versions of the program and of what it speaks.
    Version(Common),
    /// What is not wanted here: add, list, delete rules about words, names and kinds of files.
    Filter(Filter),
    /// Uploaded files: list, delete, purge what nobody reads.
    Media(Media),
    /// Tells one user, or all, something in the name of the server.
    Notice(Single<Notice>),
    /// Bridges and bots: list, write a registration file.
    Appservice(Appservice),
}

impl Group {
    /// Carries the command out.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::User(user) => user
                .common
                .run(async |services, output| user.command.run(services, output).await),
            Self::Token(token) => token
                .common
                .run(async |services, output| token.command.run(services, output).await),
            Self::Report(report) => report
                .common
                .run(async |services, output| report.command.run(services, output).await),
            Self::Rooms(room) => room
                .common
                .run(async |services, output| room.command.run(services, output).await),
            Self::PurgeHistory(purge) => purge
                .common
                .run(async |services, output| purge.command.run(services, output).await),
            Self::Database(database) => database.command.run(&database.common),
            Self::Backup(backup) => backup.command.run(&backup.common),
            Self::Restore(restore) => restore.command.run(&restore.common),
            Self::Status(common) => status::run(&common),
            Self::Version(common) => version::run(&common),
            Self::Filter(filter) => filter
                .common
                .run(async |services, output| filter.command.run(services, output).await),
            Self::Media(media) => media
                .common
                .run(async |services, output| media.command.run(services, output).await),
            Self::Notice(notice) => notice
                .common
                .run(async |services, output| notice.command.run(services, output).await),
            Self::Appservice(Appservice { common, command }) => match command {
                AppserviceCommand::List => common.run(AppserviceCommand::list),
                AppserviceCommand::New(new) => {
                    new.run(&common.config, &Output { json: common.json })
                }
            },
        }
    }
}

impl Common {
    fn run(
        &self,
        command: impl AsyncFnOnce(&Services, &Output) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let config = self.load()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let services = Services::open(config)?;
        let result = runtime.block_on(command(&services, &self.output()));
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
