//! Profiles, presence, finding people, what one keeps for oneself.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;

use crate::{
    person::{Person, localpart},
    world::{NOTHING, Telling},
};

pub async fn profiles(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let room = ada.open_room(&[&bo]).await?;
    let put = t.row("PUT profile/{userId}/{keyName}")?;
    let get = t.row("GET profile/{userId}/{keyName}")?;
    let all = t.row("GET profile/{userId}")?;
    let delete = t.row("DELETE profile/{userId}/{keyName}")?;
    let args = [&*ada.user_id, "displayname"];
    let name = json!({ "displayname": "Ada Lovelace" });
    put.refused(&bo, &args, name.clone(), 403, "M_FORBIDDEN")
        .await?;
    put.works(&ada, &args, name).await?;
    let member = bo.state(&room, "m.room.member", &ada.user_id).await?;
    put.effect(&member["displayname"], "Ada Lovelace")?;
    let seen = get.works(&nobody, &args, NOTHING).await?;
    get.effect(&seen["displayname"], "Ada Lovelace")?;
    let avatar = json!({ "avatar_url": "mxc://server.hardline.test/picture" });
    put.works(&ada, &[&ada.user_id, "avatar_url"], avatar)
        .await?;
    let zone = json!({ "m.tz": "Europe/Paris" });
    put.works(&ada, &[&ada.user_id, "m.tz"], zone).await?;
    let seen = all.works(&nobody, &[&ada.user_id], NOTHING).await?;
    all.effect(
        (&seen["displayname"], &seen["m.tz"]),
        (&json!("Ada Lovelace"), &json!("Europe/Paris")),
    )?;
    delete
        .refused(&bo, &[&ada.user_id, "m.tz"], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    delete.works(&ada, &[&ada.user_id, "m.tz"], NOTHING).await?;
    let path = format!("v3/profile/{}", ada.user_id);
    delete.effect(&bo.get(&path).await?["m.tz"], &NOTHING)
}

pub async fn finding_people(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let room = ada.open_room(&[&bo]).await?;
    let search = t.row("POST user_directory/search")?;
    let body = json!({ "search_term": localpart(&ada.user_id), "limit": 5 });
    search
        .refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    let found = search.works(&bo, &[], body).await?;
    let first = found["results"].as_array().context("no results")?.iter();
    let ids: Vec<_> = first.map(|user| user["user_id"].clone()).collect();
    search.effect(ids.contains(&json!(ada.user_id)), true)?;

    let mutual = t.row("GET v1/mutual_rooms")?;
    let query = format!("?user_id={}", ada.user_id);
    mutual
        .refused(&nobody, &[&query], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let shared = mutual.works(&bo, &[&query], NOTHING).await?;
    mutual.effect(&shared["joined"], &json!([room]))
}

pub async fn presence(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    ada.open_room(&[&bo]).await?;
    let put = t.row("PUT presence/{userId}/status")?;
    let get = t.row("GET presence/{userId}/status")?;
    let args = [&*ada.user_id];
    let body = json!({ "presence": "online", "status_msg": "at tea" });
    put.refused(&bo, &args, body.clone(), 403, "M_FORBIDDEN")
        .await?;
    put.works(&ada, &args, body).await?;
    get.refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = get.works(&bo, &args, NOTHING).await?;
    put.effect(&seen["status_msg"], "at tea")?;
    get.effect(&seen["presence"], "online")
}

pub async fn account_data(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let phone = t.world.again(&ada).await?;
    let room = ada.open_room(&[]).await?;
    let content = json!({ "colour": "green", "list": [1, { "a": null }] });

    let put = t.row("PUT user/{userId}/account_data/{type}")?;
    let get = t.row("GET user/{userId}/account_data/{type}")?;
    let args = [&*ada.user_id, "org.example.taste"];
    let before = phone.sync().await?;
    put.refused(&bo, &args, content.clone(), 403, "M_FORBIDDEN")
        .await?;
    get.refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN").await?;
    put.works(&ada, &args, content.clone()).await?;
    let seen = phone.sync_since(&before).await?;
    let told = Person::account_data(&seen["account_data"], "org.example.taste");
    put.effect(&told["colour"], "green")?;
    get.effect(get.works(&phone, &args, NOTHING).await?, told)?;

    let put = t.row("PUT user/{userId}/rooms/{roomId}/account_data/{type}")?;
    let get = t.row("GET user/{userId}/rooms/{roomId}/account_data/{type}")?;
    let args = [&*ada.user_id, &*room, "org.example.taste"];
    put.refused(&bo, &args, content.clone(), 403, "M_FORBIDDEN")
        .await?;
    get.refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN").await?;
    put.works(&ada, &args, content).await?;
    let seen = phone.sync_since(&before).await?;
    let of_room = &seen["rooms"]["join"][&room]["account_data"];
    let told = Person::account_data(of_room, "org.example.taste");
    put.effect(&told["colour"], "green")?;
    get.effect(get.works(&phone, &args, NOTHING).await?, told)
}

pub async fn tags(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let phone = t.world.again(&ada).await?;
    let room = ada.open_room(&[]).await?;
    let put = t.row("PUT user/{userId}/rooms/{roomId}/tags/{tag}")?;
    let delete = t.row("DELETE user/{userId}/rooms/{roomId}/tags/{tag}")?;
    let get = t.row("GET user/{userId}/rooms/{roomId}/tags")?;
    let args = [&*ada.user_id, &*room, "u.mine"];
    let order = json!({ "order": 0.25 });
    let all = &args[..2];
    put.refused(&bo, &args, order.clone(), 403, "M_FORBIDDEN")
        .await?;
    get.refused(&bo, all, NOTHING, 403, "M_FORBIDDEN").await?;
    delete
        .refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    put.works(&ada, &args, order.clone()).await?;
    let before = phone.sync().await?;
    let of_room = &before["rooms"]["join"][&room]["account_data"];
    let told = Person::account_data(of_room, "m.tag");
    put.effect(told["tags"]["u.mine"]["order"].is_number(), true)?;
    let seen = get.works(&phone, all, NOTHING).await?;
    get.effect(&seen, &told)?;
    delete.works(&ada, &args, NOTHING).await?;
    let path = format!("v3/user/{}/rooms/{room}/tags", ada.user_id);
    let left = phone.request(Method::GET, &path, None).await?;
    delete.effect(&left.body["tags"], &json!({}))
}
