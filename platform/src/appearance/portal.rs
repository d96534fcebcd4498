//! The desktop's wishes from the Settings portal, followed while the program runs.
//!
//! Specification: <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.Settings.html>

use ashpd::desktop::settings::{APPEARANCE_NAMESPACE, Settings};
use futures_util::StreamExt;
use tokio::sync::watch;
use zbus::zvariant::Value;

use super::{AppearanceSource, SystemAppearance, SystemScheme};
use crate::bus::Bus;

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const GNOME: &str = "org.gnome.desktop.interface";

/// The Settings portal; without one, or before it answers, the default appearance.
#[derive(Debug)]
pub struct PortalAppearance {
    appearance: watch::Receiver<SystemAppearance>,
    task: tokio::task::JoinHandle<()>,
}

impl PortalAppearance {
    /// Starts following; must be called inside a tokio runtime.
    pub fn start(bus: Bus) -> Self {
        let (sender, appearance) = watch::channel(SystemAppearance::default());
        let task = tokio::spawn(async move {
            match follow(&bus, &sender).await {
                Ok(()) => tracing::debug!("the settings portal's connection ended"),
                Err(error) => tracing::debug!(%error, "no settings portal"),
            }
            // Watchers keep the last value; a closed channel would look like a change.
            sender.closed().await;
        });
        Self { appearance, task }
    }
}

