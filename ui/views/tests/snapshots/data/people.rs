//! Members, people found, and what went wrong.

use super::*;

pub fn members(n: usize) -> Vec<MemberData> {
    [
        "Ada Lovelace",
        "Bo",
        "Grace Hopper",
        "Hedy Lamarr",
        "Emmy Noether",
        "Katherine Johnson",
        "Lise Meitner",
    ]
    .iter()
    .cycle()
    .take(n)
    .enumerate()
    .map(|(i, name)| MemberData {
        user_id: s(&format!(
            "@{}{i}:example.org",
            name.to_lowercase().replace(' ', ".")
        )),
        name: s(name),
        avatar: avatar(name, i as i32),
        role: [
            MemberRole::Creator,
            MemberRole::Admin,
            MemberRole::Moderator,
            MemberRole::Member,
        ][i.min(3)],
        verified: i == 1,
        invited: i == 5,
        own: i == 4,
        ..Default::default()
    })
    .collect()
}

pub fn people() -> Vec<PersonData> {
    [
        ("Grace Hopper", "@grace:example.org", 5),
        ("Graham Bell", "@bell:example.org", 1),
        ("Grazia Deledda", "@grazia:nuoro.it", 3),
    ]
    .iter()
    .enumerate()
    .map(|(i, (name, id, color))| PersonData {
        user_id: s(id),
        name: s(name),
        avatar: avatar(name, *color),
        chosen: i == 1,
    })
    .collect()
}

pub fn failed(kind: NoticeKind, text: &str) -> PendingData {
    PendingData {
        state: PendingState::Failed,
        notice: NoticeData {
            kind,
            text: s(text),
            ..Default::default()
        },
        ..Default::default()
    }
}
