//! The face: outline, light, eyes, brows, nose, mouth.
//!
//! Few shapes, each with a job: the shade models the head, the lash line carries the gaze, brows and mouth carry the mood.

mod eyes;

use eyes::eyes;

use super::canvas::{Canvas, fade};
use super::look::{Light, Look};
use super::shape::{Knot, Shape, c, mirror, s};
use super::traits::{Extra, Mood, Presence, Species};

/// What a mood does to a face.
struct Expression {
    /// How far the eyes are open, about 0.5 to 1; 0 is closed.
    open: f64,
    /// How far the lower lid is pushed up by a smile.
    squint: f64,
    /// How far brows are raised.
    raise: f64,
    /// How far the inner ends of the brows go down (up where negative).
    frown: f64,
    /// How much higher one brow is than the other.
    quirk: f64,
    /// How far the corners of the mouth go up.
    smile: f64,
    /// How much more one corner goes up.
    smirk: f64,
    /// How far the mouth is open.
    parted: f64,
    /// Where the eyes look.
    gaze: (f64, f64),
}

fn expression(look: &Look) -> Expression {
    let mut dice = look.dice("expression");
    let closed = dice.chance(0.16);
    let calm = Expression {
        open: 0.80,
        squint: 0.0,
        raise: 0.0,
        frown: 0.0,
        quirk: 0.0,
        smile: 2.0,
        smirk: 0.0,
        parted: 0.0,
        gaze: (dice.range(-1.5, 2.5), dice.range(-0.5, 0.5)),
    };
    match look.mood {
        Mood::Calm => Expression {
            open: if closed { 0.0 } else { 0.76 },
            ..calm
        },
        Mood::Warm => Expression {
            open: 0.88,
            squint: 1.2,
            raise: 1.5,
            smile: 5.0,
            ..calm
        },
        Mood::Joyful => Expression {
            open: if closed { 0.0 } else { 0.86 },
            squint: 2.2,
            raise: 3.0,
            smile: 6.5,
            parted: 6.0,
            ..calm
        },
        Mood::Stern => Expression {
            open: 0.72,
            frown: 3.0,
            raise: -1.5,
            smile: -1.0,
            ..calm
        },
        Mood::Sly => Expression {
            open: 0.68,
            squint: 1.0,
            quirk: 4.0,
            smile: 2.0,
            smirk: 4.0,
            gaze: (4.0, 0.0),
            ..calm
        },
        Mood::Sad => Expression {
            open: 0.70,
            frown: -4.0,
            raise: 1.0,
            smile: -2.5,
            gaze: (-2.0, 2.0),
            ..calm
        },
        Mood::Fierce => Expression {
            open: 0.84,
            frown: 4.5,
            raise: -2.0,
            smile: -0.5,
            smirk: 2.0,
            ..calm
        },
        Mood::Shy => Expression {
            open: 0.78,
            frown: -2.5,
            raise: 1.5,
            smile: 3.0,
            gaze: (-4.5, 1.5),
            ..calm
        },
    }
}

/// The outline of the face.
pub(super) fn outline(look: &Look) -> Vec<Knot> {
    let h = &look.head;
    let broad = look.presence == Presence::Masculine;
    let half = [
        s(0.0, -108.0),
        s(42.0, -99.0),
        s(h.cheek * 0.97, -60.0),
        s(h.cheek, -14.0),
        s(h.cheek * 0.98, 18.0),
        s(h.cheek * if broad { 0.94 } else { 0.90 }, 46.0),
        s(h.jaw, 72.0),
        s(h.chin, h.bottom - 4.0),
        s(0.0, h.bottom),
    ];
    h.turned(&mirror(&half))
}

/// Neck, without the clothes that cover its foot.
pub(super) fn neck(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let lean = h.turn * 0.45;
    let n = h.neck;
    let neck = Shape::closed(&[
        c(-n + lean, 50.0),
        s(-n + lean * 0.6, 108.0),
        s(-n - 8.0, 140.0),
        c(-n - 70.0, 172.0),
        c(-n - 70.0, 260.0),
        c(n + 70.0, 260.0),
        c(n + 70.0, 172.0),
        s(n + 8.0, 140.0),
        s(n + lean * 0.6, 108.0),
        c(n + lean, 50.0),
    ]);
    canvas.fill(&neck, p.skin.base);
    canvas.within(&neck, |canvas| {
        // The shadow of the head falls down and away from the light.
        let shadow: Vec<Knot> = outline(look)
            .into_iter()
            .map(|knot| Knot {
                x: knot.x * 1.02 + 7.0,
                y: knot.y + 25.0,
                ..knot
            })
            .collect();
        canvas.fill(&Shape::closed(&shadow), p.skin.shade);
        canvas.grain(
            &Shape::rect(-40.0, 120.0, 160.0, 90.0),
            p.skin.shade,
            fade((60.0, 160.0), (-10.0, 160.0), 0.6),
        );
        canvas.trace(
            &Shape::open(&[s(-12.0, 168.0), s(-34.0, 164.0), s(-66.0, 170.0)]),
            2.0,
            p.skin.shade,
            0.9,
        );
        canvas.trace(
            &Shape::open(&[s(14.0, 168.0), s(36.0, 164.0), s(66.0, 170.0)]),
            2.0,
            p.skin.shade,
            0.9,
        );
    });
}

