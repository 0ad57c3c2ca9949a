//! The head from the side: one clean contour from brow to chin, the oldest kind of portrait there is.
//!
//! Coordinates are those of the bust, looking to the right, with the eye at height 0.

mod hair;

use super::canvas::{Canvas, fade};
use super::look::Look;
use super::shape::{Knot, Shape, c, s};
use super::traits::{Extra, Garment, Mood, Presence, Species};

/// The head stands this far to the right, so that its weight rests on the neck.
const SHIFT: f64 = 14.0;

fn contour(look: &Look) -> Vec<Knot> {
    let man = match look.presence {
        Presence::Feminine => 0.0,
        Presence::Neutral => 0.5,
        Presence::Masculine => 1.0,
    };
    let nose = (look.head.nose - 0.9) * 16.0;
    let smile = match look.mood {
        Mood::Warm | Mood::Joyful => 1.5,
        _ => 0.0,
    };
    vec![
        s(-10.0, -112.0),
        s(32.0, -102.0),
        s(58.0, -72.0),
        s(65.0 + man, -38.0),
        s(65.0 + man * 3.0, -22.0),
        s(60.0 + man, -7.0),
        s(70.0 + nose * 0.5, 15.0),
        s(83.0 + nose, 34.0),
        s(82.0 + nose, 41.0),
        c(69.0, 47.0),
        s(69.5, 53.0),
        s(74.5 - man, 59.5),
        c(67.0, 65.5 - smile),
        s(72.5 - man, 71.5),
        s(64.5, 79.0),
        s(69.0 + man * 4.0, 91.0),
        s(61.0 + man * 4.0, 104.0),
        s(40.0 + man * 3.0, 106.0),
        s(6.0, 88.0 + man * 5.0),
        s(-16.0, 62.0 + man * 4.0),
        s(-34.0, 40.0),
        s(-70.0, 26.0),
        s(-90.0, -14.0),
        s(-88.0, -64.0),
        s(-56.0, -102.0),
    ]
}

/// The neck, before the clothes.
pub(super) fn neck(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let n = look.head.neck;
    let neck = Shape::closed(&[
        // Up behind the head, whose back would otherwise leave a gap where no hair hides it.
        c(40.0, 30.0),
        c(40.0, 88.0),
        s(n + 8.0, 118.0),
        s(n + 8.0, 140.0),
        c(n + 70.0, 172.0),
        c(n + 70.0, 260.0),
        c(-n - 70.0, 260.0),
        c(-n - 70.0, 172.0),
        s(-n - 14.0, 138.0),
        s(-n - 10.0, 100.0),
        c(-n - 26.0, 30.0),
    ]);
    canvas.fill(&neck, p.skin.base);
    canvas.within(&neck, |canvas| {
        let shadow = [
            c(60.0, 96.0),
            s(30.0, 126.0),
            s(-10.0, 142.0),
            s(-50.0, 150.0),
            c(-90.0, 150.0),
            c(-90.0, 0.0),
            c(60.0, 0.0),
        ];
        canvas.fill(&Shape::closed(&shadow), p.skin.shade);
        canvas.grain(
            &Shape::rect(-100.0, 110.0, 200.0, 110.0),
            p.skin.shade,
            fade((-60.0, 160.0), (24.0, 170.0), 0.8),
        );
        canvas.trace(
            &Shape::open(&[s(-14.0, 60.0), s(-2.0, 120.0), s(20.0, 164.0)]),
            2.0,
            p.skin.shade.darker(0.05),
            0.8,
        );
        canvas.trace(
            &Shape::open(&[s(26.0, 168.0), s(48.0, 165.0), s(80.0, 172.0)]),
            2.0,
            p.skin.shade,
            0.9,
        );
    });
}

/// What is seen behind the neck and the clothes.
pub(super) fn behind(canvas: &mut Canvas, look: &Look) {
    canvas.placed((SHIFT, 0.0), (1.0, 1.0), 0.0, |canvas| {
        hair::behind(canvas, look);
    });
}

/// The head with face and hair.
pub(super) fn draw(canvas: &mut Canvas, look: &Look) {
    canvas.placed((SHIFT, 0.0), (1.0, 1.0), 0.0, |canvas| {
        let p = &look.palette;
        let head = Shape::closed(&contour(look));
        canvas.fill(&head, p.skin.base);
        canvas.within(&head, |canvas| face(canvas, look));
        if look.species == Species::Android {
            seams(canvas, look, &head);
        }
        lash(canvas, look);
        hair::draw(canvas, look);
        if hair::shows_ear(look.cut)
            || look.species == Species::Elf
            || look.species == Species::Fairy
        {
            ear(canvas, look);
        }
    });
}

