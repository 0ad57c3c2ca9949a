//! What lies behind the head, and what falls over the shoulders.

use super::super::canvas::{Canvas, fade};
use super::super::look::Look;
use super::super::shape::{Knot, Shape, c, mirror, s, sided};
use super::super::traits::{Cut, Species};
use super::{behind, wide};

/// What is seen behind head, neck and shoulders.
pub(in super::super) fn back(canvas: &mut Canvas, look: &Look) {
    match look.cut {
        Cut::Bob => behind(
            canvas,
            look,
            &mirror(&[
                s(0.0, -122.0),
                s(58.0, -104.0),
                s(82.0, -40.0),
                s(88.0, 40.0),
                s(80.0, 92.0),
                c(58.0, 104.0),
                s(0.0, 92.0),
            ]),
        ),
        Cut::Long | Cut::Hime => behind(
            canvas,
            look,
            &mirror(&[
                s(0.0, -122.0),
                s(58.0, -104.0),
                s(82.0, -40.0),
                s(88.0, 40.0),
                s(100.0, 140.0),
                s(104.0, 230.0),
                c(84.0, 268.0),
                s(0.0, 262.0),
            ]),
        ),
        Cut::Wavy => behind(
            canvas,
            look,
            &mirror(&[
                s(0.0, -124.0),
                s(60.0, -106.0),
                s(86.0, -44.0),
                s(96.0, 0.0),
                s(86.0, 38.0),
                s(108.0, 82.0),
                s(98.0, 122.0),
                s(116.0, 168.0),
                s(98.0, 226.0),
                c(66.0, 244.0),
                s(0.0, 230.0),
            ]),
        ),
        Cut::Afro => cloud(
            canvas,
            look,
            (0.0, -48.0),
            (104.0, 98.0),
            15,
            look.palette.hair.shade,
        ),
        Cut::Curls => {
            cloud(
                canvas,
                look,
                (0.0, -30.0),
                (84.0, 92.0),
                12,
                look.palette.hair.shade,
            );
            for (x, y) in [(-78.0, 52.0), (78.0, 52.0), (-70.0, 88.0), (70.0, 88.0)] {
                canvas.fill(&Shape::circle(x, y, 26.0), look.palette.hair.shade);
            }
        }
        Cut::Locs => {
            let p = &look.palette;
            for i in 0..9 {
                let x = -76.0 + 19.0 * f64::from(i);
                let end = 150.0 + 22.0 * f64::from((i * 5) % 4);
                let lock = [
                    s(x * 0.7, -90.0),
                    s(x * 1.08, 0.0),
                    s(x * 1.1, 80.0),
                    s(x * 1.2, end),
                ];
                canvas.stroke(&Shape::open(&lock), 17.0, p.hair.shade);
                if i % 3 == 0 {
                    canvas.stroke(
                        &Shape::line(&[(x * 1.14 - 6.0, end - 34.0), (x * 1.14 + 6.0, end - 34.0)]),
                        5.0,
                        p.trim,
                    );
                }
            }
        }
        Cut::Bun => {
            let hair = look.palette.hair;
            let x = -look.head.turn * 1.2;
            let bun = Shape::ellipse(x, -136.0, 40.0, 36.0);
            canvas.fill(&bun, hair.base);
            canvas.within(&bun, |canvas| {
                canvas.grain(
                    &bun,
                    hair.shade,
                    fade((x + 34.0, -110.0), (x - 26.0, -150.0), 0.9),
                );
                for r in [12.0, 24.0] {
                    canvas.trace(
                        &Shape::ellipse(x + 4.0, -132.0, r, r * 0.85),
                        2.2,
                        hair.shade,
                        1.0,
                    );
                }
                canvas.trace(
                    &Shape::open(&[s(x - 30.0, -140.0), s(x - 22.0, -158.0), s(x - 4.0, -166.0)]),
                    4.0,
                    hair.shine,
                    1.0,
                );
            });
            behind(
                canvas,
                look,
                &mirror(&[
                    s(0.0, -112.0),
                    s(54.0, -98.0),
                    s(70.0, -44.0),
                    s(64.0, 30.0),
                    s(0.0, 60.0),
                ]),
            );
        }
        Cut::Ponytail => {
            let tail = [
                c(-16.0, -112.0),
                s(-64.0, -136.0),
                s(-118.0, -96.0),
                s(-132.0, -10.0),
                s(-112.0, 70.0),
                c(-128.0, 146.0),
                s(-92.0, 96.0),
                s(-84.0, 20.0),
                s(-86.0, -52.0),
                c(-56.0, -92.0),
            ];
            behind(canvas, look, &tail);
            let hair = look.palette.hair;
            canvas.fill(
                &Shape::taper(
                    &[
                        s(-60.0, -116.0),
                        s(-104.0, -84.0),
                        s(-116.0, -10.0),
                        s(-104.0, 60.0),
                    ],
                    16.0,
                    3.0,
                ),
                hair.base,
            );
            canvas.fill(
                &Shape::taper(
                    &[s(-70.0, -122.0), s(-110.0, -84.0), s(-122.0, -20.0)],
                    4.0,
                    1.0,
                ),
                hair.shine,
            );
        }
        Cut::Braid => behind(
            canvas,
            look,
            &mirror(&[
                s(0.0, -118.0),
                s(56.0, -102.0),
                s(76.0, -44.0),
                s(72.0, 30.0),
                s(52.0, 84.0),
                s(0.0, 90.0),
            ]),
        ),
        Cut::Pixie
        | Cut::Tousled
        | Cut::SidePart
        | Cut::Quiff
        | Cut::Slick
        | Cut::Cropped
        | Cut::Mohawk => behind(
            canvas,
            look,
            &mirror(&[
                s(0.0, -112.0),
                s(52.0, -98.0),
                s(69.0, -44.0),
                s(66.0, 20.0),
                s(46.0, 62.0),
                s(0.0, 70.0),
            ]),
        ),
        Cut::Bald => {}
    }
}