/// The face with everything on it.
pub(super) fn draw(canvas: &mut Canvas, look: &Look) {
    let p = &look.palette;
    let shape = Shape::closed(&outline(look));
    canvas.fill(&shape, p.skin.base);
    canvas.within(&shape, |canvas| {
        light(canvas, look);
        blush(canvas, look);
        let expression = expression(look);
        if look.has(Extra::Freckles) {
            freckles(canvas, look);
        }
        nose(canvas, look);
        if look.has(Extra::Old) {
            wrinkles(canvas, look);
        }
        mouth(canvas, look, &expression);
        if look.has(Extra::Beard) || look.has(Extra::Moustache) {
            beard(canvas, look, &expression);
        }
        eyes(canvas, look, &expression);
        if look.has(Extra::Scar) {
            let x = look.head.across(-34.0);
            let scar = [s(x - 5.0, -34.0), s(x + 1.0, 0.0), s(x - 1.0, 38.0)];
            canvas.fill(&Shape::taper(&scar, 2.5, 4.0), p.blush);
        }
    });
}

fn light(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let n = h.nose;
    match look.light {
        Light::Split => {
            let edge = [
                c(10.0, -130.0),
                s(12.0, -70.0),
                s(10.0, -34.0),
                s(3.0, -14.0),
                s(2.0, 8.0),
                s(6.0 * n, 30.0),
                c(7.0 * n, 39.0),
                s(2.0, 43.0),
                c(-6.0 * n, 44.0),
                s(1.0, 49.0),
                s(3.0, 60.0),
                s(1.0, 76.0),
                s(6.0, 88.0),
                c(10.0, 120.0),
                c(130.0, 120.0),
                c(130.0, -130.0),
            ];
            canvas.fill(&h.front(&edge), p.skin.shade);
            // Light comes back onto the far cheek, so that the dark half is not a hole.
            let back = h.front(&[
                c(20.0, -20.0),
                s(52.0, 0.0),
                s(60.0, 30.0),
                s(34.0, 60.0),
                s(14.0, 40.0),
            ]);
            canvas.grain(&back, p.skin.base, fade((52.0, 30.0), (14.0, 12.0), 0.42));
        }
        Light::Side => {
            let edge = [
                c(44.0, -130.0),
                s(47.0, -60.0),
                s(49.0, -24.0),
                s(54.0, 2.0),
                s(44.0, 34.0),
                s(36.0, 62.0),
                s(24.0, 86.0),
                c(-10.0, 124.0),
                c(130.0, 120.0),
                c(130.0, -130.0),
            ];
            canvas.fill(&h.front(&edge), p.skin.shade);
            canvas.grain(
                &h.front(&[
                    c(4.0, -120.0),
                    c(80.0, -120.0),
                    c(80.0, 110.0),
                    c(4.0, 110.0),
                ]),
                p.skin.shade,
                fade((62.0, 20.0), (6.0, 0.0), 0.55),
            );
            // The hair's shadow on the brow.
            canvas.grain(
                &h.front(&[
                    c(-80.0, -120.0),
                    c(80.0, -120.0),
                    c(80.0, -30.0),
                    c(-80.0, -30.0),
                ]),
                p.skin.shade,
                fade((0.0, -84.0), (0.0, -38.0), 0.8),
            );
        }
    }
}

fn blush(canvas: &mut Canvas, look: &Look) {
    let density = match (look.species, look.mood, look.presence) {
        (Species::Vampire | Species::Ghost | Species::Robot, ..) => 0.12,
        (_, Mood::Shy | Mood::Joyful, _) => 0.62,
        (_, _, Presence::Masculine) => 0.22,
        _ => 0.42,
    };
    for x in [-40.0, 40.0] {
        let x = look.head.across(x);
        for (radius, share) in [(19.0, 0.5), (12.0, 0.6)] {
            canvas.grain(
                &Shape::ellipse(x, 33.0, radius, radius * 0.72),
                look.palette.blush,
                fade((x, 33.0), (x, 33.0 + radius * 2.0), density * share),
            );
        }
    }
}

