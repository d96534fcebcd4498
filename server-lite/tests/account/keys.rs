//! Encryption keys: upload, query, claim, cross-signing, signatures, and who hears of changes.

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hardline_testkit::{Client, Homeserver};
use reqwest::Method;
use ruma::{
    CanonicalJsonObject,
    signatures::{Ed25519KeyPair, KeyPair, to_canonical_json_string_for_signing},
};
use serde_json::{Value, json};

use crate::support::{confirmed, garbage, password_auth, refused, server_with, sync, text};

/// A signing key as clients have them.
struct Key(Ed25519KeyPair);

impl Key {
    fn new() -> Result<Self> {
        Ok(Self(Ed25519KeyPair::from_der(
            Ed25519KeyPair::generate().as_ref(),
            "x".to_owned(),
        )?))
    }

    fn public(&self) -> String {
        STANDARD_NO_PAD.encode(self.0.public_key())
    }

    /// Adds a signature of `user` under `key_id`.
    fn sign(&self, object: &mut Value, user: &str, key_id: &str) -> Result<()> {
        let canonical: CanonicalJsonObject = serde_json::from_value(object.clone())?;
        let signature = self
            .0
            .sign(to_canonical_json_string_for_signing(&canonical)?.as_bytes());
        object["signatures"][user][key_id] = json!(signature.base64());
        Ok(())
    }
}

fn cross_signing_key(user: &str, usage: &str, key: &Key) -> Value {
    let public = key.public();
    let id = format!("ed25519:{public}");
    json!({ "user_id": user, "usage": [usage], "keys": { id: public } })
}

/// A master, self-signing and user-signing key, signed as they must be.
struct Identity {
    master: Key,
    self_signing: Key,
    user_signing: Key,
    upload: Value,
}

fn identity(user: &str) -> Result<Identity> {
    let (master, self_signing, user_signing) = (Key::new()?, Key::new()?, Key::new()?);
    let by = format!("ed25519:{}", master.public());
    let mut ssk = cross_signing_key(user, "self_signing", &self_signing);
    master.sign(&mut ssk, user, &by)?;
    let mut usk = cross_signing_key(user, "user_signing", &user_signing);
    master.sign(&mut usk, user, &by)?;
    let upload = json!({
        "master_key": cross_signing_key(user, "master", &master),
        "self_signing_key": ssk,
        "user_signing_key": usk,
    });
    Ok(Identity {
        master,
        self_signing,
        user_signing,
        upload,
    })
}

fn device_keys(client: &Client, key: &Key) -> Result<Value> {
    let (curve, ed) = (
        format!("curve25519:{}", client.device_id),
        format!("ed25519:{}", client.device_id),
    );
    let mut keys = json!({
        "user_id": client.user_id,
        "device_id": client.device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": { curve: "cmVhbGx5IG5vdCBhIGN1cnZlIGtleSBhdCBhbGwhIQ", ed.clone(): key.public() },
    });
    key.sign(&mut keys, &client.user_id, &ed)?;
    Ok(keys)
}

fn one_time(n: usize) -> Value {
    json!({ "key": format!("b25lLXRpbWUta2V5LW51bWJlci0wMDAwMDAwMDAwMD{n}"), "signatures": { "@x:y": { "ed25519:A": "c2ln" } } })
}

async fn claim(by: &Client, of: &Client) -> Result<Value> {
    let body = json!({ "one_time_keys": { &of.user_id: { &of.device_id: "signed_curve25519" } } });
    let answer = by.post("v3/keys/claim", body).await?;
    Ok(answer["one_time_keys"][&of.user_id][&of.device_id].clone())
}

async fn query(by: &Client, of: &Client) -> Result<Value> {
    by.post(
        "v3/keys/query",
        json!({ "device_keys": { &of.user_id: [] } }),
    )
    .await
}

