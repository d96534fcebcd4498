//! What the portals have in common.

use std::{future::Future, time::Duration};

/// A person may take their time over a dialog, but not forever.
const DIALOG_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Whether the program runs in a sandbox, where portals are the only way.
pub fn is_sandboxed() -> bool {
    ashpd::is_sandboxed()
}

/// Runs a portal request in a task of its own: ashpd panics when the bus goes away while a dialog is open.
pub(crate) async fn ask<T: Send + 'static>(
    request: impl Future<Output = Result<T, String>> + Send + 'static,
) -> Result<T, String> {
    let mut task = tokio::spawn(request);
    match tokio::time::timeout(DIALOG_LIMIT, &mut task).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => Err(format!("the request broke off: {error}")),
        Err(_) => {
            task.abort();
            Err("nobody answered the dialog".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_dialog_that_is_never_answered_ends() {
        let result = ask(std::future::pending::<Result<(), String>>()).await;
        assert_eq!(result.unwrap_err(), "nobody answered the dialog");
    }

    #[tokio::test]
    async fn a_panic_in_a_request_is_an_error() {
        let gone: Option<u8> = std::env::args().nth(1000).map(|_| 1);
        let result = ask(async move { gone.map(Ok).unwrap() }).await;
        assert!(result.unwrap_err().starts_with("the request broke off"));
    }
}
