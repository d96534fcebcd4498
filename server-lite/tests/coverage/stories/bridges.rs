//! Bridges: the networks behind them, and what only they may do.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    bridge::Bridge,
    world::{NOTHING, Telling},
};

pub async fn networks(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let protocols = t.row("GET thirdparty/protocols")?;
    let one = t.row("GET thirdparty/protocol/{protocol}")?;
    protocols
        .refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    one.refused(&ada, &["xmpp"], NOTHING, 404, "M_NOT_FOUND")
        .await?;
    let mut irc = t.world.bridge.knows("protocol/irc");
    irc["instances"][0]["instance_id"] = json!(format!("{}|libera", Bridge::ID));
    let known = protocols.works(&ada, &[], NOTHING).await?;
    protocols.effect(known, json!({ "irc": irc }))?;
    let known = one.works(&ada, &["irc"], NOTHING).await?;
    one.effect(known, irc)
}

pub async fn looking_up_who_and_what_is_behind_them(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let alias = format!("?alias={}", Bridge::ALIAS.replace('#', "%23"));
    let user = format!("?userid={}", Bridge::USER);
    // What is asked for, what nobody knows, and where the bridge is asked.
    let lookups: [(&str, &[&str], &[&str], &str); 4] = [
        (
            "GET thirdparty/location/{protocol}",
            &["irc", "?channel=tea"],
            &["xmpp", "?channel=tea"],
            "location/irc",
        ),
        (
            "GET thirdparty/user/{protocol}",
            &["irc", "?nick=cy"],
            &["xmpp", "?nick=cy"],
            "user/irc",
        ),
        (
            "GET thirdparty/location",
            &[&alias],
            &["?alias=%23a:b"],
            "location",
        ),
        ("GET thirdparty/user", &[&user], &["?userid=@a:b"], "user"),
    ];
    for (name, known, unknown, path) in lookups {
        let row = t.row(name)?;
        row.refused(&nobody, known, NOTHING, 401, "M_MISSING_TOKEN")
            .await?;
        row.refused(&ada, unknown, NOTHING, 404, "M_NOT_FOUND")
            .await?;
        let found = row.works(&ada, known, NOTHING).await?;
        row.effect(found, t.world.bridge.knows(path))?;
    }
    Ok(())
}

pub async fn whether_it_can_be_reached(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let bot = t.world.bot(&ada);
    let ping = t.row("POST v1/appservice/{appserviceId}/ping")?;
    let body = json!({ "transaction_id": "is it there" });
    ping.refused(&ada, &[Bridge::ID], body.clone(), 403, "M_FORBIDDEN")
        .await?;
    ping.refused(&bot, &["another"], body.clone(), 403, "M_FORBIDDEN")
        .await?;
    ensure!(t.world.bridge.pings().is_empty());
    let answer = ping.works(&bot, &[Bridge::ID], body.clone()).await?;
    ensure!(answer["duration_ms"].is_u64(), "{answer}");
    ping.effect(t.world.bridge.pings(), [body])
}

pub async fn the_directory_of_a_network(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let bot = t.world.bot(&ada);
    let room = ada.open_room(&[]).await?;
    let list = t.row("PUT directory/list/appservice/{networkId}/{roomId}")?;
    let shown = async || -> Result<Vec<Value>> {
        let network = json!({ "third_party_instance_id": format!("{}|oftc", Bridge::ID) });
        let found = bo.post("v3/publicRooms", network).await?;
        let rooms = found["chunk"].as_array().into_iter().flatten();
        Ok(rooms.map(|room| room["room_id"].clone()).collect())
    };
    let args = ["oftc", &*room];
    let public = json!({ "visibility": "public" });
    list.refused(&ada, &args, public.clone(), 403, "M_FORBIDDEN")
        .await?;
    ensure!(shown().await?.is_empty());
    list.works(&bot, &args, public).await?;
    list.effect(shown().await?, [json!(room)])?;
    list.works(&bot, &args, json!({ "visibility": "private" }))
        .await?;
    list.effect(shown().await?.len(), 0)
}
