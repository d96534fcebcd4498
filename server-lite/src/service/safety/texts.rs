//! What of an event the rules look at.

use ruma::{CanonicalJsonObject, CanonicalJsonValue, events::TimelineEventType};

use super::rules::Place;
use crate::service::rooms::append::NewEvent;

/// Fields that hold no words of people.
const NO_WORDS: [&str; 6] = [
    "m.relates_to",
    "m.mentions",
    "url",
    "file",
    "info",
    "msgtype",
];

/// Which rules look at an event, and at which of its texts. Nothing of an encrypted event can be looked at.
pub(super) fn of(new: &NewEvent) -> Vec<(Place, Vec<&str>)> {
    let field = |key: &str| new.content.get(key).and_then(CanonicalJsonValue::as_str);
    match (&new.kind, &new.state_key) {
        (TimelineEventType::RoomEncrypted, _) => Vec::new(),
        (TimelineEventType::RoomName, Some(_)) => vec![(Place::Name, words(&new.content))],
        (TimelineEventType::RoomTopic, Some(_)) => vec![(Place::Topic, words(&new.content))],
        // The name of somebody else is not the sender's fault.
        (TimelineEventType::RoomMember, Some(target)) if target == new.sender.as_str() => {
            vec![(
                Place::DisplayName,
                field("displayname").into_iter().collect(),
            )]
        }
        (_, Some(_)) => Vec::new(),
        (_, None) => {
            let mut looked_at = vec![(Place::Message, words(&new.content))];
            let info = new
                .content
                .get("info")
                .and_then(CanonicalJsonValue::as_object);
            let kind = info.and_then(|info| info.get("mimetype")?.as_str());
            looked_at.extend(kind.map(|kind| (Place::MediaType, vec![kind])));
            looked_at
        }
    }
}

/// All texts, however deep: nobody hides one by an unusual field. Of a relation, what a reaction says.
fn words(content: &CanonicalJsonObject) -> Vec<&str> {
    let relation = content
        .get("m.relates_to")
        .and_then(CanonicalJsonValue::as_object);
    let key = relation.and_then(|relation| relation.get("key")?.as_str());
    let mut found: Vec<&str> = key.into_iter().collect();
    let mut waiting: Vec<&CanonicalJsonValue> = without_technical(content).collect();
    while let Some(value) = waiting.pop() {
        match value {
            CanonicalJsonValue::String(text) => found.push(&**text),
            CanonicalJsonValue::Array(items) => waiting.extend(items),
            CanonicalJsonValue::Object(object) => waiting.extend(without_technical(object)),
            _ => {}
        }
    }
    found
}

fn without_technical(object: &CanonicalJsonObject) -> impl Iterator<Item = &CanonicalJsonValue> {
    object
        .iter()
        .filter(|(key, _)| !NO_WORDS.contains(&&***key))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use ruma::owned_user_id;
    use serde_json::json;

    use super::{Place, of};
    use crate::service::rooms::append::{NewEvent, content_of};

    fn looked_at(
        kind: &str,
        state_key: Option<&str>,
        content: serde_json::Value,
    ) -> Vec<(Place, Vec<String>)> {
        let content = content_of(&content).unwrap();
        let mut new = NewEvent::message(owned_user_id!("@ada:hs.test"), kind, content);
        new.state_key = state_key.map(str::to_owned);
        let own = |texts: Vec<&str>| {
            let mut texts: Vec<_> = texts.into_iter().map(str::to_owned).collect();
            texts.sort();
            texts
        };
        of(&new)
            .into_iter()
            .map(|(place, texts)| (place, own(texts)))
            .collect()
    }

    #[test]
    fn every_text_of_a_message_is_looked_at_and_nothing_of_an_encrypted_one() {
        let message = json!({
            "msgtype": "m.image", "body": "a", "formatted_body": "b", "url": "mxc://x/y",
            "info": { "mimetype": "image/png" }, "m.new_content": { "body": "c" }, "odd": [["d"], 5],
            "m.relates_to": { "event_id": "$x", "key": "e" },
        });
        assert_eq!(
            looked_at("m.room.message", None, message),
            [
                (
                    Place::Message,
                    ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec()
                ),
                (Place::MediaType, vec!["image/png".to_owned()]),
            ]
        );
        assert!(looked_at("m.room.encrypted", None, json!({ "ciphertext": "a" })).is_empty());
    }

    #[test]
    fn names_and_topics_are_looked_at_where_they_are_state() {
        let name = looked_at("m.room.name", Some(""), json!({ "name": "a" }));
        assert_eq!(name, [(Place::Name, vec!["a".to_owned()])]);
        let own = looked_at(
            "m.room.member",
            Some("@ada:hs.test"),
            json!({ "displayname": "a" }),
        );
        assert_eq!(own, [(Place::DisplayName, vec!["a".to_owned()])]);
        assert!(
            looked_at(
                "m.room.member",
                Some("@bo:hs.test"),
                json!({ "displayname": "a" })
            )
            .is_empty()
        );
    }
}