#[tokio::test]
async fn one_time_keys_are_handed_out_once_in_order_and_then_the_fallback_key() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let fallback = json!({ "key": "ZmFsbGJhY2sta2V5LW51bWJlci0wMDAwMDAwMDAwMDA", "fallback": true, "signatures": {} });
    let uploaded = ada.post("v3/keys/upload", json!({
        "one_time_keys": { "signed_curve25519:AAAAAQ": one_time(1), "signed_curve25519:AAAAAg": one_time(2) },
        "fallback_keys": { "signed_curve25519:AAAAFA": fallback },
    })).await?;
    assert_eq!(
        uploaded,
        json!({ "one_time_key_counts": { "signed_curve25519": 2 } })
    );
    assert_eq!(
        claim(&bo, &ada).await?,
        json!({ "signed_curve25519:AAAAAQ": one_time(1) })
    );
    let seen = sync(&ada, None).await?;
    assert_eq!(seen["device_one_time_keys_count"]["signed_curve25519"], 1);
    assert_eq!(
        seen["device_unused_fallback_key_types"],
        json!(["signed_curve25519"])
    );
    assert_eq!(
        claim(&bo, &ada).await?,
        json!({ "signed_curve25519:AAAAAg": one_time(2) })
    );
    for _ in 0..2 {
        assert_eq!(
            claim(&bo, &ada).await?,
            json!({ "signed_curve25519:AAAAFA": fallback })
        );
    }
    let seen = sync(&ada, None).await?;
    assert_eq!(
        seen["device_one_time_keys_count"]["signed_curve25519"], 0,
        "named also when there are none"
    );
    assert_eq!(seen["device_unused_fallback_key_types"], json!([]));
    // The same fallback key again does not look fresh; a new one does.
    ada.post(
        "v3/keys/upload",
        json!({ "fallback_keys": { "signed_curve25519:AAAAFA": fallback } }),
    )
    .await?;
    assert_eq!(
        sync(&ada, None).await?["device_unused_fallback_key_types"],
        json!([])
    );
    ada.post(
        "v3/keys/upload",
        json!({ "fallback_keys": { "signed_curve25519:AAAAFB": one_time(9) } }),
    )
    .await?;
    assert_eq!(
        sync(&ada, None).await?["device_unused_fallback_key_types"],
        json!(["signed_curve25519"])
    );
    Ok(())
}

#[tokio::test]
async fn a_one_time_key_is_never_replaced() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    let upload = |n| json!({ "one_time_keys": { "signed_curve25519:AAAAAQ": one_time(n) } });
    ada.post("v3/keys/upload", upload(1)).await?;
    ada.post("v3/keys/upload", upload(1)).await?;
    let answer = ada
        .request(Method::POST, "v3/keys/upload", Some(&upload(2)))
        .await?;
    refused(&answer, 400, "M_UNKNOWN");
    assert!(
        text(&answer.body, "error")?
            .starts_with("One time key signed_curve25519:AAAAAQ already exists. Old key: {")
    );
    Ok(())
}

#[tokio::test]
async fn device_keys_are_found_with_their_names_and_only_ones_own_are_taken() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let keys = device_keys(&ada, &Key::new()?)?;
    let answer = bo
        .request(
            Method::POST,
            "v3/keys/upload",
            Some(&json!({ "device_keys": keys })),
        )
        .await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    ada.post("v3/keys/upload", json!({ "device_keys": keys }))
        .await?;
    let found = query(&bo, &ada).await?;
    let mut expected = keys.clone();
    expected["unsigned"] = json!({ "device_display_name": "testkit" });
    assert_eq!(
        found["device_keys"][&ada.user_id],
        json!({ &ada.device_id: expected })
    );
    let one = bo
        .post(
            "v3/keys/query",
            json!({ "device_keys": { &ada.user_id: ["OTHER"] } }),
        )
        .await?;
    assert_eq!(one["device_keys"][&ada.user_id], json!({}));
    let strangers = bo.post("v3/keys/query", json!({ "device_keys": { "@x:elsewhere.test": [], "@nobody:server.hardline.test": [] } })).await?;
    assert_eq!(strangers["failures"], json!({ "elsewhere.test": {} }));
    assert!(
        strangers
            .get("device_keys")
            .is_none_or(|keys| keys == &json!({})),
        "{strangers}"
    );
    refused(
        &garbage(&ada, &server, Method::POST, "v3/keys/upload").await?,
        400,
        "M_NOT_JSON",
    );
    refused(
        &ada.request(Method::POST, "v3/keys/query", Some(&json!({})))
            .await?,
        400,
        "M_BAD_JSON",
    );
    refused(
        &ada.request(
            Method::POST,
            "v3/keys/claim",
            Some(&json!({ "one_time_keys": 1 })),
        )
        .await?,
        400,
        "M_BAD_JSON",
    );
    Ok(())
}

