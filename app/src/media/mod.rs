//! Pictures and files: fetched and decrypted by the SDK (which keeps them on disk), decoded off the UI thread,
//! held in memory within a bound; and attachments made ready to be sent.

mod cache;
mod decode;
mod keys;
mod save;
mod upload;

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use matrix_sdk::{
    Client,
    media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings},
};
use ruma::{UInt, api::client::media::get_content_thumbnail::v3::Method};
use tokio::{
    sync::{Semaphore, oneshot},
    task::spawn_blocking,
};

pub(crate) use self::save::{file_name, for_opening, save_as};
use self::{
    cache::{Key, PictureCache},
    keys::{Fetch, Place},
};
pub use self::{
    decode::{Picture, decode, decode_blurhash},
    keys::{MediaKeys, file_key},
    upload::{Attachment, max_upload_size},
};
use crate::{
    failure::{self, Doing},
    notice::Notice,
    runtime::Tasks,
};

/// Bytes of decoded pictures kept in memory; windows keep what they show besides.
const BUDGET: usize = 8 * 1024 * 1024;
/// Pictures decoded at a time.
const DECODERS: usize = 2;
/// Pictures fetched at a time.
const FETCHES: usize = 6;
/// Sides of thumbnails asked of a server, so that different rows share them.
const SIDES: [u32; 4] = [96, 320, 640, 960];

/// Why a picture or file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// No such key, or a malformed address.
    #[error("the key names nothing")]
    Unknown,
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// Fetching or decrypting failed.
    #[error(transparent)]
    Fetch(#[from] matrix_sdk::Error),
    /// The bytes are no picture we know.
    #[error(transparent)]
    Decode(#[from] image::ImageError),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Larger than the server takes.
    #[error("{bytes} bytes are more than the {limit} the server takes")]
    TooLarge {
        /// Bytes of the file.
        bytes: u64,
        /// Bytes the server takes.
        limit: u64,
    },
    /// The task that worked on it ended.
    #[error("the work was given up")]
    Gone,
}

impl MediaError {
    /// What the person is told; `name` is the file's.
    pub fn notice(&self, name: &str) -> Notice {
        match self {
            Self::Fetch(error) => failure::of_sdk(error, Doing::InRoom),
            Self::TooLarge { bytes, limit } => Notice::FileTooLarge {
                bytes: *bytes,
                limit: *limit,
            },
            Self::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => Notice::DiskFull,
            Self::Io(_) | Self::Decode(_) => Notice::FileUnreadable {
                name: name.to_owned(),
            },
            Self::Unknown | Self::SignedOut | Self::Gone => Notice::Unexpected {
                detail: self.to_string(),
            },
        }
    }
}

/// Gives the client of the session, if there is one. Called only on the runtime.
pub type ClientSource = Arc<dyn Fn() -> Option<Client> + Send + Sync>;

type Waiters = Vec<oneshot::Sender<Option<Picture>>>;

/// Pictures by key, decoded. Cheap to clone.
#[derive(Clone)]
pub struct MediaService {
    inner: Arc<Inner>,
}

struct Inner {
    tasks: Tasks,
    client: ClientSource,
    keys: Arc<MediaKeys>,
    cache: Mutex<PictureCache>,
    /// Who waits for what is being worked on.
    waiting: Mutex<HashMap<Key, Waiters>>,
    fetches: Semaphore,
    decoders: Semaphore,
}

impl std::fmt::Debug for MediaService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaService").finish_non_exhaustive()
    }
}

/// A picture on its way; `None` if it cannot be had. May be awaited on any thread, in any runtime or none.
#[derive(Debug)]
pub struct PictureRequest(Answer);

#[derive(Debug)]
enum Answer {
    Ready(Option<Picture>),
    Waiting(oneshot::Receiver<Option<Picture>>),
}

impl Future for PictureRequest {
    type Output = Option<Picture>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Answer::Ready(picture) => Poll::Ready(picture.take()),
            Answer::Waiting(receiver) => Pin::new(receiver)
                .poll(context)
                .map(|answer| answer.ok().flatten()),
        }
    }
}

