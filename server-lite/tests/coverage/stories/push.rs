//! Push rules and pushers.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::world::{NOTHING, Telling};

pub async fn push_rules(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let nobody = t.world.nobody(&ada);
    let phone = t.world.again(&ada).await?;
    let base = "pushrules/global/{kind}/{ruleId}";
    let put = t.row(&format!("PUT {base}"))?;
    let get = t.row(&format!("GET {base}"))?;
    let args = ["override", "tea"];
    let rule = json!({
        "actions": ["notify", { "set_tweak": "sound", "value": "default" }],
        "conditions": [{ "kind": "event_match", "key": "content.body", "pattern": "tea" }],
    });
    put.refused(&nobody, &args, rule.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    put.works(&ada, &args, rule).await?;
    get.refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND").await?;
    let seen = get.works(&phone, &args, NOTHING).await?;
    put.effect(&seen["conditions"][0]["pattern"], "tea")?;
    get.effect(&seen["rule_id"], "tea")?;
    let word = json!({ "actions": ["notify"], "pattern": "coffee" });
    put.works(&ada, &["content", "coffee"], word).await?;

    let set = t.row(&format!("PUT {base}/enabled"))?;
    let get = t.row(&format!("GET {base}/enabled"))?;
    let off = json!({ "enabled": false });
    set.refused(&bo, &args, off.clone(), 404, "M_NOT_FOUND")
        .await?;
    get.refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND").await?;
    set.works(&ada, &args, off).await?;
    let seen = get.works(&phone, &args, NOTHING).await?;
    set.effect(&seen["enabled"], &json!(false))?;
    get.effect(&seen["enabled"], &json!(false))?;

    let set = t.row(&format!("PUT {base}/actions"))?;
    let get = t.row(&format!("GET {base}/actions"))?;
    let actions = json!({ "actions": ["notify", { "set_tweak": "highlight" }] });
    set.refused(&bo, &args, actions.clone(), 404, "M_NOT_FOUND")
        .await?;
    get.refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND").await?;
    set.works(&ada, &args, actions).await?;
    let seen = get.works(&phone, &args, NOTHING).await?;
    set.effect(&seen["actions"][1]["set_tweak"], "highlight")?;
    get.effect(&seen["actions"][0], "notify")?;

    let all = t.row("GET pushrules/")?;
    all.refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let seen = all.works(&phone, &[], NOTHING).await?;
    all.effect(seen["global"]["override"].to_string().contains("tea"), true)?;
    let global = t.row("GET pushrules/global/")?;
    global
        .refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let seen = global.works(&phone, &[], NOTHING).await?;
    global.effect(seen["override"].to_string().contains("tea"), true)?;

    let delete = t.row(&format!("DELETE {base}"))?;
    delete
        .refused(&bo, &args, NOTHING, 404, "M_NOT_FOUND")
        .await?;
    delete.works(&ada, &args, NOTHING).await?;
    let path = "v3/pushrules/global/override/tea";
    let gone = phone.request(Method::GET, path, None).await?;
    delete.effect(gone.status, 404)
}

pub async fn pushers(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let phone = t.world.again(&ada).await?;
    let set = t.row("POST pushers/set")?;
    let get = t.row("GET pushers")?;
    let pusher = json!({
        "app_id": "im.hardline", "pushkey": "key", "kind": "http", "app_display_name": "Hardline",
        "device_display_name": "Phone", "lang": "en", "profile_tag": "work", "append": false,
        "data": { "url": "http://127.0.0.1:9/_matrix/push/v1/notify", "format": "event_id_only" },
    });
    set.refused(&nobody, &[], pusher.clone(), 401, "M_MISSING_TOKEN")
        .await?;
    get.refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    set.works(&ada, &[], pusher).await?;
    let seen = get.works(&phone, &[], NOTHING).await?;
    set.effect(&seen["pushers"][0]["lang"], "en")?;
    get.effect(&seen["pushers"][0]["app_id"], "im.hardline")?;
    let gone = json!({ "app_id": "im.hardline", "pushkey": "key", "kind": null });
    set.works(&ada, &[], gone).await?;
    let seen = phone.get("v3/pushers").await?;
    set.effect(&seen["pushers"], &json!([]))
}