#[tokio::test]
async fn the_first_identity_needs_no_password_and_every_other_does() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let path = "v3/keys/device_signing/upload";
    let first = identity(&ada.user_id)?;
    ada.post(path, first.upload.clone()).await?;
    ada.post(path, first.upload.clone()).await?;
    let found = query(&bo, &ada).await?;
    assert_eq!(
        found["master_keys"][&ada.user_id],
        first.upload["master_key"]
    );
    assert_eq!(
        found["self_signing_keys"][&ada.user_id],
        first.upload["self_signing_key"]
    );
    assert!(
        found.get("user_signing_keys").is_none(),
        "others do not see the user-signing key"
    );
    assert_eq!(
        query(&ada, &ada).await?["user_signing_keys"][&ada.user_id],
        first.upload["user_signing_key"]
    );
    let second = identity(&ada.user_id)?;
    let answer = ada
        .request(Method::POST, path, Some(&second.upload))
        .await?;
    assert_eq!(answer.status, 401);
    let mut wrong = second.upload.clone();
    wrong["auth"] = password_auth(&answer.body, &ada.user_id, "guess");
    refused(
        &ada.request(Method::POST, path, Some(&wrong)).await?,
        401,
        "M_FORBIDDEN",
    );
    assert_eq!(
        query(&bo, &ada).await?["master_keys"][&ada.user_id],
        first.upload["master_key"]
    );
    confirmed(&ada, Method::POST, path, second.upload.clone(), "pass-ada")
        .await?
        .ok()?;
    assert_eq!(
        query(&bo, &ada).await?["master_keys"][&ada.user_id],
        second.upload["master_key"]
    );
    // A new key beside the old master key is new as well.
    let third = identity(&ada.user_id)?;
    let mut usk = cross_signing_key(&ada.user_id, "user_signing", &third.user_signing);
    second.master.sign(
        &mut usk,
        &ada.user_id,
        &format!("ed25519:{}", second.master.public()),
    )?;
    let body = json!({ "user_signing_key": usk });
    confirmed(&ada, Method::POST, path, body, "pass-ada")
        .await?
        .ok()?;
    Ok(())
}

