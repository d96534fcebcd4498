//! The [Client-Server API](https://spec.matrix.org/v1.18/client-server-api/).

pub mod versions;

use super::Router;

/// Every route of the Client-Server API. Each module adds its own; keep the list sorted.
pub fn routes() -> Router {
    Router::new().merge(versions::routes())
}
