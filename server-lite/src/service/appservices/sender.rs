//! Delivering transactions, again and again until they have arrived.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Appservice, outbox, transaction};
use crate::{error::Result, service::Services};

/// The first wait after a failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// How long an application service may take over a transaction.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Delivers what waits, until the server stops. Sleeps while nothing does.
pub(super) async fn run(services: Services, appservice: Arc<Appservice>) {
    let mut wait = FIRST_WAIT;
    loop {
        let delivered = tokio::select! {
            delivered = deliver(&services, &appservice) => delivered,
            () = services.shutdown.cancelled() => return,
        };
        let sleep = async {
            match &delivered {
                Ok(()) => appservice.more.notified().await,
                Err(_) => {
                    tokio::time::sleep(FIRST_WAIT).await;
                    tokio::select! {
                        () = tokio::time::sleep(wait - FIRST_WAIT) => {}
                        () = appservice.alive.notified() => {}
                    }
                }
            }
        };
        if let Err(error) = &delivered {
            appservice.failing.store(true, Ordering::Relaxed);
            tracing::warn!(appservice = appservice.id(), %error, wait_s = wait.as_secs(),
                "a bridge was not reached");
        }
        tokio::select! {
            () = sleep => {}
            () = services.shutdown.cancelled() => return,
        }
        wait = match delivered {
            Ok(()) => FIRST_WAIT,
            Err(_) => (wait * 2).min(LONGEST_WAIT),
        };
    }
}

/// Delivers everything that waits, one transaction after another.
async fn deliver(services: &Services, appservice: &Arc<Appservice>) -> Result<()> {
    loop {
        let asked = appservice.clone();
        let next = services
            .store
            .read(move |c| outbox::first(c, asked.id()))
            .await?;
        let Some(txn) = next else {
            return Ok(());
        };
        appservice.backlog.close(txn).await;
        let asked = appservice.clone();
        let body = services
            .store
            .read(move |c| {
                let entries = outbox::entries(c, asked.id(), txn)?;
                transaction::body(c, &asked, &entries)
            })
            .await?;
        services
            .appservices
            .client
            .send_transaction(appservice, txn, body, TIMEOUT)
            .await?;
        if appservice.failing.swap(false, Ordering::Relaxed) {
            tracing::info!(appservice = appservice.id(), "a bridge is reached again");
        }
        let told = appservice.clone();
        let n = services
            .store
            .write(move |tx| outbox::done(tx, told.id(), txn))
            .await?;
        appservice.sent(n);
    }
}

impl Appservice {
    /// Whether it did not take the last thing it was told.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}
