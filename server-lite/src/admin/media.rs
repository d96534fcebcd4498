//! `hardline-server media list | delete | purge`

use anyhow::bail;
use clap::Subcommand;
use hardline_server::service::{
    Services,
    media::{
        listing, quota,
        removal::{self, Removed, Which},
    },
    now_ms,
};
use serde_json::json;

use super::{
    OnServices,
    output::{Output, utc},
    sentence,
    user::user_id,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Commands about uploaded files.
#[derive(Subcommand)]
pub enum MediaCommand {
    /// Lists uploaded files, newest first, and how much they take.
    List {
        /// Those of one user only.
        #[arg(long)]
        user: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Deletes files. Messages that show them remain, without them.
    Delete {
        /// Their addresses, with or without mxc:// and the server's name.
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Deletes files that nobody has read for some time. What profiles, rooms, and packs of emoji and stickers show stays.
    Purge {
        /// For how many days nobody has read them.
        #[arg(long, value_name = "DAYS")]
        unread_days: u32,
        /// Those of one user only.
        #[arg(long)]
        user: Option<String>,
        /// Say what would be deleted, and delete nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

impl OnServices for MediaCommand {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::List { user, limit } => list(services, output, user, limit).await,
            Self::Delete { addresses } => delete(services, output, &addresses).await,
            Self::Purge {
                unread_days,
                user,
                dry_run,
            } => {
                let user = user.map(|user| user_id(services, &user)).transpose()?;
                let since = now_ms() - i64::from(unread_days) * DAY_MS;
                purge(services, output, Which::UnreadSince(since, user), dry_run).await
            }
        }
    }
}

async fn list(
    services: &Services,
    output: &Output,
    user: Option<String>,
    limit: usize,
) -> anyhow::Result<()> {
    let user = user.map(|user| user_id(services, &user)).transpose()?;
    let found = services.store.read(move |c| {
        let bytes = match &user {
            Some(user) => quota::usage(c, user)?,
            None => quota::total(c)?,
        };
        Ok((listing::list(c, user.as_deref(), limit)?, bytes))
    });
    let (files, bytes) = found.await.map_err(sentence)?;
    let server = &services.config.server.name;
    let mut lines: Vec<String> = files
        .iter()
        .map(|file| {
            let kind = file.content_type.as_deref().unwrap_or("-");
            format!(
                "mxc://{server}/{}  {}  {} bytes  {}  {}, read {}",
                file.media_id,
                file.user_id,
                file.size,
                kind.escape_debug(),
                utc(file.created_at),
                utc(file.last_read_at)
            )
        })
        .collect();
    lines.push(format!("{bytes} bytes in all"));
    output.print(&json!({ "files": files, "bytes": bytes }), lines)
}

async fn delete(services: &Services, output: &Output, addresses: &[String]) -> anyhow::Result<()> {
    let server = services.config.server.name.as_str();
    let mut ids = Vec::new();
    for address in addresses {
        let id = match address
            .strip_prefix("mxc://")
            .map(|rest| rest.split_once('/'))
        {
            None => address,
            Some(Some((name, id))) if name == server => id,
            Some(_) => bail!("{address} is not of this server, {server}"),
        };
        ids.push(id.to_owned());
    }
    let removed = removal::remove(services, Which::Named(ids))
        .await
        .map_err(sentence)?;
    if removed.addresses == 0 {
        bail!("there is no such file");
    }
    tell(output, &removed)
}

async fn purge(
    services: &Services,
    output: &Output,
    which: Which,
    dry_run: bool,
) -> anyhow::Result<()> {
    if dry_run {
        let server = services.config.server.name.clone();
        let chosen = services
            .store
            .read(move |c| removal::choose(c, server.as_str(), which));
        let ids = chosen.await.map_err(sentence)?;
        let line = format!("{} addresses would be deleted.", ids.len());
        return output.print(&json!({ "would_delete": ids }), [line]);
    }
    let removed = removal::remove(services, which).await.map_err(sentence)?;
    removal::remove_orphans(services).await.map_err(sentence)?;
    tell(output, &removed)
}

fn tell(output: &Output, removed: &Removed) -> anyhow::Result<()> {
    let line = format!(
        "Deleted {} addresses, {} files, {} bytes.",
        removed.addresses, removed.files, removed.bytes
    );
    output.print(removed, [line])
}
