//! Events of every kind that is drawn, malformed: the room stays readable and the program alive.

use anyhow::{Result, ensure};
use hardline_testkit::{Client, HardlineServer, Homeserver};
use serde_json::{Value, json};

use crate::person::Desk;

#[tokio::test]
async fn malformed_events_of_every_kind_leave_the_room_readable() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    ada.start().await?;
    let bo = server.register("bo").await?;
    let room = bo
        .create_room(json!({ "name": "Odd", "invite": [ada.user_id] }))
        .await?;
    ada.accept(&room).await?;
    let target = bo.send_text(&room, "a good message before").await?;
    // What the server itself refuses never reaches a client.
    let mut sent = 0;
    for (kind, content) in messages(&target) {
        sent += usize::from(bo.send(&room, kind, content).await.is_ok());
    }
    for (kind, key, content) in states() {
        sent += usize::from(bo.set_state(&room, kind, key, content).await.is_ok());
    }
    ensure!(sent > 60, "only {sent} odd events went in");
    bo.send_text(&room, "a good message after").await?;
    ada.reads(&room, "a good message after").await?;
    ada.reads(&room, "a good message before").await?;
    ada.process()?.expect_running()?;
    // What was stored does not hurt the next start either.
    ada.restart().await?;
    ada.reads(&room, "a good message after").await?;
    ensure!(
        ada.wait_room(&room).await?["room_id"] == room.as_str(),
        "the room is gone from the list"
    );
    Ok(())
}

#[tokio::test]
async fn odd_account_data_and_receipts_do_not_stop_the_sync() -> Result<()> {
    let (desk, server) = (Desk::new().await?, HardlineServer::start().await?);
    let mut ada = desk.signed_in(&server, "ada").await?;
    let by_hand =
        Client::login(server.base_url(), "ada", &crate::person::password_of("ada")).await?;
    let room = by_hand.create_room(json!({ "name": "Odd" })).await?;
    let id = hardline_testkit::client::escape(&ada.user_id);
    for (kind, content) in [
        (
            "m.direct",
            json!({ "not a user": "not a list", "@x:y.z": [1, null] }),
        ),
        (
            "m.ignored_user_list",
            json!({ "ignored_users": "everybody" }),
        ),
        ("m.secret_storage.default_key", json!({ "key": 7 })),
        ("m.cross_signing.master", json!({ "encrypted": [] })),
        (
            "im.hardline.settings",
            json!({ "theme": { "deep": [[[[]]]] } }),
        ),
    ] {
        by_hand
            .put(&format!("v3/user/{id}/account_data/{kind}"), content)
            .await?;
    }
    let room_data = format!(
        "v3/user/{id}/rooms/{}/account_data/m.fully_read",
        hardline_testkit::client::escape(&room)
    );
    let _ = by_hand.put(&room_data, json!({ "event_id": 12 })).await;
    let tag = format!(
        "v3/user/{id}/rooms/{}/tags/m.favourite",
        hardline_testkit::client::escape(&room)
    );
    let _ = by_hand.put(&tag, json!({ "order": "first" })).await;
    ada.start().await?;
    by_hand.send_text(&room, "still synced").await?;
    ada.reads(&room, "still synced").await.map(drop)
}

