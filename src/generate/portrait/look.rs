//! Everything decided about one picture before the first line is drawn: what the text says, the rest from the seed.

use super::colour::Colour;
use super::dice::Dice;
use super::palette::{self, Palette};
use super::profile;
use super::shape::{Knot, Shape};
use super::traits::{self, Cut, Extra, Garment, Mood, Presence, Setting, Species};
use crate::generate::names;

/// How the bust is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pose {
    Front,
    ThreeQuarter,
    Profile,
}

/// What surrounds the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// The picture runs to the edge.
    Bleed,
    /// A margin of paper.
    Paper,
    /// Two thin lines with stepped corners.
    Deco,
    /// A round-headed window.
    Arch,
}

/// How light falls on the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Light {
    /// One half bright, the other in shade, divided by the nose.
    Split,
    /// A rim of shade along one side.
    Side,
}

/// One character, ready to be drawn.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) species: Species,
    pub(super) presence: Presence,
    pub(super) mood: Mood,
    pub(super) setting: Setting,
    pub(super) cut: Cut,
    pub(super) garment: Garment,
    pub(super) extras: Vec<Extra>,
    pub(super) pose: Pose,
    pub(super) frame: Frame,
    pub(super) light: Light,
    /// How near the figure stands, about 1.
    pub(super) nearness: f64,
    /// Whether the figure is mirrored.
    pub(super) mirrored: bool,
    pub(super) head: Head,
    pub(super) palette: Palette,
}

/// The measures of a head, in pixels of a 400 pixel wide sheet, from the point between the eyes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// Half the width at the cheekbones.
    pub(super) cheek: f64,
    /// Half the width at the corner of the jaw.
    pub(super) jaw: f64,
    /// Half the width of the chin.
    pub(super) chin: f64,
    /// The lowest point of the chin.
    pub(super) bottom: f64,
    /// Half the width of the neck.
    pub(super) neck: f64,
    /// Half the width of the shoulders.
    pub(super) shoulder: f64,
    /// How far the middle of the face stands to the right of the middle of the head.
    pub(super) turn: f64,
    /// Degrees the head leans.
    pub(super) tilt: f64,
    /// Half the distance of the eyes.
    pub(super) eye_gap: f64,
    /// Half the width of an eye.
    pub(super) eye: f64,
    /// Half the width of the mouth.
    pub(super) mouth: f64,
    /// Width of the nose, about 1.
    pub(super) nose: f64,
}

impl Head {
    /// Where something on the front of the head at `x` appears when the head is turned: the middle moves most, the
    /// outline not at all.
    pub(super) fn across(&self, x: f64) -> f64 {
        x + self.turn * (1.0 - (x / 80.0).powi(2)).max(0.0)
    }

    /// The width that something at `x` keeps when the head is turned, 1 for all of it.
    pub(super) fn foreshortening(&self, x: f64) -> f64 {
        1.0 - 2.0 * self.turn * x / 6400.0
    }

    /// Knots on the front of the head, turned with it.
    pub(super) fn turned(&self, knots: &[Knot]) -> Vec<Knot> {
        knots
            .iter()
            .map(|knot| Knot {
                x: self.across(knot.x),
                ..*knot
            })
            .collect()
    }

    /// A closed outline on the front of the head.
    pub(super) fn front(&self, knots: &[Knot]) -> Shape {
        Shape::closed(&self.turned(knots))
    }

    /// An open line on the front of the head.
    pub(super) fn line(&self, knots: &[Knot]) -> Shape {
        Shape::open(&self.turned(knots))
    }
}

