//! The inks of a picture: a scheme chosen by eye, turned a little by the seed, then held apart until a thumbnail reads.
//!
//! What must not merge: face and halo, hair and halo, hair and face, clothes and landscape. Each pair is moved apart in
//! lightness, the ground giving way to the figure.

use super::colour::{Colour, lch};
use super::dice::Dice;
use super::traits::{Presence, Setting, Species, Traits};

/// Every ink of one picture.
#[derive(Debug, Clone)]
pub(super) struct Palette {
    /// Whether it is night.
    pub(super) night: bool,
    /// The sky, or the wall behind.
    pub(super) sky: Colour,
    /// Sun, moon or halo: the disc behind the head.
    pub(super) disc: Colour,
    /// Layers of landscape, far to near.
    pub(super) far: Colour,
    pub(super) mid: Colour,
    pub(super) near: Colour,
    /// Small lights: stars, windows, nodes.
    pub(super) light: Colour,
    pub(super) skin: Tones,
    pub(super) hair: Tones,
    pub(super) cloth: Tones,
    /// The second cloth: shirt, lining, scarf.
    pub(super) lining: Colour,
    /// Metal, gems, seams.
    pub(super) trim: Colour,
    pub(super) lip: Colour,
    pub(super) blush: Colour,
    pub(super) iris: Colour,
    /// The white of the eye, paper of a frame.
    pub(super) paper: Colour,
    /// The darkest line.
    pub(super) ink: Colour,
}

/// A material in its three inks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tones {
    pub(super) base: Colour,
    pub(super) shade: Colour,
    pub(super) shine: Colour,
}

struct Scheme {
    night: bool,
    sky: Colour,
    disc: Colour,
    far: Colour,
    near: Colour,
    cloth: Colour,
    trim: Colour,
}

const fn scheme(
    night: bool,
    sky: Colour,
    disc: Colour,
    far: Colour,
    near: Colour,
    cloth: Colour,
    trim: Colour,
) -> Scheme {
    Scheme {
        night,
        sky,
        disc,
        far,
        near,
        cloth,
        trim,
    }
}

