//! Heads of metal: a dome with a visor, a box with lamps for eyes, a smooth mask.

use super::canvas::{Canvas, fade};
use super::look::Look;
use super::shape::{Knot, Shape, c, mirror, s};
use super::traits::Mood;

/// A neck of rings.
pub(super) fn neck(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    canvas.fill(&Shape::rect(-24.0, 70.0, 48.0, 110.0), p.ink.lighter(0.05));
    for i in 0..6 {
        let y = 88.0 + 13.0 * f64::from(i);
        canvas.stroke(
            &Shape::open(&[s(-25.0, y), s(0.0, y + 5.0), s(25.0, y)]),
            6.5,
            p.skin.shade,
        );
        canvas.trace(
            &Shape::open(&[s(-25.0, y - 1.5), s(-14.0, y + 1.2)]),
            3.0,
            p.skin.shine,
            1.0,
        );
    }
}

/// The head.
pub(super) fn draw(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let h = &look.head;
    let kind = look.dice("robot").below(3);
    let half: &[Knot] = match kind {
        0 => &[
            s(0.0, -118.0),
            s(50.0, -104.0),
            s(76.0, -52.0),
            c(78.0, 20.0),
            s(70.0, 66.0),
            c(44.0, 96.0),
            c(0.0, 96.0),
        ],
        1 => &[
            c(0.0, -92.0),
            c(64.0, -92.0),
            s(84.0, -84.0),
            c(88.0, -66.0),
            c(84.0, 62.0),
            s(78.0, 80.0),
            c(60.0, 88.0),
            c(0.0, 88.0),
        ],
        _ => &[
            s(0.0, -120.0),
            s(48.0, -106.0),
            s(68.0, -50.0),
            s(66.0, 10.0),
            s(50.0, 66.0),
            s(22.0, 98.0),
            s(0.0, 104.0),
        ],
    };
    let glow = p.iris.at(p.iris.l.max(0.80));
    let steel = p.skin;
    for side in [-1.0, 1.0] {
        let x = side * 80.0 - h.turn * 0.3;
        canvas.fill(&Shape::ellipse(x, -4.0, 14.0, 30.0), p.trim.darker(0.06));
        canvas.fill(&Shape::ellipse(x + side * 4.0, -4.0, 8.0, 19.0), p.trim);
    }
    let antenna = look.dice("antenna").below(3);
    if antenna > 0 {
        let places: &[f64] = if antenna == 1 { &[0.0] } else { &[-42.0, 42.0] };
        for &x in places {
            canvas.stroke(
                &Shape::line(&[(x * 0.9, -96.0), (x * 1.2, -150.0)]),
                5.0,
                p.ink.lighter(0.08),
            );
            canvas.fill(&Shape::circle(x * 1.2, -156.0, 9.0), glow);
            canvas.fill(&Shape::circle(x * 1.2 - 2.5, -158.5, 3.0), p.paper);
        }
    }
    let head = Shape::closed(&mirror(half));
    canvas.fill(&head, steel.base);
    canvas.within(&head, |canvas| {
        canvas.fill(
            &h.front(&[
                c(14.0, -130.0),
                s(18.0, -60.0),
                s(14.0, 20.0),
                c(10.0, 120.0),
                c(120.0, 120.0),
                c(120.0, -130.0),
            ]),
            steel.shade,
        );
        canvas.grain(&head, steel.shade, fade((30.0, 60.0), (-50.0, -30.0), 0.7));
        canvas.fill(
            &Shape::taper(
                &[s(-58.0, -40.0), s(-46.0, -80.0), s(-20.0, -102.0)],
                9.0,
                2.0,
            ),
            steel.shine,
        );
        let seam = steel.shade.darker(0.14);
        canvas.trace(&h.line(&[c(0.0, -130.0), c(0.0, -50.0)]), 2.2, seam, 1.0);
        canvas.trace(
            &h.line(&[c(-90.0, -46.0), s(0.0, -52.0), c(90.0, -46.0)]),
            2.2,
            seam,
            1.0,
        );
        canvas.trace(
            &h.line(&[c(-90.0, 42.0), s(-40.0, 40.0), c(-30.0, 96.0)]),
            2.2,
            seam,
            1.0,
        );
        canvas.trace(
            &h.line(&[c(90.0, 42.0), s(40.0, 40.0), c(30.0, 96.0)]),
            2.2,
            seam,
            1.0,
        );
        for (x, y) in [(-62.0, 52.0), (62.0, 52.0), (-52.0, -62.0), (52.0, -62.0)] {
            canvas.fill(&Shape::circle(h.across(x), y, 3.4), seam);
        }
    });
    let visor = match kind {
        0 => mirror(&[
            s(0.0, -30.0),
            s(40.0, -29.0),
            s(68.0, -20.0),
            s(66.0, 16.0),
            s(36.0, 24.0),
            s(0.0, 25.0),
        ]),
        1 => mirror(&[
            c(0.0, -62.0),
            c(56.0, -62.0),
            s(68.0, -56.0),
            c(70.0, -44.0),
            c(66.0, 52.0),
            s(60.0, 62.0),
            c(50.0, 64.0),
            c(0.0, 64.0),
        ]),
        _ => Vec::new(),
    };
    if !visor.is_empty() {
        let visor = h.front(&visor);
        canvas.fill(&visor, p.ink);
        canvas.stroke(&visor, 3.4, p.trim);
        canvas.within(&visor, |canvas| {
            canvas.wash(
                &h.front(&[
                    c(-60.0, -70.0),
                    c(-34.0, -70.0),
                    c(-60.0, 70.0),
                    c(-86.0, 70.0),
                ]),
                p.paper,
                0.10,
            );
        });
    }
    eyes(canvas, look, glow, kind);
    mouth(canvas, look, glow, kind);
}

