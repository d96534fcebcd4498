//! Making accounts, logging in and out.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    person::{PASSWORD, localpart},
    world::{NOTHING, Telling},
};

fn password_login(user: &str, password: &str) -> Value {
    json!({
        "type": "m.login.password", "identifier": { "type": "m.id.user", "user": user }, "password": password,
        "initial_device_display_name": "phone",
    })
}

pub async fn what_the_server_speaks(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let versions = t.row("GET versions")?;
    let known = versions.works(&t.world.nobody(&ada), &[], NOTHING).await?;
    let spoken = known["versions"].as_array().context("no versions")?;
    versions.effect(spoken.contains(&json!("v1.11")), true)?;

    let capabilities = t.row("GET capabilities")?;
    let nobody = t.world.nobody(&ada);
    capabilities
        .refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let able = capabilities.works(&ada, &[], NOTHING).await?;
    let room = ada.create_room(json!({})).await?;
    let create = ada.state(&room, "m.room.create", "").await?;
    let default = &able["capabilities"]["m.room_versions"]["default"];
    capabilities.effect(default, &create["room_version"])
}

pub async fn registering(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let name = format!("{}friend", localpart(&ada.user_id));
    let available = t.row("GET register/available")?;
    let query = format!("?username={name}");
    let free = available.works(&nobody, &[&query], NOTHING).await?;
    ensure!(free["available"] == true);

    let register = t.row("POST register")?;
    let auth = json!({ "type": "m.login.dummy" });
    let body = json!({
        "username": name, "password": PASSWORD, "device_id": "PHONE", "initial_device_display_name": "phone",
        "inhibit_login": false, "refresh_token": true, "auth": auth,
    });
    register
        .refused(&nobody, &["?kind=guest"], json!({}), 403, "M_FORBIDDEN")
        .await?;
    let made = register.works(&nobody, &[], body).await?;
    let user_id = made["user_id"].as_str().context("no user_id")?;
    let profile = format!("/_matrix/client/v3/profile/{user_id}");
    let seen = t.world.ask(Method::GET, &profile, "", NOTHING).await?;
    register.effect(&seen["status"], &json!(200))?;
    let path = format!("/_matrix/client/v3/register/available?username={name}");
    let taken = t.world.ask(Method::GET, &path, "", NOTHING).await?;
    available.effect(&taken["body"]["errcode"], "M_USER_IN_USE")
}

pub async fn a_registration_token(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let validity = t.row("GET v1/register/m.login.registration_token/validity")?;
    let token = format!("summer{}", localpart(&ada.user_id));
    let query = format!("?token={token}");
    let before = validity.works(&nobody, &[&query], NOTHING).await?;
    ensure!(before["valid"] == false);
    let server = &t.world.server;
    server
        .command(&["token", "create", "--token", &token])
        .await?;
    let after = validity.works(&nobody, &[&query], NOTHING).await?;
    validity.effect(&after["valid"], &json!(true))
}

pub async fn logging_in_and_out(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let types = t.row("GET login")?;
    let flows = types.works(&nobody, &[], NOTHING).await?;
    let flows = flows["flows"].as_array().context("no flows")?.clone();

    let login = t.row("POST login")?;
    let wrong = password_login(&ada.user_id, "guess");
    login
        .refused(&nobody, &[], wrong, 403, "M_FORBIDDEN")
        .await?;
    let right = password_login(localpart(&ada.user_id), PASSWORD);
    let second = login.works(&nobody, &[], right).await?;
    types.effect(flows.contains(&json!({ "type": "m.login.password" })), true)?;
    let device = second["device_id"].as_str().context("no device_id")?;
    let seen = ada.get(&format!("v3/devices/{device}")).await?;
    login.effect(&seen["display_name"], "phone")?;

    let logout = t.row("POST logout")?;
    logout
        .refused(&nobody, &[], json!({}), 401, "M_MISSING_TOKEN")
        .await?;
    let other = t.world.again(&ada).await?;
    logout.works(&other, &[], NOTHING).await?;
    let path = format!("v3/devices/{}", other.device_id);
    let gone = ada.request(Method::GET, &path, None).await?;
    logout.effect(
        (gone.status, &gone.body["errcode"]),
        (404, &json!("M_NOT_FOUND")),
    )?;

    let all = t.row("POST logout/all")?;
    all.refused(&nobody, &[], json!({}), 401, "M_MISSING_TOKEN")
        .await?;
    let other = t.world.again(&ada).await?;
    all.works(&other, &[], NOTHING).await?;
    let asked = ada.request(Method::GET, "v3/account/whoami", None).await?;
    all.effect(&asked.body["errcode"], "M_UNKNOWN_TOKEN")
}