impl Look {
    /// Decides on everything for `name` with persona `text` under `seed`.
    pub(super) fn decide(name: &str, text: &str, seed: u64) -> Self {
        let said = traits::read(text);
        let dice = |aspect: &str| Dice::new(name, seed, aspect);
        let species = said.species.unwrap_or(Species::Human);
        let presence = said
            .presence
            .or_else(|| names::presence(name))
            .unwrap_or_else(|| {
                dice("presence").pick(&[Presence::Feminine, Presence::Masculine, Presence::Neutral])
            });
        let mood = said.mood.unwrap_or_else(|| {
            dice("mood").pick(&[
                Mood::Calm,
                Mood::Calm,
                Mood::Warm,
                Mood::Warm,
                Mood::Joyful,
                Mood::Sly,
                Mood::Stern,
                Mood::Fierce,
                Mood::Shy,
            ])
        });
        let setting = said
            .setting
            .unwrap_or_else(|| setting(species, &mut dice("setting")));
        let old = said.extras.contains(&Extra::Old);
        let cut = said
            .cut
            .unwrap_or_else(|| cut(species, presence, old, &mut dice("hair")));
        let garment = said
            .garment
            .unwrap_or_else(|| garment(species, presence, setting, &mut dice("clothes")));
        let extras = extras(said.extras.clone(), species, presence, &mut dice("extras"));
        let mut composition = dice("composition");
        let pose = match composition.below(10) {
            0..=2 => Pose::Front,
            3..=6 => Pose::ThreeQuarter,
            _ => Pose::Profile,
        };
        let pose = if pose == Pose::Profile && !profile::suits(species, garment, &extras) {
            Pose::ThreeQuarter
        } else {
            pose
        };
        let frame = composition.pick(&[
            Frame::Bleed,
            Frame::Bleed,
            Frame::Bleed,
            Frame::Paper,
            Frame::Paper,
            Frame::Deco,
            Frame::Arch,
        ]);
        let light = composition.pick(&[Light::Split, Light::Side]);
        let mirrored = composition.chance(0.5);
        let nearness = composition.range(0.98, 1.13);
        Self {
            palette: palette::mix(name, seed, &said, species, presence, setting, old),
            head: head(presence, pose, mood, &mut dice("face")),
            name: name.to_owned(),
            seed,
            species,
            presence,
            mood,
            setting,
            cut,
            garment,
            extras,
            pose,
            frame,
            light,
            nearness,
            mirrored,
        }
    }

    /// The stream of choices for one more aspect.
    pub(super) fn dice(&self, aspect: &str) -> Dice {
        Dice::new(&self.name, self.seed, aspect)
    }

    /// Whether something stands up so high from the head that it needs room.
    pub(super) fn is_tall(&self) -> bool {
        let grown = matches!(
            self.species,
            Species::Cat
                | Species::Fox
                | Species::Wolf
                | Species::Rabbit
                | Species::Demon
                | Species::Dragon
                | Species::Robot
        );
        let worn = [Extra::WitchHat, Extra::BrimHat, Extra::Crown]
            .iter()
            .any(|extra| self.has(*extra));
        grown || worn || matches!(self.cut, Cut::Mohawk | Cut::Bun)
    }

    /// Whether somebody has or wears `extra`.
    pub(super) fn has(&self, extra: Extra) -> bool {
        self.extras.contains(&extra)
    }

    /// The colour of the brows: a darker one than the hair's, that shows on the skin.
    pub(super) fn brow(&self) -> Colour {
        let p = &self.palette;
        if self.cut == Cut::Bald {
            return p.skin.shade.darker(0.16);
        }
        let hair = if p.hair.base.l > 0.6 {
            p.hair.base.darker(0.22)
        } else {
            p.hair.shade.darker(0.03)
        };
        hair.apart(p.skin.base, 0.14)
    }
}

