//! Pictures to draw, and avatars.

use super::*;

/// A landscape made of a gradient, hills and a sun.
pub fn picture(w: u32, h: u32) -> Image {
    let mut buffer = SharedPixelBuffer::<Rgba8Pixel>::new(w, h);
    let pixels = buffer.make_mut_slice();
    for y in 0..h {
        for x in 0..w {
            let (fx, fy) = (x as f32 / w as f32, y as f32 / h as f32);
            let hill = 0.62 + 0.10 * (fx * 6.0).sin() + 0.03 * (fx * 17.0).sin();
            let far = 0.50 + 0.08 * (fx * 4.0 + 1.0).cos();
            let sun =
                ((fx - 0.72).powi(2) * (w as f32 / h as f32).powi(2) + (fy - 0.28).powi(2)).sqrt();
            let (r, g, b) = if fy > hill {
                (38.0, 92.0 - 30.0 * fy, 84.0)
            } else if fy > far {
                (84.0, 128.0, 140.0)
            } else if sun < 0.09 {
                (255.0, 236.0, 190.0)
            } else {
                (
                    250.0 - 60.0 * (1.0 - fy * 1.6),
                    176.0 + 20.0 * fy,
                    130.0 + 100.0 * (1.0 - fy * 1.8),
                )
            };
            pixels[(y * w + x) as usize] =
                Rgba8Pixel::new(r as u8, g as u8, b.clamp(0.0, 255.0) as u8, 255);
        }
    }
    Image::from_rgba8(buffer)
}

/// The same as a disc, as the program cuts avatars.
fn portrait(side: u32) -> Image {
    let mut pixels = picture(side, side).to_rgba8().expect("pixels");
    let radius = side as f32 / 2.0;
    for (at, pixel) in pixels.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = (at as u32 % side, at as u32 / side);
        let (dx, dy) = (x as f32 + 0.5 - radius, y as f32 + 0.5 - radius);
        pixel.a = ((radius - dx.hypot(dy) + 0.5).clamp(0.0, 1.0) * 255.0) as u8;
    }
    Image::from_rgba8(pixels)
}

/// Initials on a color; Ada has a picture.
pub fn avatar(name: &str, color: i32) -> AvatarData {
    let initials: String = name
        .split_whitespace()
        .take(2)
        .filter_map(|w| w.chars().next())
        .collect::<String>()
        .to_uppercase();
    let has_image = name.starts_with("Ada");
    let [large, medium, small] = [96, 48, 32].map(|side| {
        if has_image {
            portrait(side)
        } else {
            Image::default()
        }
    });
    AvatarData {
        has_image,
        large,
        medium,
        small,
        initials: initials.as_str().into(),
        color,
    }
}
