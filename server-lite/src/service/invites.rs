//! Whose invitations reach whom: what each user wants, and what the operator allows.
//!
//! Spec: <https://spec.matrix.org/v1.18/client-server-api/#invite-permission>; lists of users and servers:
//! <https://github.com/matrix-org/matrix-spec-proposals/pull/4155>,
//! the switch for all: <https://github.com/matrix-org/matrix-spec-proposals/pull/4380>

use http::StatusCode;
use ruma::{UserId, api::error::ErrorKind};
use rusqlite::Connection;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    Services, account_data, accounts, glob,
    rooms::{Room, membership},
    server_notices,
};
use crate::{
    Error,
    config::{Config, Invites, Safety},
    error::Result,
};

/// The account data that holds a user's wishes: the specification's and the two proposals'.
const TYPES: [&str; 3] = [
    "m.invite_permission_config",
    "org.matrix.msc4380.invite_permission_config",
    "org.matrix.msc4155.invite_permission_config",
];

/// Longer patterns are no user ids.
const MAX_PATTERN: usize = 255;
/// Of each list so many patterns are looked at.
const MAX_PATTERNS: usize = 1000;

/// What becomes of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is shown.
    Allow,
    /// It is kept, and not shown to the one invited. Who invites does not notice.
    Ignore,
    /// It is refused.
    Block,
}

/// What one piece of account data says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wishes {
    enabled: Value,
    default_action: Value,
    #[serde(deserialize_with = "patterns")]
    allowed_users: Vec<String>,
    #[serde(deserialize_with = "patterns")]
    ignored_users: Vec<String>,
    #[serde(deserialize_with = "patterns")]
    blocked_users: Vec<String>,
    #[serde(deserialize_with = "patterns")]
    allowed_servers: Vec<String>,
    #[serde(deserialize_with = "patterns")]
    ignored_servers: Vec<String>,
    #[serde(deserialize_with = "patterns")]
    blocked_servers: Vec<String>,
}

/// A list; what is no list or no pattern counts as absent, as clients may write anything.
fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let items = value.as_array().into_iter().flatten();
    let items = items.filter_map(Value::as_str);
    let sane = items.filter(|item| !item.is_empty() && item.len() <= MAX_PATTERN);
    Ok(sane.take(MAX_PATTERNS).map(str::to_owned).collect())
}

impl Wishes {
    /// Users before servers, and in each allow before ignore before block.
    fn judge(&self, inviter: &UserId) -> Verdict {
        if self.enabled == Value::Bool(false) {
            return Verdict::Allow;
        }
        let (user, server) = (inviter.as_str(), inviter.server_name().as_str());
        let lists = [
            (&self.allowed_users, user, Verdict::Allow),
            (&self.ignored_users, user, Verdict::Ignore),
            (&self.blocked_users, user, Verdict::Block),
            (&self.allowed_servers, server, Verdict::Allow),
            (&self.ignored_servers, server, Verdict::Ignore),
            (&self.blocked_servers, server, Verdict::Block),
        ];
        for (patterns, text, verdict) in lists {
            if patterns.iter().any(|pattern| glob::fits(pattern, text)) {
                return verdict;
            }
        }
        if self.default_action == "block" {
            Verdict::Block
        } else {
            Verdict::Allow
        }
    }
}

/// All that a user wishes.
#[derive(Debug, Default)]
pub struct Policy {
    wishes: Vec<Wishes>,
}

impl Policy {
    /// Reads it.
    pub fn load(connection: &Connection, user: &UserId) -> Result<Self> {
        let mut wishes = Vec::new();
        for kind in TYPES {
            let content = account_data::get(connection, user, None, kind)?;
            let content = content.and_then(|content| serde_json::from_str(content.get()).ok());
            wishes.extend::<Option<Wishes>>(content);
        }
        Ok(Self { wishes })
    }

    /// What becomes of an invitation of `inviter`: the strictest of what the user says.
    pub fn judge(&self, inviter: &UserId) -> Verdict {
        let verdicts = self.wishes.iter().map(|wishes| wishes.judge(inviter));
        verdicts.max().unwrap_or(Verdict::Allow)
    }

    /// Whether an invitation that is in the database stays out of syncs and notifications. What the server itself has
    /// to say is always shown.
    pub fn hides(&self, config: &Config, inviter: &str) -> bool {
        !server_notices::is_sender(config, inviter)
            && UserId::parse(inviter).is_ok_and(|inviter| self.judge(&inviter) != Verdict::Allow)
    }
}

