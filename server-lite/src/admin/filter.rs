//! `hardline-server filter add | list | delete`

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use hardline_server::service::{
    Services, now_ms,
    safety::rules::{self, Action, NewRule, Place},
};
use serde_json::json;

use super::{
    OnServices,
    output::{Output, utc},
    sentence,
};

/// Commands about what is not wanted here.
#[derive(Subcommand)]
pub enum FilterCommand {
    /// Adds a rule. It holds at once, for what is sent from now on. Encrypted messages cannot be looked at.
    Add {
        /// What to look for, in upper and lower case alike. * and ? stand for any characters, and the whole text has to
        /// fit: *cheap*pills*
        pattern: String,
        /// The pattern is a regular expression, to be found anywhere in the text.
        #[arg(long)]
        regex: bool,
        /// Where to look.
        #[arg(long = "in", value_enum, value_name = "WHERE", default_value_t = Where::Message)]
        place: Where,
        /// What to do with what fits.
        #[arg(long, value_enum, default_value_t = Deed::Reject)]
        action: Deed,
        /// What the people concerned are told it is, such as advertising.
        #[arg(long, default_value = "it is against the rules")]
        category: String,
    },
    /// Lists all rules, with how often they fit and when last.
    List,
    /// Removes a rule.
    Delete {
        /// Its number.
        id: i64,
    },
}

/// Where a rule looks.
#[derive(Clone, Copy, ValueEnum)]
pub enum Where {
    /// All texts of unencrypted messages, reactions, polls and the like.
    Message,
    /// Names of rooms.
    Name,
    /// Topics of rooms.
    Topic,
    /// Names of people.
    DisplayName,
    /// Media types, such as video/*, of uploads and in messages.
    MediaType,
}

/// What is done with what fits.
#[derive(Clone, Copy, ValueEnum)]
pub enum Deed {
    /// Refuse it and say why.
    Reject,
    /// Take it and show it to nobody but its sender (messages only).
    Hide,
    /// Take it.
    Report,
}

impl OnServices for FilterCommand {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::Add {
                pattern,
                regex,
                place,
                action,
                category,
            } => {
                let place = match place {
                    Where::Message => Place::Message,
                    Where::Name => Place::Name,
                    Where::Topic => Place::Topic,
                    Where::DisplayName => Place::DisplayName,
                    Where::MediaType => Place::MediaType,
                };
                let action = match action {
                    Deed::Reject => Action::Reject,
                    Deed::Hide => Action::Hide,
                    Deed::Report => Action::Report,
                };
                add(
                    services,
                    output,
                    NewRule {
                        place,
                        action,
                        is_regex: regex,
                        pattern,
                        category,
                    },
                )
                .await
            }
            Self::List => list(services, output).await,
            Self::Delete { id } => delete(services, output, id).await,
        }
    }
}

async fn add(services: &Services, output: &Output, rule: NewRule) -> anyhow::Result<()> {
    let added = services
        .store
        .write(move |tx| rules::add(tx, &rule, now_ms()));
    let id = added.await.map_err(sentence)?;
    output.print(&json!({ "id": id }), [format!("Rule {id} is added.")])
}

async fn list(services: &Services, output: &Output) -> anyhow::Result<()> {
    let rules = services.store.read(rules::list).await.map_err(sentence)?;
    let lines = rules.iter().map(|rule| {
        let kind = if rule.is_regex { "regex " } else { "" };
        let hits = match rule.last_hit_at {
            Some(at) => format!("{} hits, last {}", rule.n_hits, utc(at)),
            None => "no hits".to_owned(),
        };
        format!(
            "{}  {} in {}: {kind}{} ({}); {hits}",
            rule.id,
            rule.action.as_str(),
            rule.place.as_str(),
            rule.pattern.escape_debug(),
            rule.category.escape_debug()
        )
    });
    output.print(&rules, lines.collect::<Vec<_>>())
}

async fn delete(services: &Services, output: &Output, id: i64) -> anyhow::Result<()> {
    let deleted = services.store.write(move |tx| rules::delete(tx, id));
    if !deleted.await.map_err(sentence)? {
        bail!("there is no rule {id}");
    }
    let value = json!({ "id": id, "deleted": true });
    output.print(&value, [format!("Rule {id} is deleted.")])
}
