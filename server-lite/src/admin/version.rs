//! `hardline-server version`

use hardline_server::service::{COMPONENTS, rooms::SUPPORTED_VERSIONS};
use serde_json::{Map, json};

use super::Common;

/// Tells versions; needs no configuration.
pub fn run(common: &Common) -> anyhow::Result<()> {
    let schema: Map<String, serde_json::Value> = COMPONENTS
        .iter()
        .map(|component| (component.name.to_owned(), json!(component.steps.len())))
        .collect();
    let rooms: Vec<&str> = SUPPORTED_VERSIONS
        .iter()
        .map(|version| version.as_str())
        .collect();
    let value = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "room_versions": rooms,
        "sqlite": rusqlite::version(),
        "schema": schema,
    });
    let lines = [
        format!("hardline-server {}", env!("CARGO_PKG_VERSION")),
        format!("room versions: {}", rooms.join(", ")),
        format!("SQLite: {}", rusqlite::version()),
    ];
    common.output().print(&value, lines)
}