#[rustfmt::skip]
const SCHEMES: [Scheme; 18] = [
    scheme(true, lch(0.30, 0.09, 275.0), lch(0.90, 0.07, 90.0), lch(0.38, 0.10, 280.0), lch(0.20, 0.06, 275.0), lch(0.47, 0.15, 18.0), lch(0.84, 0.12, 85.0)),
    scheme(true, lch(0.34, 0.06, 205.0), lch(0.84, 0.10, 72.0), lch(0.43, 0.07, 198.0), lch(0.22, 0.045, 210.0), lch(0.58, 0.15, 38.0), lch(0.88, 0.10, 92.0)),
    scheme(true, lch(0.32, 0.10, 328.0), lch(0.80, 0.11, 22.0), lch(0.41, 0.11, 335.0), lch(0.22, 0.07, 325.0), lch(0.42, 0.08, 205.0), lch(0.85, 0.12, 80.0)),
    scheme(true, lch(0.33, 0.06, 162.0), lch(0.90, 0.08, 108.0), lch(0.42, 0.07, 160.0), lch(0.20, 0.045, 168.0), lch(0.62, 0.15, 62.0), lch(0.90, 0.10, 95.0)),
    scheme(true, lch(0.26, 0.10, 290.0), lch(0.68, 0.20, 352.0), lch(0.36, 0.13, 288.0), lch(0.17, 0.06, 282.0), lch(0.34, 0.07, 255.0), lch(0.83, 0.13, 200.0)),
    scheme(true, lch(0.23, 0.03, 260.0), lch(0.80, 0.12, 84.0), lch(0.32, 0.04, 258.0), lch(0.16, 0.02, 262.0), lch(0.86, 0.03, 88.0), lch(0.80, 0.12, 84.0)),
    scheme(true, lch(0.36, 0.11, 255.0), lch(0.86, 0.08, 200.0), lch(0.45, 0.11, 250.0), lch(0.22, 0.08, 262.0), lch(0.70, 0.16, 50.0), lch(0.92, 0.06, 100.0)),
    scheme(true, lch(0.29, 0.08, 12.0), lch(0.78, 0.14, 55.0), lch(0.38, 0.11, 18.0), lch(0.19, 0.05, 8.0), lch(0.36, 0.06, 230.0), lch(0.88, 0.11, 88.0)),
    scheme(false, lch(0.85, 0.06, 62.0), lch(0.72, 0.15, 36.0), lch(0.73, 0.09, 28.0), lch(0.44, 0.09, 350.0), lch(0.36, 0.08, 262.0), lch(0.93, 0.06, 92.0)),
    scheme(false, lch(0.87, 0.05, 122.0), lch(0.96, 0.05, 100.0), lch(0.75, 0.07, 140.0), lch(0.44, 0.07, 155.0), lch(0.58, 0.15, 38.0), lch(0.86, 0.12, 88.0)),
    scheme(false, lch(0.80, 0.07, 228.0), lch(0.95, 0.06, 95.0), lch(0.68, 0.09, 230.0), lch(0.42, 0.10, 250.0), lch(0.62, 0.18, 32.0), lch(0.92, 0.09, 95.0)),
    scheme(false, lch(0.82, 0.13, 84.0), lch(0.94, 0.06, 95.0), lch(0.71, 0.14, 66.0), lch(0.40, 0.08, 42.0), lch(0.36, 0.07, 235.0), lch(0.93, 0.04, 95.0)),
    scheme(false, lch(0.81, 0.08, 8.0), lch(0.94, 0.04, 65.0), lch(0.69, 0.12, 5.0), lch(0.40, 0.11, 355.0), lch(0.40, 0.06, 172.0), lch(0.90, 0.09, 88.0)),
    scheme(false, lch(0.82, 0.07, 192.0), lch(0.90, 0.09, 68.0), lch(0.67, 0.08, 196.0), lch(0.38, 0.07, 218.0), lch(0.52, 0.16, 5.0), lch(0.90, 0.09, 88.0)),
    scheme(false, lch(0.80, 0.07, 305.0), lch(0.94, 0.06, 88.0), lch(0.66, 0.10, 300.0), lch(0.37, 0.10, 292.0), lch(0.74, 0.14, 74.0), lch(0.92, 0.06, 95.0)),
    scheme(false, lch(0.66, 0.13, 46.0), lch(0.91, 0.07, 82.0), lch(0.56, 0.13, 36.0), lch(0.31, 0.07, 20.0), lch(0.40, 0.06, 198.0), lch(0.90, 0.09, 88.0)),
    scheme(false, lch(0.92, 0.035, 92.0), lch(0.66, 0.17, 30.0), lch(0.80, 0.05, 185.0), lch(0.44, 0.06, 212.0), lch(0.30, 0.06, 265.0), lch(0.80, 0.12, 84.0)),
    scheme(false, lch(0.64, 0.04, 238.0), lch(0.90, 0.04, 92.0), lch(0.54, 0.05, 240.0), lch(0.29, 0.04, 248.0), lch(0.66, 0.15, 58.0), lch(0.90, 0.08, 92.0)),
];

/// Skin as people have it, light to dark.
const SKINS: [Colour; 9] = [
    lch(0.89, 0.038, 58.0),
    lch(0.86, 0.052, 56.0),
    lch(0.82, 0.062, 60.0),
    lch(0.77, 0.072, 64.0),
    lch(0.70, 0.080, 60.0),
    lch(0.62, 0.082, 56.0),
    lch(0.54, 0.076, 52.0),
    lch(0.46, 0.066, 48.0),
    lch(0.39, 0.052, 44.0),
];

/// Hair as people have it, and how it goes with skin: light hair only over lighter skin.
const HAIRS: [Colour; 8] = [
    lch(0.21, 0.015, 280.0),
    lch(0.25, 0.03, 40.0),
    lch(0.33, 0.05, 50.0),
    lch(0.40, 0.09, 40.0),
    lch(0.48, 0.07, 62.0),
    lch(0.57, 0.15, 46.0),
    lch(0.79, 0.11, 86.0),
    lch(0.88, 0.03, 88.0),
];

/// Hair as tales have it.
const FANCIES: [Colour; 7] = [
    lch(0.42, 0.12, 262.0),
    lch(0.58, 0.10, 200.0),
    lch(0.48, 0.10, 155.0),
    lch(0.46, 0.15, 312.0),
    lch(0.72, 0.13, 0.0),
    lch(0.82, 0.02, 260.0),
    lch(0.45, 0.17, 18.0),
];

const IRISES: [Colour; 8] = [
    lch(0.40, 0.07, 50.0),
    lch(0.46, 0.08, 60.0),
    lch(0.55, 0.10, 85.0),
    lch(0.55, 0.11, 150.0),
    lch(0.55, 0.12, 240.0),
    lch(0.64, 0.04, 240.0),
    lch(0.70, 0.14, 75.0),
    lch(0.54, 0.14, 300.0),
];

