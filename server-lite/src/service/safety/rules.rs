//! The operator's list of what is not wanted here, and looking for it.

use parking_lot::Mutex;
use regex::{Regex, RegexBuilder};
use rusqlite::{Connection, params};
use serde::Serialize;

use std::sync::Arc;

use crate::{
    Error,
    error::Result,
    store::{Component, Step, WriteTx},
};

/// Tables of this service.
pub const COMPONENT: Component = Component {
    name: "content_rules",
    steps: &[Step::Sql(include_str!(
        "../../store/schema/content_rules.sql"
    ))],
};

/// A pattern may need no more memory than this once it is prepared.
const MAX_PREPARED: usize = 256 * 1024;
/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 1024;
/// The longest category, in bytes.
const MAX_CATEGORY: usize = 100;
/// At most so many rules.
const MAX_RULES: i64 = 1000;

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Whatever is sent into a room unencrypted and is no state.
    Message,
    /// Names of rooms.
    Name,
    /// Topics of rooms.
    Topic,
    /// Names of people.
    DisplayName,
    /// Media types (`image/png`) of uploads, and those that messages state.
    MediaType,
}

/// What becomes of what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is refused, with the rule's category.
    Reject,
    /// It is taken and shown to nobody but its sender.
    Hide,
    /// It is taken and reported.
    Report,
}

macro_rules! names {
    ($kind:ty { $($variant:ident => $name:literal),* }) => {
        impl $kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it is written in the table and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// From its name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == name)
            }
        }
    };
}

names!(Place {
    Message => "message", Name => "name", Topic => "topic", DisplayName => "display_name", MediaType => "media_type"
});
names!(Action { Reject => "reject", Hide => "hide", Report => "report" });

/// A rule before it is stored.
#[derive(Debug, Clone)]
pub struct NewRule {
    /// Where it looks.
    pub place: Place,
    /// What becomes of what fits.
    pub action: Action,
    /// A regular expression that has to be found, otherwise a pattern with `*` and `?` that the whole text has to fit.
    pub is_regex: bool,
    /// What it looks for, upper and lower case alike.
    pub pattern: String,
    /// What the people concerned are told, such as "advertising".
    pub category: String,
}

/// A rule as the operator sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// Its number.
    pub id: i64,
    /// Where it looks.
    pub place: Place,
    /// What becomes of what fits.
    pub action: Action,
    /// Whether the pattern is a regular expression.
    pub is_regex: bool,
    /// What it looks for.
    pub pattern: String,
    /// What the people concerned are told.
    pub category: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// How often something fit.
    pub n_hits: i64,
    /// When something last fit.
    pub last_hit_at: Option<i64>,
}

/// Adds a rule and returns its number.
///
/// # Errors
/// `M_INVALID_PARAM` with a sentence, for a pattern that is none, is too long, or would hide what cannot be hidden.
pub fn add(tx: &WriteTx<'_>, rule: &NewRule, now_ms: i64) -> Result<i64> {
    if rule.pattern.is_empty() || rule.pattern.len() > MAX_PATTERN {
        let message = format!("A pattern has 1 to {MAX_PATTERN} bytes.");
        return Err(Error::invalid_param(message));
    }
    if rule.category.is_empty() || rule.category.len() > MAX_CATEGORY {
        let message = format!("A category has 1 to {MAX_CATEGORY} bytes.");
        return Err(Error::invalid_param(message));
    }
    if rule.action == Action::Hide && rule.place != Place::Message {
        return Err(Error::invalid_param(
            "Only messages can be hidden; names, topics and files can be rejected or reported.",
        ));
    }
    prepare(&rule.pattern, rule.is_regex)
        .map_err(|error| Error::invalid_param(format!("This is no pattern: {error}")))?;
    let n_rules: i64 = tx.query_row("SELECT count(*) FROM content_rules", [], |row| row.get(0))?;
    if n_rules >= MAX_RULES {
        return Err(Error::invalid_param(format!(
            "There are {MAX_RULES} rules already."
        )));
    }
    tx.execute(
        "INSERT INTO content_rules (place, action, is_regex, pattern, category, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            rule.place.as_str(),
            rule.action.as_str(),
            rule.is_regex,
            rule.pattern,
            rule.category,
            now_ms
        ],
    )?;
    let id = tx.last_insert_rowid();
    tx.execute("UPDATE content_rules_version SET version = version + 1", [])?;
    Ok(id)
}

/// Removes a rule. False if there is none of that number.
pub fn delete(tx: &WriteTx<'_>, id: i64) -> Result<bool> {
    let deleted = tx.execute("DELETE FROM content_rules WHERE id = ?1", [id])?;
    tx.execute("UPDATE content_rules_version SET version = version + 1", [])?;
    Ok(deleted == 1)
}

