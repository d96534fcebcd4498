//! Creating rooms, their addresses, the directory, spaces, replacing rooms.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    person::localpart,
    world::{NOTHING, Telling},
};

pub async fn creating_a_room(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let create = t.row("POST createRoom")?;
    let body = json!({
        "name": "Tea", "topic": "Leaves", "preset": "private_chat", "visibility": "private", "room_version": "11",
        "invite": [bo.user_id], "is_direct": true, "creation_content": { "m.federate": false },
        "initial_state": [{ "type": "org.example.mood", "state_key": "", "content": { "mood": "calm" } }],
        "power_level_content_override": { "events": { "m.room.name": 0 } },
        "room_alias_name": format!("tea-{}", localpart(&ada.user_id)),
    });
    create
        .refused(
            &t.world.nobody(&ada),
            &[],
            body.clone(),
            401,
            "M_MISSING_TOKEN",
        )
        .await?;
    let made = create.works(&ada, &[], body).await?;
    let room = made["room_id"].as_str().context("no room_id")?;
    let invited = bo.sync().await?;
    let state = &invited["rooms"]["invite"][room]["invite_state"]["events"];
    let names = state.as_array().into_iter().flatten();
    let name = names
        .filter(|event| event["type"] == "m.room.name")
        .map(|event| event["content"]["name"].clone());
    create.effect(name.collect::<Vec<_>>(), [json!("Tea")])
}

pub async fn addresses_of_a_room(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let nobody = t.world.nobody(&ada);
    let room = ada.open_room(&[&bo]).await?;
    let alias = format!("#{}:server.hardline.test", localpart(&ada.user_id));
    let args = [&*alias];
    let put = t.row("PUT directory/room/{roomAlias}")?;
    let get = t.row("GET directory/room/{roomAlias}")?;
    let delete = t.row("DELETE directory/room/{roomAlias}")?;
    let list = t.row("GET rooms/{roomId}/aliases")?;
    let body = json!({ "room_id": room });
    put.refused(&eve, &args, body.clone(), 403, "M_FORBIDDEN")
        .await?;
    put.works(&ada, &args, body).await?;
    let found = get.works(&nobody, &args, NOTHING).await?;
    put.effect(&found["room_id"], room.as_str())?;
    get.effect(&found["servers"], &json!(["server.hardline.test"]))?;
    list.refused(&eve, &[&room], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let listed = list.works(&bo, &[&room], NOTHING).await?;
    list.effect(&listed["aliases"], &json!([alias]))?;
    delete
        .refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    delete.works(&ada, &args, NOTHING).await?;
    let path = format!(
        "/_matrix/client/v3/directory/room/{}",
        hardline_testkit::client::escape(&alias)
    );
    let gone = t.world.ask(Method::GET, &path, "", NOTHING).await?;
    delete.effect(&gone["status"], &json!(404))
}

pub async fn the_public_directory(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let name = format!("Club of {}", localpart(&ada.user_id));
    let room = ada
        .create_room(json!({ "preset": "public_chat", "name": name }))
        .await?;
    bo.join(&room).await?;
    let set = t.row("PUT directory/list/room/{roomId}")?;
    let get = t.row("GET directory/list/room/{roomId}")?;
    let public = json!({ "visibility": "public" });
    set.refused(&bo, &[&room], public.clone(), 403, "M_FORBIDDEN")
        .await?;
    set.works(&ada, &[&room], public).await?;
    let seen = get.works(&nobody, &[&room], NOTHING).await?;
    get.effect(&seen["visibility"], "public")?;

    let search = t.row("POST publicRooms")?;
    let body = json!({
        "limit": 10, "include_all_networks": false,
        "filter": { "generic_search_term": name, "room_types": [null] },
    });
    search
        .refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    let found = search.works(&bo, &[], body).await?;
    search.effect(&found["chunk"][0]["room_id"], room.as_str())?;
    set.effect(&found["total_room_count_estimate"], &json!(1))?;
    let all = t.row("GET publicRooms")?;
    let found = all.works(&nobody, &["?limit=100"], NOTHING).await?;
    let rooms = found["chunk"].as_array().context("no chunk")?;
    let ours = rooms.iter().find(|entry| entry["room_id"] == room.as_str());
    all.effect(
        ours.map(|entry| &entry["num_joined_members"]),
        Some(&json!(2)),
    )
}

pub async fn looking_at_a_room_before_joining(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let summary = t.row("GET v1/room_summary/{roomIdOrAlias}")?;
    let secret = ada.create_room(json!({ "name": "Secret" })).await?;
    summary
        .refused(&bo, &[&secret], NOTHING, 404, "M_NOT_FOUND")
        .await?;
    let open = ada
        .create_room(json!({ "preset": "public_chat", "name": "Open" }))
        .await?;
    let seen = summary.works(&bo, &[&open], NOTHING).await?;
    summary.effect(
        (&seen["name"], &seen["num_joined_members"]),
        (&json!("Open"), &json!(1)),
    )
}

pub async fn a_space(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let body =
        |preset: &str| json!({ "preset": preset, "creation_content": { "type": "m.space" } });
    let secret = ada.create_room(body("private_chat")).await?;
    let space = ada.create_room(body("public_chat")).await?;
    let child = ada.open_room(&[]).await?;
    let via = json!({ "via": ["server.hardline.test"] });
    ada.set_state(&space, "m.space.child", &child, via).await?;
    let hierarchy = t.row("GET v1/rooms/{roomId}/hierarchy")?;
    hierarchy
        .refused(&bo, &[&secret], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let args = [
        &*space,
        "?limit=10",
        "&max_depth=3",
        "&suggested_only=false",
    ];
    let seen = hierarchy.works(&bo, &args, NOTHING).await?;
    let rooms = seen["rooms"].as_array().context("no rooms")?.iter();
    let ids: Vec<_> = rooms.map(|room| room["room_id"].clone()).collect();
    hierarchy.effect(ids, [json!(space), json!(child)])
}

pub async fn replacing_a_room(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada
        .create_room(json!({ "preset": "public_chat", "room_version": "10" }))
        .await?;
    bo.join(&room).await?;
    let upgrade = t.row("POST rooms/{roomId}/upgrade")?;
    let body = json!({ "new_version": "12" });
    upgrade
        .refused(&bo, &[&room], body.clone(), 403, "M_FORBIDDEN")
        .await?;
    let made = upgrade.works(&ada, &[&room], body).await?;
    let tombstone = bo.state(&room, "m.room.tombstone", "").await?;
    ensure!(made["replacement_room"].is_string());
    // In hostile company the room may have been replaced more than once.
    let replacement = tombstone["replacement_room"].as_str().context("no room")?;
    bo.join(replacement).await?;
    let created: Value = bo.state(replacement, "m.room.create", "").await?;
    upgrade.effect(&created["predecessor"]["room_id"], room.as_str())
}