/// Mixes the inks for somebody with `traits`, of `species`, in `setting`.
pub(super) fn mix(
    name: &str,
    seed: u64,
    traits: &Traits,
    species: Species,
    presence: Presence,
    setting: Setting,
    old: bool,
) -> Palette {
    let mut dice = Dice::new(name, seed, "palette");
    let night = match setting {
        Setting::Moon | Setting::Space | Setting::Castle | Setting::Lanterns => Some(true),
        Setting::Garden | Setting::Desert => Some(false),
        Setting::Circuit => dice.chance(0.75).then_some(true),
        _ => (species == Species::Vampire).then_some(true),
    };
    let fitting: Vec<&Scheme> = SCHEMES
        .iter()
        .filter(|scheme| night.is_none_or(|night| night == scheme.night))
        .collect();
    let scheme = fitting[dice.below(fitting.len())];
    let turn = dice.range(-14.0, 14.0);
    let ground = |colour: Colour| colour.turned(turn);

    let mut dice = Dice::new(name, seed, "skin");
    let drawn = dice.pick(&SKINS);
    let skin = traits.skin.unwrap_or(match species {
        Species::Android => dice.pick(&[
            lch(0.88, 0.022, 70.0),
            lch(0.84, 0.018, 230.0),
            lch(0.72, 0.04, 60.0),
            lch(0.46, 0.035, 50.0),
            lch(0.80, 0.04, 40.0),
        ]),
        Species::Robot => dice.pick(&[
            lch(0.80, 0.015, 240.0),
            lch(0.72, 0.06, 200.0),
            lch(0.78, 0.10, 80.0),
            lch(0.62, 0.13, 38.0),
        ]),
        Species::Hologram => dice.pick(&[
            lch(0.86, 0.09, 205.0),
            lch(0.84, 0.08, 300.0),
            lch(0.87, 0.10, 165.0),
            lch(0.85, 0.08, 350.0),
            lch(0.84, 0.08, 250.0),
        ]),
        Species::Vampire => dice.pick(&[
            lch(0.88, 0.020, 300.0),
            lch(0.90, 0.015, 90.0),
            lch(0.82, 0.03, 320.0),
        ]),
        Species::Demon => dice.pick(&[
            lch(0.58, 0.14, 22.0),
            lch(0.55, 0.10, 305.0),
            lch(0.62, 0.08, 255.0),
            drawn,
        ]),
        Species::Orc => dice.pick(&[lch(0.62, 0.09, 140.0), lch(0.55, 0.07, 165.0)]),
        Species::Merfolk => dice.pick(&[lch(0.78, 0.06, 190.0), lch(0.70, 0.07, 220.0), drawn]),
        Species::Ghost => lch(0.90, 0.025, 220.0),
        Species::Dragon => dice.pick(&[lch(0.60, 0.09, 155.0), lch(0.56, 0.13, 28.0), drawn]),
        Species::Fairy => dice.pick(&[lch(0.86, 0.05, 150.0), drawn, drawn]),
        _ => drawn,
    });

    let mut dice = Dice::new(name, seed, "hair colour");
    let fancy = match species {
        Species::Human => 0.12,
        Species::Android | Species::Elf | Species::Demon | Species::Fairy | Species::Merfolk => 0.6,
        Species::Hologram | Species::Ghost => 0.0,
        _ => 0.3,
    };
    let natural = if skin.l < 0.60 { 4 } else { HAIRS.len() };
    let hair = traits.hair.unwrap_or_else(|| {
        if old {
            lch(dice.range(0.78, 0.90), 0.015, 240.0)
        } else if dice.chance(fancy) {
            dice.pick(&FANCIES)
        } else {
            HAIRS[dice.below(natural)]
        }
    });
    let hair = match species {
        Species::Hologram => skin.at(0.56).vivid(1.5),
        Species::Ghost if traits.hair.is_none() => lch(0.80, 0.03, 225.0),
        _ => hair,
    };
    // A colour that the text names stays; whichever was drawn gives way.
    let (hair, skin) = if traits.hair.is_some() && traits.skin.is_none() {
        (hair, skin.apart(hair, 0.13))
    } else {
        (hair.apart(skin, 0.16), skin)
    };

    let mut dice = Dice::new(name, seed, "cloth colour");
    let sky = ground(scheme.sky);
    let near = ground(scheme.near);
    // The halo gives way to face and hair; of a few lightnesses the clearest wins, the scheme's own on a tie.
    let warm = |step: f64| {
        let disc = ground(scheme.disc).lighter(step);
        // Yellow darkens into olive; ink makers go through orange to red instead.
        if step < -0.05 && (48.0..130.0).contains(&disc.h) {
            lch(disc.l, 0.155, 58.0 + step * 75.0)
        } else {
            disc
        }
    };
    let disc = [
        warm(0.0),
        warm(0.06),
        warm(-0.10),
        warm(-0.18),
        warm(-0.28),
        sky.lighter(0.16).vivid(1.15),
        sky.lighter(0.30),
    ]
    .into_iter()
    .enumerate()
    .map(|(rank, disc)| {
        let clear = disc
            .contrast(skin)
            .min(disc.contrast(hair) * 1.1)
            .min(disc.contrast(sky) * 1.6);
        (clear.min(0.26) - 0.012 * rank as f64, disc)
    })
    .max_by(|a, b| a.0.total_cmp(&b.0))
    .map_or(scheme.disc, |(_, disc)| disc);

    let cloth = match dice.below(9) {
        _ if species == Species::Hologram => skin.at(0.48).vivid(1.5),
        0 => ground(scheme.cloth).turned(dice.range(-60.0, 60.0)),
        1 => ground(scheme.trim).at(0.64).vivid(1.1).turned(-14.0),
        2 => lch(0.93, 0.02, 85.0),
        3 => lch(0.24, 0.025, 270.0),
        4 => sky.turned(180.0).at(0.50).vivid(1.5),
        5 => lch(0.50, 0.14, 12.0),
        _ => ground(scheme.cloth),
    };
    let cloth = cloth.apart(near, 0.17).apart(skin, 0.15);
    let trim = ground(scheme.trim).apart(cloth, 0.2);
    let lining = match dice.below(3) {
        0 => lch(0.94, 0.02, 90.0),
        1 => cloth.turned(180.0).vivid(0.8).at(1.15 - cloth.l),
        _ => trim,
    }
    .apart(cloth, 0.25)
    .apart(skin, 0.12);

    let iris = traits.eyes.unwrap_or(match species {
        Species::Vampire => lch(0.52, 0.20, 25.0),
        Species::Android | Species::Robot | Species::Hologram => dice.pick(&[
            lch(0.80, 0.13, 200.0),
            lch(0.80, 0.14, 75.0),
            lch(0.74, 0.17, 0.0),
            lch(0.82, 0.17, 150.0),
        ]),
        Species::Cat | Species::Wolf | Species::Dragon => dice.pick(&[
            lch(0.74, 0.15, 85.0),
            lch(0.68, 0.15, 140.0),
            lch(0.70, 0.12, 220.0),
        ]),
        Species::Demon => lch(0.76, 0.16, 80.0),
        _ => {
            IRISES[if skin.l < 0.6 {
                dice.below(4)
            } else {
                dice.below(IRISES.len())
            }]
        }
    });

    let human_flesh = (20.0..=110.0).contains(&skin.h);
    let blood = if human_flesh { 22.0 } else { skin.h };
    let lip = match presence {
        Presence::Feminine => lch((skin.l - 0.20).clamp(0.30, 0.60), 0.14, 18.0),
        _ => lch(skin.l - 0.12, skin.c + 0.035, blood + 6.0),
    };
    let shade_to = if scheme.night { 0.16 } else { 0.08 };
    let skin_shade = Colour {
        l: skin.l - 0.115,
        c: skin.c + 0.022,
        h: skin.h - 10.0,
    }
    .mix(sky.at(skin.l - 0.14), shade_to);
    Palette {
        night: scheme.night,
        sky,
        disc,
        far: ground(scheme.far),
        mid: ground(scheme.far).mix(near, 0.5),
        near,
        light: ground(scheme.trim).lighter(0.05),
        skin: Tones {
            base: skin,
            shade: skin_shade,
            shine: skin.lighter(0.055).vivid(0.8),
        },
        hair: Tones {
            base: hair,
            shade: hair.darker(0.085),
            shine: hair.lighter(0.10).vivid(1.05),
        },
        cloth: Tones {
            base: cloth,
            shade: cloth.darker(0.09),
            shine: cloth.lighter(0.08),
        },
        lining,
        trim,
        lip,
        blush: lch(skin.l - 0.07, skin.c + 0.06, blood + 4.0),
        iris,
        paper: lch(0.96, 0.018, 90.0),
        ink: near.at(0.17).vivid(0.7),
    }
}
