//! `hardline-server report list | delete`

use anyhow::bail;
use clap::Subcommand;
use hardline_server::service::{Services, reports};
use serde_json::json;

use super::{
    OnServices,
    output::{Output, utc},
    sentence,
};

/// Commands about what users reported.
#[derive(Subcommand)]
pub enum ReportCommand {
    /// Lists all reports, oldest first.
    List,
    /// Removes a report that was dealt with.
    Delete {
        /// Its number.
        id: i64,
    },
}

impl OnServices for ReportCommand {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        match self {
            Self::List => list(services, output).await,
            Self::Delete { id } => delete(services, output, id).await,
        }
    }
}

async fn list(services: &Services, output: &Output) -> anyhow::Result<()> {
    let reports = services.store.read(reports::list).await.map_err(sentence)?;
    let lines = reports.iter().map(|report| {
        let about = [&report.event_id, &report.room_id, &report.user_id];
        let about: Vec<&str> = about.into_iter().flatten().map(String::as_str).collect();
        format!(
            "{}  {}  {} on {}: {}",
            report.id,
            utc(report.created_at),
            report.reporter,
            about.join(" in "),
            report.reason.escape_debug()
        )
    });
    output.print(&reports, lines.collect::<Vec<_>>())
}

async fn delete(services: &Services, output: &Output, id: i64) -> anyhow::Result<()> {
    let found = services
        .store
        .write(move |tx| reports::delete(tx, id))
        .await
        .map_err(sentence)?;
    if !found {
        bail!("there is no report {id}");
    }
    let value = json!({ "id": id, "deleted": true });
    output.print(&value, [format!("Report {id} is deleted.")])
}
