//! Whether this device's clock agrees with the server's: a clock that is off makes certificates fail, puts messages in
//! the wrong order, and lets keys expire.

use std::time::Duration;

use jiff::Timestamp;

use crate::{session::Session, view::shell::Connection};

/// What is told to the person begins here, seconds.
const TOLERANCE: i64 = 600;
/// How often it is looked at while online.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Compares the clocks whenever the server can be reached again, and now and then; `tell` gets the difference (ours
/// minus theirs, seconds) while it is too large.
pub async fn watch(session: &Session, tell: impl Fn(Option<i64>)) {
    let mut state = session.sync().state();
    loop {
        if state
            .wait_for(|state| state.connection == Connection::Online)
            .await
            .is_err()
        {
            return;
        }
        if let Some(off_by) = compare(session).await {
            tell((off_by.abs() > TOLERANCE).then_some(off_by));
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            lost = state.wait_for(|state| state.connection != Connection::Online) => {
                if lost.is_err() {
                    return;
                }
            }
        }
    }
}

/// Our clock minus the server's `Date`, seconds.
async fn compare(session: &Session) -> Option<i64> {
    let client = session.client();
    let url = client.homeserver().join("_matrix/client/versions").ok()?;
    let answer = client.http_client().get(url).send().await.ok()?;
    let date = answer.headers().get("date")?.to_str().ok()?;
    Some(Timestamp::now().as_second() - parse(date)?.as_second())
}

fn parse(date: &str) -> Option<Timestamp> {
    // HTTP's date is RFC 2822's, but for the name of its zone.
    let date = date
        .strip_suffix("GMT")
        .map(|date| format!("{date}+0000"))?;
    jiff::fmt::rfc2822::parse(&date)
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let date = parse("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.as_second(), 784_111_777);
        assert!(parse("yesterday").is_none());
    }
}