fn eyes(canvas: &mut Canvas, look: &Look, glow: super::colour::Colour, kind: usize) {
    let (h, p) = (&look.head, &look.palette);
    for side in [-1.0, 1.0] {
        let x = side * 30.0;
        let (place, squeeze) = (h.across(x), h.foreshortening(x));
        canvas.placed((place, -4.0), (side * squeeze, 1.0), 0.0, |canvas| {
            let lamp = match look.mood {
                Mood::Joyful | Mood::Warm => Shape::closed(&[
                    c(-15.0, 6.0),
                    s(-9.0, -10.0),
                    s(9.0, -10.0),
                    c(15.0, 6.0),
                    s(7.0, 0.0),
                    s(-7.0, 0.0),
                ]),
                Mood::Stern | Mood::Fierce => Shape::closed(&[
                    c(-14.0, 0.0),
                    c(15.0, -9.0),
                    s(13.0, 8.0),
                    s(0.0, 11.0),
                    s(-11.0, 8.0),
                ]),
                Mood::Sad | Mood::Shy => Shape::closed(&[
                    c(-14.0, -9.0),
                    c(15.0, 0.0),
                    s(11.0, 8.0),
                    s(0.0, 11.0),
                    s(-12.0, 8.0),
                ]),
                Mood::Sly if side > 0.0 => Shape::closed(&[
                    c(-14.0, -2.0),
                    c(14.0, -2.0),
                    s(10.0, 8.0),
                    s(0.0, 10.0),
                    s(-10.0, 8.0),
                ]),
                _ => Shape::circle(0.0, 0.0, 12.5),
            };
            if kind == 2 {
                canvas.fill(&Shape::ellipse(0.0, 0.0, 21.0, 17.0), p.ink);
            }
            canvas.wash(&Shape::circle(0.0, 0.0, 19.0), glow, 0.16);
            canvas.fill(&lamp, glow);
            canvas.within(&lamp, |canvas| {
                canvas.fill(&Shape::circle(-1.0, 0.0, 5.2), p.paper);
            });
        });
    }
}

fn mouth(canvas: &mut Canvas, look: &Look, glow: super::colour::Colour, kind: usize) {
    let (h, p) = (&look.head, &look.palette);
    let lift = match look.mood {
        Mood::Joyful | Mood::Warm | Mood::Sly => 7.0,
        Mood::Sad | Mood::Stern => -5.0,
        _ => 2.0,
    };
    let y = if kind == 1 { 38.0 } else { 62.0 };
    if kind == 0 {
        for i in 0..5 {
            let x = -20.0 + 10.0 * f64::from(i);
            canvas.stroke(
                &Shape::line(&[(h.across(x), y - 6.0), (h.across(x), y + 12.0)]),
                4.4,
                p.ink,
            );
        }
    } else {
        let line = [
            s(-20.0, y - lift),
            s(0.0, y + lift * 0.4),
            s(20.0, y - lift),
        ];
        canvas.stroke(&h.line(&line), 4.0, if kind == 1 { glow } else { p.ink });
    }
}
