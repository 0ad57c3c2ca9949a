//! Drawn portraits: a stylised bust for any name, from the words of a persona and a seed.
//!
//! No model and no network: flat inks, grain and a strong silhouette, drawn in a few milliseconds, the same bytes on every
//! machine. The text decides what it names (species, hair, eyes, skin, mood, place, clothes); the seed decides the rest.
//!
//! ```
//! use cardwright::generate::portrait::{self, Size, Subject};
//!
//! let subject = Subject {
//!     name: "Carina",
//!     text: "Carina was an android with silver hair. She lived on the moon.",
//! };
//! let png = portrait::draw(&subject, 7, Size::Portrait)?;
//! assert!(png.starts_with(b"\x89PNG"));
//! assert_eq!(png, portrait::draw(&subject, 7, Size::Portrait)?);
//! # Ok::<(), cardwright::Error>(())
//! ```

mod background;
mod being;
mod canvas;
mod clothes;
mod colour;
mod dice;
mod encode;
mod extras;
mod face;
mod frame;
mod hair;
mod look;
mod palette;
mod profile;
mod robot;
mod shape;
mod traits;

use canvas::Canvas;
use look::{Look, Pose};
use traits::Species;

use crate::card::Card;
use crate::{Error, Kind, Result};

/// Who is to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Subject<'a> {
    /// The name, which together with the seed decides everything that `text` leaves open.
    pub name: &'a str,
    /// Words about the looks: a persona, a description, or a few keywords. May be empty.
    pub text: &'a str,
}

/// What a card says about looks, for [`Subject::text`]: description, personality, tags and scenario.
#[must_use]
pub fn looks(card: &Card) -> String {
    [
        card.description().as_ref(),
        &card.personality(),
        &card.tags().join(". "),
        &card.scenario(),
    ]
    .join("\n")
}

/// The format of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// 400 by 600 pixels, the ratio of SillyTavern's avatars.
    #[default]
    Portrait,
    /// 400 by 400 pixels, closer to the face.
    Square,
}

impl Size {
    /// Width and height in pixels.
    #[must_use]
    pub fn pixels(self) -> (u32, u32) {
        match self {
            Self::Portrait => (400, 600),
            Self::Square => (400, 400),
        }
    }
}

/// Draws `subject` under `seed` as the bytes of a PNG.
///
/// Equal arguments give equal bytes, on every machine.
///
/// # Errors
/// [`Kind::Limit`] where there is no memory for the picture.
pub fn draw(subject: &Subject<'_>, seed: u64, size: Size) -> Result<Vec<u8>> {
    let (width, height) = size.pixels();
    let pixels = paint(subject, seed, size, 1.0)?;
    encode::png(&pixels, width, height)
}

/// The pixels of a portrait, `scale` times as wide as [`Size::pixels`] says.
fn paint(subject: &Subject<'_>, seed: u64, size: Size, scale: f64) -> Result<Vec<[u8; 3]>> {
    let look = Look::decide(subject.name, subject.text, seed);
    let (width, height) = size.pixels();
    let mut canvas = Canvas::new(width, height, scale)
        .ok_or_else(|| Error::new(Kind::Limit, "no memory for a portrait"))?;
    let (x, y) = match size {
        Size::Portrait => (200.0, 250.0),
        Size::Square => (200.0, 204.0),
    };
    // Tall hats and ears need room above; nearer figures stand lower.
    let near = if look.is_tall() { 0.94 } else { look.nearness };
    let grown = match size {
        Size::Portrait => near,
        Size::Square => near.min(0.98),
    };
    let middle = (x, y + (near - 1.0) * 90.0);
    background::draw(&mut canvas, &look, middle);
    let flip = if look.mirrored { -grown } else { grown };
    canvas.placed(middle, (flip, grown), 0.0, |canvas| bust(canvas, &look));
    frame::draw(&mut canvas, &look);
    Ok(canvas.into_rgb())
}

/// Head and shoulders around the point between the eyes, back to front.
fn bust(canvas: &mut Canvas, look: &Look) {
    being::behind(canvas, look);
    clothes::back(canvas, look);
    let leaning = |canvas: &mut Canvas, draw: &dyn Fn(&mut Canvas, &Look)| {
        // The head leans about the neck.
        canvas.placed((0.0, 110.0), (1.0, 1.0), look.head.tilt, |canvas| {
            canvas.placed((0.0, -110.0), (1.0, 1.0), 0.0, |canvas| draw(canvas, look));
        });
    };
    match (look.species, look.pose) {
        (Species::Robot, _) => {
            robot::neck(canvas, look);
            clothes::draw(canvas, look);
            leaning(canvas, &robot::draw);
            extras::at_neck(canvas, look);
            leaning(canvas, &extras::on_head);
        }
        (_, Pose::Profile) => {
            leaning(canvas, &profile::behind);
            profile::neck(canvas, look);
            clothes::draw(canvas, look);
            leaning(canvas, &profile::draw);
            extras::at_neck(canvas, look);
            leaning(canvas, &extras::on_head);
        }
        (_, Pose::Front | Pose::ThreeQuarter) => {
            leaning(canvas, &hair::back);
            face::neck(canvas, look);
            clothes::draw(canvas, look);
            hair::over_shoulders(canvas, look);
            leaning(canvas, &|canvas, look| {
                being::ears(canvas, look);
                face::draw(canvas, look);
                being::marks(canvas, look);
                extras::on_face(canvas, look);
                extras::earrings(canvas, look);
            });
            extras::at_neck(canvas, look);
            leaning(canvas, &|canvas, look| {
                hair::front(canvas, look);
                being::crown(canvas, look);
                extras::on_head(canvas, look);
            });
            being::shimmer(canvas, look);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::names::Names;

    /// The mean colour of each cell of an 8 by 12 grid: what is left of a portrait from far away.
    fn gist(subject: &Subject<'_>, seed: u64) -> Vec<f64> {
        let pixels = paint(subject, seed, Size::Portrait, 0.16).unwrap();
        let mut cells = vec![0.0; 8 * 12 * 3];
        for (i, pixel) in pixels.iter().enumerate() {
            let cell = i / 64 / 8 * 8 + i % 64 / 8;
            for (channel, &value) in pixel.iter().enumerate() {
                cells[cell * 3 + channel] += f64::from(value) / 64.0;
            }
        }
        cells
    }

    /// Root of the mean squared difference, 0 to 255.
    fn distance(a: &[f64], b: &[f64]) -> f64 {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        (sum / a.len() as f64).sqrt()
    }

    #[test]
    fn two_hundred_people_are_told_apart_at_a_glance() {
        let names: Vec<String> = Names::new(11).take(200).collect();
        let gists: Vec<Vec<f64>> = names
            .iter()
            .map(|name| gist(&Subject { name, text: "" }, 3))
            .collect();
        let mut nearest = (f64::INFINITY, "", "");
        for (i, gist) in gists.iter().enumerate() {
            for (j, other) in gists[..i].iter().enumerate() {
                let apart = distance(gist, other);
                if apart < nearest.0 {
                    nearest = (apart, &names[j], &names[i]);
                }
            }
        }
        assert!(nearest.0 > 9.0, "{nearest:?}");
    }

    #[test]
    fn a_word_about_one_thing_leaves_the_rest_alone() {
        let ada = |text| Subject { name: "Ada", text };
        let [plain, green] = [ada(""), ada("Green eyes.")]
            .map(|subject| paint(&subject, 4, Size::Portrait, 1.0).unwrap());
        let changed = plain.iter().zip(&green).filter(|(a, b)| a != b).count();
        assert!((1..4000).contains(&changed), "{changed} pixels");
    }
}