fn face(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let deep = p.skin.shade.darker(0.08);
    // Light from the front; the back of cheek and jaw turns away.
    let shade = [
        c(-4.0, -130.0),
        s(14.0, -50.0),
        s(12.0, 0.0),
        s(26.0, 40.0),
        s(30.0, 76.0),
        s(48.0, 96.0),
        c(52.0, 130.0),
        c(-120.0, 130.0),
        c(-120.0, -130.0),
    ];
    canvas.fill(&Shape::closed(&shade), p.skin.shade);
    canvas.grain(
        &Shape::rect(0.0, -120.0, 80.0, 240.0),
        p.skin.shade,
        fade((12.0, 20.0), (50.0, 10.0), 0.6),
    );
    let blush = if matches!(look.mood, Mood::Shy | Mood::Joyful) {
        0.6
    } else {
        0.35
    };
    for r in [19.0, 12.0] {
        canvas.grain(
            &Shape::ellipse(40.0, 34.0, r, r * 0.72),
            p.blush,
            fade((40.0, 34.0), (40.0, 76.0), blush * 0.6),
        );
    }
    if look.has(Extra::Freckles) {
        let mut dice = look.dice("freckles");
        for _ in 0..9 {
            canvas.wash(
                &Shape::circle(
                    dice.range(32.0, 62.0),
                    dice.range(18.0, 38.0),
                    dice.range(1.0, 1.7),
                ),
                p.blush.darker(0.09),
                0.8,
            );
        }
    }
    canvas.trace(
        &Shape::open(&[s(69.0, 33.0), s(63.5, 39.0), s(66.5, 46.0)]),
        1.7,
        deep,
        0.9,
    );
    canvas.trace(
        &Shape::open(&[s(71.0, 44.5), s(75.0, 43.0)]),
        2.2,
        deep,
        0.9,
    );
    // Lips.
    let lift = match look.mood {
        Mood::Warm | Mood::Joyful => -3.5,
        Mood::Sly => -2.5,
        Mood::Sad | Mood::Stern => 1.5,
        _ => -1.0,
    };
    let upper = [
        c(53.0, 66.0 + lift),
        s(64.0, 59.5),
        s(80.0, 55.0),
        c(80.0, 65.5),
        s(66.0, 65.5),
    ];
    let lower = [
        c(54.0, 66.5 + lift),
        s(66.0, 66.0),
        c(80.0, 65.5),
        s(80.0, 76.0),
        s(66.0, 78.0),
        s(60.0, 73.0),
    ];
    canvas.fill(&Shape::closed(&lower), p.lip.lighter(0.035));
    canvas.fill(&Shape::closed(&upper), p.lip.darker(0.03));
    canvas.stroke(
        &Shape::open(&[s(51.5, 66.0 + lift), s(60.0, 66.5), s(70.0, 65.5)]),
        1.8,
        p.lip.darker(0.16),
    );
    // Eye: seen from the side it is a wedge that opens forwards.
    if !closed(look) {
        let open = if matches!(look.mood, Mood::Sly | Mood::Calm | Mood::Stern) {
            0.82
        } else {
            1.0
        };
        let wedge = [
            c(38.0, 3.0),
            s(46.0, -6.5 * open),
            s(57.0, -9.0 * open),
            s(60.5, -2.0),
            s(57.5, 5.0),
            s(47.0, 5.5),
        ];
        let wedge = Shape::closed(&wedge);
        canvas.fill(&wedge, p.paper.mix(p.skin.base, 0.10));
        canvas.within(&wedge, |canvas| {
            canvas.fill(&Shape::ellipse(56.0, -1.5, 5.4, 8.0), p.iris.darker(0.16));
            canvas.fill(&Shape::ellipse(56.4, -1.0, 4.0, 6.2), p.iris);
            canvas.fill(&Shape::ellipse(57.4, -1.5, 2.2, 3.8), p.ink);
            canvas.fill(&Shape::circle(55.5, -4.6, 1.7), p.paper);
            canvas.wash(
                &Shape::closed(&[
                    c(36.0, -14.0),
                    c(66.0, -16.0),
                    c(62.0, -6.0),
                    s(50.0, -4.6 * open),
                    c(38.0, 2.0),
                ]),
                p.ink,
                0.28,
            );
        });
    }
    let frown = match look.mood {
        Mood::Stern | Mood::Fierce => 3.5,
        Mood::Sad | Mood::Shy => -3.0,
        _ => 0.0,
    };
    let thick = if look.presence == Presence::Masculine {
        7.5
    } else {
        5.2
    };
    let brow = [
        s(66.0, -20.0 + frown),
        s(54.0, -26.5 + frown * 0.4),
        s(42.0, -27.0),
        s(30.0, -20.0),
    ];
    canvas.fill(&Shape::taper(&brow, thick, 1.6), look.brow());
}

fn closed(look: &Look) -> bool {
    look.mood == Mood::Calm && look.dice("profile eyes").chance(0.35)
}