fn freckles(canvas: &mut Canvas, look: &Look) {
    let mut dice = look.dice("freckles");
    for i in 0..16 {
        let side = if i % 2 == 0 { -1.0 } else { 1.0 };
        let x = look.head.across(side * dice.range(10.0, 46.0));
        let y = dice.range(18.0, 36.0);
        canvas.wash(
            &Shape::circle(x, y, dice.range(1.0, 1.7)),
            look.palette.blush.darker(0.09),
            0.8,
        );
    }
}

fn nose(canvas: &mut Canvas, look: &Look) {
    let (h, p) = (&look.head, &look.palette);
    let n = h.nose;
    let deep = p.skin.shade.darker(0.08);
    if look.light == Light::Side {
        let plane = [
            c(5.0, -16.0),
            s(3.0, 8.0),
            s(8.0 * n, 28.0),
            s(11.0 * n, 37.0),
            c(6.0 * n, 42.0),
            s(0.0, 45.0),
            c(-7.0 * n, 42.0),
            s(1.0, 40.0),
            s(5.0 * n, 34.0),
            s(1.0, 12.0),
        ];
        canvas.fill(&h.front(&plane), p.skin.shade);
    }
    let under = [
        c(-8.0 * n, 41.0),
        s(-4.0, 44.5),
        s(0.0, 45.5),
        s(4.0, 44.5),
        c(8.5 * n, 41.0),
    ];
    canvas.trace(&h.line(&under), 1.7, deep, 0.9);
    canvas.fill(
        &Shape::ellipse(h.across(-3.0 * n), 33.0, 2.6, 3.6),
        p.skin.shine,
    );
}

fn wrinkles(canvas: &mut Canvas, look: &Look) {
    let (h, shade) = (&look.head, look.palette.skin.shade.darker(0.05));
    for side in [-1.0, 1.0] {
        let lines = [
            vec![
                s(side * 13.0, 42.0),
                s(side * 22.0, 54.0),
                s(side * 27.0, 66.0),
            ],
            vec![
                s(side * 17.0, 15.0),
                s(side * 30.0, 20.0),
                s(side * 42.0, 15.0),
            ],
            vec![s(side * 50.0, -4.0), s(side * 57.0, -9.0)],
            vec![s(side * 50.0, 2.0), s(side * 57.0, 3.0)],
        ];
        for line in lines {
            canvas.trace(&h.line(&line), 1.7, shade, 0.9);
        }
    }
    canvas.trace(
        &h.line(&[s(-26.0, -54.0), s(0.0, -57.0), s(26.0, -54.0)]),
        1.6,
        shade,
        0.8,
    );
    canvas.trace(
        &h.line(&[s(-20.0, -46.0), s(0.0, -48.0), s(20.0, -46.0)]),
        1.6,
        shade,
        0.8,
    );
}