/// A round mass of curls: circles around an ellipse.
fn cloud(
    canvas: &mut Canvas,
    look: &Look,
    (x, y): (f64, f64),
    (rx, ry): (f64, f64),
    count: usize,
    ink: super::super::colour::Colour,
) {
    let mut parts = vec![Shape::ellipse(x, y, rx, ry)];
    let mut dice = look.dice("cloud");
    for i in 0..count {
        let angle = std::f64::consts::TAU * (i as f64 + 0.3) / count as f64;
        parts.push(Shape::circle(
            x + rx * 0.86 * angle.sin(),
            y - ry * 0.86 * angle.cos(),
            rx * dice.range(0.24, 0.31),
        ));
    }
    canvas.fill(&Shape::group(&parts), ink);
}

/// What falls over the shoulders, in front of the clothes.
pub(in super::super) fn over_shoulders(canvas: &mut Canvas, look: &Look) {
    let hair = look.palette.hair;
    match look.cut {
        Cut::Braid => {
            let mut y = 66.0;
            let mut x = -64.0;
            let mut size = 17.0;
            for i in 0..9 {
                for (dx, angle) in [(-0.42, 28.0), (0.42, -28.0)] {
                    canvas.placed((x + dx * size, y), (1.0, 1.0), angle, |canvas| {
                        let lobe = Shape::ellipse(0.0, 0.0, size * 0.62, size * 0.95);
                        canvas.fill(&lobe, if dx < 0.0 { hair.base } else { hair.shade });
                        if dx < 0.0 && i % 2 == 0 {
                            canvas.trace(
                                &Shape::open(&[
                                    s(-size * 0.3, -size * 0.3),
                                    s(-size * 0.2, size * 0.3),
                                ]),
                                2.2,
                                hair.shine,
                                1.0,
                            );
                        }
                    });
                }
                y += size * 1.22;
                x -= 2.0;
                size *= 0.965;
            }
            let tie = Shape::rect(x - 11.0, y - 8.0, 20.0, 8.0);
            let tail = [
                c(x - 9.0, y),
                s(x - 13.0, y + 20.0),
                c(x - 4.0, y + 42.0),
                s(x + 9.0, y + 20.0),
                c(x + 7.0, y),
            ];
            canvas.fill(&Shape::closed(&tail), hair.base);
            canvas.fill(&tie, look.palette.trim);
        }
        Cut::Long | Cut::Hime if look.species != Species::Robot => falls(
            canvas,
            look,
            &[
                c(60.0, 70.0),
                s(84.0, 90.0),
                s(98.0, 160.0),
                s(92.0, 232.0),
                c(76.0, 272.0),
                s(66.0, 220.0),
                s(70.0, 150.0),
            ],
            280.0,
            &[s(74.0, 96.0), s(84.0, 160.0), s(80.0, 240.0)],
            3.5,
        ),
        Cut::Wavy => falls(
            canvas,
            look,
            &[
                c(62.0, 74.0),
                s(92.0, 96.0),
                s(88.0, 128.0),
                s(106.0, 166.0),
                s(88.0, 214.0),
                c(60.0, 244.0),
                s(74.0, 200.0),
                s(62.0, 160.0),
                s(70.0, 120.0),
            ],
            260.0,
            &[
                s(78.0, 100.0),
                s(76.0, 136.0),
                s(88.0, 170.0),
                s(74.0, 216.0),
            ],
            4.0,
        ),
        _ => {}
    }
}

/// A fall of hair on each side, with grain from the height of its `tip` up and a strand that ends so wide.
fn falls(canvas: &mut Canvas, look: &Look, fall: &[Knot], tip: f64, strand: &[Knot], width: f64) {
    let hair = look.palette.hair;
    for side in [-1.0, 1.0] {
        let shape = Shape::closed(&wide(look, &sided(fall, side)));
        canvas.fill(&shape, hair.base);
        canvas.grain(
            &shape,
            hair.shade,
            fade((side * 60.0, tip), (side * 90.0, 80.0), 0.9),
        );
        let strand = wide(look, &sided(strand, side));
        canvas.fill(&Shape::taper(&strand, 1.0, width), hair.shade);
    }
}
