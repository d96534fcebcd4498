//! Sending, reading, redacting, relating, finding, reporting events.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    person::Person,
    world::{NOTHING, Telling},
};

fn text(body: &str) -> Value {
    json!({ "msgtype": "m.text", "body": body })
}

pub async fn sending_and_redacting(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let send = t.row("PUT rooms/{roomId}/send/{eventType}/{txnId}")?;
    let args = [&*room, "m.room.message", "t1"];
    send.refused(&eve, &args, text("hello"), 403, "M_FORBIDDEN")
        .await?;
    let message = json!({
        "msgtype": "m.text", "body": "hello", "format": "org.matrix.custom.html", "formatted_body": "<b>hello</b>",
        "m.mentions": { "user_ids": [bo.user_id] },
    });
    let sent = send.works(&ada, &args, message).await?;
    let again = ada.send(&room, "m.room.message", text("bye")).await?;
    let event = sent["event_id"].as_str().context("no event_id")?;
    let reads = bo.reads(&room).await?;
    send.effect(reads.contains(&"hello".to_owned()), true)?;

    let redact = t.row("PUT rooms/{roomId}/redact/{eventId}/{txnId}")?;
    let args = [&*room, event, "t2"];
    let body = json!({ "reason": "typo" });
    redact
        .refused(&bo, &args, body.clone(), 403, "M_FORBIDDEN")
        .await?;
    redact.works(&ada, &args, body).await?;
    let get = t.row("GET rooms/{roomId}/event/{eventId}")?;
    let args = [&*room, event];
    get.refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = get.works(&bo, &args, NOTHING).await?;
    redact.effect(&seen["content"], &json!({}))?;
    get.effect((&seen["event_id"], again == event), (&json!(event), false))
}

