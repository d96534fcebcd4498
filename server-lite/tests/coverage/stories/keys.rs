//! Keys for encryption, identities, backups of keys.

use anyhow::{Context, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use reqwest::Method;
use ruma::{
    CanonicalJsonObject,
    signatures::{Ed25519KeyPair, KeyPair, to_canonical_json_string_for_signing},
};
use serde_json::{Value, json};

use crate::{
    person::Person,
    world::{NOTHING, Telling},
};

/// A signing key as clients have them.
struct Key(Ed25519KeyPair);

impl Key {
    fn new() -> Result<Self> {
        let der = Ed25519KeyPair::generate();
        Ok(Self(Ed25519KeyPair::from_der(
            der.as_ref(),
            "x".to_owned(),
        )?))
    }

    fn public(&self) -> String {
        STANDARD_NO_PAD.encode(self.0.public_key())
    }

    fn sign(&self, object: &mut Value, user: &str, key_id: &str) -> Result<()> {
        let canonical: CanonicalJsonObject = serde_json::from_value(object.clone())?;
        let text = to_canonical_json_string_for_signing(&canonical)?;
        object["signatures"][user][key_id] = json!(self.0.sign(text.as_bytes()).base64());
        Ok(())
    }

    fn described(&self, user: &str, usage: &str) -> Value {
        let public = self.public();
        let id = format!("ed25519:{public}");
        json!({ "user_id": user, "usage": [usage], "keys": { id: public } })
    }
}

fn device_keys(of: &Person, key: &Key) -> Result<Value> {
    let (curve, ed) = (
        format!("curve25519:{}", of.device_id),
        format!("ed25519:{}", of.device_id),
    );
    let mut keys = json!({
        "user_id": of.user_id, "device_id": of.device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": { curve: "cmVhbGx5IG5vdCBhIGN1cnZlIGtleSBhdCBhbGwhIQ", ed.clone(): key.public() },
    });
    key.sign(&mut keys, &of.user_id, &ed)?;
    Ok(keys)
}

fn one_time(name: &str) -> Value {
    json!({ "key": name, "signatures": { "@x:y": { "ed25519:A": "c2ln" } } })
}

pub async fn keys_of_devices(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let room = ada.open_room(&[&bo]).await?;
    let before = bo.sync().await?;
    let keys = device_keys(&ada, &Key::new()?)?;
    let body = json!({
        "device_keys": keys,
        "one_time_keys": { "signed_curve25519:AAAAAQ": one_time("b25l"), "signed_curve25519:AAAAAg": one_time("dHdv") },
        "fallback_keys": { "signed_curve25519:AAAAFA": one_time("ZmFsbGJhY2s") },
    });
    let upload = t.row("POST keys/upload")?;
    upload
        .refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    upload.works(&ada, &[], body).await?;

    let query = t.row("POST keys/query")?;
    let asked = json!({ "device_keys": { &ada.user_id: [] }, "timeout": 1000 });
    query
        .refused(&nobody, &[], asked.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    let found = query.works(&bo, &[], asked).await?;
    let seen = &found["device_keys"][&ada.user_id][&ada.device_id];
    upload.effect(&seen["keys"], &keys["keys"])?;
    query.effect(&seen["signatures"], &keys["signatures"])?;

    let claim = t.row("POST keys/claim")?;
    let wanted = json!({ "one_time_keys": { &ada.user_id: { &ada.device_id: "signed_curve25519" } }, "timeout": 1000 });
    claim
        .refused(&nobody, &[], wanted.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    let got = claim.works(&bo, &[], wanted.clone()).await?;
    let first = got["one_time_keys"][&ada.user_id][&ada.device_id].clone();
    let got = bo.post("v3/keys/claim", wanted).await?;
    let second = &got["one_time_keys"][&ada.user_id][&ada.device_id];
    claim.effect((first.is_object(), first == *second), (true, false))?;

    let changes = t.row("GET keys/changes")?;
    let after = bo.sync().await?;
    let token = |sync: &Value| sync["next_batch"].as_str().unwrap_or_default().to_owned();
    let query = format!("?from={}&to={}", token(&before), token(&after));
    changes
        .refused(&nobody, &[&query], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let told = changes.works(&bo, &[&query], NOTHING).await?;
    ensure!(room.starts_with('!'));
    changes.effect(&told["changed"], &json!([ada.user_id]))
}

pub async fn an_identity_and_signatures(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let (master, own, others) = (Key::new()?, Key::new()?, Key::new()?);
    let by = format!("ed25519:{}", master.public());
    let mut self_signing = own.described(&ada.user_id, "self_signing");
    master.sign(&mut self_signing, &ada.user_id, &by)?;
    let mut user_signing = others.described(&ada.user_id, "user_signing");
    master.sign(&mut user_signing, &ada.user_id, &by)?;
    let body = json!({
        "master_key": master.described(&ada.user_id, "master"),
        "self_signing_key": self_signing, "user_signing_key": user_signing,
    });
    let upload = t.row("POST keys/device_signing/upload")?;
    upload
        .refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    upload.works(&ada, &[], body.clone()).await?;
    let asked = json!({ "device_keys": { &ada.user_id: [] } });
    let found = bo.post("v3/keys/query", asked.clone()).await?;
    upload.effect(&found["master_keys"][&ada.user_id], &body["master_key"])?;

    let mut device = device_keys(&ada, &Key::new()?)?;
    ada.post("v3/keys/upload", json!({ "device_keys": device }))
        .await?;
    let own_id = format!("ed25519:{}", own.public());
    own.sign(&mut device, &ada.user_id, &own_id)?;
    let signatures = t.row("POST keys/signatures/upload")?;
    let body = json!({ &ada.user_id: { &ada.device_id: device } });
    signatures
        .refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    let done = signatures.works(&ada, &[], body).await?;
    ensure!(done == json!({}), "{done}");
    let found = bo.post("v3/keys/query", asked).await?;
    let seen = &found["device_keys"][&ada.user_id][&ada.device_id]["signatures"];
    let wanted = &device["signatures"][&ada.user_id][&own_id];
    signatures.effect(&seen[&ada.user_id][&own_id], wanted)
}

fn description(key: &str) -> Value {
    json!({
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": { "public_key": key, "signatures": {} },
    })
}

fn key(n: u32) -> Value {
    json!({
        "first_message_index": n, "forwarded_count": 0, "is_verified": true,
        "session_data": { "ephemeral": "ZXBo", "ciphertext": "Y2lw", "mac": "bWFj" },
    })
}

pub async fn versions_of_a_backup(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let create = t.row("POST room_keys/version")?;
    let body = description("b25l");
    create
        .refused(&nobody, &[], body.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    let made = create.works(&ada, &[], body).await?;
    let version = made["version"].as_str().context("no version")?;
    let phone = t.world.again(&ada).await?;
    let latest = t.row("GET room_keys/version")?;
    latest
        .refused(&bo, &[], NOTHING, 404, "M_NOT_FOUND")
        .await?;
    let seen = latest.works(&phone, &[], NOTHING).await?;
    create.effect(&seen["auth_data"]["public_key"], "b25l")?;
    latest.effect(seen["version"].is_string(), true)?;

    let update = t.row("PUT room_keys/version/{version}")?;
    let get = t.row("GET room_keys/version/{version}")?;
    let args = [version];
    let body = description("dHdv");
    update
        .refused(&bo, &args, body.clone(), 404, "M_NOT_FOUND")
        .await?;
    get.refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND").await?;
    update.works(&ada, &args, body).await?;
    let seen = get.works(&phone, &args, NOTHING).await?;
    update.effect(&seen["auth_data"]["public_key"], "dHdv")?;
    get.effect(&seen["version"], version)?;

    let delete = t.row("DELETE room_keys/version/{version}")?;
    delete
        .refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND")
        .await?;
    delete.works(&ada, &args, NOTHING).await?;
    let path = format!("v3/room_keys/version/{version}");
    let gone = phone.request(Method::GET, &path, None).await?;
    delete.effect(gone.status, 404)
}

const ROOM: &str = "!room:server.hardline.test";

/// Puts, reads and deletes at one depth: everything, a room, a session.
async fn keys_at(t: Telling<'_>, place: &str, args: &[&str], body: Value) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let made = ada.post("v3/room_keys/version", description("YQ")).await?;
    let version = format!("?version={}", made["version"].as_str().unwrap_or_default());
    let args: Vec<&str> = args.iter().copied().chain([&*version]).collect();
    let put = t.row(&format!("PUT room_keys/keys{place}"))?;
    let get = t.row(&format!("GET room_keys/keys{place}"))?;
    let delete = t.row(&format!("DELETE room_keys/keys{place}"))?;
    put.refused(&bo, &args, body.clone(), 404, "M_NOT_FOUND")
        .await?;
    get.refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND").await?;
    delete
        .refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND")
        .await?;
    let put_answer = put.works(&ada, &args, body.clone()).await?;
    put.effect(put_answer["count"].as_u64(), Some(1))?;
    let phone = t.world.again(&ada).await?;
    get.effect(get.works(&phone, &args, NOTHING).await?, body)?;
    delete.works(&ada, &args, NOTHING).await?;
    let left = phone.get(&format!("v3/room_keys/keys{version}")).await?;
    delete.effect(&left["rooms"], &json!({}))
}

pub async fn backing_up_all_keys(t: Telling<'_>) -> Result<()> {
    let body = json!({ "rooms": { ROOM: { "sessions": { "session": key(1) } } } });
    keys_at(t, "", &[], body).await
}

pub async fn backing_up_the_keys_of_a_room(t: Telling<'_>) -> Result<()> {
    let body = json!({ "sessions": { "session": key(2) } });
    keys_at(t, "/{roomId}", &[ROOM], body).await
}

pub async fn backing_up_one_key(t: Telling<'_>) -> Result<()> {
    keys_at(t, "/{roomId}/{sessionId}", &[ROOM, "session"], key(3)).await
}
