//! Reasons to try the server again at once: the network came back, or the person looks at the window.

use hardline_platform::network::{NetworkHint, Reach};

use crate::core::Shared;

/// Tells the session's syncing, until the task is ended.
pub(crate) async fn run(shared: Shared) {
    let mut network = shared.platform.network.watch();
    let mut active = shared.window_active.subscribe();
    let mut before = *network.borrow_and_update();
    let mut network_known = true;
    loop {
        let reason = tokio::select! {
            changed = network.changed(), if network_known => {
                network_known = changed.is_ok();
                let now = *network.borrow_and_update();
                came_back(std::mem::replace(&mut before, now), now)
            }
            changed = active.changed() => match changed {
                Ok(()) => *active.borrow_and_update(),
                Err(_) => return,
            },
        };
        if reason && let Some(session) = shared.sessions.current() {
            session.sync().try_again();
        }
    }
}

fn came_back(before: NetworkHint, now: NetworkHint) -> bool {
    before.reach != now.reach && now.reach != Reach::Offline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_network_that_may_work_gives_hope() {
        let hint = |reach| NetworkHint {
            reach,
            ..NetworkHint::default()
        };
        assert!(came_back(hint(Reach::Offline), hint(Reach::Online)));
        assert!(came_back(hint(Reach::Limited), hint(Reach::Online)));
        assert!(came_back(hint(Reach::Offline), hint(Reach::Limited)));
        assert!(!came_back(hint(Reach::Online), hint(Reach::Offline)));
        let metered = NetworkHint {
            metered: true,
            ..hint(Reach::Online)
        };
        assert!(!came_back(hint(Reach::Online), metered));
    }
}
