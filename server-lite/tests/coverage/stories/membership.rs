//! Coming and going.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;

use crate::world::{NOTHING, Telling};

pub async fn joining(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let secret = ada.create_room(json!({})).await?;
    for name in ["POST join/{roomIdOrAlias}", "POST rooms/{roomId}/join"] {
        let join = t.row(name)?;
        let room = ada.open_room(&[]).await?;
        join.refused(&bo, &[&secret], json!({}), 403, "M_FORBIDDEN")
            .await?;
        join.works(&bo, &[&room], json!({ "reason": "tea" }))
            .await?;
        let member = ada.state(&room, "m.room.member", &bo.user_id).await?;
        join.effect(
            (&member["membership"], &member["reason"]),
            (&json!("join"), &json!("tea")),
        )?;
    }
    Ok(())
}

pub async fn knocking(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let knock = t.row("POST knock/{roomIdOrAlias}")?;
    let secret = ada.create_room(json!({})).await?;
    let body = json!({ "reason": "It is cold." });
    knock
        .refused(&bo, &[&secret], body.clone(), 403, "M_FORBIDDEN")
        .await?;
    let rules = json!({ "type": "m.room.join_rules", "content": { "join_rule": "knock" } });
    let room = ada.create_room(json!({ "initial_state": [rules] })).await?;
    knock.works(&bo, &[&room], body).await?;
    let member = ada.state(&room, "m.room.member", &bo.user_id).await?;
    knock.effect(
        (&member["membership"], &member["reason"]),
        (&json!("knock"), &json!("It is cold.")),
    )
}

pub async fn inviting(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.create_room(json!({ "name": "Tea" })).await?;
    let invite = t.row("POST rooms/{roomId}/invite")?;
    let eve = t.world.person("eve").await?;
    let body = json!({ "user_id": bo.user_id, "reason": "for tea" });
    invite
        .refused(&eve, &[&room], body.clone(), 403, "M_FORBIDDEN")
        .await?;
    let before = bo.sync().await?;
    invite.works(&ada, &[&room], body).await?;
    let seen = bo.sync_since(&before).await?;
    invite.effect(seen["rooms"]["invite"][&room].is_object(), true)
}

pub async fn leaving_and_forgetting(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.open_room(&[&bo]).await?;
    let eve = t.world.person("eve").await?;
    let leave = t.row("POST rooms/{roomId}/leave")?;
    leave
        .refused(&eve, &[&room], json!({}), 403, "M_FORBIDDEN")
        .await?;
    let forget = t.row("POST rooms/{roomId}/forget")?;
    forget
        .refused(&bo, &[&room], json!({}), 400, "M_UNKNOWN")
        .await?;
    leave
        .works(&bo, &[&room], json!({ "reason": "late" }))
        .await?;
    let member = ada.state(&room, "m.room.member", &bo.user_id).await?;
    leave.effect(
        (&member["membership"], &member["reason"]),
        (&json!("leave"), &json!("late")),
    )?;
    forget.works(&bo, &[&room], json!({})).await?;
    let path = format!(
        "v3/rooms/{}/messages?dir=b",
        hardline_testkit::client::escape(&room)
    );
    let history = bo.request(Method::GET, &path, None).await?;
    forget.effect(&history.body["errcode"], "M_FORBIDDEN")
}

pub async fn removing_and_banning(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let cy = t.world.person("cy").await?;
    let room = ada.open_room(&[&bo, &cy]).await?;
    let them = json!({ "user_id": cy.user_id, "reason": "noise" });
    let sequence = [
        ("POST rooms/{roomId}/kick", "leave"),
        ("POST rooms/{roomId}/ban", "ban"),
        ("POST rooms/{roomId}/unban", "leave"),
    ];
    for (name, membership) in sequence {
        let row = t.row(name)?;
        row.refused(&bo, &[&room], them.clone(), 403, "M_FORBIDDEN")
            .await?;
        row.works(&ada, &[&room], them.clone()).await?;
        row.effect(bo.membership_of(&room, &cy).await?, membership)?;
    }
    Ok(())
}

pub async fn who_is_where(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let joined = t.row("GET joined_rooms")?;
    joined
        .refused(&t.world.nobody(&ada), &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let rooms = joined.works(&bo, &[], NOTHING).await?;
    joined.effect(&rooms["joined_rooms"], &json!([room]))?;

    let members = t.row("GET rooms/{roomId}/joined_members")?;
    members
        .refused(&eve, &[&room], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = members.works(&bo, &[&room], NOTHING).await?;
    let seen = seen["joined"].as_object().context("no joined")?;
    members.effect((seen.len(), seen.contains_key(&ada.user_id)), (2, true))?;

    let members = t.row("GET rooms/{roomId}/members")?;
    members
        .refused(&eve, &[&room], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let args = [&*room, "?membership=join", "&not_membership=leave"];
    let seen = members.works(&bo, &args, NOTHING).await?;
    let chunk = seen["chunk"].as_array().context("no chunk")?;
    members.effect(chunk.len(), 2)
}
