#![allow(missing_docs, reason = "the window is generated")]
//! Emoji are seen with the software renderer: a rendered picture has ink where they stand.

use i_slint_backend_testing::{TestingBackend, TestingBackendOptions};
use slint::{ComponentHandle, platform::set_platform};

slint::slint! {
    export component Line inherits Window {
        in property <string> text;
        width: 400px;
        height: 60px;
        background: white;
        Text { x: 10px; y: 10px; text: root.text; font-size: 30px; color: black; }
    }
}

/// How many pixels of `text` are darker than half.
fn ink(text: &str) -> usize {
    let line = Line::new().unwrap();
    line.set_text(text.into());
    line.show().unwrap();
    let picture = line.window().take_snapshot().unwrap();
    if let Some(dir) = std::env::var_os("HARDLINE_TEST_PICTURES") {
        let name = format!(
            "emoji-{}.png",
            text.chars()
                .map(|c| format!("{:x}", c as u32))
                .collect::<Vec<_>>()
                .join("-")
        );
        image::save_buffer(
            std::path::Path::new(&dir).join(name),
            picture.as_bytes(),
            picture.width(),
            picture.height(),
            image::ExtendedColorType::Rgba8,
        )
        .unwrap();
    }
    picture
        .as_slice()
        .iter()
        .filter(|pixel| u32::from(pixel.r) + u32::from(pixel.g) + u32::from(pixel.b) < 384)
        .count()
}

#[test]
fn emoji_leave_ink_with_the_software_renderer() {
    let options = TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name: Some("software".into()),
    };
    set_platform(Box::new(TestingBackend::new(options))).unwrap();
    hardline_ui::renderer::use_outline_emoji();
    assert_eq!(ink(""), 0);
    // faces old and new, a heart with its variation selector, a flag, skin tones, families, a keycap, a tick
    let emoji =
        "😀 😂 🤣 🥰 🥺 🫠 🥹 🫡 🤔 ❤️ 🩷 🇩🇪 🏳️‍🌈 👍🏽 🙏 👩‍👩‍👧 🤷‍♀️ 🧑‍🚀 1️⃣ ✅ 🎉 🚀 🔥 💯 🐙 🦀 🦊 ☎️ 🎂 🧀";
    for emoji in emoji.split(' ') {
        let dark = ink(emoji);
        assert!(dark > 40, "{emoji} left {dark} dark pixels");
    }
    // what is added next to marks in styled text must leave none
    assert_eq!(ink("a\u{2060}b"), ink("ab"));
}
