//! Eyes and brows.

use super::super::canvas::Canvas;
use super::super::look::Look;
use super::super::shape::{Shape, c, s};
use super::super::traits::{Extra, Presence, Species};
use super::Expression;

pub(super) fn eyes(canvas: &mut Canvas, look: &Look, mood: &Expression) {
    for side in [-1.0, 1.0] {
        let x = side * look.head.eye_gap;
        let squeeze = look.head.foreshortening(x);
        let place = (look.head.across(x), 0.0);
        let patched = side > 0.0 && look.has(Extra::EyePatch);
        canvas.placed(place, (side * squeeze, 1.0), 0.0, |canvas| {
            if !patched {
                eye(canvas, look, mood, side);
            }
            brow(canvas, look, mood, side);
        });
        if patched {
            let patch = Shape::closed(&[
                s(place.0 - 19.0, -10.0),
                s(place.0, -14.0),
                s(place.0 + 19.0, -10.0),
                s(place.0 + 13.0, 12.0),
                s(place.0, 18.0),
                s(place.0 - 13.0, 12.0),
            ]);
            canvas.stroke(
                &Shape::open(&[s(-70.0, -62.0), s(place.0 - 16.0, -12.0)]),
                3.5,
                look.palette.ink,
            );
            canvas.stroke(
                &Shape::open(&[s(place.0 + 14.0, -10.0), s(78.0, -34.0)]),
                3.5,
                look.palette.ink,
            );
            canvas.fill(&patch, look.palette.ink);
        }
    }
}

/// One eye around the origin; positive x points away from the nose.
fn eye(canvas: &mut Canvas, look: &Look, mood: &Expression, side: f64) {
    let p = &look.palette;
    let a = look.head.eye;
    let line = p.ink.mix(p.hair.shade, 0.25);
    let lash = match look.presence {
        Presence::Feminine => 3.6,
        Presence::Neutral => 3.0,
        Presence::Masculine => 2.5,
    };
    if mood.open == 0.0 {
        let lid = [s(-a, 0.5), s(-a * 0.35, 4.5), s(a * 0.35, 4.5), s(a, -0.5)];
        canvas.stroke(&Shape::open(&lid), lash, line);
        for (x, y) in [(a * 0.45, 4.0), (a * 0.78, 2.0), (a, -0.5)] {
            canvas.stroke(&Shape::line(&[(x, y), (x + 4.0, y + 4.0)]), 1.8, line);
        }
        return;
    }
    let up = 11.0 * mood.open;
    let down = 6.0 - mood.squint;
    let rim = [
        c(-a, 2.5),
        s(-a * 0.5, -up * 0.72),
        s(a * 0.12, -up),
        s(a * 0.68, -up * 0.66),
        c(a, -1.8),
        s(a * 0.5, down * 0.82),
        s(-a * 0.15, down),
        s(-a * 0.7, down * 0.72),
    ];
    let almond = Shape::closed(&rim);
    if look.presence == Presence::Feminine {
        let lid = [
            c(-a + 2.0, -1.0),
            s(-a * 0.3, -up - 4.0),
            s(a * 0.4, -up - 4.2),
            c(a + 6.0, -7.0),
            s(a * 0.3, -up + 2.0),
        ];
        canvas.wash(&Shape::closed(&lid), p.lip, 0.32);
    }
    let white = if look.species == Species::Hologram {
        p.paper.mix(p.iris, 0.15)
    } else {
        p.paper.mix(p.skin.base, 0.10)
    };
    canvas.fill(&almond, white);
    canvas.within(&almond, |canvas| {
        let (gx, gy) = (mood.gaze.0 * side, mood.gaze.1 - 1.2);
        let r = 8.3;
        canvas.fill(&Shape::circle(gx, gy, r), p.iris.darker(0.16));
        canvas.fill(&Shape::circle(gx, gy + 0.8, r - 1.8), p.iris);
        match look.species {
            Species::Cat | Species::Fox | Species::Dragon | Species::Demon => {
                canvas.fill(&Shape::ellipse(gx, gy, 2.1, 6.6), p.ink);
            }
            Species::Android | Species::Hologram => {
                canvas.fill(&Shape::circle(gx, gy, 4.6), p.iris.lighter(0.12));
                canvas.fill(&Shape::circle(gx, gy, 2.2), p.ink);
            }
            _ => canvas.fill(&Shape::circle(gx, gy, 3.9), p.ink),
        }
        // The lid's shadow on the eyeball.
        canvas.wash(
            &Shape::closed(&[
                c(-a - 3.0, -16.0),
                c(a + 3.0, -16.0),
                c(a, -2.0),
                s(a * 0.1, -up + 4.2),
                c(-a, 1.5),
            ]),
            p.ink,
            0.28,
        );
        canvas.fill(&Shape::circle(gx + 2.6 * side, gy - 3.0, 2.1), p.paper);
    });
    // The upper lash line thickens outwards and ends in a wing.
    let wing = if look.presence == Presence::Feminine {
        5.5
    } else {
        2.0
    };
    let lashes = [
        c(-a - 0.5, 3.0),
        s(-a * 0.52, -up * 0.72 - lash * 0.45),
        s(a * 0.12, -up - lash * 0.8),
        s(a * 0.70, -up * 0.70 - lash),
        c(a + wing, -5.0 - wing * 0.5),
        s(a * 0.92, -1.0),
        s(a * 0.66, -up * 0.60),
        s(a * 0.12, -up + 0.8),
        s(-a * 0.5, -up * 0.66 + 0.6),
    ];
    canvas.fill(&Shape::closed(&lashes), line);
    let crease = [
        s(-a * 0.62, -up - 2.5),
        s(a * 0.15, -up - 6.5),
        s(a * 0.85, -up * 0.7 - 5.5),
    ];
    canvas.trace(&Shape::open(&crease), 1.3, p.skin.shade.darker(0.10), 0.9);
    let below = [
        s(-a * 0.4, down + 0.4),
        s(a * 0.2, down + 0.2),
        s(a * 0.85, 1.0),
    ];
    canvas.trace(&Shape::open(&below), 1.1, line, 0.55);
}

fn brow(canvas: &mut Canvas, look: &Look, mood: &Expression, side: f64) {
    let a = look.head.eye;
    let quirk = if side > 0.0 { mood.quirk } else { 0.0 };
    let y = -20.5 - mood.raise - quirk;
    let thick = match look.presence {
        Presence::Feminine => (5.0, 1.3),
        Presence::Neutral => (6.0, 1.8),
        Presence::Masculine => (7.5, 2.6),
    };
    let knots = [
        s(-a + 1.0, y + 1.5 + mood.frown),
        s(-a * 0.1, y - 3.0 + mood.frown * 0.35),
        s(a * 0.6, y - 4.5 - mood.frown * 0.3 - quirk * 0.4),
        s(a + 6.0, y + 1.5 - mood.frown * 0.35),
    ];
    canvas.fill(&Shape::taper(&knots, thick.0, thick.1), look.brow());
}