/// Contents no client of ours would send, each kind in several wrong shapes.
fn messages(target: &str) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for msgtype in [
        "m.text",
        "m.notice",
        "m.emote",
        "m.image",
        "m.video",
        "m.audio",
        "m.file",
        "m.location",
        "m.key.verification.request",
        "x.unknown",
    ] {
        all.push(("m.room.message", json!({ "msgtype": msgtype })));
        all.push((
            "m.room.message",
            json!({ "msgtype": msgtype, "body": 7, "url": false, "info": "none" }),
        ));
        all.push(("m.room.message", json!({
            "msgtype": msgtype, "body": "odd", "url": "not-an-mxc", "format": "org.matrix.custom.html", "formatted_body": [1],
            "info": { "w": -5, "h": "tall", "size": -1, "duration": null, "thumbnail_info": [], "thumbnail_url": {} },
            "file": { "url": 1, "key": {}, "iv": "", "hashes": { "sha256": "?" } }, "geo_uri": "nowhere", "filename": {},
        })));
        all.push(("m.room.message", json!({
            "msgtype": msgtype, "body": "odd", "url": "mxc://nowhere.test/none", "info": { "w": 4_294_967_295_u32, "h": 4_294_967_295_u32, "size": 9_007_199_254_740_991_i64, "mimetype": "no/such\u{0}type" },
        })));
    }
    all.extend([
        ("m.room.message", json!({})),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "\u{202e}backwards\u{0}\u{7}\u{feff}" })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "deep", "format": "org.matrix.custom.html", "formatted_body": "<blockquote>".repeat(2_000) })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "broken html", "format": "org.matrix.custom.html", "formatted_body": "<table><tr><td><h1><a href=\"javascript:alert(1)\"><img src=x onerror=1></table></b><mx-reply>" })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "odd reply", "m.relates_to": { "m.in_reply_to": { "event_id": "$never-was" } } })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "odd reply", "m.relates_to": { "m.in_reply_to": 4 } })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "* odd edit", "m.relates_to": { "rel_type": "m.replace", "event_id": target } })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "* odd edit", "m.new_content": { "msgtype": 5 }, "m.relates_to": { "rel_type": "m.replace", "event_id": target } })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "odd thread", "m.relates_to": { "rel_type": "m.thread", "event_id": 9 } })),
        ("m.room.message", json!({ "msgtype": "m.text", "body": "odd mention", "m.mentions": { "user_ids": "all", "room": "yes" } })),
        ("m.reaction", json!({})),
        ("m.reaction", json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": 5 } })),
        ("m.reaction", json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": target, "key": "k".repeat(3_000) } })),
        ("m.room.encrypted", json!({})),
        ("m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": 1, "session_id": [] })),
        ("m.room.encrypted", json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg", "session_id": "none", "sender_key": "x", "device_id": "Y" })),
        ("m.room.redaction", json!({ "redacts": 3 })),
        ("m.sticker", json!({ "body": 1 })),
        ("m.sticker", json!({ "body": "odd", "url": "", "info": {} })),
        ("m.poll.start", json!({ "m.poll": { "answers": "none" } })),
        ("org.matrix.msc3381.poll.start", json!({ "org.matrix.msc3381.poll.start": { "question": 1, "answers": [{}] } })),
        ("m.call.invite", json!({ "call_id": 1, "version": {} })),
        ("m.call.hangup", json!({})),
        ("m.key.verification.start", json!({ "method": "m.sas.v1" })),
        ("m.beacon", json!({})),
        ("x.quite.unknown", json!({ "anything": [1, 2, { "deep": null }] })),
    ]);
    all
}

fn states() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("m.room.name", "", json!({ "name": 5 })),
        ("m.room.name", "", json!({})),
        ("m.room.topic", "", json!({ "topic": ["a", "b"] })),
        (
            "m.room.avatar",
            "",
            json!({ "url": "not-an-mxc", "info": 4 }),
        ),
        ("m.room.canonical_alias", "", json!({ "alias": 7 })),
        ("m.room.pinned_events", "", json!({ "pinned": "all" })),
        (
            "m.room.join_rules",
            "",
            json!({ "join_rule": "x.sometimes" }),
        ),
        (
            "m.room.history_visibility",
            "",
            json!({ "history_visibility": "x.maybe" }),
        ),
        ("m.room.guest_access", "", json!({ "guest_access": 0 })),
        ("m.room.server_acl", "", json!({ "allow": "*" })),
        (
            "m.room.tombstone",
            "",
            json!({ "body": 1, "replacement_room": "nowhere" }),
        ),
        (
            "m.room.third_party_invite",
            "odd",
            json!({ "display_name": 1 }),
        ),
        (
            "m.space.child",
            "!nowhere",
            json!({ "via": "none", "order": 9 }),
        ),
        ("m.room.retention", "", json!({ "max_lifetime": "long" })),
        ("im.vector.modular.widgets", "w", json!({ "url": 7 })),
    ]
}
