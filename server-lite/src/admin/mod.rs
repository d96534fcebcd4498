//! The commands of the operator: accounts and registration tokens, while the server runs or not.

mod appservice;
mod output;
mod report;
mod token;
mod user;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use hardline_server::{config::Config, service::Services};

use self::output::Output;
pub use self::{
    appservice::AppserviceCommand, report::ReportCommand, token::TokenCommand, user::UserCommand,
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
    User(User),
    /// Registration tokens: create, list, delete.
    Token(Token),
    /// What users reported: list, delete.
    Report(Report),
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
        let config = Config::load(&self.config)
            .with_context(|| "name the server's configuration with --config FILE")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let services = Services::open(config)?;
        let result = runtime.block_on(command(&services, &Output { json: self.json }));
        services.store.close();
        result
    }
}

/// The sentence of an error, without its code.
fn sentence(error: hardline_server::Error) -> anyhow::Error {
    match error {
        hardline_server::Error::Matrix { message, .. } => anyhow::Error::msg(message),
        other => other.into(),
    }
}