/// Refuses an invitation that the operator or the one invited does not want.
///
/// # Errors
/// `M_INVITE_BLOCKED` by the user's wish, `M_FORBIDDEN` by the server's.
pub fn check(
    connection: &Connection,
    services: &Services,
    room: &Room,
    inviter: &UserId,
    target: &UserId,
) -> Result<()> {
    if !accounts::is_admin(connection, inviter)? {
        check_server(connection, &services.config.safety, room, inviter, target)?;
    }
    if Policy::load(connection, target)?.judge(inviter) != Verdict::Block {
        return Ok(());
    }
    let message = format!("{target} does not take invitations from you.");
    Err(Error::new(
        StatusCode::FORBIDDEN,
        ErrorKind::InviteBlocked,
        message,
    ))
}

fn check_server(
    connection: &Connection,
    safety: &Safety,
    room: &Room,
    inviter: &UserId,
    target: &UserId,
) -> Result<()> {
    for user in [inviter, target] {
        let fits = |patterns: &[String], text: &str| {
            patterns.iter().any(|pattern| glob::fits(pattern, text))
        };
        if fits(&safety.blocked_users, user.as_str())
            || fits(&safety.blocked_servers, user.server_name().as_str())
        {
            let message = format!("This server blocks invitations of and to {user}.");
            return Err(Error::forbidden(message));
        }
    }
    let member = membership::find(connection, room.nid, target)?;
    let knocks = member
        .as_ref()
        .is_some_and(|member| member.membership == "knock");
    let was_here = member.is_some_and(|member| member.was_joined);
    match safety.invites {
        Invites::Everyone => Ok(()),
        _ if knocks => Ok(()),
        Invites::SharedRoom if was_here || membership::share_room(connection, inviter, target)? => {
            Ok(())
        }
        Invites::SharedRoom => Err(Error::forbidden(format!(
            "On this server you can invite only people you share a room with; {target} can knock instead."
        ))),
        Invites::NobodyNew if was_here => Ok(()),
        Invites::NobodyNew => Err(Error::forbidden(format!(
            "On this server only people who were in the room before can be invited; {target} can knock instead."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::json;

    use super::{Policy, Verdict, Wishes};

    fn judge(content: serde_json::Value) -> Verdict {
        let wishes: Wishes = serde_json::from_value(content).unwrap();
        wishes.judge(user_id!("@bo:bad.test"))
    }

    #[test]
    fn users_go_before_servers_and_allowing_before_blocking() {
        let cases = [
            (json!({}), Verdict::Allow),
            (json!({ "blocked_servers": ["*"] }), Verdict::Block),
            (
                json!({ "ignored_servers": ["*.test"], "blocked_servers": ["*"] }),
                Verdict::Ignore,
            ),
            (
                json!({ "allowed_users": ["@bo:*"], "blocked_servers": ["bad.test"] }),
                Verdict::Allow,
            ),
            (
                json!({ "blocked_users": ["@b?:*"], "allowed_servers": ["*"] }),
                Verdict::Block,
            ),
            (json!({ "default_action": "block" }), Verdict::Block),
            (
                json!({ "default_action": "block", "allowed_servers": ["bad.test"] }),
                Verdict::Allow,
            ),
            (json!({ "default_action": "something" }), Verdict::Allow),
            (
                json!({ "enabled": false, "blocked_servers": ["*"] }),
                Verdict::Allow,
            ),
            (
                json!({ "blocked_servers": "*", "blocked_users": [7, null, ""] }),
                Verdict::Allow,
            ),
            (json!({ "blocked_users": null }), Verdict::Allow),
        ];
        for (content, wanted) in cases {
            assert_eq!(judge(content.clone()), wanted, "{content}");
        }
    }

    #[test]
    fn of_several_wishes_the_strictest_holds() {
        let wishes = |content| serde_json::from_value::<Wishes>(content).unwrap();
        let block = wishes(json!({ "default_action": "block" }));
        let ignore = wishes(json!({ "ignored_servers": ["*"] }));
        let mut policy = Policy {
            wishes: vec![wishes(json!({})), ignore],
        };
        let bo = user_id!("@bo:bad.test");
        assert_eq!(policy.judge(bo), Verdict::Ignore);
        policy.wishes.insert(0, block);
        assert_eq!(policy.judge(bo), Verdict::Block);
        assert_eq!(Policy::default().judge(bo), Verdict::Allow);
    }
}