pub async fn tokens(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let nobody = t.world.nobody(&ada);
    let whoami = t.row("GET account/whoami")?;
    whoami
        .refused(&nobody, &[], NOTHING, 401, "M_MISSING_TOKEN")
        .await?;
    let mine = whoami.works(&ada, &[], NOTHING).await?;
    let other = t.world.again(&ada).await?;
    let theirs = other.get("v3/account/whoami").await?;
    whoami.effect(
        (&mine["user_id"], mine["device_id"] == theirs["device_id"]),
        (&theirs["user_id"], false),
    )?;

    let refresh = t.row("POST refresh")?;
    let unknown = json!({ "refresh_token": "unknown" });
    refresh
        .refused(&nobody, &[], unknown, 401, "M_UNKNOWN_TOKEN")
        .await?;
    let mut login = password_login(&ada.user_id, PASSWORD);
    login["refresh_token"] = json!(true);
    let path = "/_matrix/client/v3/login";
    let session = t.world.ask(Method::POST, path, "", login).await?;
    let body = json!({ "refresh_token": session["body"]["refresh_token"] });
    let fresh = refresh.works(&nobody, &[], body).await?;
    let token = fresh["access_token"].as_str().context("no access_token")?;
    let path = "/_matrix/client/v3/account/whoami";
    let asked = t.world.ask(Method::GET, path, token, NOTHING).await?;
    refresh.effect(&asked["body"]["device_id"], &session["body"]["device_id"])?;

    let get_token = t.row("POST v1/login/get_token")?;
    let mut wrong = ada.password();
    wrong["password"] = json!("guess");
    get_token
        .refused(&ada, &[], json!({ "auth": wrong }), 401, "M_FORBIDDEN")
        .await?;
    let body = json!({ "auth": ada.password() });
    let made = get_token.works(&ada, &[], body).await?;
    let login = json!({ "type": "m.login.token", "token": made["login_token"] });
    let path = "/_matrix/client/v3/login";
    let session = t.world.ask(Method::POST, path, "", login).await?;
    get_token.effect(&session["body"]["user_id"], ada.user_id.as_str())
}

pub async fn a_new_password(t: Telling<'_>) -> Result<()> {
    let ada = t.world.person("ada").await?;
    let change = t.row("POST account/password")?;
    let mut wrong = ada.password();
    wrong["password"] = json!("guess");
    let body =
        |auth: &Value| json!({ "new_password": "another", "logout_devices": false, "auth": auth });
    change
        .refused(&ada, &[], body(&wrong), 401, "M_FORBIDDEN")
        .await?;
    change.works(&ada, &[], body(&ada.password())).await?;
    let path = "/_matrix/client/v3/login";
    let mut logins = Vec::new();
    for password in [PASSWORD, "another"] {
        let login = password_login(&ada.user_id, password);
        logins.push(t.world.ask(Method::POST, path, "", login).await?["status"].clone());
    }
    change.effect(logins, [json!(403), json!(200)])
}

pub async fn closing_an_account(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let room = ada.open_room(&[&bo]).await?;
    let deactivate = t.row("POST account/deactivate")?;
    let mut wrong = bo.password();
    wrong["password"] = json!("guess");
    let body = |auth: &Value| json!({ "erase": true, "auth": auth });
    deactivate
        .refused(&bo, &[], body(&wrong), 401, "M_FORBIDDEN")
        .await?;
    deactivate.works(&bo, &[], body(&bo.password())).await?;
    deactivate.effect(ada.membership_of(&room, &bo).await?, "leave")
}

pub async fn proving_to_others_who_one_is(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let openid = t.row("POST user/{userId}/openid/request_token")?;
    openid
        .refused(&bo, &[&ada.user_id], json!({}), 403, "M_FORBIDDEN")
        .await?;
    let token = openid.works(&ada, &[&ada.user_id], json!({})).await?;
    let token = token["access_token"].as_str().context("no access_token")?;
    let path = format!("/_matrix/federation/v1/openid/userinfo?access_token={token}");
    let told = t.world.ask(Method::GET, &path, "", NOTHING).await?;
    openid.effect(&told["body"]["sub"], ada.user_id.as_str())
}

pub async fn administrators(t: Telling<'_>) -> Result<()> {
    let (ada, bo) = t.world.people("ada", "bo").await?;
    let admin = t.world.admin().await?;
    let whois = t.row("GET admin/whois/{userId}")?;
    whois
        .refused(&bo, &[&ada.user_id], NOTHING, 403, "M_FORBIDDEN")
        .await?;
    let known = whois.works(&admin, &[&ada.user_id], NOTHING).await?;
    whois.effect(known["devices"][&ada.device_id].is_object(), true)?;

    let set = t.row("PUT v1/admin/suspend/{userId}")?;
    let get = t.row("GET v1/admin/suspend/{userId}")?;
    let args = [&*ada.user_id];
    let on = json!({ "suspended": true });
    set.refused(&bo, &args, on.clone(), 403, "M_FORBIDDEN")
        .await?;
    get.refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN").await?;
    set.works(&admin, &args, on).await?;
    let refused = ada
        .request(Method::POST, "v3/createRoom", Some(&json!({})))
        .await?;
    set.effect(&refused.body["errcode"], "M_USER_SUSPENDED")?;
    let told = get.works(&admin, &args, NOTHING).await?;
    get.effect(&told["suspended"], &json!(true))?;
    set.works(&admin, &args, json!({ "suspended": false }))
        .await?;

    let set = t.row("PUT v1/admin/lock/{userId}")?;
    let get = t.row("GET v1/admin/lock/{userId}")?;
    let on = json!({ "locked": true });
    set.refused(&bo, &args, on.clone(), 403, "M_FORBIDDEN")
        .await?;
    get.refused(&bo, &args, NOTHING, 403, "M_FORBIDDEN").await?;
    set.works(&admin, &args, on).await?;
    let refused = ada.request(Method::GET, "v3/account/whoami", None).await?;
    set.effect(&refused.body["errcode"], "M_USER_LOCKED")?;
    let told = get.works(&admin, &args, NOTHING).await?;
    get.effect(&told["locked"], &json!(true))?;
    set.works(&admin, &args, json!({ "locked": false })).await?;
    Ok(())
}