#[tokio::test]
async fn badly_signed_and_malformed_identities_are_refused() -> Result<()> {
    let (_server, ada) = server_with("ada").await?;
    let path = "v3/keys/device_signing/upload";
    let good = identity(&ada.user_id)?;
    let other = identity(&ada.user_id)?;
    let only = |key: &str| json!({ key: good.upload[key] });
    refused(
        &ada.request(Method::POST, path, Some(&only("self_signing_key")))
            .await?,
        400,
        "M_MISSING_PARAM",
    );
    let mut mixed = good.upload.clone();
    mixed["self_signing_key"] = other.upload["self_signing_key"].clone();
    refused(
        &ada.request(Method::POST, path, Some(&mixed)).await?,
        400,
        "M_INVALID_SIGNATURE",
    );
    let mut usage = good.upload.clone();
    usage["master_key"]["usage"] = json!(["self_signing"]);
    refused(
        &ada.request(Method::POST, path, Some(&usage)).await?,
        400,
        "M_INVALID_PARAM",
    );
    let strangers = identity("@bo:server.hardline.test")?;
    refused(
        &ada.request(Method::POST, path, Some(&strangers.upload))
            .await?,
        400,
        "M_INVALID_PARAM",
    );
    // A device that is called as the key.
    let public = good.master.public();
    let login = json!({ "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "ada" }, "password": "pass-ada", "device_id": public });
    ada.post("v3/login", login).await?;
    refused(
        &ada.request(Method::POST, path, Some(&good.upload)).await?,
        403,
        "M_FORBIDDEN",
    );
    Ok(())
}

#[tokio::test]
async fn signatures_are_checked_and_shown_to_those_they_concern() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let cy = server.register("cy").await?;
    let upload = "v3/keys/device_signing/upload";
    let (ada_identity, bo_identity) = (identity(&ada.user_id)?, identity(&bo.user_id)?);
    ada.post(upload, ada_identity.upload.clone()).await?;
    bo.post(upload, bo_identity.upload.clone()).await?;
    let device_key = Key::new()?;
    let keys = device_keys(&ada, &device_key)?;
    ada.post("v3/keys/upload", json!({ "device_keys": keys }))
        .await?;
    // Ada signs her device with her self-signing key: all see it.
    let mut signed = keys.clone();
    let by_ssk = format!("ed25519:{}", ada_identity.self_signing.public());
    ada_identity
        .self_signing
        .sign(&mut signed, &ada.user_id, &by_ssk)?;
    let path = "v3/keys/signatures/upload";
    let answer = ada
        .post(path, json!({ &ada.user_id: { &ada.device_id: signed } }))
        .await?;
    assert!(
        answer
            .get("failures")
            .is_none_or(|failures| failures == &json!({})),
        "{answer}"
    );
    for viewer in [&ada, &cy] {
        let found = query(viewer, &ada).await?;
        assert_eq!(
            found["device_keys"][&ada.user_id][&ada.device_id]["signatures"],
            signed["signatures"]
        );
    }
    // Bo signs Ada's master key with his user-signing key: he sees it, Cy does not.
    let mut master = ada_identity.upload["master_key"].clone();
    let by_usk = format!("ed25519:{}", bo_identity.user_signing.public());
    bo_identity
        .user_signing
        .sign(&mut master, &bo.user_id, &by_usk)?;
    let name = ada_identity.master.public();
    bo.post(path, json!({ &ada.user_id: { &name: master } }))
        .await?;
    let seen = query(&bo, &ada).await?;
    assert_eq!(
        seen["master_keys"][&ada.user_id]["signatures"],
        master["signatures"]
    );
    assert!(
        query(&cy, &ada).await?["master_keys"][&ada.user_id]
            .get("signatures")
            .is_none()
    );
    // What does not fit is named, one by one.
    let mut forged = ada_identity.upload["master_key"].clone();
    forged["signatures"][&cy.user_id] = master["signatures"][&bo.user_id].clone();
    let mut changed = keys.clone();
    changed["algorithms"] = json!([]);
    let answer = cy
        .post(
            path,
            json!({ &ada.user_id: { &name: forged, "UNKNOWN": keys } }),
        )
        .await?;
    assert_eq!(
        answer["failures"][&ada.user_id][&name]["errcode"],
        "M_INVALID_SIGNATURE"
    );
    assert_eq!(
        answer["failures"][&ada.user_id]["UNKNOWN"]["errcode"],
        "M_NOT_FOUND"
    );
    let answer = ada
        .post(path, json!({ &ada.user_id: { &ada.device_id: changed } }))
        .await?;
    assert!(
        answer["failures"][&ada.user_id][&ada.device_id]["errcode"].is_string(),
        "{answer}"
    );
    Ok(())
}

#[tokio::test]
async fn those_who_share_a_room_hear_of_new_keys_and_of_parting() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let cy = server.register("cy").await?;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await?;
    let mut since = text(&sync(&bo, None).await?, "next_batch")?;
    let stranger = text(&sync(&cy, None).await?, "next_batch")?;
    let lists = async |since: &mut String| -> Result<Value> {
        let body = sync(&bo, Some(since)).await?;
        let to = text(&body, "next_batch")?;
        let lists = body.get("device_lists").cloned().unwrap_or(json!({}));
        let asked = bo
            .get(&format!("v3/keys/changes?from={since}&to={to}"))
            .await?;
        for key in ["changed", "left"] {
            let list = lists.get(key).cloned().unwrap_or(json!([]));
            assert_eq!(list, asked[key], "{key}");
        }
        *since = to;
        Ok(asked)
    };
    bo.join(&room).await?;
    let seen = lists(&mut since).await?;
    assert!(
        seen["changed"]
            .as_array()
            .unwrap()
            .contains(&json!(ada.user_id)),
        "{seen}"
    );
    ada.post(
        "v3/keys/upload",
        json!({ "device_keys": device_keys(&ada, &Key::new()?)? }),
    )
    .await?;
    assert_eq!(
        lists(&mut since).await?,
        json!({ "changed": [ada.user_id], "left": [] })
    );
    assert_eq!(
        lists(&mut since).await?,
        json!({ "changed": [], "left": [] })
    );
    ada.post(
        "v3/keys/device_signing/upload",
        identity(&ada.user_id)?.upload,
    )
    .await?;
    assert_eq!(lists(&mut since).await?["changed"], json!([ada.user_id]));
    ada.post(&format!("v3/rooms/{room}/leave"), json!({}))
        .await?;
    assert_eq!(
        lists(&mut since).await?,
        json!({ "changed": [], "left": [ada.user_id] })
    );
    let nothing = cy
        .get(&format!("v3/keys/changes?from={stranger}&to={since}"))
        .await?;
    assert_eq!(
        nothing,
        json!({ "changed": [], "left": [] }),
        "who shares no room hears nothing"
    );
    let answer = bo
        .request(Method::GET, "v3/keys/changes?from=x&to=y", None)
        .await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    Ok(())
}
