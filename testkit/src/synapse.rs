//! Synapse on SQLite, listening on loopback, with open registration and without rate limits.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    homeserver::{Homeserver, answers},
    peers,
    process::{Launch, Process},
    wait::free_port,
};

/// A running Synapse; its data goes with it.
#[derive(Debug)]
pub struct Synapse {
    process: Process,
    base_url: String,
    dir: TempDir,
}

const NAME: &str = "synapse.test";

impl Synapse {
    /// Starts one and waits until it answers.
    pub async fn start() -> Result<Self> {
        Self::start_with("").await
    }

    /// Starts one with more configuration (YAML, at the end of ours).
    pub async fn start_with(extra: &str) -> Result<Self> {
        let python = peers::python().await?;
        let dir = tempfile::Builder::new().prefix("hl-synapse").tempdir()?;
        // Another process may take the port between our look and Synapse's: try again with the next.
        let mut last = None;
        for _ in 0..3 {
            let port = free_port()?;
            write_config(dir.path(), port, extra)?;
            let process = Launch::new(&python, dir.path())?
                .args([
                    "-m",
                    "synapse.app.homeserver",
                    "--config-path",
                    "homeserver.yaml",
                ])
                .env("SYNAPSE_CACHE_FACTOR", "0.5")
                .current_dir(dir.path())
                .spawn()?;
            match ready(process, port).await {
                Ok((process, base_url)) => {
                    return Ok(Self {
                        process,
                        base_url,
                        dir,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("Synapse was not tried")?)
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// The folder of its configuration and data.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Homeserver for Synapse {
    fn base_url(&self) -> &str {
        &self.base_url
    }

    fn server_name(&self) -> &str {
        NAME
    }
}

async fn ready(mut process: Process, port: u16) -> Result<(Process, String)> {
    let base_url = format!("http://127.0.0.1:{port}");
    answers(&mut process, &base_url, Duration::from_secs(60)).await?;
    Ok((process, base_url))
}

fn write_config(dir: &Path, port: u16, extra: &str) -> Result<()> {
    let at = dir.display();
    let config = format!(
        r#"
server_name: {NAME}
public_baseurl: http://127.0.0.1:{port}/
report_stats: false
pid_file: {at}/homeserver.pid
signing_key_path: {at}/signing.key
log_config: {at}/log.yaml
media_store_path: {at}/media
macaroon_secret_key: testkit-macaroon
form_secret: testkit-form
registration_shared_secret: testkit-registration
listeners:
  - port: {port}
    type: http
    tls: false
    bind_addresses: ['127.0.0.1']
    resources: [{{names: [client, media], compress: false}}]
database: {{name: sqlite3, args: {{database: {at}/homeserver.db}}}}
enable_registration: true
enable_registration_without_verification: true
bcrypt_rounds: 4
send_federation: false
federation_domain_whitelist: []
trusted_key_servers: []
presence: {{enabled: false}}
url_preview_enabled: false
max_upload_size: 50M
rc_message: &u {{per_second: 100000, burst_count: 100000}}
rc_registration: *u
rc_registration_token_validity: *u
rc_login: {{address: *u, account: *u, failed_attempts: *u}}
rc_admin_redaction: *u
rc_joins: {{local: *u, remote: *u}}
rc_joins_per_room: *u
rc_3pid_validation: *u
rc_invites: {{per_room: *u, per_user: *u, per_issuer: *u}}
rc_presence: {{per_user: *u}}
rc_media_create: *u
rc_delayed_event_mgmt: *u
rc_room_creation: *u
{extra}
"#
    );
    fs::write(dir.join("homeserver.yaml"), config)?;
    fs::write(dir.join("log.yaml"), LOG)?;
    // An ed25519 seed in Synapse's own form: algorithm, version, unpadded base64. A test server's key is no secret.
    fs::write(
        dir.join("signing.key"),
        "ed25519 a_test c2VjcmV0IG9mIGEgdGVzdCBzZXJ2ZXIsIDMyIGJ5dGU\n",
    )?;
    Ok(())
}

const LOG: &str = "
version: 1
formatters: {plain: {format: '%(asctime)s %(levelname)s %(name)s %(message)s'}}
handlers: {console: {class: logging.StreamHandler, formatter: plain}}
root: {level: WARNING, handlers: [console]}
disable_existing_loggers: false
";
