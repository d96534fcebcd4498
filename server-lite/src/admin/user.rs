//! `hardline-server user add | list | password | deactivate`

use std::io::{BufRead, IsTerminal};

use anyhow::bail;
use clap::{Args, Subcommand};
use hardline_server::service::{
    Services, accounts, devices, now_ms, passwords, random, rooms::membership, server_notices,
};
use ruma::OwnedUserId;
use serde_json::json;

use super::{OnServices, output::Output, sentence};

/// Commands about accounts.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Makes an account.
    Add {
        /// Its name, the part between @ and the colon.
        name: String,
        /// Make it an administrator.
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        source: PasswordSource,
    },
    /// Lists all accounts.
    List,
    /// Gives an account a new password and logs all its devices out.
    Password {
        /// Its name or full id.
        name: String,
        /// Leave its devices logged in.
        #[arg(long)]
        keep_devices: bool,
        #[command(flatten)]
        source: PasswordSource,
    },
    /// Closes an account for good: it leaves its rooms, and its name is never given out again.
    Deactivate {
        /// Its name or full id.
        name: String,
        /// Also ask that its messages be hidden from whoever joins later.
        #[arg(long)]
        erase: bool,
    },
}

/// Where a new password comes from; without either it is asked for.
#[derive(Args)]
#[group(multiple = false)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// Make a random password and print it.
    #[arg(long)]
    random_password: bool,
}

impl OnServices for UserCommand {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add {
                name,
                admin,
                source,
            } => add(services, output, &name, admin, &source).await,
            Self::List => list(services, output).await,
            Self::Password {
                name,
                keep_devices,
                source,
            } => password(services, output, &name, keep_devices, &source).await,
            Self::Deactivate { name, erase } => deactivate(services, output, &name, erase).await,
        }
    }
}

async fn add(
    services: &Services,
    output: &Output,
    name: &str,
    admin: bool,
    source: &PasswordSource,
) -> anyhow::Result<()> {
    let user_id = user_id(services, name)?;
    if server_notices::is_sender(&services.config, user_id.as_str()) {
        bail!("{user_id} is the server itself: server_notices.localpart in the configuration");
    }
    if let Some(owner) = services.appservices.owner_of(&user_id, None) {
        let id = owner.id();
        bail!("{user_id} is reserved for the bridge \"{id}\": its registration says so");
    }
    let asked = user_id.clone();
    if services
        .store
        .read(move |c| Ok(accounts::exists(c, &asked)?))
        .await?
    {
        bail!("there is (or was) an account called {user_id}");
    }
    let password = source.read()?;
    let hash = passwords::hash(&password).map_err(sentence)?;
    let new_user = user_id.clone();
    services
        .store
        .write(move |tx| {
            accounts::create(tx, &new_user, Some(&hash), false, now_ms())?;
            if admin {
                accounts::set_admin(tx, &new_user, true)
            } else {
                Ok(())
            }
        })
        .await
        .map_err(sentence)?;
    let shown = source.random_password.then_some(password);
    let value = json!({ "user_id": user_id, "admin": admin, "password": shown });
    let told = shown.map(|password| format!("Its password is {password}"));
    output.print(
        &value,
        [format!("Added {user_id}.")].into_iter().chain(told),
    )
}

async fn list(services: &Services, output: &Output) -> anyhow::Result<()> {
    let accounts = services.store.read(accounts::list).await?;
    let lines = accounts.iter().map(|account| {
        let state = match (account.deactivated, account.admin) {
            (true, _) => ", deactivated",
            (false, true) => ", administrator",
            (false, false) => "",
        };
        let since = super::output::utc(account.created_at);
        format!(
            "{}  since {since}, {} devices{state}",
            account.user_id, account.n_devices
        )
    });
    output.print(&accounts, lines.collect::<Vec<_>>())
}

async fn password(
    services: &Services,
    output: &Output,
    name: &str,
    keep_devices: bool,
    source: &PasswordSource,
) -> anyhow::Result<()> {
    let user_id = user_id(services, name)?;
    let asked = user_id.clone();
    if !services
        .store
        .read(move |c| Ok(accounts::is_active(c, &asked)?))
        .await?
    {
        bail!("there is no account {user_id}");
    }
    let password = source.read()?;
    let hash = passwords::hash(&password).map_err(sentence)?;
    let changed = user_id.clone();
    services
        .store
        .write(move |tx| {
            accounts::set_password(tx, &changed, &hash)?;
            if keep_devices {
                Ok(())
            } else {
                devices::delete_all(tx, &changed, None)
            }
        })
        .await
        .map_err(sentence)?;
    let shown = source.random_password.then_some(password);
    let value = json!({ "user_id": user_id, "password": shown });
    let told = shown.map(|password| format!("Its password is {password}"));
    let line = format!("The password of {user_id} is changed.");
    output.print(&value, [line].into_iter().chain(told))
}

async fn deactivate(
    services: &Services,
    output: &Output,
    name: &str,
    erase: bool,
) -> anyhow::Result<()> {
    let user_id = user_id(services, name)?;
    let (all, closed) = (services.clone(), user_id.clone());
    services
        .store
        .write(move |tx| {
            membership::leave_all(tx, &all, &closed)?;
            accounts::deactivate(tx, &closed, erase, now_ms())
        })
        .await
        .map_err(sentence)?;
    let value = json!({ "user_id": user_id, "deactivated": true });
    output.print(&value, [format!("{user_id} is deactivated.")])
}

/// The user a name or a full id of this server means.
pub(super) fn user_id(services: &Services, name: &str) -> anyhow::Result<OwnedUserId> {
    let server_name = &services.config.server.name;
    let localpart = match name.strip_prefix('@').and_then(|id| id.split_once(':')) {
        Some((localpart, server)) if server == server_name.as_str() => localpart,
        Some(_) => bail!("{name} is not of this server, {server_name}"),
        None => name,
    };
    accounts::user_id_for(localpart, server_name).map_err(sentence)
}

impl PasswordSource {
    fn read(&self) -> anyhow::Result<String> {
        let password = if self.random_password {
            random::name(20)
        } else if self.password_stdin {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        } else if std::io::stdin().is_terminal() {
            ask()?
        } else {
            bail!("give --password-stdin or --random-password");
        };
        passwords::check(&password).map_err(sentence)?;
        Ok(password)
    }
}

fn ask() -> anyhow::Result<String> {
    let password = rpassword::prompt_password("New password: ")?;
    if rpassword::prompt_password("Once more: ")? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}
