//! What is around the rooms: relays, where to find and whom to ask.

use anyhow::{Result, ensure};

use crate::world::{NOTHING, Telling};

pub async fn relays_and_services_for_calls(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let turn = t.row("GET voip/turnServer")?;
    turn.refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let mine = turn.works(&ada, &[], NOTHING).await?;
    let theirs = bo.get("v3/voip/turnServer").await?;
    let differ = mine["username"] != theirs["username"] && mine["password"] != theirs["password"];
    turn.effect((differ, &mine["uris"]), (true, &theirs["uris"]))?;

    let transports = t.row("GET unstable/org.matrix.msc4143/rtc/transports")?;
    transports
        .refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let told = transports.works(&ada, &[], NOTHING).await?;
    let service = &told["rtc_transports"][0]["livekit_service_url"];
    transports.effect(service, "https://rtc.example.org/")
}

pub async fn where_to_find_the_server_and_whom_to_ask(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let client = t.row("GET /.well-known/matrix/client")?;
    let told = client.works(&nobody, &[], NOTHING).await?;
    let base = told["m.homeserver"]["base_url"]
        .as_str()
        .unwrap_or_default();
    client.effect(base, t.world.server_url())?;
    let support = t.row("GET /.well-known/matrix/support")?;
    let told = support.works(&nobody, &[], NOTHING).await?;
    support.effect(&told["contacts"][0]["email_address"], "help@example.org")?;
    let policy = t.row("GET /.well-known/matrix/policy_server")?;
    policy
        .refused(&nobody, &[], NOTHING, 404, "M_NOT_FOUND")
        .await?;
    Ok(())
}

pub async fn what_is_not_offered(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let rows: [(&str, &[&str]); 3] = [
        ("GET v1/auth_metadata", &[]),
        (
            "GET login/sso/redirect",
            &["?redirectUrl=https://a.example/"],
        ),
        (
            "GET login/sso/redirect/{idpId}",
            &["any", "?redirectUrl=https://a.example/"],
        ),
    ];
    for (name, args) in rows {
        let answer = t
            .row(name)?
            .refused(&nobody, args, NOTHING, 404, "M_UNRECOGNIZED")
            .await?;
        ensure!(answer["error"] != "Unknown endpoint.");
    }
    Ok(())
}
