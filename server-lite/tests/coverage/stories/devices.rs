//! Devices, and what they send each other.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{NOTHING, Telling};

pub async fn naming_and_listing_devices(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let phone = t.world.again(&ada).await?;
    let list = t.row("GET devices")?;
    list.refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let devices = list.works(&ada, &[], NOTHING).await?;
    list.effect(devices["devices"].as_array().map(Vec::len), Some(2))?;

    let rename = t.row("PUT devices/{deviceId}")?;
    let get = t.row("GET devices/{deviceId}")?;
    let args = [&*phone.device_id];
    let name = json!({ "display_name": "telephone" });
    rename
        .refused(&bo, &args, name.clone(), 404, "M_NOT_FOUND")
        .await?;
    get.refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND").await?;
    rename.works(&ada, &args, name).await?;
    let seen = get.works(&phone, &args, NOTHING).await?;
    rename.effect(&seen["display_name"], "telephone")?;
    get.effect(&seen["device_id"], phone.device_id.as_str())
}

pub async fn deleting_devices(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let whoami = |status: u16, errcode: Value| (status, errcode);
    let gone = whoami(401, json!("M_UNKNOWN_TOKEN"));
    let mut wrong = ada.password();
    wrong["password"] = json!("guess");
    let lost = t.world.again(&ada).await?;
    let delete = t.row("DELETE devices/{deviceId}")?;
    let args = [&*lost.device_id];
    delete
        .refused(&ada, &args, json!({ "auth": wrong }), 401, "M_FORBIDDEN")
        .await?;
    delete
        .works(&ada, &args, json!({ "auth": ada.password() }))
        .await?;
    let asked = lost.request(Method::GET, "v3/account/whoami", None).await?;
    delete.effect(
        whoami(asked.status, asked.body["errcode"].clone()),
        gone.clone(),
    )?;

    let lost = t.world.again(&ada).await?;
    let delete = t.row("POST delete_devices")?;
    let body = |auth: &Value| json!({ "devices": [lost.device_id], "auth": auth });
    delete
        .refused(&ada, &[], body(&wrong), 401, "M_FORBIDDEN")
        .await?;
    delete.works(&ada, &[], body(&ada.password())).await?;
    let asked = lost.request(Method::GET, "v3/account/whoami", None).await?;
    delete.effect(whoami(asked.status, asked.body["errcode"].clone()), gone)
}

pub async fn messages_from_device_to_device(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let send = t.row("PUT sendToDevice/{eventType}/{txnId}")?;
    let body = json!({ "messages": { &bo.user_id: { &bo.device_id: { "secret": "s" } } } });
    let args = ["org.example.hint", "t1"];
    send.refused(
        &t.world.nobody(&ada),
        &args,
        body.clone(),
        401,
        "M_MISSING_TOKEN",
    )
    .await?;
    let before = bo.sync().await?;
    send.works(&ada, &args, body).await?;
    let seen = bo.sync_since(&before).await?;
    let first = &seen["to_device"]["events"][0];
    send.effect(
        (&first["sender"], &first["content"]["secret"]),
        (&json!(ada.user_id), &json!("s")),
    )
}

fn asleep(user: &str, device: &str) -> Value {
    json!({
        "device_id": device,
        "initial_device_display_name": "asleep",
        "device_data": { "algorithm": "org.matrix.msc3814.v2", "device_pickle": "cGlja2xl", "nonce": "bm9uY2U" },
        "device_keys": {
            "user_id": user, "device_id": device, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": { format!("curve25519:{device}"): "a2V5" }, "signatures": {}, "dehydrated": true,
        },
        "one_time_keys": { "signed_curve25519:AAAAAQ": { "key": "b25l", "signatures": {} } },
    })
}

pub async fn a_device_that_sleeps(t: Telling<'_>) -> Result<()> {
    const BASE: &str = "unstable/org.matrix.msc3814.v1/dehydrated_device";
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let put = t.row(&format!("PUT {BASE}"))?;
    let get = t.row(&format!("GET {BASE}"))?;
    let events = t.row(&format!("POST {BASE}/{{deviceId}}/events"))?;
    let body = asleep(&ada.user_id, "SLEEPER");
    put.refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    put.works(&ada, &[], body).await?;
    let asked = json!({ "device_keys": { &ada.user_id: [] } });
    let seen = bo.post("v3/keys/query", asked).await?;
    let keys = &seen["device_keys"][&ada.user_id]["SLEEPER"];
    put.effect(&keys["dehydrated"], &json!(true))?;
    get.refused(&bo, &[], NOTHING, 404, "M_NOT_FOUND").await?;
    let found = get.works(&ada, &[], NOTHING).await?;
    get.effect(&found["device_data"]["device_pickle"], "cGlja2xl")?;

    let message = json!({ "messages": { &ada.user_id: { "SLEEPER": { "n": 1 } } } });
    bo.put("v3/sendToDevice/org.example.key/1", message).await?;
    events
        .refused(&bo, &["SLEEPER"], json!({}), 404, "M_NOT_FOUND")
        .await?;
    let page = events.works(&ada, &["SLEEPER"], json!({})).await?;
    events.effect(&page["events"][0]["content"]["n"], &json!(1))?;
    let next = json!({ "next_batch": page["next_batch"] });
    let rest = events.works(&ada, &["SLEEPER"], next).await?;
    events.effect(&rest["events"], &json!([]))
}
