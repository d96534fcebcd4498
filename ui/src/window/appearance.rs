//! Light or dark, accent, text size, motion: the person's choice over the desktop's wish.

use std::{cell::RefCell, rc::Rc};

use hardline_app::view::settings::{Appearance, Scheme};
use hardline_platform::appearance::{SystemAppearance, SystemScheme};
use hardline_views as views;
use slint::{Color, ComponentHandle};

/// What was chosen and what is wished.
#[derive(Default)]
pub struct Looks(RefCell<(Appearance, SystemAppearance)>);

impl Looks {
    /// The defaults, shown.
    pub fn new(ui: &views::MainWindow) -> Rc<Self> {
        let looks = Rc::new(Self::default());
        looks.show(ui);
        looks
    }

    /// The person chose.
    pub fn set_chosen(&self, ui: &views::MainWindow, chosen: &Appearance) {
        self.0.borrow_mut().0 = chosen.clone();
        self.show(ui);
    }

    /// The desktop wishes.
    pub fn set_system(&self, ui: &views::MainWindow, system: SystemAppearance) {
        self.0.borrow_mut().1 = system;
        self.show(ui);
    }

    fn show(&self, ui: &views::MainWindow) {
        let (chosen, system) = &*self.0.borrow();
        let theme = ui.global::<views::Theme<'_>>();
        theme.set_dark(is_dark(chosen, system));
        theme.set_accent_index(chosen.accent.map_or(-1, i32::from));
        if let Some([red, green, blue]) = system.accent {
            theme.set_system_accent(Color::from_rgb_u8(red, green, blue));
        }
        theme.set_text_scale(text_scale(chosen, system));
        theme.set_reduced_motion(chosen.reduced_motion || system.reduced_motion);
        theme.set_compact(chosen.compact);
    }
}

fn is_dark(chosen: &Appearance, system: &SystemAppearance) -> bool {
    match chosen.scheme {
        Scheme::Light => false,
        Scheme::Dark => true,
        Scheme::System => system.scheme == SystemScheme::Dark,
    }
}

fn text_scale(chosen: &Appearance, system: &SystemAppearance) -> f32 {
    (f32::from(chosen.text_scale) / 100.0 * system.text_scale).clamp(0.8, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_goes_over_the_desktop() {
        let dark = SystemAppearance {
            scheme: SystemScheme::Dark,
            ..Default::default()
        };
        let chosen = |scheme| Appearance {
            scheme,
            ..Default::default()
        };
        assert!(is_dark(&chosen(Scheme::System), &dark));
        assert!(!is_dark(&chosen(Scheme::Light), &dark));
        assert!(is_dark(&chosen(Scheme::Dark), &SystemAppearance::default()));
        assert!(!is_dark(
            &chosen(Scheme::System),
            &SystemAppearance::default()
        ));
    }

    #[test]
    fn text_sizes_multiply_within_bounds() {
        let large = SystemAppearance {
            text_scale: 1.5,
            ..Default::default()
        };
        let chosen = |text_scale| Appearance {
            text_scale,
            ..Default::default()
        };
        assert_eq!(text_scale(&chosen(100), &large), 1.5);
        assert_eq!(text_scale(&chosen(200), &large), 2.0);
        assert_eq!(text_scale(&chosen(80), &SystemAppearance::default()), 0.8);
    }
}