impl MediaService {
    /// Pictures of whatever session `client` gives.
    pub fn new(tasks: Tasks, client: ClientSource) -> Self {
        let inner = Inner {
            tasks,
            client,
            keys: Arc::default(),
            cache: Mutex::new(PictureCache::new(BUDGET)),
            waiting: Mutex::default(),
            fetches: Semaphore::new(FETCHES),
            decoders: Semaphore::new(DECODERS),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The picture of a row or avatar (`image_key` or a bare `mxc:` address), fit into a box of physical pixels.
    pub fn image(&self, key: &str, max_width: u32, max_height: u32) -> PictureRequest {
        let key = Key {
            name: key.to_owned(),
            width: max_width,
            height: max_height,
        };
        if let Some(picture) = lock(&self.inner.cache).get(&key) {
            return PictureRequest(Answer::Ready(Some(picture)));
        }
        let Some(place) = self.inner.keys.place(&key.name) else {
            return PictureRequest(Answer::Ready(None));
        };
        let (sender, receiver) = oneshot::channel();
        let is_first = {
            let mut waiting = lock(&self.inner.waiting);
            let waiters = waiting.entry(key.clone()).or_default();
            waiters.push(sender);
            waiters.len() == 1
        };
        if is_first {
            let inner = self.inner.clone();
            self.inner
                .tasks
                .detach("picture", async move { inner.serve(key, place).await });
        }
        PictureRequest(Answer::Waiting(receiver))
    }

    /// Forgets what is held in memory (signed out).
    pub fn clear(&self) {
        lock(&self.inner.cache).clear();
        self.inner.keys.clear();
    }

    /// Names for pictures in rows.
    pub(crate) fn keys(&self) -> Arc<MediaKeys> {
        self.inner.keys.clone()
    }
}

impl Inner {
    async fn serve(&self, key: Key, place: Place) {
        // A panic in a decoder must not leave others waiting for good: dropping the guard answers them.
        let done = Done {
            inner: self,
            key: &key,
            picture: None,
        };
        let mut done = done;
        match self.work(&key, &place).await {
            Ok(picture) => {
                lock(&self.cache).insert(key.clone(), picture.clone());
                done.picture = Some(picture);
            }
            Err(error) => {
                tracing::debug!(key = %redacted(&key.name), %error, "a picture cannot be had")
            }
        }
    }

    async fn work(&self, key: &Key, place: &Place) -> Result<Picture, MediaError> {
        let bytes = {
            let _permit = self.fetches.acquire().await.map_err(|_| MediaError::Gone)?;
            let client = (self.client)().ok_or(MediaError::SignedOut)?;
            fetch(&client, place, key.width, key.height).await?
        };
        let _permit = self
            .decoders
            .acquire()
            .await
            .map_err(|_| MediaError::Gone)?;
        let (width, height) = (key.width, key.height);
        spawn_blocking(move || decode(&bytes, width, height))
            .await
            .map_err(|_| MediaError::Gone)?
    }
}

struct Done<'a> {
    inner: &'a Inner,
    key: &'a Key,
    picture: Option<Picture>,
}

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let waiters = lock(&self.inner.waiting)
            .remove(self.key)
            .unwrap_or_default();
        for waiter in waiters {
            let _ = waiter.send(self.picture.clone());
        }
    }
}

/// The bytes of a picture, from the SDK's cache or the server.
async fn fetch(
    client: &Client,
    place: &Place,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, MediaError> {
    let format = match place.fetch {
        Fetch::File => MediaFormat::File,
        Fetch::Avatar => thumbnail(Method::Crop, width, height),
        Fetch::Picture => thumbnail(Method::Scale, width, height),
    };
    let request = MediaRequestParameters {
        source: place.source.clone(),
        format,
    };
    let answer = client.media().get_media_content(&request, true).await;
    match (answer, place.fetch) {
        (Ok(bytes), _) => Ok(bytes),
        (Err(error), Fetch::File) => Err(error.into()),
        // Some servers make no thumbnails of some pictures.
        (Err(_), Fetch::Avatar | Fetch::Picture) => {
            let request = MediaRequestParameters {
                format: MediaFormat::File,
                ..request
            };
            Ok(client.media().get_media_content(&request, true).await?)
        }
    }
}

fn thumbnail(method: Method, width: u32, height: u32) -> MediaFormat {
    let wanted = width.max(height);
    let side = SIDES
        .into_iter()
        .find(|side| *side >= wanted)
        .unwrap_or(SIDES[SIDES.len() - 1]);
    let side = UInt::from(side);
    MediaFormat::Thumbnail(MediaThumbnailSettings::with_method(method, side, side))
}

/// A key for logs: its end names the media, nothing decrypts it.
fn redacted(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
