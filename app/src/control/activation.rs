//! The desktop's way in: what the session bus asks of the program becomes an effect of its frame.

use hardline_platform::instance::ActivationRequest;

use crate::{core::Core, view::shell::ShellEffect};

/// Takes the profile's name on the session bus, where there is one; ends with the core's runtime.
///
/// Without a bus the program goes on: other starts reach it by the control socket.
pub fn start(core: &Core) {
    let weak = core.downgrade();
    let activation = core.platform().activation.clone();
    let profile = core.config().profile.clone();
    core.tasks().detach("activation", async move {
        let mut requests = match activation.announce(&profile).await {
            Ok(requests) => requests,
            Err(error) => {
                tracing::info!(%error, "the desktop cannot reach this program");
                return;
            }
        };
        while let Some(request) = requests.recv().await {
            let Some(core) = weak.upgrade() else { return };
            core.shell_effect(effect(&request));
        }
    });
}

fn effect(request: &ActivationRequest) -> ShellEffect {
    match request {
        ActivationRequest::Action { name, .. } if name == "quit" => ShellEffect::Quit,
        ActivationRequest::Activate { .. }
        | ActivationRequest::Open { .. }
        | ActivationRequest::Action { .. } => ShellEffect::Raise,
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use hardline_platform::{
        Services,
        dirs::ProgramDirs,
        instance::{Activation, FakeActivation},
    };

    use super::*;
    use crate::core::CoreConfig;

    #[test]
    fn what_the_desktop_asks_reaches_the_frame() {
        let temp = tempfile::tempdir().unwrap();
        let dirs = ProgramDirs::under(temp.path());
        let profile = dirs.profile_at(Path::new(&temp.path().join("profile")));
        let config = CoreConfig {
            dirs,
            profile: profile.clone(),
            device_name: "test".to_owned(),
            passphrase: None,
            may_prompt: false,
        };
        let desktop = FakeActivation::default();
        let activation = std::sync::Arc::new(desktop.clone());
        let services = || Services {
            activation,
            ..Services::fake()
        };
        let core = Core::start(config, services).unwrap();
        let mut effects = core.shell_effects();
        start(&core);
        let quit = ActivationRequest::Action {
            name: "quit".to_owned(),
            parameter: None,
            token: None,
        };
        let seen = core.block_on(async {
            let raise = ActivationRequest::Activate { token: None };
            while desktop.deliver(&profile, raise.clone()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            desktop.deliver(&profile, quit).await.unwrap();
            [effects.recv().await.unwrap(), effects.recv().await.unwrap()]
        });
        assert_eq!(seen, [ShellEffect::Raise, ShellEffect::Quit]);
        core.shutdown();
    }
}
