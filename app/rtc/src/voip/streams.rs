//! What streams are for and whether they are muted.
//!
//! Spec: [streams](https://spec.matrix.org/v1.16/client-server-api/#streams);
//! [MSC3077](https://github.com/matrix-org/matrix-spec-proposals/pull/3077),
//! [MSC3291](https://github.com/matrix-org/matrix-spec-proposals/pull/3291).

use std::collections::BTreeMap;

use super::limits::{MAX_LABEL_BYTES, MAX_STREAMS};

/// What a stream is for. Streams for anything else are left out when they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Microphone and camera.
    UserMedia,
    /// A screen or a window.
    ScreenShare,
}

/// A stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What it is for.
    pub purpose: Purpose,
    /// Its sender has muted the sound. It is not to be muted here, so that the first word after is heard.
    pub audio_muted: bool,
    /// Its sender has muted the picture, which is to be hidden here.
    pub video_muted: bool,
}

/// The streams of one side, by the id that its description gives them (`msid`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams(BTreeMap<String, Stream>);

impl Streams {
    /// Adds a stream, or changes one. More than [`MAX_STREAMS`] are not told apart.
    pub fn insert(&mut self, id: &str, stream: Stream) {
        let room = self.0.len() < MAX_STREAMS || self.0.contains_key(id);
        if room && !id.is_empty() && id.len() <= MAX_LABEL_BYTES {
            self.0.insert(id.to_owned(), stream);
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Stream)> {
        self.0.iter().map(|(id, stream)| (id.as_str(), stream))
    }

    /// The first of a kind.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Option<&Stream> {
        self.0.values().find(|stream| stream.purpose == purpose)
    }

    /// Takes over what a change names. Streams that are gone are gone from the description as well.
    pub fn merge(&mut self, change: &Self) {
        for (id, stream) in change.iter() {
            self.insert(id, *stream);
        }
    }
}

impl<'a> FromIterator<(&'a str, Stream)> for Streams {
    fn from_iter<I: IntoIterator<Item = (&'a str, Stream)>>(streams: I) -> Self {
        let mut all = Self::default();
        for (id, stream) in streams {
            all.insert(id, stream);
        }
        all
    }
}

/// A stream of ours, as the media process names it in its description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStream {
    /// Its id in the description.
    pub id: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// What we have muted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mute {
    /// The microphone.
    pub audio: bool,
    /// The camera.
    pub video: bool,
}

/// Our streams as the other side is told. A stream without a picture counts as one whose picture is muted.
pub(super) fn described(local: &[LocalStream], mute: Mute, video: bool) -> Streams {
    let streams = local.iter().map(|stream| {
        let user_media = stream.purpose == Purpose::UserMedia;
        let stream_state = Stream {
            purpose: stream.purpose,
            audio_muted: mute.audio && user_media,
            video_muted: user_media && (mute.video || !video),
        };
        (stream.id.as_str(), stream_state)
    });
    streams.collect()
}
