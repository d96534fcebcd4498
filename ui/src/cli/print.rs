//! Answers as short text.

use serde_json::Value;

/// The lines of an answer.
pub(super) fn answer(name: &str, value: &Value) -> Vec<String> {
    match (name, value) {
        ("rooms", Value::Array(rooms)) => rooms.iter().map(room).collect(),
        ("calls", Value::Array(calls)) => calls.iter().map(call).collect(),
        ("timeline", Value::Array(rows)) => rows.iter().map(row).collect(),
        ("send" | "react" | "edit" | "redact", value) => {
            vec![
                text(value, "event_id")
                    .or_else(|| text(value, "transaction_id"))
                    .unwrap_or_default(),
            ]
        }
        ("join" | "create" | "invite" | "accept" | "decline" | "leave", value) => {
            vec![text(value, "room_id").unwrap_or_default()]
        }
        (_, Value::Object(fields)) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| format!("{}: {}", key.replace('_', " "), plain(value)))
            .collect(),
        (_, value) => vec![plain(value)],
    }
}

/// A line of `watch`, a step of `verify`.
pub(super) fn line(value: &Value) -> String {
    match (value["type"].as_str(), value["step"].as_str()) {
        (Some("event"), _) => {
            let event = &value["event"];
            let what = event["content"]["body"]
                .as_str()
                .or(event["type"].as_str())
                .unwrap_or_default();
            let sender = event["sender"].as_str().unwrap_or_default();
            format!("{} {sender}: {}", plain(&value["room_id"]), safe(what))
        }
        (Some("call"), _) => {
            let (stage, peer) = (plain(&value["stage"]), text(value, "peer"));
            format!("{stage} {}", peer.unwrap_or_default())
        }
        (Some("statistics"), _) => format!(
            "  {} packets sent, {} received, {} lost",
            value["packets_sent"], value["packets_received"], value["packets_lost"]
        ),
        (Some("ended" | "fault"), _) => text(value, "message").unwrap_or_default(),
        (Some(kind), _) => {
            let rest: Vec<String> = ["state", "room_id", "name", "inviter"]
                .iter()
                .filter_map(|key| text(value, key))
                .collect();
            format!("{kind} {}", rest.join(" "))
        }
        (None, Some("compare")) => {
            let emoji = value["emoji"].as_array().cloned().unwrap_or_default();
            let shown: Vec<String> = emoji
                .iter()
                .map(|one| format!("{} {}", plain(&one["symbol"]), plain(&one["name"])))
                .collect();
            shown.join("  ")
        }
        (None, Some(step)) => format!("{step} {}", plain(&value["user_id"])),
        (None, None) => plain(value),
    }
}

/// What the person is asked at a step.
pub(super) fn question(value: &Value) -> Option<&'static str> {
    match value["step"].as_str()? {
        "asked" => Some("Compare emoji with them?"),
        "compare" => Some("Does the other side show the same?"),
        _ => None,
    }
}

fn room(room: &Value) -> String {
    let unread = match room["unread"].as_u64() {
        Some(n) if n > 0 => format!(" ({n})"),
        _ => String::new(),
    };
    let mark = match room["membership"].as_str() {
        Some("invited") => "invited  ",
        Some("knocked") => "knocked  ",
        _ => "",
    };
    let name = safe(room["name"].as_str().unwrap_or_default());
    format!("{}  {mark}{name}{unread}", plain(&room["room_id"]))
}

fn call(call: &Value) -> String {
    let how = match call["missed"].as_bool() {
        Some(true) => "missed".to_owned(),
        _ => plain(&call["why"]).replace('_', " "),
    };
    let peer = text(call, "peer").unwrap_or_default();
    format!("{}  {peer}: {how}", plain(&call["direction"]))
}

fn row(row: &Value) -> String {
    if row["type"] != "message" {
        return format!("    · {}", plain(&row["type"]));
    }
    let what = match (row["redacted"].as_bool(), row["undecryptable"].as_str()) {
        (Some(true), _) => "(removed)".to_owned(),
        (_, Some(reason)) => format!("(cannot be read: {reason})"),
        _ => {
            let file = row["attachment"]["name"]
                .as_str()
                .map(|name| format!("[{name}] "));
            format!(
                "{}{}",
                file.unwrap_or_default(),
                row["body"].as_str().unwrap_or_default()
            )
        }
    };
    let id = row["event_id"].as_str().unwrap_or("(not sent yet)");
    format!(
        "{id}  {}: {}",
        safe(row["sender_name"].as_str().unwrap_or_default()),
        safe(&what)
    )
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(safe)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => safe(text),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Without what could steer a terminal.
fn safe(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_cannot_steer_the_terminal() {
        let message = json!({
            "type": "message", "event_id": "$e", "sender_name": "Bo\u{1b}[2J", "body": "\u{1b}]0;title\u{7}hello",
        });
        let printed = row(&message);
        assert!(
            !printed.contains('\u{1b}') && !printed.contains('\u{7}'),
            "{printed:?}"
        );
        assert!(printed.contains("hello"));
    }

    #[test]
    fn a_room_is_one_line() {
        let value =
            json!([{ "room_id": "!a:x", "name": "Hall", "membership": "joined", "unread": 3 }]);
        assert_eq!(answer("rooms", &value), ["!a:x  Hall (3)"]);
    }
}