fn head(presence: Presence, pose: Pose, mood: Mood, dice: &mut Dice) -> Head {
    let turn = match pose {
        Pose::ThreeQuarter => dice.range(15.0, 21.0),
        _ => dice.range(-2.0, 5.0),
    };
    let tilt = match mood {
        Mood::Shy | Mood::Sly | Mood::Joyful => dice.range(-6.0, 6.0),
        _ => dice.range(-3.0, 3.0),
    };
    let eye = dice.range(16.5, 19.0);
    match presence {
        Presence::Feminine => Head {
            cheek: dice.range(60.0, 65.0),
            jaw: dice.range(41.0, 47.0),
            chin: dice.range(12.0, 17.0),
            bottom: dice.range(97.0, 103.0),
            neck: dice.range(22.0, 26.0),
            shoulder: dice.range(116.0, 128.0),
            turn,
            tilt,
            eye_gap: dice.range(29.0, 31.5),
            eye,
            mouth: dice.range(17.0, 21.0),
            nose: dice.range(0.82, 1.0),
        },
        Presence::Masculine => Head {
            cheek: dice.range(61.0, 66.0),
            jaw: dice.range(49.0, 56.0),
            chin: dice.range(19.0, 27.0),
            bottom: dice.range(103.0, 109.0),
            neck: dice.range(32.0, 38.0),
            shoulder: dice.range(142.0, 158.0),
            turn,
            tilt,
            eye_gap: dice.range(28.5, 31.0),
            eye: eye - 1.5,
            mouth: dice.range(19.0, 23.0),
            nose: dice.range(1.0, 1.2),
        },
        Presence::Neutral => Head {
            cheek: dice.range(60.0, 65.0),
            jaw: dice.range(45.0, 50.0),
            chin: dice.range(15.0, 20.0),
            bottom: dice.range(100.0, 105.0),
            neck: dice.range(26.0, 30.0),
            shoulder: dice.range(126.0, 138.0),
            turn,
            tilt,
            eye_gap: dice.range(29.0, 31.0),
            eye,
            mouth: dice.range(18.0, 21.0),
            nose: dice.range(0.9, 1.1),
        },
    }
}

fn setting(species: Species, dice: &mut Dice) -> Setting {
    use Setting::{
        Castle, Circuit, City, Deco, Desert, Forest, Garden, Lanterns, Library, Moon, Mountain,
        Sea, Space, Workshop,
    };
    let fitting: &[Setting] = match species {
        Species::Android => &[City, Circuit, Space, Moon, Deco],
        Species::Robot => &[City, Circuit, Space, Workshop, Desert],
        Species::Hologram => &[Circuit, Circuit, Space],
        Species::Vampire => &[Castle, Moon, City, Library],
        Species::Elf | Species::Fairy => &[Forest, Garden, Mountain, Moon],
        Species::Cat | Species::Fox | Species::Rabbit => {
            &[Forest, Sea, Lanterns, Garden, Mountain, City]
        }
        Species::Wolf => &[Forest, Moon, Mountain],
        Species::Demon => &[Castle, Desert, Deco, City],
        Species::Angel => &[Deco, Mountain, Moon, Sea],
        Species::Dragon | Species::Orc => &[Mountain, Castle, Desert],
        Species::Merfolk => &[Sea],
        Species::Ghost => &[Castle, Moon, Library],
        Species::Human => &[
            Moon, Space, City, Forest, Sea, Library, Mountain, Desert, Garden, Castle, Lanterns,
            Workshop, Deco, Deco,
        ],
    };
    dice.pick(fitting)
}

fn cut(species: Species, presence: Presence, old: bool, dice: &mut Dice) -> Cut {
    use Cut::{
        Afro, Bald, Bob, Braid, Bun, Cropped, Curls, Hime, Locs, Long, Mohawk, Pixie, Ponytail,
        Quiff, SidePart, Slick, Tousled, Wavy,
    };
    let masculine: &[Cut] = match species {
        Species::Vampire => &[Slick, Slick, Long, SidePart],
        Species::Elf | Species::Merfolk | Species::Angel => &[Long, Wavy, Slick, Braid],
        Species::Orc => &[Mohawk, Bald, Ponytail],
        Species::Hologram => &[Slick, Bald, Cropped],
        _ if old => &[SidePart, Slick, Bald, Long, Cropped],
        _ => &[
            Cropped, SidePart, Quiff, Slick, Tousled, Tousled, Afro, Curls, Locs, Bun, Long,
            SidePart,
        ],
    };
    let feminine: &[Cut] = match species {
        Species::Hologram => &[Bob, Slick, Hime, Bun],
        Species::Vampire => &[Long, Wavy, Bob, Bun],
        Species::Orc => &[Mohawk, Braid, Ponytail],
        _ if old => &[Bun, Bob, Wavy, Braid],
        _ => &[
            Bob, Pixie, Long, Wavy, Wavy, Hime, Bun, Ponytail, Braid, Curls, Afro, Locs, Bob, Long,
        ],
    };
    match presence {
        Presence::Feminine => dice.pick(feminine),
        Presence::Masculine => dice.pick(masculine),
        Presence::Neutral => dice.pick(&[
            Pixie, Tousled, Bob, SidePart, Curls, Mohawk, Bun, Afro, Wavy, Locs, Hime, Slick,
        ]),
    }
}

