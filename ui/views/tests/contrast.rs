//! Text can be read: every pair of colours that meet has a contrast of 4.5:1 or more, in light and dark, with every accent.

use hardline_views::{MainWindow, Theme};
use slint::{Color, ComponentHandle, Model};

fn luminance(c: Color) -> f64 {
    let linear = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(c.red()) + 0.7152 * linear(c.green()) + 0.0722 * linear(c.blue())
}

fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn all_text_has_enough_contrast() {
    i_slint_backend_testing::init_no_event_loop();
    let window = MainWindow::new().expect("window");
    let t = window.global::<Theme>();
    let mut poor = Vec::new();
    for dark in [false, true] {
        t.set_dark(dark);
        for accent in -1..t.get_accents().row_count() as i32 {
            t.set_accent_index(accent);
            let mut need = |what: &str, text: Color, ground: Color| {
                let c = contrast(text, ground);
                if c < 4.5 {
                    poor.push(format!("dark {dark}, accent {accent}: {what} {c:.2}"));
                }
            };
            let grounds = [
                ("rail", t.get_rail()),
                ("pane", t.get_pane()),
                ("surface", t.get_surface()),
                ("raised", t.get_raised()),
                ("field", t.get_field()),
                ("bubble-theirs", t.get_bubble_theirs()),
                ("selected", t.get_selected()),
                ("code", t.get_code()),
            ];
            for (name, ground) in grounds {
                need(&format!("text on {name}"), t.get_text(), ground);
                need(&format!("text-soft on {name}"), t.get_text_soft(), ground);
                need(
                    &format!("accent-text on {name}"),
                    t.get_accent_text(),
                    ground,
                );
                need(
                    &format!("danger-text on {name}"),
                    t.get_danger_text(),
                    ground,
                );
                need(
                    &format!("warning-text on {name}"),
                    t.get_warning_text(),
                    ground,
                );
                need(
                    &format!("positive-text on {name}"),
                    t.get_positive_text(),
                    ground,
                );
            }
            need(
                "text on bubble-mine",
                t.get_text_on_mine(),
                t.get_bubble_mine(),
            );
            need(
                "soft on bubble-mine",
                t.get_soft_on_mine(),
                t.get_bubble_mine(),
            );
            need(
                "accent on bubble-mine",
                t.get_accent_on_mine(),
                t.get_bubble_mine(),
            );
            need(
                "warning on bubble-mine",
                t.get_warning_text(),
                t.get_bubble_mine(),
            );
            need("on-accent", t.get_on_accent(), t.get_accent());
            need(
                "on-accent, hovered",
                t.get_on_accent(),
                t.get_accent_hover(),
            );
            need("on-danger", t.get_on_danger(), t.get_danger());
            need(
                "danger on its surface",
                t.get_danger_text(),
                t.get_danger_surface(),
            );
            need(
                "warning on its surface",
                t.get_warning_text(),
                t.get_warning_surface(),
            );
            need("text on warning", t.get_text(), t.get_warning_surface());
            need(
                "soft on warning",
                t.get_text_soft(),
                t.get_warning_surface(),
            );
            for i in 0..8 {
                need(
                    &format!("initials {i}"),
                    Color::from_rgb_u8(255, 255, 255),
                    t.get_avatar_colors().row_data(i).expect("eight"),
                );
                for (name, ground) in [
                    ("theirs", t.get_bubble_theirs()),
                    ("surface", t.get_surface()),
                ] {
                    need(
                        &format!("name {i} on {name}"),
                        t.get_name_colors().row_data(i).expect("eight"),
                        ground,
                    );
                }
            }
        }
    }
    assert!(
        poor.is_empty(),
        "{} pairs are too faint:\n{}",
        poor.len(),
        poor.join("\n")
    );
}