pub async fn state(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let put = t.row("PUT rooms/{roomId}/state/{eventType}/{stateKey}")?;
    let get = t.row("GET rooms/{roomId}/state/{eventType}/{stateKey}")?;
    let all = t.row("GET rooms/{roomId}/state")?;
    let args = [&*room, "m.room.topic", ""];
    let topic = json!({ "topic": "Leaves", "m.topic": { "m.text": [{ "body": "Leaves" }] } });
    put.refused(&bo, &args, topic.clone(), 403, "M_FORBIDDEN")
        .await?;
    put.works(&ada, &args, topic).await?;
    get.refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = get.works(&bo, &args, NOTHING).await?;
    put.effect(&seen["topic"], "Leaves")?;
    get.effect(&seen["topic"], "Leaves")?;
    let levels = [&*room, "m.room.power_levels", ""];
    let now = get.works(&ada, &levels, NOTHING).await?;
    put.works(&ada, &levels, now).await?;
    let member = [&*room, "m.room.member", &*ada.user_id];
    let body = json!({ "membership": "join", "displayname": "Ada" });
    put.works(&ada, &member, body).await?;
    let rules = [&*room, "m.room.join_rules", ""];
    put.works(&ada, &rules, json!({ "join_rule": "public" }))
        .await?;
    let keyed = [&*room, "org.example.keyed", "a key"];
    put.works(&ada, &keyed, json!({ "deep": { "er": [1, 2] } }))
        .await?;

    all.refused(&eve, &[&room], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = all.works(&bo, &[&room], NOTHING).await?;
    let events = seen.as_array().context("no list")?.iter();
    let topics = events.filter(|e| e["type"] == "m.room.topic" && e["state_key"] == "");
    all.effect(topics.count(), 1)
}

pub async fn history(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let mut sent = Vec::new();
    for body in ["one", "two", "three"] {
        sent.push(ada.send_text(&room, body).await?);
    }
    let messages = t.row("GET rooms/{roomId}/messages")?;
    let filter =
        "&filter=%7B%22types%22%3A%5B%22m.room.message%22%5D%2C%22lazy_load_members%22%3Atrue%7D";
    let args = [&*room, "?dir=b", "&limit=2", filter];
    messages
        .refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let page = messages.works(&bo, &args, NOTHING).await?;
    let from = format!("&from={}", page["end"].as_str().context("no end")?);
    let args = [&*room, "?dir=b", "&limit=2", filter, &from];
    let rest = messages.works(&bo, &args, NOTHING).await?;
    let bodies = |page: &Value| -> Vec<Value> {
        let chunk = page["chunk"].as_array().into_iter().flatten();
        chunk.map(|e| e["content"]["body"].clone()).collect()
    };
    let seen = [bodies(&page), bodies(&rest)].concat();
    messages.effect(seen, [json!("three"), json!("two"), json!("one")])?;

    let context = t.row("GET rooms/{roomId}/context/{eventId}")?;
    let args = [&*room, &*sent[1], "?limit=2"];
    context
        .refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = context.works(&bo, &args, NOTHING).await?;
    let around = [
        &seen["events_before"][0]["event_id"],
        &seen["event"]["event_id"],
        &seen["events_after"][0]["event_id"],
    ];
    context.effect(around, [sent[0].as_str(), &sent[1], &sent[2]])?;

    let at = t.row("GET v1/rooms/{roomId}/timestamp_to_event")?;
    let args = [&*room, "?ts=0", "&dir=f"];
    at.refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN").await?;
    let first = at.works(&bo, &args, NOTHING).await?;
    let id = first["event_id"].as_str().context("no event_id")?;
    let path = format!(
        "v3/rooms/{}/event/{}",
        hardline_testkit::client::escape(&room),
        hardline_testkit::client::escape(id)
    );
    at.effect(&bo.get(&path).await?["type"], "m.room.create")
}

pub async fn relations_and_threads(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let root = ada.send_text(&room, "root").await?;
    let relation = json!({ "rel_type": "m.thread", "event_id": root });
    let reply = json!({ "msgtype": "m.text", "body": "reply", "m.relates_to": relation });
    let reply = ada.send(&room, "m.room.message", reply).await?;
    let base = "GET v1/rooms/{roomId}/relations/{eventId}";
    let depths: [(String, &[&str]); 3] = [
        (base.to_owned(), &[]),
        (format!("{base}/{{relType}}"), &["m.thread"]),
        (
            format!("{base}/{{relType}}/{{eventType}}"),
            &["m.thread", "m.room.message"],
        ),
    ];
    for (name, more) in depths {
        let row = t.row(&name)?;
        let query = ["?limit=5", "&dir=b", "&recurse=false"];
        let mut args = vec![&*room, &*root];
        args.extend(more);
        args.extend(query);
        row.refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
            .await?;
        let seen = row.works(&bo, &args, NOTHING).await?;
        row.effect(&seen["chunk"][0]["event_id"], reply.as_str())?;
    }
    let threads = t.row("GET v1/rooms/{roomId}/threads")?;
    let args = [&*room, "?include=all", "&limit=5"];
    threads
        .refused(&eve, &args, NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let seen = threads.works(&bo, &args, NOTHING).await?;
    threads.effect(&seen["chunk"][0]["event_id"], root.as_str())
}

pub async fn searching(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.open_room(&[&bo]).await?;
    let said = ada.send_text(&room, "Green tea at four").await?;
    let search = t.row("POST search")?;
    let body = json!({ "search_categories": { "room_events": {
        "search_term": "green tea", "keys": ["content.body"], "order_by": "recent", "include_state": true,
        "filter": { "rooms": [room], "limit": 5 }, "groupings": { "group_by": [{ "key": "room_id" }] },
        "event_context": { "before_limit": 1, "after_limit": 1, "include_profile": true },
    } } });
    search
        .refused(
            &t.world.nobody(&ada),
            &[],
            body.clone(),
            401,
            "M_MISSING_TOKEN",
        )
        .await?;
    let found = search.works(&bo, &[], body).await?;
    let hits = &found["search_categories"]["room_events"]["results"];
    search.effect(&hits[0]["result"]["event_id"], said.as_str())
}

async fn reports(t: Telling<'_>, of: &Person) -> Result<Vec<Value>> {
    let listed = t.world.server.command(&["report", "list"]).await?;
    let listed = listed["reports"].as_array().or(listed.as_array());
    let all = listed.context("no reports")?.iter();
    Ok(all
        .filter(|report| report.to_string().contains(&of.user_id))
        .cloned()
        .collect())
}

pub async fn reporting(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let eve = t.world.person("eve").await?;
    let room = ada.open_room(&[&bo]).await?;
    let said = ada.send_text(&room, "rude").await?;
    let body = json!({ "reason": "It is rude.", "score": -50 });
    let event = t.row("POST rooms/{roomId}/report/{eventId}")?;
    let args = [&*room, &*said];
    event
        .refused(&eve, &args, body.clone(), 404, "M_NOT_FOUND")
        .await?;
    event.works(&bo, &args, body).await?;
    let seen = reports(t, &bo).await?;
    let text = json!(seen).to_string();
    event.effect(text.contains(&said) && text.contains("It is rude."), true)?;

    let nobody = t.world.nobody(&ada);
    let body = json!({ "reason": "It is a rude room." });
    let of_room = t.row("POST rooms/{roomId}/report")?;
    of_room
        .refused(&nobody, &[&room], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    of_room.works(&bo, &[&room], body).await?;
    let text = json!(reports(t, &bo).await?).to_string();
    of_room.effect(text.contains("It is a rude room."), true)?;

    let body = json!({ "reason": "They are rude." });
    let of_user = t.row("POST users/{userId}/report")?;
    let args = [&*ada.user_id];
    of_user
        .refused(&nobody, &args, body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    of_user.works(&bo, &args, body).await?;
    let text = json!(reports(t, &bo).await?).to_string();
    of_user.effect(text.contains("They are rude."), true)
}

pub async fn sending_later(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.open_room(&[&bo]).await?;
    let path = format!(
        "v3/rooms/{}/send/m.room.message/later?org.matrix.msc4140.delay=600000",
        hardline_testkit::client::escape(&room)
    );
    let row = t.row("POST unstable/org.matrix.msc4140/delayed_events/{delayId}")?;
    let kept = ada.put(&path, text("now then")).await?;
    let id = kept["delay_id"].as_str().context("no delay_id")?;
    let body = json!({ "action": "restart" });
    row.refused(
        &t.world.nobody(&ada),
        &[id],
        body.clone(),
        401,
        "M_MISSING_TOKEN",
    )
    .await?;
    row.works(&ada, &[id], body).await?;
    let send = format!("/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{id}");
    let action = json!({ "action": "send" });
    t.world.ask(Method::POST, &send, &ada.token, action).await?;
    row.effect(bo.reads(&room).await?, ["now then"])
}