/// All rules, oldest first.
pub fn list(connection: &Connection) -> Result<Vec<Rule>> {
    let mut statement = connection.prepare(
        "SELECT id, place, action, is_regex, pattern, category, created_at, n_hits, last_hit_at
         FROM content_rules ORDER BY id",
    )?;
    let rows = statement.query_map([], |row| {
        let (place, action): (String, String) = (row.get(1)?, row.get(2)?);
        Ok(Rule {
            id: row.get(0)?,
            place: Place::parse(&place).unwrap_or(Place::Message),
            action: Action::parse(&action).unwrap_or(Action::Report),
            is_regex: row.get(3)?,
            pattern: row.get(4)?,
            category: row.get(5)?,
            created_at: row.get(6)?,
            n_hits: row.get(7)?,
            last_hit_at: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts a hit.
pub(super) fn count_hit(tx: &WriteTx<'_>, id: i64, now_ms: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE content_rules SET n_hits = n_hits + 1, last_hit_at = ?2 WHERE id = ?1",
    )?
    .execute((id, now_ms))?;
    Ok(())
}

fn prepare(pattern: &str, is_regex: bool) -> Result<Regex, regex::Error> {
    let expression = if is_regex {
        pattern.to_owned()
    } else {
        let literal = regex::escape(pattern);
        format!(
            "^(?s:{})$",
            literal.replace(r"\*", ".*").replace(r"\?", ".")
        )
    };
    RegexBuilder::new(&expression)
        .case_insensitive(true)
        .size_limit(MAX_PREPARED)
        .dfa_size_limit(MAX_PREPARED)
        .build()
}

/// A rule that fits a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its number.
    pub rule: i64,
    /// What becomes of the text.
    pub action: Action,
    /// What it is told to be.
    pub category: String,
}

struct Prepared {
    place: Place,
    regex: Regex,
    hit: Hit,
}

/// Rules, prepared for looking.
#[derive(Default)]
pub(super) struct Prepareds {
    version: i64,
    rules: Vec<Prepared>,
}

impl Prepareds {
    fn load(connection: &Connection, version: i64) -> Result<Self> {
        let mut rules = Vec::new();
        for rule in list(connection)? {
            match prepare(&rule.pattern, rule.is_regex) {
                Ok(regex) => rules.push(Prepared {
                    place: rule.place,
                    regex,
                    hit: Hit {
                        rule: rule.id,
                        action: rule.action,
                        category: rule.category,
                    },
                }),
                Err(error) => {
                    tracing::error!(rule = rule.id, %error, "a filter rule cannot be used")
                }
            }
        }
        Ok(Self { version, rules })
    }

    /// Whether any rule looks there.
    pub(super) fn look_at(&self, place: Place) -> bool {
        self.rules.iter().any(|rule| rule.place == place)
    }

    /// The rules that fit any of `texts`, each once.
    pub(super) fn hits(&self, place: Place, texts: &[&str]) -> Vec<Hit> {
        let here = self.rules.iter().filter(|rule| rule.place == place);
        here.filter(|rule| texts.iter().any(|text| rule.regex.is_match(text)))
            .map(|rule| rule.hit.clone())
            .collect()
    }
}

/// The prepared rules, as long as the table does not change.
#[derive(Default)]
pub(super) struct Cache {
    prepared: Mutex<Option<Arc<Prepareds>>>,
}

impl Cache {
    /// The rules that are in force.
    pub(super) fn get(&self, connection: &Connection) -> Result<Arc<Prepareds>> {
        let version: i64 = connection
            .prepare_cached("SELECT version FROM content_rules_version")?
            .query_row([], |row| row.get(0))?;
        let mut cached = self.prepared.lock();
        if let Some(known) = &*cached
            && known.version == version
        {
            return Ok(known.clone());
        }
        let loaded = Arc::new(Prepareds::load(connection, version)?);
        *cached = Some(loaded.clone());
        Ok(loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::prepare;

    #[test]
    fn patterns_fit_whole_texts_and_expressions_parts_in_any_case() {
        let cases = [
            ("*cheap*pills*", false, "Buy CHEAP\nred pills now", true),
            ("pills", false, "pills", true),
            ("pills", false, "more pills", false),
            ("a.c", false, "abc", false),
            ("pil+s", true, "more PILLLS", true),
            (r"\bpill\b", true, "pills", false),
            ("image/*", false, "image/svg+xml", true),
        ];
        for (pattern, is_regex, text, fits) in cases {
            assert_eq!(
                prepare(pattern, is_regex).unwrap().is_match(text),
                fits,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn what_is_no_expression_or_needs_too_much_memory_is_refused() {
        for pattern in ["(", "a{1000}{1000}", r"\w{5000}"] {
            assert!(prepare(pattern, true).is_err(), "{pattern}");
        }
    }
}