impl Drop for PortalAppearance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl AppearanceSource for PortalAppearance {
    fn watch(&self) -> watch::Receiver<SystemAppearance> {
        self.appearance.clone()
    }
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Bus(#[from] crate::bus::BusError),
    #[error(transparent)]
    Call(#[from] zbus::Error),
}

/// Follows each portal that appears; ends with the connection.
async fn follow(bus: &Bus, sender: &watch::Sender<SystemAppearance>) -> Result<(), FollowError> {
    let connection = bus.connection().await?;
    let daemon = zbus::fdo::DBusProxy::new(&connection).await?;
    let mut owners = daemon
        .receive_name_owner_changed_with_args(&[(0, PORTAL)])
        .await?;
    loop {
        tokio::select! {
            Err(error) = follow_portal(&connection, sender) => {
                tracing::debug!(%error, "the settings portal does not answer");
            }
            found = wait_for_portal(&mut owners) => {
                if found { continue }
                return Ok(());
            }
        }
        // It may come late: desktops start it with the first program that asks.
        if !wait_for_portal(&mut owners).await {
            return Ok(());
        }
    }
}

/// Waits until somebody (else) owns the portal's name; false if the connection ended.
async fn wait_for_portal(owners: &mut zbus::fdo::NameOwnerChangedStream) -> bool {
    while let Some(signal) = owners.next().await {
        if signal.args().is_ok_and(|args| args.new_owner.is_some()) {
            return true;
        }
    }
    false
}

/// Reads all settings, then applies each change; returns only with an error.
async fn follow_portal(
    connection: &zbus::Connection,
    sender: &watch::Sender<SystemAppearance>,
) -> Result<std::convert::Infallible, ashpd::Error> {
    let settings = Settings::with_connection(connection.clone()).await?;
    let mut changes = settings.receive_setting_changed().await?;
    let mut appearance = SystemAppearance::default();
    let all = settings.read_all(&[GNOME, APPEARANCE_NAMESPACE]).await?;
    // The standard namespace last: it overrules GNOME's own.
    for namespace in [GNOME, APPEARANCE_NAMESPACE] {
        for (key, value) in all.get(namespace).into_iter().flatten() {
            apply(&mut appearance, namespace, key, value);
        }
    }
    loop {
        sender.send_if_modified(|held| replace(held, appearance));
        match changes.next().await {
            Some(setting) => apply(
                &mut appearance,
                setting.namespace(),
                setting.key(),
                setting.value(),
            ),
            None => return Err(ashpd::Error::NoResponse),
        }
    }
}

fn replace(held: &mut SystemAppearance, next: SystemAppearance) -> bool {
    std::mem::replace(held, next) != next
}

/// Takes one setting over; unknown keys and values of a wrong type change nothing.
fn apply(appearance: &mut SystemAppearance, namespace: &str, key: &str, value: &Value<'_>) {
    let value = match value {
        Value::Value(inner) => inner,
        value => value,
    };
    match (namespace, key, value) {
        (APPEARANCE_NAMESPACE, "color-scheme", Value::U32(scheme)) => {
            appearance.scheme = match scheme {
                1 => SystemScheme::Dark,
                2 => SystemScheme::Light,
                _ => SystemScheme::NoPreference,
            };
        }
        (APPEARANCE_NAMESPACE, "accent-color", color) => {
            appearance.accent = <(f64, f64, f64)>::try_from(color.clone())
                .ok()
                .and_then(accent);
        }
        (APPEARANCE_NAMESPACE, "contrast", Value::U32(contrast)) => {
            appearance.high_contrast = *contrast == 1;
        }
        (APPEARANCE_NAMESPACE, "reduced-motion", Value::U32(reduced)) => {
            appearance.reduced_motion = *reduced == 1;
        }
        (GNOME, "enable-animations", Value::Bool(enabled)) => {
            appearance.reduced_motion = !enabled;
        }
        (GNOME, "text-scaling-factor", Value::F64(factor)) if factor.is_finite() => {
            appearance.text_scale = factor.clamp(0.5, 3.0) as f32;
        }
        _ => {}
    }
}

/// Components outside 0–1 mean that no accent is set.
fn accent((red, green, blue): (f64, f64, f64)) -> Option<[u8; 3]> {
    let byte = |part: f64| {
        (0.0..=1.0)
            .contains(&part)
            .then(|| (part * 255.0).round() as u8)
    };
    Some([byte(red)?, byte(green)?, byte(blue)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, value: Value<'_>, expected: SystemAppearance) {
        let namespace = if key.contains('/') {
            GNOME
        } else {
            APPEARANCE_NAMESPACE
        };
        let mut appearance = SystemAppearance::default();
        apply(
            &mut appearance,
            namespace,
            key.trim_start_matches('/'),
            &value,
        );
        assert_eq!(appearance, expected);
    }

    #[test]
    fn settings_are_read_as_the_portal_means_them() {
        let base = SystemAppearance::default();
        check(
            "color-scheme",
            1_u32.into(),
            SystemAppearance {
                scheme: SystemScheme::Dark,
                ..base
            },
        );
        check(
            "color-scheme",
            2_u32.into(),
            SystemAppearance {
                scheme: SystemScheme::Light,
                ..base
            },
        );
        check(
            "contrast",
            1_u32.into(),
            SystemAppearance {
                high_contrast: true,
                ..base
            },
        );
        check(
            "reduced-motion",
            1_u32.into(),
            SystemAppearance {
                reduced_motion: true,
                ..base
            },
        );
        check(
            "/enable-animations",
            false.into(),
            SystemAppearance {
                reduced_motion: true,
                ..base
            },
        );
        check(
            "/text-scaling-factor",
            1.5.into(),
            SystemAppearance {
                text_scale: 1.5,
                ..base
            },
        );
        let red = Value::from((1.0, 0.0, 0.5));
        check(
            "accent-color",
            red,
            SystemAppearance {
                accent: Some([255, 0, 128]),
                ..base
            },
        );
    }

    #[test]
    fn nonsense_changes_nothing() {
        let base = SystemAppearance::default();
        check("color-scheme", 77_u32.into(), base);
        check("color-scheme", "dark".into(), base);
        check("accent-color", Value::from((-1.0, 0.0, 0.0)), base);
        check("accent-color", Value::from((f64::NAN, 0.0, 0.0)), base);
        check("accent-color", "red".into(), base);
        check("/text-scaling-factor", f64::NAN.into(), base);
        check(
            "/text-scaling-factor",
            1e300.into(),
            SystemAppearance {
                text_scale: 3.0,
                ..base
            },
        );
        check("unknown", 1_u32.into(), base);
    }
}
