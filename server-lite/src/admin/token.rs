//! `hardline-server token create | list | delete`

use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use hardline_server::service::{
    Services, now_ms, random,
    registration_tokens::{self, RegistrationToken},
};
use serde_json::json;

use super::{
    OnServices,
    output::{Output, utc},
    sentence,
    time::time_span,
};

/// Commands about registration tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Makes a token with which people can register.
    Create {
        /// Its text; random without it.
        #[arg(long)]
        token: Option<String>,
        /// How many people may use it; any number without it.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        uses: Option<u32>,
        /// How long it works, such as 30m, 12h, 7d or 4w; for good without it.
        #[arg(long, value_name = "TIME", value_parser = time_span)]
        expires_in: Option<Duration>,
    },
    /// Lists all tokens.
    List,
    /// Removes a token; whoever has registered with it stays.
    Delete {
        /// Its text.
        token: String,
    },
}

impl OnServices for TokenCommand {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Create {
                token,
                uses,
                expires_in,
            } => create(services, output, token, uses, expires_in).await,
            Self::List => list(services, output).await,
            Self::Delete { token } => delete(services, output, token).await,
        }
    }
}

async fn create(
    services: &Services,
    output: &Output,
    token: Option<String>,
    uses_allowed: Option<u32>,
    expires_in: Option<Duration>,
) -> anyhow::Result<()> {
    let created_at = now_ms();
    let made = RegistrationToken {
        token: token.unwrap_or_else(|| random::name(16)),
        uses_allowed,
        uses: 0,
        expires_at: expires_in.map(|span| created_at + span.as_millis() as i64),
        created_at,
    };
    let stored = made.clone();
    services
        .store
        .write(move |tx| registration_tokens::create(tx, &stored))
        .await
        .map_err(sentence)?;
    output.print(
        &made,
        [format!("The token is {}", made.token), describe(&made)],
    )
}

async fn list(services: &Services, output: &Output) -> anyhow::Result<()> {
    let tokens = services
        .store
        .read(|c| Ok(registration_tokens::list(c)?))
        .await?;
    let lines = tokens
        .iter()
        .map(|token| format!("{}  {}", token.token, describe(token)));
    output.print(&tokens, lines.collect::<Vec<_>>())
}

async fn delete(services: &Services, output: &Output, token: String) -> anyhow::Result<()> {
    let asked = token.clone();
    let found = services
        .store
        .write(move |tx| Ok(registration_tokens::delete(tx, &asked)?))
        .await?;
    if !found {
        bail!("there is no token {token}");
    }
    let value = json!({ "token": token, "deleted": true });
    output.print(&value, [format!("The token {token} is deleted.")])
}

fn describe(token: &RegistrationToken) -> String {
    let uses = match token.uses_allowed {
        Some(allowed) => format!("used {} of {allowed} times", token.uses),
        None => format!("used {} times, no limit", token.uses),
    };
    let expires = match token.expires_at {
        Some(at) => format!("until {}", utc(at)),
        None => "for good".to_owned(),
    };
    let state = if token.is_valid(now_ms()) {
        ""
    } else {
        ", no longer valid"
    };
    format!("{uses}, {expires}{state}")
}