fn mouth(canvas: &mut Canvas, look: &Look, mood: &Expression) {
    let (h, p) = (&look.head, &look.palette);
    let m = h.mouth;
    let y = 64.0 + (h.bottom - 100.0) * 0.35;
    let left = y - mood.smile;
    let right = y - mood.smile - mood.smirk;
    let full = match look.presence {
        Presence::Feminine => 1.0,
        Presence::Neutral => 0.82,
        Presence::Masculine => 0.66,
    };
    let dark = p.lip.darker(0.16);
    let gap = mood.parted;
    let middle = y + mood.smile * 0.35;
    let upper = [
        c(-m, left),
        s(-m * 0.45, y - 5.5 * full),
        s(-m * 0.2, y - 8.5 * full),
        c(0.0, y - 6.0 * full),
        s(m * 0.2, y - 8.5 * full),
        s(m * 0.45, y - 5.5 * full),
        c(m, right),
        s(m * 0.4, middle - 0.5),
        s(0.0, middle),
        s(-m * 0.4, middle - 0.5),
    ];
    let lower = [
        c(-m * 0.94, left + 1.0),
        s(-m * 0.4, middle + gap * 0.8),
        s(0.0, middle + gap),
        s(m * 0.4, middle + gap * 0.8),
        c(m * 0.94, right + 1.0),
        s(m * 0.5, y + 8.0 * full + gap),
        s(0.0, y + 11.5 * full + gap),
        s(-m * 0.5, y + 8.0 * full + gap),
    ];
    if gap > 0.0 {
        let inside = [
            c(-m * 0.95, left),
            s(0.0, middle - 1.0),
            c(m * 0.95, right),
            s(m * 0.45, y + 7.0 + gap * 0.5),
            s(0.0, y + 9.0 + gap * 0.6),
            s(-m * 0.45, y + 7.0 + gap * 0.5),
        ];
        canvas.fill(&h.front(&inside), dark.darker(0.08));
        canvas.within(&h.front(&inside), |canvas| {
            let teeth = [
                c(-m, left - 4.0),
                c(m, right - 4.0),
                s(m * 0.6, middle + gap * 0.45),
                s(0.0, middle + gap * 0.75),
                s(-m * 0.6, middle + gap * 0.45),
            ];
            canvas.fill(&h.front(&teeth), p.paper);
        });
    }
    canvas.fill(&h.front(&lower), p.lip.lighter(0.035));
    canvas.fill(&h.front(&upper), p.lip.darker(0.03));
    if gap == 0.0 {
        let line = [
            s(-m - 1.0, left),
            s(-m * 0.4, middle),
            s(0.0, middle + 0.3),
            s(m * 0.4, middle),
            s(m + 1.0, right),
        ];
        canvas.stroke(&h.line(&line), 1.9, dark);
    }
    if look.presence != Presence::Masculine {
        canvas.wash(
            &Shape::ellipse(h.across(-m * 0.22), y + 6.0 * full + gap, 4.5, 1.5),
            p.paper,
            0.4,
        );
    }
    canvas.trace(
        &h.line(&[
            s(-7.0, y + 16.0 + gap),
            s(0.0, y + 17.5 + gap),
            s(8.0, y + 16.0 + gap),
        ]),
        2.2,
        p.skin.shade,
        0.9,
    );
    if look.species == Species::Vampire {
        for x in [-m * 0.44, m * 0.44] {
            let x = h.across(x);
            let fang = Shape::closed(&[
                c(x - 2.4, middle + gap * 0.5),
                c(x + 2.4, middle + gap * 0.5),
                c(x + 0.2, middle + 7.0 + gap * 0.5),
            ]);
            canvas.fill(&fang, p.paper);
        }
    }
    if look.species == Species::Orc {
        for side in [-1.0, 1.0] {
            let x = h.across(side * m * 0.66);
            let tusk = Shape::closed(&[
                c(x - 3.5, y + 7.0),
                s(x + side * 1.5, y - 2.0),
                c(x + side * 3.0, y - 12.0),
                s(x + 4.0, y + 1.0),
                c(x + 3.5, y + 7.0),
            ]);
            canvas.fill(&tusk, p.paper);
        }
    }
}

fn beard(canvas: &mut Canvas, look: &Look, mood: &Expression) {
    let (h, hair) = (&look.head, look.palette.hair);
    let y = 64.0 + (h.bottom - 100.0) * 0.35;
    let lift = mood.smile * 0.6;
    if look.has(Extra::Beard) {
        let outer = h.bottom + 40.0;
        let half_mouth = h.mouth + 3.0;
        let full = [
            c(-h.cheek - 8.0, 0.0),
            s(-h.cheek + 10.0, 34.0),
            s(-36.0, 53.0),
            s(-half_mouth, y - 12.0 - lift),
            s(0.0, y - 14.0),
            s(half_mouth, y - 12.0 - lift),
            s(36.0, 53.0),
            s(h.cheek - 10.0, 34.0),
            c(h.cheek + 8.0, 0.0),
            c(h.cheek + 30.0, outer),
            c(-h.cheek - 30.0, outer),
        ];
        let lips = [
            s(0.0, y - 7.0),
            s(h.mouth * 0.8, y - 4.0 - lift),
            s(h.mouth * 0.6, y + 7.0),
            s(0.0, y + 10.0),
            s(-h.mouth * 0.6, y + 7.0),
            s(-h.mouth * 0.8, y - 4.0 - lift),
        ];
        let both = Shape::group(&[h.front(&full), h.front(&lips)]);
        canvas.ring(&both, hair.base);
        canvas.within(&h.front(&full), |canvas| {
            let side = h.front(&[
                c(18.0, y + 14.0),
                c(90.0, 0.0),
                c(90.0, outer),
                c(18.0, outer),
            ]);
            canvas.grain(&side, hair.shade, fade((60.0, 80.0), (10.0, 80.0), 0.9));
        });
    } else {
        let half = [
            s(0.0, y - 12.0),
            s(10.0, y - 14.0),
            s(h.mouth + 4.0, y - 4.0 - lift),
            c(h.mouth + 10.0, y - 10.0 - lift),
            s(h.mouth, y + 1.0 - lift),
            s(0.0, y - 5.0),
        ];
        canvas.fill(&h.front(&mirror(&half)), hair.base);
    }
}
