//! Profiles, and what rooms see of them.

use anyhow::Result;
use hardline_testkit::Homeserver;
use reqwest::Method;
use serde_json::json;

use crate::support::{anonymous, garbage, refused, server_with};

#[tokio::test]
async fn a_new_name_is_seen_by_others_and_in_rooms() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let room = ada.create_room(json!({ "preset": "public_chat" })).await?;
    bo.join(&room).await?;
    let profile = format!("v3/profile/{}", ada.user_id);
    ada.put(
        &format!("{profile}/displayname"),
        json!({ "displayname": "Ada" }),
    )
    .await?;
    ada.put(
        &format!("{profile}/avatar_url"),
        json!({ "avatar_url": "mxc://server.hardline.test/abc" }),
    )
    .await?;
    let seen = anonymous(&server, Method::GET, &profile, None)
        .await?
        .ok()?;
    assert_eq!(
        seen,
        json!({ "displayname": "Ada", "avatar_url": "mxc://server.hardline.test/abc" })
    );
    assert_eq!(
        bo.get(&format!("{profile}/displayname")).await?,
        json!({ "displayname": "Ada" })
    );
    let member = bo
        .get(&format!(
            "v3/rooms/{room}/state/m.room.member/{}",
            ada.user_id
        ))
        .await?;
    assert_eq!(
        (
            &member["displayname"],
            &member["avatar_url"],
            &member["membership"]
        ),
        (
            &json!("Ada"),
            &json!("mxc://server.hardline.test/abc"),
            &json!("join")
        )
    );
    // Unset in all three ways clients know.
    ada.put(&format!("{profile}/displayname"), json!({}))
        .await?;
    refused(
        &bo.request(Method::GET, &format!("{profile}/displayname"), None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    ada.put(
        &format!("{profile}/avatar_url"),
        json!({ "avatar_url": "" }),
    )
    .await?;
    refused(
        &bo.request(Method::GET, &format!("{profile}/avatar_url"), None)
            .await?,
        404,
        "M_NOT_FOUND",
    );
    ada.put(
        &format!("{profile}/displayname"),
        json!({ "displayname": "Ada" }),
    )
    .await?;
    ada.request(Method::DELETE, &format!("{profile}/displayname"), None)
        .await?
        .ok()?;
    assert_eq!(bo.get(&profile).await?, json!({}));
    let member = bo
        .get(&format!(
            "v3/rooms/{room}/state/m.room.member/{}",
            ada.user_id
        ))
        .await?;
    assert!(member.get("displayname").is_none(), "{member}");
    Ok(())
}

#[tokio::test]
async fn further_fields_are_kept_as_they_are() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    let profile = format!("v3/profile/{}", ada.user_id);
    for (field, value) in [
        ("m.tz", json!("Europe/London")),
        ("org.example.pets", json!([{ "name": "Max" }, null])),
    ] {
        ada.put(&format!("{profile}/{field}"), json!({ field: value }))
            .await?;
        assert_eq!(
            bo.get(&format!("{profile}/{field}")).await?,
            json!({ field: value })
        );
    }
    ada.request(Method::DELETE, &format!("{profile}/org.example.pets"), None)
        .await?
        .ok()?;
    assert_eq!(bo.get(&profile).await?, json!({ "m.tz": "Europe/London" }));
    let answer = ada
        .request(
            Method::PUT,
            &format!("{profile}/Bad-Name"),
            Some(&json!({ "Bad-Name": 1 })),
        )
        .await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    let long = format!("a.{}", "b".repeat(260));
    let answer = ada
        .request(
            Method::PUT,
            &format!("{profile}/{long}"),
            Some(&json!({ long: 1 })),
        )
        .await?;
    refused(&answer, 400, "M_KEY_TOO_LARGE");
    let answer = ada
        .request(
            Method::PUT,
            &format!("{profile}/org.example.big"),
            Some(&json!({ "org.example.big": "x".repeat(65 * 1024) })),
        )
        .await?;
    refused(&answer, 400, "M_PROFILE_TOO_LARGE");
    let answer = ada
        .request(
            Method::PUT,
            &format!("{profile}/m.tz"),
            Some(&json!({ "other": 1 })),
        )
        .await?;
    refused(&answer, 400, "M_MISSING_PARAM");
    refused(
        &garbage(
            &ada,
            &server,
            Method::PUT,
            &format!("{profile}/displayname"),
        )
        .await?,
        400,
        "M_NOT_JSON",
    );
    Ok(())
}

#[tokio::test]
async fn nobody_changes_the_profile_of_another_and_unknown_users_have_none() -> Result<()> {
    let (server, ada) = server_with("ada").await?;
    let bo = server.register("bo").await?;
    for (field, value) in [
        ("displayname", json!("x")),
        ("avatar_url", json!("mxc://a.b/c")),
        ("m.tz", json!("UTC")),
    ] {
        let path = format!("v3/profile/{}/{field}", ada.user_id);
        refused(
            &bo.request(Method::PUT, &path, Some(&json!({ field: value })))
                .await?,
            403,
            "M_FORBIDDEN",
        );
        refused(
            &bo.request(Method::DELETE, &path, None).await?,
            403,
            "M_FORBIDDEN",
        );
    }
    let nobody = format!("v3/profile/{}", server.user_id("nobody"));
    refused(
        &bo.request(Method::GET, &nobody, None).await?,
        404,
        "M_NOT_FOUND",
    );
    let wrong = json!({ "displayname": "x".repeat(300) });
    let answer = ada
        .request(
            Method::PUT,
            &format!("v3/profile/{}/displayname", ada.user_id),
            Some(&wrong),
        )
        .await?;
    refused(&answer, 400, "M_INVALID_PARAM");
    Ok(())
}
