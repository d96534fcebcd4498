//! `hardline-server init`: the server's name for life, and its configuration file.

use std::{
    io::{BufRead, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::Args;
use hardline_server::config::{check_server_name, render};
use rand::{Rng, distr::Alphanumeric};

const EXPLANATION: &str = "\
A server's name is the part after the colon in every user id: @you:NAME.
It is for life. It is written into every account, room and signature, so it can never be
changed later; another name means a new, empty server. It must look like a domain
(ada.example.org). You need not own the domain to talk on this device or in your own network,
but other servers on the internet can only find you under a domain that is yours.
";

/// Arguments of `init`.
#[derive(Args)]
pub struct Init {
    /// The server's name for life, such as ada.example.org. Without it you are asked (or, with
    /// --generate, given a random one under .local).
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Take a random name such as k7f2m9qx.local, for a server only this network shall know.
    #[arg(long, conflicts_with = "server_name")]
    generate: bool,
    /// The configuration file to write.
    #[arg(long, value_name = "FILE", default_value = "hardline-server.toml")]
    config: PathBuf,
    /// The folder for the data; relative paths count from the configuration file's folder.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = 8008)]
    port: u16,
    /// Print one JSON object instead of sentences.
    #[arg(long)]
    json: bool,
}

impl Init {
    /// Writes the file; never over an existing one.
    pub fn run(self) -> anyhow::Result<()> {
        if self.config.exists() {
            bail!(
                "{} exists already; a server's name is chosen once",
                self.config.display()
            );
        }
        let name = self.name()?;
        if let Err(reason) = check_server_name(&name) {
            bail!("\"{name}\" cannot be a server's name: {reason}");
        }
        let data = self
            .data
            .to_str()
            .context("the data folder's name is not UTF-8")?;
        let token = random(24);
        self.write(&render(&name, data, self.port, &token))?;
        self.report(&name, &token)
    }

    fn name(&self) -> anyhow::Result<String> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        if self.generate {
            return Ok(format!("{}.local", random(8).to_ascii_lowercase()));
        }
        if self.json || !std::io::stdin().is_terminal() {
            bail!("give --server-name NAME (or --generate)\n\n{EXPLANATION}");
        }
        let mut out = std::io::stdout().lock();
        write!(out, "{EXPLANATION}\nThe server's name: ")?;
        out.flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    fn write(&self, text: &str) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        if let Some(folder) = self
            .config
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.config)
            .with_context(|| format!("cannot write {}", self.config.display()))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(())
    }

    fn report(&self, name: &str, token: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let config = self.config.display();
        if self.json {
            let object = serde_json::json!({
                "server_name": name,
                "config": self.config,
                "port": self.port,
                "registration_token": token,
            });
            writeln!(out, "{object}")?;
            return Ok(());
        }
        writeln!(out, "{EXPLANATION}")?;
        writeln!(
            out,
            "This server is {name}, for life. Its configuration is {config}."
        )?;
        writeln!(
            out,
            "Accounts can be made with the registration token {token}"
        )?;
        writeln!(out, "Start it with: hardline-server --config {config}")?;
        Ok(())
    }
}

fn random(n_chars: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(n_chars)
        .map(char::from)
        .collect()
}