fn garment(species: Species, presence: Presence, setting: Setting, dice: &mut Dice) -> Garment {
    use Garment::{
        Armour, Bodysuit, HighCollar, Jacket, LabCoat, Neckline, Robe, Suit, Tunic, Turtleneck,
        Uniform, Wrap,
    };
    let fitting: &[Garment] = match (species, setting) {
        (Species::Android | Species::Robot, _) => {
            &[Bodysuit, Bodysuit, Turtleneck, Jacket, Uniform]
        }
        (Species::Hologram, _) => &[Bodysuit, Turtleneck],
        (Species::Vampire, _) => &[HighCollar],
        (Species::Elf | Species::Fairy | Species::Angel | Species::Ghost, _) => {
            &[Robe, Tunic, Wrap, Neckline]
        }
        (Species::Orc | Species::Dragon, _) => &[Armour, Tunic, Robe],
        (_, Setting::Space) => &[Bodysuit, Uniform, Jacket],
        (_, Setting::Castle) => &[Armour, Robe, Uniform, Neckline],
        (_, Setting::Forest | Setting::Mountain) => &[Tunic, Robe, Turtleneck, Jacket],
        (_, Setting::Library) => &[Suit, Turtleneck, Robe, Tunic],
        (_, Setting::Lanterns) => &[Wrap, Wrap, Tunic, Neckline],
        (_, Setting::Workshop) => &[Tunic, Jacket, LabCoat, Suit],
        (_, Setting::Sea) => &[Uniform, Turtleneck, Jacket, Tunic],
        (_, Setting::Deco | Setting::City) => &[Suit, Neckline, Jacket, Turtleneck, Suit],
        _ => &[Tunic, Turtleneck, Jacket, Suit, Wrap, Neckline, Robe],
    };
    match (dice.pick(fitting), presence) {
        (Neckline, Presence::Masculine) => Suit,
        (drawn, _) => drawn,
    }
}

fn extras(
    mut said: Vec<Extra>,
    species: Species,
    presence: Presence,
    dice: &mut Dice,
) -> Vec<Extra> {
    let mut perhaps = |extra: Extra, chance: f64| {
        // The die is always thrown, so that a named extra leaves the others alone.
        let drawn = dice.chance(chance);
        if drawn && !said.contains(&extra) {
            said.push(extra);
        }
    };
    let flesh = !matches!(
        species,
        Species::Robot | Species::Hologram | Species::Android
    );
    let if_flesh = |chance: f64| if flesh { chance } else { 0.0 };
    let (beard, earrings) = match presence {
        Presence::Masculine => (if_flesh(0.34), 0.08),
        Presence::Feminine => (0.0, 0.55),
        Presence::Neutral => (0.0, 0.35),
    };
    let beard = if species == Species::Vampire {
        0.0
    } else {
        beard
    };
    perhaps(Extra::Beard, beard);
    perhaps(Extra::Moustache, beard * 0.3);
    perhaps(Extra::Glasses, if_flesh(0.13));
    perhaps(Extra::Freckles, if_flesh(0.14));
    perhaps(Extra::Earrings, earrings);
    perhaps(Extra::Pendant, 0.25);
    perhaps(Extra::Scarf, 0.07);
    // One thing on the head is enough.
    let hats = [
        Extra::WitchHat,
        Extra::BrimHat,
        Extra::Beret,
        Extra::Crown,
        Extra::Circlet,
        Extra::Hood,
        Extra::Headphones,
        Extra::Goggles,
        Extra::Flower,
    ];
    if let Some(first) = said.iter().copied().find(|extra| hats.contains(extra)) {
        said.retain(|extra| *extra == first || !hats.contains(extra));
    } else if presence != Presence::Masculine && dice.chance(0.12) {
        said.push(Extra::Flower);
    } else if dice.chance(0.05) && flesh {
        said.push(Extra::Circlet);
    }
    said
}