fn lash(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let line = p.ink.mix(p.hair.shade, 0.25);
    let weight = if look.presence == Presence::Feminine {
        1.0
    } else {
        0.62
    };
    if closed(look) {
        canvas.fill(
            &Shape::taper(
                &[s(38.0, 3.0), s(48.0, 6.5), s(58.0, 4.0), s(66.0, 6.5)],
                2.0,
                3.6 * weight,
            ),
            line,
        );
        return;
    }
    let lid = [
        c(36.0, 4.0),
        s(45.0, -9.0),
        s(57.0, -12.0),
        c(66.0 + 2.0 * weight, -13.0 - 3.0 * weight),
        s(61.0, -9.0),
        s(56.0, -8.0),
        s(46.0, -6.0),
    ];
    canvas.fill(&Shape::closed(&lid), line);
    canvas.trace(
        &Shape::open(&[s(44.0, -13.0), s(52.0, -16.0), s(60.0, -14.0)]),
        1.3,
        p.skin.shade.darker(0.10),
        0.9,
    );
    canvas.trace(&Shape::open(&[s(46.0, 6.0), s(57.0, 5.5)]), 1.1, line, 0.6);
}

fn ear(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let tip = match look.species {
        Species::Elf => Some((-64.0, -58.0)),
        Species::Fairy | Species::Vampire => Some((-46.0, -42.0)),
        _ => None,
    };
    let outer = match tip {
        Some((x, y)) => vec![
            s(2.0, -10.0),
            s(-8.0, -20.0),
            c(x, y),
            s(-32.0, -4.0),
            s(-24.0, 16.0),
            s(-12.0, 26.0),
            s(-3.0, 12.0),
        ],
        None => vec![
            s(2.0, -10.0),
            s(-8.0, -20.0),
            s(-24.0, -17.0),
            s(-28.0, -2.0),
            s(-22.0, 16.0),
            s(-12.0, 26.0),
            s(-3.0, 12.0),
        ],
    };
    canvas.fill(&Shape::closed(&outer), p.skin.base.mix(p.skin.shade, 0.35));
    let inner = match tip {
        Some((x, y)) => vec![
            s(-6.0, -8.0),
            c(x * 0.84, y * 0.84),
            s(-26.0, 0.0),
            s(-18.0, 12.0),
            s(-8.0, 6.0),
        ],
        None => vec![
            s(-6.0, -9.0),
            s(-16.0, -13.0),
            s(-22.0, -3.0),
            s(-16.0, 12.0),
            s(-9.0, 4.0),
        ],
    };
    canvas.fill(&Shape::closed(&inner), p.skin.shade.darker(0.07));
    if look.has(Extra::Earrings) {
        canvas.fill(&Shape::circle(-12.0, 29.0, 3.6), p.trim);
        canvas.fill(
            &Shape::polygon(&[(-12.0, 32.0), (-5.0, 48.0), (-12.0, 62.0), (-19.0, 48.0)]),
            p.trim,
        );
    }
}

fn seams(canvas: &mut Canvas, look: &Look, head: &Shape) {
    let p = &look.palette;
    let glow = p.iris.at(p.iris.l.max(0.78));
    let seam = p.skin.shade.darker(0.16);
    canvas.within(head, |canvas| {
        canvas.trace(
            &Shape::open(&[
                c(-14.0, 30.0),
                c(10.0, 44.0),
                c(34.0, 44.0),
                c(44.0, 60.0),
                c(44.0, 120.0),
            ]),
            2.3,
            seam,
            1.0,
        );
        canvas.trace(
            &Shape::open(&[
                c(20.0, -130.0),
                c(20.0, -66.0),
                c(40.0, -50.0),
                c(80.0, -50.0),
            ]),
            2.3,
            seam,
            1.0,
        );
        for y in [52.0, 60.0, 68.0] {
            canvas.fill(&Shape::rect(14.0, y, 12.0, 2.8), glow);
        }
    });
}

/// Whether the side view is worth it: not where it would hide what the text names, or what shows who somebody is.
pub(super) fn suits(species: Species, garment: Garment, extras: &[Extra]) -> bool {
    let plain = matches!(
        species,
        Species::Human
            | Species::Elf
            | Species::Vampire
            | Species::Angel
            | Species::Fairy
            | Species::Ghost
            | Species::Android
    );
    let hides = [
        Extra::Glasses,
        Extra::Monocle,
        Extra::Beard,
        Extra::Moustache,
        Extra::EyePatch,
        Extra::Scar,
        Extra::Hood,
        Extra::Headphones,
        Extra::Goggles,
        Extra::Circlet,
        Extra::Old,
    ];
    plain && garment != Garment::LabCoat && !extras.iter().any(|extra| hides.contains(extra))
}
