//! `hardline-server notice`

use std::io::Read;

use anyhow::bail;
use clap::Args;
use hardline_server::service::{Services, server_notices};
use ruma::OwnedUserId;
use serde_json::json;

use super::{OnServices, output::Output, sentence, user::user_id};

/// Tells one user, or all, something in the name of the server.
#[derive(Args)]
#[command(
    override_usage = "hardline-server notice [OPTIONS] <USER> <TEXT>\n       hardline-server notice [OPTIONS] --all <TEXT>"
)]
pub struct Notice {
    /// Tell everybody who has an account.
    #[arg(long)]
    all: bool,
    /// Whom to tell (not with --all), and what; - reads the text from standard input.
    #[arg(required = true, num_args = 1..=2, value_names = ["USER", "TEXT"])]
    words: Vec<String>,
}

impl OnServices for Notice {
    async fn run(self, services: &Services, output: &Output) -> anyhow::Result<()> {
        let (users, text) = match (self.all, &*self.words) {
            (true, [text]) => (everybody(services).await?, text),
            (false, [user, text]) => (vec![user_id(services, user)?], text),
            (true, _) => bail!("with --all give the text alone"),
            (false, _) => bail!("give a user and a text, or --all and a text"),
        };
        let text = if text == "-" {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            text.trim_end().to_owned()
        } else {
            text.clone()
        };
        let mut told = Vec::new();
        for user in users {
            let (writer, text, reader) = (services.clone(), text.clone(), user.clone());
            let sent = services
                .store
                .write(move |tx| server_notices::send(tx, &writer, &reader, &text));
            let room = sent.await.map_err(sentence)?;
            told.push(json!({ "user_id": user, "room_id": room.id }));
        }
        let n_told = told.len();
        output.print(
            &told,
            [format!(
                "Told {n_told} {}.",
                if n_told == 1 { "user" } else { "users" }
            )],
        )
    }
}

async fn everybody(services: &Services) -> anyhow::Result<Vec<OwnedUserId>> {
    let reader = services.clone();
    let everybody = services
        .store
        .read(move |c| server_notices::everybody(c, &reader.config));
    everybody.await.map_err(sentence)
}
