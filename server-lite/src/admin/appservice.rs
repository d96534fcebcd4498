//! `hardline-server appservice list | new`

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hardline_server::{
    config::Config,
    service::{
        Services,
        appservices::{
            Appservice, outbox,
            registration::{self, Namespace},
        },
        random,
    },
};
use serde_json::{Value, json};

use super::{Common, OnServices, output::Output, sentence};

/// Commands about application services.
#[derive(Subcommand)]
pub enum AppserviceCommand {
    /// Lists the bridges and bots of the configuration, and how much they are still to be told.
    List,
    /// Writes a registration file for a bridge or bot that does not write one itself.
    New(Box<New>),
}

/// Arguments of `appservice new`.
#[derive(Args)]
pub struct New {
    /// Its name for life, such as irc: letters, digits, hyphens.
    name: String,
    /// Where it will listen. Without it, it only speaks.
    #[arg(long)]
    url: Option<url::Url>,
    /// What the names of its users begin with; _NAME_ without it.
    #[arg(long, value_name = "PREFIX")]
    users: Option<String>,
    /// The name of its bot; NAMEbot without it.
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// A network it leads to; may be given several times.
    #[arg(long, value_name = "NETWORK")]
    protocol: Vec<String>,
    /// Tell it who types, has read what, and is online.
    #[arg(long)]
    ephemeral: bool,
    /// The file to write; NAME-registration.yaml beside the configuration without it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl AppserviceCommand {
    /// Carries the command out.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        match self {
            Self::List => common.perform(List),
            Self::New(new) => new.run(&common.config, &common.output()),
        }
    }
}

struct List;

impl OnServices for List {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        let all = services.appservices.all().to_vec();
        let waiting = services
            .store
            .read(move |c| {
                let waiting = all
                    .iter()
                    .map(|appservice| outbox::n_waiting(c, appservice.id()));
                waiting.collect::<Result<Vec<i64>, _>>()
            })
            .await
            .map_err(sentence)?;
        let all = services.appservices.all().iter().zip(waiting);
        let (mut values, mut lines) = (Vec::new(), Vec::new());
        for (appservice, waiting) in all {
            values.push(described(appservice, waiting));
            lines.push(line(appservice, waiting));
        }
        output.print(&values, lines)
    }
}

fn described(appservice: &Appservice, waiting: i64) -> Value {
    let registration = &appservice.registration;
    let namespaces = |list: &[Namespace]| -> Vec<Value> {
        let shown = |one: &Namespace| json!({ "regex": one.pattern, "exclusive": one.exclusive });
        list.iter().map(shown).collect()
    };
    json!({
        "id": registration.id,
        "url": registration.url,
        "sender": registration.sender,
        "namespaces": {
            "users": namespaces(&registration.users),
            "aliases": namespaces(&registration.aliases),
            "rooms": namespaces(&registration.rooms),
        },
        "protocols": registration.protocols,
        "waiting": waiting,
    })
}

fn line(appservice: &Appservice, waiting: i64) -> String {
    let registration = &appservice.registration;
    let url = registration.url.as_ref();
    let url = url.map_or("only speaks", |url| url.as_str());
    let users: Vec<&str> = registration
        .users
        .iter()
        .map(|users| &*users.pattern)
        .collect();
    format!(
        "{}  {url}, as {}, users {}, {waiting} waiting",
        registration.id,
        registration.sender,
        users.join(" ")
    )
}

impl New {
    /// Writes the file; never over an existing one.
    fn run(self, config: &Path, output: &Output) -> anyhow::Result<()> {
        let server = Config::load(config)
            .with_context(|| "name the server's configuration with --config FILE")?
            .server
            .name;
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(allowed) {
            bail!("the name of a bridge has only the letters a to z, digits and hyphens");
        }
        let folder = config.parent().unwrap_or(Path::new("."));
        let default = || folder.join(format!("{}-registration.yaml", self.name));
        let path = self.output.clone().unwrap_or_else(default);
        let text = self.text(server.as_str());
        write(&path, &text)?;
        // What was just written must be what the server reads.
        if let Err(error) = registration::load(&path, &server) {
            std::fs::remove_file(&path)?;
            return Err(error.into());
        }
        let shown = path.display().to_string();
        let value = json!({ "id": self.name, "file": shown });
        let lines = [
            format!("Wrote {shown}; give it to the bridge as well."),
            format!(
                "Add it to [appservices] in {}, and restart the server:",
                config.display()
            ),
            format!("files = [{}]", json!(shown)),
        ];
        output.print(&value, lines)
    }

    fn text(&self, server: &str) -> String {
        let name = &self.name;
        let bot = self.bot.clone().unwrap_or_else(|| format!("{name}bot"));
        let prefix = self.users.clone().unwrap_or_else(|| format!("_{name}_"));
        let url = self
            .url
            .as_ref()
            .map(|url| url.as_str().trim_end_matches('/'));
        let users = format!("^@{}.*:{}$", regex::escape(&prefix), regex::escape(server));
        let aliases = format!("^#{}.*:{}$", regex::escape(&prefix), regex::escape(server));
        // Strings of JSON are strings of YAML.
        format!(
            "id: {}\nurl: {}\nas_token: {}\nhs_token: {}\nsender_localpart: {}\n\
             rate_limited: false\nreceive_ephemeral: {}\nprotocols: {}\nnamespaces:\n\
             \x20 users:\n  - exclusive: true\n    regex: {}\n\
             \x20 aliases:\n  - exclusive: true\n    regex: {}\n  rooms: []\n",
            json!(name),
            json!(url),
            json!(random::token()),
            json!(random::token()),
            json!(bot),
            self.ephemeral,
            json!(self.protocol),
            json!(users),
            json!(aliases),
        )
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
